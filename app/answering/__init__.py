"""Answering: stages 3 to 5 of a request, from a decided journey to chunks that were granted.

In come a journey and its account, out go batches of chunks, each within what the account holds. What an answer needs to
begin is held first; the account grows with the answer, or ends it. All answers that are tried share one account, except
for a hedge, which has its own. This room never decides who may spend how much, never prices, and never keeps an answer.
"""
