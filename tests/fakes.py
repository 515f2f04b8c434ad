"""Fakes of the ports: deterministic, instant, and named so."""

import asyncio
import hashlib
import math
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.domain import (
    Amounts,
    BudgetExceeded,
    Caller,
    Evidence,
    Judgement,
    Limit,
    Refusal,
    Remaining,
    Reservation,
    ScopeStopped,
    StoredPrompt,
    Verdict,
)
from app.errors import StoreUnavailable
from app.route.chances import Doubles


class FakeEmbedder:
    """Implements `Embedder` without a model: a unit vector of `dimensions` from the text's hash.

    Equal texts have equal vectors; different texts are near orthogonal, however alike they are. `calls` keeps the
    texts of every call.
    """

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions
        self.calls: list[list[str]] = []

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        """One little-endian float32 unit vector per text."""
        self.calls.append(list(texts))
        return [self.vector(text) for text in texts]

    def vector(self, text: str) -> bytes:
        """The vector of one text."""
        seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", errors="replace")).digest())
        source = random.Random(seed)
        values = [source.gauss(0, 1) for _ in range(self._dimensions)]
        norm = math.sqrt(sum(value * value for value in values))
        return struct.pack(f"<{self._dimensions}f", *(value / norm for value in values))


def same_words(asked: str, stored: str) -> float:
    """1.0 for texts that differ in case alone, else 0.0."""
    return float(asked.casefold() == stored.casefold())


@dataclass
class FakeVerifier:
    """Implements `Verifier` without a model: `judge(asked, stored)` gives P, after `delay_s`, unless `error` is raised.

    `calls` keeps what was asked, with all candidates of each call.
    """

    judge: Callable[[str, str], float] = same_words
    point: float = 0.5
    delay_s: float = 0.0
    error: Exception | None = None
    version: str = "fake"
    calls: list[tuple[str, list[str]]] = field(default_factory=list)

    async def verify(self, asked: str, stored: Sequence[StoredPrompt]) -> list[Verdict]:
        """One verdict per stored prompt, in order."""
        self.calls.append((asked, [each.text for each in stored]))
        await asyncio.sleep(self.delay_s)
        if self.error:
            raise self.error
        return [Verdict(self.judge(asked, each.text), "fake") for each in stored]

    def operating_point(self, max_false_hit_rate: float) -> float:
        """Always `point`."""
        return self.point


@dataclass
class FakePairVerifier:
    """`PairVerifier` without a model, blocking and not: `p_same(stored, asked)` gives P.

    `calls` keeps the pairs of each call.
    """

    p_same: Callable[[str, str], float] = same_words
    point: float = 0.5
    version: str = "fake"
    calls: list[list[tuple[str, str]]] = field(default_factory=list)

    def judge(self, pairs: Sequence[tuple[StoredPrompt, str]]) -> list[Verdict]:
        """One verdict per (stored, asked), in order."""
        self.calls.append([(stored.text, asked) for stored, asked in pairs])
        return [Verdict(self.p_same(stored.text, asked), "fake") for stored, asked in pairs]

    async def verify(self, asked: str, stored: Sequence[StoredPrompt]) -> list[Verdict]:
        """One verdict per stored prompt, in order."""
        return self.judge([(each, asked) for each in stored])

    def operating_point(self, max_false_hit_rate: float) -> float:
        """Always `point`."""
        return self.point


def calm(_text: str) -> Judgement:
    """An easy prompt that every model answers."""
    return Judgement(0.1, (0.9, 0.95, 0.99))


@dataclass
class FakeHead:
    """Implements `Head` without weights: `say(text)` is the judgement. `calls` keeps the texts."""

    say: Callable[[str], Judgement] = calm
    near: tuple[Evidence, ...] = (Evidence("fake", 0.9, 0.8),)
    chances: Sequence[tuple[float, float, float]] = ((0.9, 0.95, 0.99), (0.5, 0.7, 0.9), (0.1, 0.2, 0.8))
    calls: list[str] = field(default_factory=list)

    @property
    def reference(self) -> Doubles:
        """`chances` as an array."""
        return np.array(self.chances)

    def judge(self, embedding: bytes, text: str) -> Judgement:
        """What `say` says."""
        self.calls.append(text)
        return self.say(text)

    def evidence(self, embedding: bytes, count: int) -> tuple[Evidence, ...]:
        """The first `count` of `near`."""
        return self.near[:count]


class FakeBudgetLedger:
    """A fake BudgetLedger: one reservation, counted in memory against the limits that it is asked with.

    `faults` calls fail before the next succeeds; `stopped` refuses all but settlements; `others` hold so much of each
    limit, until it is asked for `patience` more times.
    """

    def __init__(self) -> None:
        self.held = Amounts()
        self.others = self.patience = 0
        self.settled: list[Amounts] = []
        self.told: dict[int, int] = {}
        self.doubtful = False
        self.stopped: ScopeStopped | None = None
        self.faults = 0

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        return self._hold(reservation_id, caller, limits, amounts)

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        return self._hold(reservation.id, caller, limits, amounts)

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        return self.told.get(attempt)

    async def book(self, name: str, tenant: str, limits: Sequence[Limit], spent: Amounts) -> None:
        self.check()
        self.settled.append(spent)

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        self.settled.append(spent)
        self.doubtful = reservation.doubtful
        self.held = Amounts()

    def check(self) -> None:
        """Fail, if a fault is left."""
        if self.faults:
            self.faults -= 1
            raise StoreUnavailable("fake")

    def _hold(self, name: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts) -> Reservation | Refusal:
        self.check()
        if self.stopped:
            return self.stopped
        for limit in limits:
            asked, before = amounts.of(limit.unit), self.held.of(limit.unit)
            if asked > limit.amount - self.others:
                refusal = BudgetExceeded(limit, limit.amount - before - self.others, asked - before, None, self.others)
                self.patience -= 1
                self.others = self.others if self.patience > 0 else 0
                return refusal
        self.held = amounts
        left = tuple(Remaining(limit, limit.amount - amounts.of(limit.unit), None) for limit in limits)
        return Reservation(name, caller.tenant, amounts, left, b"booked" if limits else b"")
