"""What is kept of a request to learn from, as Redis keeps it: numbers and names, never a word of prompt or answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import msgspec
import numpy as np

from app.config.routing import TierCalibration
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.route.chances import logit, sigmoid

T = TypeVar("T")

Likeness = Literal["same", "different", "alike", "unlike"]
"""What `agreement` says: by comparing literally, or (`alike`, `unlike`) only by a cosine."""

CLOSEST = 1e-12
"""A chance is held this far from 0 and 1, where its logit has no end."""


@dataclass(frozen=True, slots=True)
class Routed:
    """One answered request that the router decided by its head.

    `tier` gave the answer, `decided` was the router's first choice (another where it escalated or fell over). `p` is
    the head's own P(good enough) by tier, before the user's calibration; `at` are seconds since 1970.
    """

    feature: str
    tier: str
    decided: str
    score: float
    at: float
    p: dict[str, float] = field(default_factory=dict)
    uncertain: bool = False

    @property
    def escalated(self) -> bool:
        """Whether another tier answered than the one that was decided."""
        return self.decided != self.tier


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the app says became of an answer. `value` is the app's own number: money, stars, minutes."""

    success: bool
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """`tier` answered and `better`, asked the same, did so too. `cosine` is that of the answers' embeddings, if any."""

    tier: str
    better: str
    likeness: Likeness
    cosine: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the two answers say the same, as far as one can tell cheaply. Not whether either is right."""
        return self.likeness in {"same", "alike"}


def is_answered(journey: Journey) -> bool:
    """Whether the client got an answer, or the beginning of one before it left; what was held back it did not get."""
    given = None if journey.held else journey.answering
    return journey.hit is not None or (given is not None and _answered(given))


def routed_of(journey: Journey, at: float) -> Routed | None:
    """The record of an answered request; None where the cache or the client's `model` decided, or nobody's head."""
    decision = journey.decision
    if journey.hit or decision is None or decision.score is None:
        return None
    feature = journey.request.caller.feature
    p = uncalibrated(decision.p, journey.policy.routing.calibration)
    return Routed(feature, journey.tier, decision.tier, decision.score, at, p, decision.uncertain)


def _answered(attempt: AttemptRecord) -> bool:
    return attempt.first_chunk_s is not None and attempt.outcome is not AttemptOutcome.FAILED


def uncalibrated(p: Mapping[str, float], calibration: Mapping[str, TierCalibration]) -> dict[str, float]:
    """The head's own chances out of the calibrated ones; a tier whose slope is 0 tells nothing and is left out."""
    found = {}
    for tier, chance in p.items():
        own = calibration.get(tier, TierCalibration())
        if own.slope > 0:
            held = np.array(min(max(chance, CLOSEST), 1 - CLOSEST))
            found[tier] = float(sigmoid((logit(held) - own.intercept) / own.slope))
    return found


def encode(record: Routed | Outcome | Compared) -> bytes:
    """The value of a record's field: equal records, equal bytes."""
    return msgspec.msgpack.encode(record)


def decode(value: bytes | None, kind: type[T]) -> T | None:
    """The record, or None for whatever is none."""
    try:
        return None if value is None else msgspec.msgpack.decode(value, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
