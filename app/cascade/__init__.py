"""The cascade: a cheap first answer is given only when it looks sure, else a better tier is asked.

In come a routed request, the policy's `cascade` and a way to get an answer from named tiers; out go the chunks of one
answer, never of two mixed. A first answer is held back whole, read for what speaks against it (log-probabilities of its
tokens, a refusal, nothing said, a shape not met), and given all the same when no better tier can be had. This room
never prices or reserves, never asks a third time, and never touches a request that named its tier or its model.
"""
