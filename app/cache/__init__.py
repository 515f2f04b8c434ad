"""Answers of the past, replayed when they may be.

In come a caller, the keys and the embedding of a prompt, and complete answers to keep; out go a `CacheHit`, or None,
and chunks that replay it. Entries live in Redis under the tenant's own keys. This room never raises for a fault of
Redis (a miss instead), never stores a truncated answer, and never looks into the entries of another tenant or context.
"""
