"""What one account holds in the ledger, and how it asks for more: all of it, else as much of the output as fits."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from app.budget.fitting import at_least, fitting
from app.budget.holding import Holder, Need, beyond, most, plus
from app.domain import Amounts, BudgetExceeded, Limit, MicroUsd, Refusal, Reservation
from app.domain.request_id import retry_id
from app.errors import ReservationClosed, StoreUnavailable
from app.ports import BudgetLedger


class Claim:
    """One account's. `reservation` is None before its first grant.

    `base` is what ended attempts cost, `need` what the present answer may need beyond it, and `granted` how many output
    tokens of that are held by now, of which `used` are made; `read` is the input, once its engine says so. `owed` is
    what engines said too late for the records of their attempts. Once it is `closed` nothing is held any more: under a
    limit that is new, nobody would settle that.
    """

    def __init__(self, ledger: BudgetLedger, holder: Holder) -> None:
        self.reservation: Reservation | None = None
        self.base = self.owed = Amounts()
        self.need = Need(0, 0, lambda _input, _output: MicroUsd(0))
        self.granted = self.used = self.read = 0
        self.closed = False
        self._unheard = Amounts()
        self._ledger, self._holder = ledger, holder
        self._lost = 0

    async def hold(self, output: int, least: int, step: int = 1) -> Refusal | None:
        """Hold `output` tokens, else as many from `least` on, by steps, as fit.

        Raises `StoreUnavailable`, and `ReservationClosed` once it is.
        """
        if self.closed:
            raise ReservationClosed("this account is closed")
        while True:
            answer = await self._ask(self.amounts(output))
            if isinstance(answer, Reservation):
                self.reservation, self.granted = answer, output
                return None
            price = partial(self.need.price, self.need.input_tokens)
            fits = fitting(answer, output, price)
            if fits is None or not least <= fits < output:
                return at_least(answer, output, least, price)
            output = least + (fits - least) // step * step

    def pay(self, need: Need) -> None:
        """Attempts that have ended are paid; what follows may need `need`."""
        self.base, self.need = plus(self._holder.spent(), self.owed), need
        self.used = self.read = 0

    def owe(self, seen: int, made: int) -> None:
        """The engine of an attempt whose record has `seen` output tokens made so many, and nobody counts them later."""
        price = partial(self.need.price, self.need.input_tokens)
        self.owed = beyond(self.owed, seen, made, price)

    async def renew(self) -> Refusal | None:
        """Hold the same under the limits of now, also under those that are new. Raises `StoreUnavailable`.

        What was granted and not heard of is held on: the engine may have read it in the books, and have made it. Where
        that is more than there is, it never was.
        """
        held = self.reservation
        if held is None or self.closed:
            return None
        answer = await self._same(held, self._unheard if held.doubtful else held.amounts)
        if held.doubtful and isinstance(answer, BudgetExceeded) and answer.requested:
            answer = await self._same(held, held.amounts)
        if not isinstance(answer, Reservation):
            return answer
        self.reservation = answer
        return None

    async def _same(self, held: Reservation, amounts: Amounts) -> Reservation | Refusal:
        return await self._ledger.extend(self._told(held), self._holder.caller, self._holder.limits(), amounts)

    def amounts(self, output: int) -> Amounts:
        """What is to be held for `output` tokens of the present answer, all before it included."""
        need, base = self.need, self.base
        return Amounts(
            base.input_tokens + need.input_tokens,
            base.output_tokens + output,
            MicroUsd(base.micro_usd + need.price(need.input_tokens, output)),
            self._holder.requests,
            self._holder.requests,
        )

    async def _ask(self, amounts: Amounts) -> Reservation | Refusal:
        holder, limits = self._holder, self._holder.limits()
        if (known := self.reservation) is None:
            return await self._reserve(limits, amounts)
        self._unheard = most(self._unheard, amounts) if known.doubtful else amounts
        self.reservation = replace(known, doubtful=True)  # until it is heard
        answer = await self._ledger.extend(self._told(known), holder.caller, limits, amounts)
        self.reservation = known
        return answer

    def _told(self, known: Reservation) -> Reservation:
        """With what of it is spent whatever comes: nobody else need wait for that.

        What is held for the input is a bound: all above what was read comes back, be it told with the last chunk.
        """
        base, made, read = self.base, min(self.used, self.granted), min(self.read, self.need.input_tokens)
        cost = MicroUsd(base.micro_usd + (self.need.price(read, made) if read or made else 0))
        used = Amounts(base.input_tokens + read, base.output_tokens + made, cost)
        return replace(known, used=used) if known.booked else known

    async def _reserve(self, limits: Sequence[Limit], amounts: Amounts) -> Reservation | Refusal:
        """A try that failed may have been granted, and is taken back by its name: the next needs another."""
        name = retry_id(self._holder.id, self._lost)
        try:
            return await self._ledger.reserve(name, self._holder.caller, limits, amounts)
        except StoreUnavailable:
            self._lost += 1
            raise
