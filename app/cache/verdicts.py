"""Similarity proposes, a verifier decides: which of several candidates answers, if any."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.cache.entries import CacheEntry
from app.config.policy import CachePolicy
from app.domain import CacheMiss, StoredPrompt, Verdict
from app.ports import Verifier

logger = logging.getLogger("leanserve.cache")

NEAR_EQUAL = 0.01
"""Probabilities closer than this say the same: then the newest answer is the better one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may answer. `similarity` is the cosine of its prompt and the asked one, 0–1."""

    entry: CacheEntry
    similarity: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate that answers, and the verdict on it; None where a plain threshold decided."""

    candidate: Candidate
    verdict: Verdict | None = None


class OperatingPoints(Protocol):
    """What an operating point is asked of: a `Verifier`, or one that blocks."""

    def operating_point(self, max_false_hit_rate: float) -> float:
        """See `app.ports.Verifier`."""
        ...


def least_similarity(policy: CachePolicy) -> float:
    """The cosine below which a neighbour is not looked at."""
    return policy.min_similarity if policy.threshold is None else policy.threshold


def operating_point(policy: CachePolicy, verifier: OperatingPoints) -> float:
    """The `p_same` from which on a candidate answers."""
    if policy.min_p_same is not None:
        return policy.min_p_same
    return verifier.operating_point(policy.max_false_hit_rate)


def accepts(verdict: Verdict, point: float) -> bool:
    """Whether the candidate may answer; not a number is never accepted."""
    return verdict.p_same >= point


def nearest(candidates: Sequence[Candidate], threshold: float) -> Choice | CacheMiss:
    """The most similar one, at or above a plain cosine. `candidates` are not empty."""
    best = max(candidates, key=lambda candidate: candidate.similarity)
    if best.similarity < threshold:
        return CacheMiss("below_threshold", best.similarity)
    return Choice(best)


class Judge:
    """Asks the verifier, once for all candidates and for `timeout_s` at most. What it cannot say is a miss."""

    def __init__(self, verifier: Verifier, timeout_s: float) -> None:
        self._verifier = verifier
        self._timeout_s = timeout_s

    async def choose(self, asked: str, candidates: Sequence[Candidate], policy: CachePolicy) -> Choice | CacheMiss:
        """The most probable one, at or above the operating point. `candidates` are not empty."""
        top = max(candidate.similarity for candidate in candidates)
        try:
            async with asyncio.timeout(self._timeout_s):
                verdicts = await self._verifier.verify(
                    asked, [StoredPrompt(each.entry.prompt, each.similarity) for each in candidates]
                )
            judged = list(zip(candidates, verdicts, strict=True))
            point = operating_point(policy, self._verifier)
        except TimeoutError:
            return CacheMiss("verifier_late", top)
        except Exception as error:
            logger.warning("the verifier failed: %s", type(error).__name__)
            return CacheMiss("verifier_failed", top)
        return _most_probable([Choice(candidate, verdict) for candidate, verdict in judged], point)


def _most_probable(choices: Sequence[Choice], point: float) -> Choice | CacheMiss:
    accepted = [choice for choice in choices if choice.verdict and accepts(choice.verdict, point)]
    if not accepted:
        best = max(choices, key=_p_same)
        reason = best.verdict.reason if best.verdict else ""
        return CacheMiss(reason or "not_same", best.candidate.similarity, _p_same(best))
    most = max(map(_p_same, accepted))
    near = [choice for choice in accepted if _p_same(choice) >= most - NEAR_EQUAL]
    return max(near, key=lambda choice: choice.candidate.entry.created_at)


def _p_same(choice: Choice) -> float:
    return choice.verdict.p_same if choice.verdict else 0.0
