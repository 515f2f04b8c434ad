"""Attempts: from a decided journey to the first backend that answers.

Tiers in the order of the decision; in a tier the cheapest backend first, each behind its breaker. Another one is tried
only before the first chunk: the first batch of chunks commits the attempt.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager
from dataclasses import dataclass

from app.background import insisted
from app.breaker import BreakerGuard, Clock, Permit
from app.config.gateway import TierSpec
from app.config.policy import AttemptPolicy
from app.cost.prices import PriceSheet
from app.domain import BackendCall, Chunk
from app.errors import (
    AnswerStopped,
    BackendBroken,
    BackendError,
    BackendLost,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    HedgeLost,
)
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.ports import Backend
from app.tiers.causes import CLIENT_LEFT, cause_of, most_telling
from app.tiers.meter import Meter
from app.tiers.patience import Patience, hedge_ended, in_time, sent
from app.tiers.purse import DeepPurse, Purse

CallFactory = Callable[[TierSpec, str, Mapping[str, str]], BackendCall]
"""Makes the call for a tier, the name of one of its backends, and the W3C headers of the attempt's span."""

AttemptObserver = Callable[[str, str, str], AbstractContextManager[AttemptRecord]]
"""Watches one attempt at (tier, backend, model): opens a span, yields the record with its `trace_context`, and on exit,
when the outcome is set, tells of it. It is left in whatever context the stream is closed in: it may not keep tokens of
context variables."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier at run time: its specification and its live backends, in the order of the configuration."""

    spec: TierSpec
    backends: tuple[Backend, ...]


class Attempts:
    """All tiers behind one method. Breakers live as long as this object; `clock` times them and every deadline."""

    def __init__(self, tiers: Sequence[Tier], *, clock: Clock = time.monotonic) -> None:
        self._tiers = {tier.spec.name: tier for tier in tiers}
        self._guards = {each.name: BreakerGuard(each.name, clock=clock) for tier in tiers for each in tier.backends}
        self._clock = clock

    def patience(self, policy: AttemptPolicy) -> Patience:
        """The time that a request has from now on, for all of its answers together."""
        return Patience(policy, self._clock)

    async def run(
        self,
        journey: Journey,
        calls: CallFactory,
        observe: AttemptObserver,
        *,
        tiers: Sequence[str] = (),
        patience: Patience | None = None,
        purse: Purse | None = None,
    ) -> AsyncGenerator[list[Chunk], None]:
        """Batches of chunks from the first backend that answers. Closing the generator stops the engine.

        The tiers are those of `journey.decision`, unless `tiers` names others; a request that is answered twice has one
        `patience`. `purse` covers each attempt before it is made. Raises `BackendRejected` at once; `BackendOverloaded`
        when all were overloaded; `BackendUnavailable` when no breaker let a call pass; else the last backend's
        `BackendError`. After the first batch any error is raised as it comes, as is `AnswerStopped`.
        """
        patience = patience or self.patience(journey.policy.attempts)
        purse = purse or DeepPurse()
        errors: list[BackendError] = []
        for attempt in self._admitted(self._candidates(journey, tiers or _decided(journey)), journey, patience):
            try:
                async with aclosing(attempt.run(calls, observe, purse)) as batches:
                    async for batch in batches:
                        yield batch
                return
            except BackendError as error:
                if attempt.committed or isinstance(error, BackendRejected) or patience.over:
                    raise
                errors.append(error)
                await hedge_ended(journey, patience)
        raise most_telling(errors)

    async def beside(
        self,
        busy: AttemptRecord,
        journey: Journey,
        calls: CallFactory,
        observe: AttemptObserver,
        *,
        patience: Patience,
        purse: Purse,
    ) -> AsyncGenerator[list[Chunk], None]:
        """As `run`, of one more attempt while `busy` is under way: at the cheapest other backend of its tier."""
        for attempt in self._admitted(self._others(busy, journey), journey, patience):
            async with aclosing(attempt.run(calls, observe, purse)) as batches:
                async for batch in batches:
                    yield batch
            return
        raise most_telling([])

    def has_others(self, tier: str) -> bool:
        """Whether a tier has more than one backend."""
        return len(self._tiers[tier].backends) > 1

    def calm(self, tier: str) -> bool:
        """Whether the breakers of all backends of a tier are closed: a call takes no probe from others then."""
        return all(self._guards[backend.name].state == "closed" for backend in self._tiers[tier].backends)

    def _admitted(
        self, candidates: Iterable[tuple[Tier, Backend]], journey: Journey, patience: Patience
    ) -> Iterator["_Attempt"]:
        """Attempts in order. Lazy: a permit is taken when its turn comes, so none is held for a call not made."""
        for tier, backend in candidates:
            if any(each.hedge and each.backend == backend.name for each in journey.attempts):
                continue  # it was asked beside the others, and may yet answer
            permit = self._admit(backend.name, journey.policy.attempts)
            if permit:
                yield _Attempt(tier.spec, backend, permit, patience, self._clock)

    def _candidates(self, journey: Journey, tiers: Sequence[str]) -> Iterator[tuple[Tier, Backend]]:
        for tier in (self._tiers[name] for name in tiers):
            for backend in cheapest_first(tier, journey.prices):
                yield tier, backend

    def _others(self, busy: AttemptRecord, journey: Journey) -> Iterator[tuple[Tier, Backend]]:
        return (each for each in self._candidates(journey, [busy.tier]) if each[1].name != busy.backend)

    def _admit(self, name: str, policy: AttemptPolicy) -> Permit | None:
        guard = self._guards[name]
        guard.reconfigure(failures=policy.breaker_failures, reset_s=policy.breaker_reset_s)
        return guard.admit()


