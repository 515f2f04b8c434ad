"""What tokens cost: token counts and prices in, whole micro-USD out.

`usage` reads the counts that an engine reports, `prices` turns them into money: exactly, per attempt, rounded up.
Nothing here calls a backend, keeps a balance (`budget` does) or guesses: what has no price is refused at start-up,
never free.
"""
