"""Hard limits: nobody spends what was not granted.

In come a caller's limits and what a request may spend at most, out goes a durable `Reservation` or the `BudgetExceeded`
that refused it; later comes what was really spent, by outcome. All arithmetic is on integers, inside one Lua script in
Redis, by the clock of Redis. This room never prices tokens, never counts in memory, and never guesses when Redis is
away: it raises StoreUnavailable.
"""
