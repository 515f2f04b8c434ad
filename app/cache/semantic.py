"""The semantic cache: neighbours among the prompts of the same tenant and context, and a verifier that decides.

A vector set per (tenant, neighbourhood) holds the ids of entries; a neighbourhood is a context (of one user, where the
policy says so). Which key is read is the isolation: there is no filter that could be forgotten.
"""

import logging
import time
from collections.abc import Callable

from app.cache.catalogue import Card, Catalogue, Neighbourhood
from app.cache.entries import CacheEntry, encode_entry, short_id
from app.cache.shelf import Asker, Shelf
from app.cache.verdicts import Candidate, Choice, Judge, least_similarity, nearest
from app.config.policy import CachePolicy
from app.domain import Answer, CacheHit, CacheMiss, Caller, NormalizedPrompt
from app.errors import StoreUnavailable
from app.ports import Verifier
from app.store.client import Store

logger = logging.getLogger("leanserve.cache")

VERIFY_TIMEOUT_S = 0.5
"""A verifier takes some 10 ms; one that is busy for longer than this costs more than it saves."""


def similarity(score: float) -> float:
    """The cosine, 0–1, of VSIM's score, which is (1 + cosine) / 2 (redis.io, VSIM). Opposites are 0 as well."""
    return min(1.0, max(0.0, 2.0 * score - 1.0))


class RedisSemanticCache:
    """The SemanticCache port. `clock` is seconds since 1970. Whose vectors are comparable, the neighbourhood says."""

    def __init__(
        self,
        store: Store,
        *,
        verifier: Verifier,
        clock: Callable[[], float] = time.time,
        verify_timeout_s: float = VERIFY_TIMEOUT_S,
    ) -> None:
        self._store = store
        self._judge = Judge(verifier, verify_timeout_s)
        self._clock = clock
        self._catalogue = Catalogue(store)
        self._shelf = Shelf(store, self._catalogue)

    async def lookup(self, caller: Caller, prompt: NormalizedPrompt, policy: CachePolicy) -> CacheHit | CacheMiss:
        """The entry that answers, at most `policy.ttl_s` old, or why there is none. A store that fails is a miss."""
        if not (policy.semantic and prompt.embedding and prompt.keys.neighbourhood):
            return CacheMiss("not_comparable")
        try:
            with self._store.one_timeout():
                found = await self._candidates(Asker.of(caller, policy), prompt, policy)
        except StoreUnavailable:
            return CacheMiss(StoreUnavailable.code)
        if isinstance(found, CacheMiss):
            return found
        choice = await self._decide(prompt.text, found, policy)
        return choice if isinstance(choice, CacheMiss) else self._hit(choice)

    async def store(self, caller: Caller, prompt: NormalizedPrompt, answer: Answer, policy: CachePolicy) -> None:
        """Keep a complete answer for `policy.ttl_s`, unless it is too large. A store that fails keeps nothing."""
        entry = self._entry(caller, prompt, answer, policy)
        value = encode_entry(entry, policy.max_answer_bytes)
        if value is None:
            return
        comparable = policy.semantic and prompt.embedding and prompt.keys.neighbourhood
        place = Neighbourhood(prompt.keys.neighbourhood, prompt.embedding) if comparable else None
        try:
            card = Card(caller.feature, answer.tags, place)
            await self._catalogue.keep(caller.tenant, entry, value, card, policy.max_entries)
        except StoreUnavailable:
            logger.warning("an answer was not stored: the store is away")

    def _entry(self, caller: Caller, prompt: NormalizedPrompt, answer: Answer, policy: CachePolicy) -> CacheEntry:
        return CacheEntry(
            id=short_id(prompt.keys.canonical_key),
            prompt=prompt.text,
            answer=answer.body,
            usage=answer.usage,
            tier=answer.tier,
            created_at=self._clock(),
            ttl_s=policy.ttl_s,
            cost=answer.cost,
            user=Asker.of(caller, policy).user,
        )

    async def _candidates(
        self, asker: Asker, prompt: NormalizedPrompt, policy: CachePolicy
    ) -> list[Candidate] | CacheMiss:
        """The entries of the nearest neighbours that may still answer: two round trips."""
        near = await self._near(asker.tenant, prompt, policy.candidates)
        ids = [entry_id for entry_id, cosine in near.items() if cosine >= least_similarity(policy)]
        if not ids:
            return CacheMiss("no_neighbour", max(near.values(), default=None))
        entries = await self._shelf.read_neighbours(asker, prompt.keys.neighbourhood, ids)
        now, top = self._clock(), near[ids[0]]
        fresh = [Candidate(entry, near[i]) for i, entry in entries.items() if entry.fresh(now, policy.ttl_s)]
        return fresh or CacheMiss("too_old" if entries else "gone", top)

    async def _near(self, tenant: str, prompt: NormalizedPrompt, count: int) -> dict[str, float]:
        """Ids and cosines of the nearest prompts, nearest first.

        On Redis' main thread (`NOTHREAD`): 0.4 ms there, where a thread of its own waits for a busy core (p99 of a
        lookup 0.9 against 6.9 ms).
        """
        vectors = self._store.keys.vectors(tenant, short_id(prompt.keys.neighbourhood))
        asked = ("VSIM", vectors, "FP32", prompt.embedding, "WITHSCORES", "COUNT", count, "NOTHREAD")
        found = await self._store.command(*asked)
        return {name.hex(): similarity(float(score)) for name, score in zip(found[::2], found[1::2], strict=True)}

    async def _decide(self, asked: str, candidates: list[Candidate], policy: CachePolicy) -> Choice | CacheMiss:
        if policy.threshold is not None:
            return nearest(candidates, policy.threshold)
        return await self._judge.choose(asked, candidates, policy)

    def _hit(self, choice: Choice) -> CacheHit:
        entry, verdict = choice.candidate.entry, choice.verdict
        p_same, reason = (verdict.p_same, verdict.reason) if verdict else (None, "threshold")
        return entry.hit("semantic", self._clock(), choice.candidate.similarity, p_same, reason)
