"""Hedges: where an answer's first attempts show nothing in time, one more is made beside them.

In comes an answer on its way and how to make another; out go the batches of the one whose first chunk came first. Each
is paid from a reservation of its own, the loser's too: what its engine made by then is booked. This room never calls a
backend, never counts a token, and never ends an answer that has begun.
"""