async def _told(meter: Meter, purse: Purse, *, soon: bool) -> None:
    meter.told(await purse.made(soon=soon))


def _decided(journey: Journey) -> Sequence[str]:
    if journey.decision is None:
        raise ValueError("a journey is attempted after it was routed")
    return journey.decision.tiers


def cheapest_first(tier: Tier, prices: PriceSheet) -> list[Backend]:
    """The tier's backends by price, equal prices, and none at all, in the order of the configuration."""
    return sorted(tier.backends, key=lambda backend: prices.rank(tier.spec.name, backend.name))


class _Attempt:
    """One call of one backend, made by `run`; `committed` once a chunk was handed out."""

    def __init__(self, spec: TierSpec, backend: Backend, permit: Permit, patience: Patience, clock: Clock) -> None:
        self.committed = False
        self._spec = spec
        self._backend = backend
        self._permit = permit
        self._patience = patience
        self._clock = clock

    async def run(
        self, calls: CallFactory, observe: AttemptObserver, purse: Purse
    ) -> AsyncGenerator[list[Chunk], None]:
        """The backend's batches; the record and the breaker learn how it ended."""
        name = self._backend.name
        with (
            self._permit,
            observe(self._spec.name, name, self._spec.model) as record,
            self._settling(record, purse) as meter,
        ):
            await purse.begin(self._spec, name)
            call = calls(self._spec, name, record.trace_context)
            meter.expect(call.input_tokens)
            batches = in_time(sent(self._backend, call), self._patience, "first" if call.stream else "whole")
            try:
                async with aclosing(batches) as timely:
                    async for batch in timely:
                        self._commit()
                        meter.note(batch)
                        yield batch
            except (GeneratorExit, asyncio.CancelledError, AnswerStopped):
                if not (self._patience.stopped and meter.is_used_up):
                    await insisted(_told(meter, purse, soon=self._patience.stopped is not None))
                raise
            if not self.committed:
                raise BackendBroken("the backend answered nothing")

    def _commit(self) -> None:
        if not self.committed:
            self.committed = True
            self._permit.alive()

    @contextmanager
    def _settling(self, record: AttemptRecord, purse: Purse) -> Iterator[Meter]:
        """One of the three outcomes for the record and for the breaker, whatever happens inside."""
        meter = Meter(record, self._clock, purse.most)
        try:
            yield meter
            record.outcome = AttemptOutcome.SUCCESS
            self._permit.success()
        except (GeneratorExit, asyncio.CancelledError, AnswerStopped):
            stopped = self._patience.stopped
            record.outcome, record.cause = AttemptOutcome.IGNORED, stopped.code if stopped else CLIENT_LEFT
            if isinstance(stopped, HedgeLost) and stopped.input_tokens:
                meter.expect(stopped.input_tokens)
            meter.cut()
            self._permit.ignored()
            raise
        except BaseException as error:
            record.outcome, record.cause = AttemptOutcome.FAILED, cause_of(error)
            if self.committed or isinstance(error, BackendTimeout):
                meter.cut()  # a call that timed out was read
            if isinstance(error, BackendLost):
                meter.lost(purse.risked())
            self._blame(error)
            raise
        finally:
            meter.stop()

    def _blame(self, error: BaseException) -> None:
        """Is the backend at fault? Not for a wrong request, a full queue, an answer merely long, or our own bugs."""
        long_answer = isinstance(error, BackendTimeout) and self.committed and self._patience.over
        if isinstance(error, BackendRejected):
            self._permit.success()
        elif isinstance(error, BackendError) and not isinstance(error, BackendOverloaded) and not long_answer:
            self._permit.failure()
        else:
            self._permit.ignored()
