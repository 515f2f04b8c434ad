"""Stages 3 to 5 of a request: hold, attempt, hold more, settle. All answers that are tried share one account."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.answering.means import Means
from app.answering.opening import Opening
from app.answering.purse import AccountPurse
from app.budget.account import Account
from app.budget.sizing import comes_in_pieces, output_cap
from app.cascade.draft import Draft
from app.config.gateway import TierSpec
from app.domain import (
    BackendCall,
    Chunk,
)
from app.errors import AnswerStopped
from app.journey import Journey
from app.observe.trace import RequestTrace
from app.tiers.attempts import AttemptObserver, CallFactory
from app.tiers.patience import Patience
from app.wire import Ending, backend_payload


@dataclass(frozen=True, slots=True)
class Answering:
    """Gets answers for one request of about `input_tokens`; all of them together have the time of one `patience`."""

    journey: Journey
    trace: RequestTrace
    means: Means
    account: Account
    input_tokens: int
    patience: Patience

    async def run(self, tiers: Sequence[str], draft: Draft | None = None) -> AsyncGenerator[list[Chunk], None]:
        """Batches of chunks from the first of `tiers` that answers, or of cheaper ones where a limit says so.

        Backends stream wherever an answer can be put together from pieces, also for clients that do not: only so can it
        be ended in the middle. Raises as `refused`, `StoreUnavailable`, and what `Attempts.run` does.
        """
        if self.journey.stopped:
            raise self.journey.stopped
        tiers = await self._opening().run(tiers)
        calls, observe = self._watched(self._cap(tiers), draft)
        run = self.means.attempts.run(
            self.journey, calls, observe, tiers=tiers, patience=self.patience, purse=self._purse()
        )
        async with aclosing(self._granted(run)) as parts:
            async for chunks in parts:
                yield chunks

    async def _granted(self, run: AsyncGenerator[list[Chunk], None]) -> AsyncGenerator[list[Chunk], None]:
        """What of `run` was granted, and a clean end where no more is."""
        ending = Ending(self.journey)
        try:
            async with aclosing(run) as parts, self.means.live.watching(self.account, self.patience):
                async for chunks in parts:
                    async for granted in self._passed(chunks):
                        ending.feed(granted)
                        yield granted
                if ending.open:
                    await self.account.broke_off()
        except AnswerStopped as stopped:
            if not ending.begun:
                raise stopped.why from None
            self.journey.stopped = self.means.explained(stopped.why, self.journey)
            yield ending.chunks()

    async def _passed(self, chunks: list[Chunk]) -> AsyncGenerator[list[Chunk], None]:
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

    def _watched(self, cap: int, draft: Draft | None) -> tuple[CallFactory, AttemptObserver]:
        """How backends are called, and who watches."""
        if draft is None:
            return self._calls(cap), self.trace.attempt
        return draft.asking(self._calls(cap)), draft.watching(self.trace.attempt)

    def _calls(self, cap: int) -> CallFactory:
        request, stream = self.journey.request, comes_in_pieces(self.journey.request)

        def call(spec: TierSpec, backend: str, trace_context: Mapping[str, str]) -> BackendCall:
            model = self.means.catalog.served_model(spec, request.model)
            payload = backend_payload(request, model, cap, stream=stream)
            told = self.input_tokens, self.account.lend(fused=spec.is_fused(backend))
            return BackendCall(request.id, request.operation, payload, trace_context, *told)

        return call
