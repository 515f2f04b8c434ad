"""What tokens cost: token counts and prices in, whole micro-USD out, with the version of the price.

`usage` reads the counts that an engine reports, `price_list` says which sheet of prices holds now and for which lane,
`prices` turns counts into money: exactly, per attempt, rounded up. `listed` knows what providers ask.
Nothing here calls a backend, fetches a price, keeps a balance (`budget` does) or guesses: what has no price is refused
at start-up, never free.
"""
