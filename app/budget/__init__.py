"""Hard limits: nobody spends what was not granted.

In come a caller's limits and what a request may spend, out goes a durable `Reservation` that grows while the request
does, or the refusal: a `BudgetExceeded`, or a `ScopeStopped`. Later comes what was really spent, by outcome. All
arithmetic is on integers, inside one Lua script in Redis, by the clock of Redis. This room never prices tokens, never
counts in memory, and never guesses when Redis is away: it raises StoreUnavailable.
"""
