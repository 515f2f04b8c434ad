"""Flights: concurrent identical misses make one call, and all of them show its answer.

In come a request that found nothing in the exact cache and the means to answer it; out go its chunks, made here or made
for the same request of the same tenant under the same cache policy by another, in this replica or elsewhere. Redis says
who leads a flight, for as long as the leader renews its lease, and carries the answer to other replicas only when one
of them asks for it. This room never mixes two answers, never shares what a client or the policy keeps out of the cache,
and never fails a request for a fault of Redis: it is then answered alone.
"""
