"""Stages 3 to 5 of a request: hold, attempt, hold more, settle."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from app.answering.means import Hedging, Means
from app.answering.opening import Opening
from app.answering.purse import AccountPurse
from app.budget.account import Account
from app.budget.sizing import comes_in_pieces, output_cap
from app.cascade.draft import Draft
from app.config.gateway import TierSpec
from app.config.policy import HedgePolicy
from app.domain import BackendCall, Chunk
from app.errors import AnswerStopped, HedgeLost, refused
from app.hedge.race import Batches, Leg, raced
from app.journey import AttemptRecord, Journey
from app.observe.trace import RequestTrace
from app.tiers.attempts import AttemptObserver, CallFactory
from app.tiers.patience import Patience
from app.wire import Ending, backend_payload


@dataclass(frozen=True, slots=True)
class Answering:
    """Gets answers for one request of about `input_tokens`; all of them together have the time of one `patience`.

    Without `hedging` one attempt is made at a time. `reader` is who reads them, where that is not who runs them.
    """

    journey: Journey
    trace: RequestTrace
    means: Means
    account: Account
    input_tokens: int
    patience: Patience
    hedging: Hedging | None = None
    reader: "asyncio.Task[object] | None" = None

    async def run(self, tiers: Sequence[str], draft: Draft | None = None) -> Batches:
        """Batches of chunks from the first of `tiers` that answers, or of cheaper ones where a limit says so.

        Backends stream wherever an answer can be put together from pieces, also for clients that do not: only so can it
        be ended in the middle. Raises as `refused`, `StoreUnavailable`, and what `Attempts.run` does.
        """
        if self.journey.stopped:
            raise self.journey.stopped
        self.journey.given = None
        tiers = await self._opening().run(tiers)
        policy = self.journey.policy.attempts.hedge
        if self.hedging and policy and self._may_hedge(tiers):
            made = self._hedged(tiers, draft, self.hedging, policy)
        else:
            made = self._made(tiers, draft)
        async with aclosing(made) as parts:
            async for chunks in parts:
                yield chunks

    def _may_hedge(self, tiers: Sequence[str]) -> bool:
        """Whether anybody could be asked beside another, and be stopped when it loses."""
        return comes_in_pieces(self.journey.request) and any(map(self.means.attempts.has_others, tiers))

    def _made(self, tiers: Sequence[str], draft: Draft | None = None) -> Batches:
        calls, observe = self._watched(self._cap(tiers), draft)
        return self._granted(
            self.means.attempts.run(
                self.journey, calls, observe, tiers=tiers, patience=self.patience, purse=self._purse()
            )
        )

    def _hedged(self, tiers: Sequence[str], draft: Draft | None, hedging: Hedging, policy: HedgePolicy) -> Batches:
        """As `_made`, with one more attempt beside it where nothing comes in time: once a request."""
        journey, first, given = self.journey, self._leg(), partial(self._given, draft)
        hedging.allowance.earn(policy.most_share)

        def second() -> Leg | None:
            busy = journey.last()
            if busy is None or journey.last(hedge=True) or not self.means.attempts.has_others(busy.tier):
                return None
            if not hedging.allowance.take():
                return None
            other = self._leg()
            return Leg(other._beside(busy, draft, hedging), other.patience, partial(given, hedge=True))

        return raced(Leg(first._leading(tiers, draft), first.patience, given), policy.after_s, second)

    def _leg(self) -> "Answering":
        return replace(self, patience=self.patience.beside(), reader=asyncio.current_task())

    def _given(self, draft: Draft | None, *, hedge: bool = False) -> HedgeLost:
        """Which of two is given; both were sent the same prompt."""
        self.journey.given = given = self.journey.last(hedge=hedge)
        if draft:
            draft.record = given
        return HedgeLost(given.usage.input_tokens if given else 0)

    async def _leading(self, tiers: Sequence[str], draft: Draft | None) -> Batches:
        """As `_made`. Where another is given instead it keeps nothing from that, of what it held."""
        try:
            async with aclosing(self._made(tiers, draft)) as parts:
                async for chunks in parts:
                    yield chunks
        finally:
            if isinstance(self.patience.stopped, HedgeLost):
                last = self.journey.last()
                await self.account.rest(last.unsaid if last else None)

    async def _beside(self, busy: AttemptRecord, draft: Draft | None, hedging: Hedging) -> Batches:
        """One attempt beside `busy`, on an account of its own: what a limit has no room for is not made."""
        async with hedging.accounts(self.journey, requests=0, hedge=True) as account:
            paid = replace(self, account=account)
            if refusal := await paid._opening().hold([busy.tier]):
                raise refused(refusal)
            if self.patience.stopped:  # the other began meanwhile
                raise self.patience.stopped
            calls, observe = paid._watched(paid._cap([busy.tier]), draft, hedge=True)
            run = self.means.attempts.beside(
                busy, self.journey, calls, observe, patience=self.patience, purse=paid._purse()
            )
            async with aclosing(paid._granted(run)) as parts:
                async for chunks in parts:
                    yield chunks

    async def _granted(self, run: Batches) -> Batches:
        """What of `run` was granted, and a clean end where no more is."""
        ending = Ending(self.journey)
        try:
            live = self.means.live.watching(self.account, self.patience, self.reader)
            async with aclosing(run) as parts, live:
                async for chunks in parts:
                    async for granted in self._passed(chunks):
                        ending.feed(granted)
                        yield granted
                if ending.open:
                    await self.account.broke_off()
        except AnswerStopped as stopped:
            if not ending.begun or isinstance(stopped.why, HedgeLost):  # of a loser nothing is given, nor its end
                raise stopped.why from None
            self.journey.stopped = self.means.explained(stopped.why, self.journey)
            yield ending.chunks()

    async def _passed(self, chunks: list[Chunk]) -> Batches:
        """The attempt learns first that it is not the client who left."""
        try:
            async for granted in self.account.passed(chunks):
                yield granted
        except AnswerStopped as stopped:
            self.patience.stop(stopped.why)
            raise

    def _opening(self) -> Opening:
        return Opening(self.journey, self.trace, self.means, self.account, self.input_tokens)

    def _purse(self) -> AccountPurse:
        return AccountPurse(self.account, self.journey.prices, comes_in_pieces(self.journey.request))

    def _cap(self, tiers: Sequence[str]) -> int:
        """One cap for every attempt, that of the first tier: a fall-back may not spend more than was held."""
        return output_cap(self.journey.request, self.means.catalog.specs(tiers)[0], self.input_tokens)

    def _watched(self, cap: int, draft: Draft | None, *, hedge: bool = False) -> tuple[CallFactory, AttemptObserver]:
        """How backends are called, and who watches."""
        calls, observe = self._calls(cap), partial(self.trace.attempt, hedge=hedge)
        return (draft.asking(calls), draft.watching(observe)) if draft else (calls, observe)

    def _calls(self, cap: int) -> CallFactory:
        request, stream = self.journey.request, comes_in_pieces(self.journey.request)

        def call(spec: TierSpec, backend: str, trace_context: Mapping[str, str]) -> BackendCall:
            model = self.means.catalog.served_model(spec, request.model)
            payload = backend_payload(request, model, cap, stream=stream)
            input_tokens = min(self.input_tokens, self.account.input_tokens)  # no more is held for it
            told = input_tokens, self.account.lend(fused=spec.is_fused(backend))
            return BackendCall(self.account.holder.id, request.operation, payload, trace_context, *told)

        return call
