"""Answers of the past, replayed when they may be.

In come a caller, the keys and the embedding of a prompt, complete answers to keep, and what operators and clients say
of entries (invalidations, reports of wrong hits); out go a `CacheHit`, or a `CacheMiss` that says why not, chunks that
replay an answer, and statistics. Entries live in Redis under the tenant's own keys. This room never raises for a fault
of Redis where a miss will do, never stores a truncated answer, and never looks into the entries of another tenant,
user or context.
"""
