"""The running account of one request: it holds little, holds more ahead of need, and ends with what was spent.

Admission holds the input and a first stretch of output. As the answer streams the hold grows by stretches, each twice
the last; where less is left, by exactly what is left; where nothing is, the answer ends there. Attempts that follow one
another, drafts and their better answers, share the one account.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from app.budget.claim import Claim
from app.budget.closing import all_counted, booked
from app.budget.holding import Holder, Need, Price, ample, beyond, capped, left_after, may_change, plus, within
from app.budget.loan import Loan
from app.budget.reach import Reach
from app.cost.usage import Tally
from app.domain import Amounts, Chunk, Grant, Limit, Refusal, Remaining, Usage
from app.errors import AnswerStopped, BackendBroken, LeanServeError, StoreUnavailable, refused
from app.ports import BudgetLedger

TRY_AGAIN_S, LONGEST_PAUSE_S = 0.1, 1.6
"""Between tries to hold more while the engine waits, each twice the last: hundreds may wait at once."""


class Account:
    """One request's. Use it on one event loop. `settle` ends it, whatever came before."""

    def __init__(self, ledger: BudgetLedger, holder: Holder) -> None:
        self.refusal: Refusal | None = None
        self._kept_out: Refusal | None = None
        self._ledger, self._holder = ledger, holder
        self._claim = Claim(ledger, holder)
        self._loan = Loan(ledger, holder, self._claim)
        self._stretch, self._tally = 0, Tally()
        self._growing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def holder(self) -> Holder:
        """For whom it is kept."""
        return self._holder

    @property
    def left(self) -> tuple[Remaining, ...]:
        """What each limit leaves beside it, as of its last grant."""
        return self._claim.reservation.left if self._claim.reservation else ()

    def left_after(self, spent: Amounts) -> tuple[Remaining, ...]:
        """The same once it is settled."""
        held = self._claim.reservation
        return left_after(held, capped(plus(spent, self._claim.owed), held.amounts)) if held else ()

    @property
    def tight(self) -> bool:
        """Whether the end of it has to be booked before its caller may ask again: others could miss what it holds."""
        changing = self._growing is not None and not self._growing.done()
        return changing or not ample(self._claim.reservation)

    @property
    def granted(self) -> int:
        """Output tokens of the present answer that are granted by now."""
        return self._claim.granted

    @property
    def input_tokens(self) -> int:
        """What is held for the input of the present answer."""
        return self._claim.need.input_tokens

    @property
    def risked(self) -> Usage:
        """What the present answer may have cost at most by now; nothing where nothing limits it."""
        held = self._claim.reservation
        return Usage(self._claim.need.input_tokens, 0, self._claim.granted) if held and held.booked else Usage()

    def lend(self, *, fused: bool = True) -> Grant | None:
        """See `Loan.lend`."""
        self._kept_out = None
        return self._loan.lend(fused=fused)

    async def made(self, *, soon: bool = False) -> int | None:
        """See `Loan.made`."""
        return await self._loan.made(soon=soon)

    async def open(self, need: Need) -> Refusal | None:
        """Hold what an answer needs to begin, or say why not; nothing changes then. Raises `StoreUnavailable`."""
        spending = self._holder.spending
        first = need.output_tokens if need.whole else spending.first_stretch * need.choices
        first = min(first, need.output_tokens)
        least = first if need.whole else min(need.choices, first)
        async with self._lock:
            before = self._claim.base, self._claim.need, self._claim.granted
            self._claim.pay(need)
            self._claim.granted = 0
            refusal = await self._claim.hold(first, least, need.choices)
            if refusal:
                self._claim.base, self._claim.need, self._claim.granted = before
            self._stretch = first
        return refusal

    async def cover(self, price: Price, *, stream: bool) -> None:
        """An attempt is about to be made at `price`: what came before it is paid, and it begins anew.

        Raises as `refused` and `StoreUnavailable` where that is more than is held.
        """
        async with self._lock:
            self._tally, claim = Tally(stream=stream), self._claim
            claim.pay(replace(claim.need, price=price))
            held = claim.reservation.amounts if claim.reservation else Amounts()
            if capped(wanted := claim.amounts(claim.granted), held) == wanted:
                return
            least, step = min(claim.need.choices, claim.granted), claim.need.choices
            if refusal := await claim.hold(claim.granted, least, step):
                raise refused(refusal)

    async def rest(self, seen: int | None) -> None:
        """Hold no more than what ended attempts cost: others make the answer now. `seen` as in `Loan.ended`."""
        async with self._lock:
            claim = self._claim
            if claim.reservation and not claim.reservation.doubtful:
                await self._loan.ended(seen)
                claim.pay(replace(claim.need, input_tokens=0))
                await claim.hold(0, 0)

    async def passed(self, chunks: list[Chunk]) -> AsyncGenerator[list[Chunk], None]:
        """The chunks, as far and as soon as they are granted. Raises `AnswerStopped` where no more is."""
        ready: list[Chunk] = []
        for chunk in chunks:
            usage = self._tally.note(chunk)
            self._claim.read, self._claim.used = usage.input_tokens, usage.output_tokens
            used = usage.output_tokens
            if used > self._claim.granted:
                if ready:
                    yield ready
                    ready = []
                await self._grown(used)
            ready.append(chunk)
        self._look_ahead()
        if ready:
            yield ready
        if self._reach.is_used_up:
            await self._grown(self._reach.next)

    async def broke_off(self) -> None:
        """An attempt ended that did not end its answer. Raises `AnswerStopped` where that was its engine's fuse.

        Its cause is why no more was granted in time: others held the rest for as long as an engine waits, or it did not
        hear. What is granted now comes too late.
        """
        if not self._loan.is_fused:
            return
        if self._claim.granted < self._claim.need.output_tokens:
            await self._grown(self._reach.next)
        late = StoreUnavailable("the engine did not hear in time of what was granted")
        raise AnswerStopped(refused(self._kept_out) if self._kept_out else late)

    async def recheck(self, overspent: Mapping[Limit, Refusal] = MappingProxyType({})) -> Refusal | None:
        """Whether what is held still fits in the limits of now, and nobody stopped it. Raises `StoreUnavailable`.

        In one that is `overspent` nothing fits: the ledger need not be asked.
        """
        held = self._claim.reservation
        if overspent and held and held.booked:
            for limit in self._holder.limits():
                if limit in overspent:
                    return overspent[limit]
        async with self._lock:
            return await self._claim.renew()

    async def settle(self, spent: Amounts, *, certain: bool = True, seen: int | None = None) -> None:
        """Close the account; `certain`: its engine said what it made. Raises nothing: `RetryingLedger` insists.

        `seen` tokens of output are in `spent` of an engine that did not say so in time: what it says later is booked,
        and all that is held where it says nothing.
        """
        async with self._lock:  # behind an extension under way: cut off, nobody would know what is held
            self._claim.closed = True
            reservation = self._claim.reservation
            if reservation is None:
                return
            spent = plus(spent, self._claim.owed)
            unheard = seen is not None and self._loan.is_heard
            made = await self.made() if unheard or (reservation.doubtful and not certain) else None
            doubtful = (
                reservation.doubtful and not certain and not all_counted(self._tally.usage, made, self._claim.granted)
            )
            if seen is not None and made is not None:
                spent = beyond(spent, seen, made, partial(self._claim.need.price, self._claim.need.input_tokens))
            reservation = replace(reservation, doubtful=doubtful or (unheard and made is None))
            spent = within(spent, reservation)
            self._claim.reservation = replace(reservation, left=left_after(reservation, spent))
            await booked(self._ledger, reservation, spent)

    def _look_ahead(self) -> None:
        """Ask for more while half of the last stretch is still there, and give back input that others may miss."""
        used, claim = self._tally.usage, self._claim
        told = used.input_tokens if claim.need.prompts == 1 else 0  # of several each tells its own
        corrected = told and told != claim.need.input_tokens
        excess = claim.need.input_tokens - used.input_tokens if corrected else 0
        if corrected:
            claim.need = replace(claim.need, input_tokens=used.input_tokens)
        unused = claim.granted - used.output_tokens
        short = claim.granted < claim.need.output_tokens and unused <= self._stretch // 2
        missed = excess > self._holder.spending.first_stretch and not ample(self._claim.reservation)
        if (short and not self.refusal) or missed or excess < 0:
            self._grow(more=short)

    def _grow(self, *, more: bool) -> None:
        if self._growing is None or self._growing.done():
            self._growing = asyncio.ensure_future(self._extended(more=more))
            # one that failed is made again when its tokens are needed; until then its fault is nobody's
            self._growing.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _extended(self, *, more: bool) -> None:
        async with self._lock:
            claim, longest = self._claim, self._holder.spending.longest_stretch * self._claim.need.choices
            step = min(2 * self._stretch, longest) if more else 0
            least = self._reach.next if more else claim.granted
            target = max(least, min(claim.need.output_tokens, claim.granted + step))
            refusal = self.refusal = await claim.hold(target, least, self._reach.step)
            self._stretch = max(step, self._stretch) if not refusal else self._stretch

    @property
    def _reach(self) -> Reach:
        return Reach(self._tally, self._claim.need, self._claim.granted, self._loan.is_heard)

    async def _grown(self, used: int) -> None:
        """Wait until `used` output tokens are granted. Raises `AnswerStopped`."""
        if used > self._claim.need.output_tokens:
            raise AnswerStopped(BackendBroken("the engine went beyond its maximum"))
        self.refusal = None  # that of a look ahead may be out of date: others gave back what they did not need
        now = asyncio.get_running_loop().time
        since, pause_s, waited = now(), TRY_AGAIN_S, {"held": 0.0, "away": 0.0}
        while True:
            fault = await self._asked(used)
            self._kept_out = self.refusal or self._kept_out
            if used <= self._claim.granted:
                return
            why = "away" if fault else "held"  # each has its own time: who waited for others waits for a store too
            waited[why], since = waited[why] + now() - since, now()
            if not may_change(self.refusal, fault, waited[why], self._holder.spending):
                cause = refused(self.refusal) if self.refusal else fault
                raise AnswerStopped(cause or StoreUnavailable("the budget cannot be asked"))
            self.refusal = None
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _asked(self, used: int) -> LeanServeError | None:
        """Let the extension under way end, and make another where that was not it."""
        while used > self._claim.granted and not self.refusal:
            self._grow(more=True)
            assert self._growing
            try:
                await asyncio.shield(self._growing)
            except LeanServeError as error:
                return error
        return None
