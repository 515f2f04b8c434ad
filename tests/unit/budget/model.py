"""The ledger as a plain program: every grant is remembered as it was made, and what counts is added up anew each time.

No counters, no sub-totals, nothing that expires: a reservation is a list of parts, each with the window it was granted
in. What the scripts in Redis keep instead must come to the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.domain import Amounts, BudgetExceeded, Limit, Marked, Period, Scope, Unit, Window

Counter = tuple[Scope, Unit, Window | None]
Label = int | tuple[int, ...] | None
"""A window's name in the order of time; None is one that nobody knows any more."""

SUB_WINDOW_S = {Period.MINUTE: 1, Period.HOUR: 60, Period.DAY: 1_440, Period.MONTH: 43_200}
SECONDS = {Period.MINUTE: 60, Period.HOUR: 3_600}


def counter_of(limit: Limit) -> Counter:
    """Limits with the same one count together."""
    return limit.scope, limit.unit, None if limit.unit is Unit.CONCURRENT else limit.window


def label(counter: Counter, now: float) -> Label:
    """The window of now; of a sliding one its sixtieth."""
    window = counter[2]
    if window is None or window.period is Period.TOTAL:
        return 0
    if window.sliding:
        return int(now // SUB_WINDOW_S[window.period])
    if window.period in SECONDS:  # in the zones of the test these turn as in UTC
        return int(now // SECONDS[window.period])
    day = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(window.zone))
    return (day.year, day.month, day.day) if window.period is Period.DAY else (day.year, day.month)


def counts(counter: Counter, part: Label, now: float) -> bool:
    """Whether what was granted in this window still counts."""
    present = label(counter, now)
    if counter[2] is not None and counter[2].sliding:
        return isinstance(part, int) and isinstance(present, int) and part >= present - 60
    return part == present


@dataclass
class Part:
    label: Label
    amount: int


@dataclass
class Account:
    """One reservation: what is held or was spent in each counter, oldest part first."""

    amounts: Amounts
    held: bool = True
    closed: bool = False
    limits: Sequence[Limit] = ()
    parts: dict[Counter, list[Part]] = field(default_factory=dict)

    def give_back(self, counter: Counter, amount: int) -> None:
        """The youngest first."""
        for part in reversed(self.parts[counter]):
            taken = min(part.amount, amount)
            part.amount -= taken
            amount -= taken


@dataclass
class Model:
    """What the ledger must do."""

    now: float
    accounts: dict[str, Account] = field(default_factory=dict)
    written: dict[Counter, Label] = field(default_factory=dict)
    told: dict[Counter, tuple[Label, int]] = field(default_factory=dict)

    def booked(self, counter: Counter) -> tuple[int, int]:
        """Spent and held."""
        found = [0, 0]
        for account in self.accounts.values():
            for part in account.parts.get(counter, ()):
                if counts(counter, part.label, self.now):
                    found[account.held] += part.amount
        return found[0], found[1]

    def hold(self, name: str, limits: Sequence[Limit], amounts: Amounts) -> BudgetExceeded | Account:
        """A first grant, or another in its place."""
        account = self.accounts.get(name) or Account(Amounts())
        for limit in limits:
            if refused := self._refused(account, limit, amounts):
                return refused
        counters = dict.fromkeys([counter_of(limit) for limit in limits])
        for counter in [*counters, *(known for known in account.parts if known not in counters)]:
            self._change(account, counter, amounts, limited=counter in counters)
        account.amounts, account.limits = amounts, limits
        self.accounts[name] = account
        return account

    def _refused(self, account: Account, limit: Limit, amounts: Amounts) -> BudgetExceeded | None:
        counter = counter_of(limit)
        wanted = amounts.of(limit.unit) - (account.amounts.of(limit.unit) if counter in account.parts else 0)
        room = limit.amount - sum(self.booked(counter))
        mine = sum(part.amount for part in account.parts.get(counter, ()) if counts(counter, part.label, self.now))
        if max(wanted, -mine) <= room:
            return None
        return BudgetExceeded(limit, max(room, 0), max(wanted, 0), None)

    def _change(self, account: Account, counter: Counter, amounts: Amounts, *, limited: bool) -> None:
        present, unit = label(counter, self.now), counter[1]
        parts = account.parts.get(counter)
        change = amounts.of(unit) - (account.amounts.of(unit) if parts is not None else 0)
        if change < 0:
            account.give_back(counter, -change)
        elif not limited and self._nobody_knows(counter):
            account.parts[counter].insert(0, Part(None, change))
        elif change > 0 or parts is None:
            account.parts.setdefault(counter, []).append(Part(present, change))
            self.written[counter] = present

    def _nobody_knows(self, counter: Counter) -> bool:
        """Without a limit nobody says when a calendar's window ends, unless something is written in it."""
        calendar = counter[2] is not None and not counter[2].sliding and counter[2].period is not Period.TOTAL
        return calendar and self.written[counter] != label(counter, self.now)

    def settle(self, name: str, spent: Amounts) -> list[Marked]:
        """Once; late for what was reclaimed."""
        account = self.accounts[name]
        if account.closed:
            return []
        before = {counter: self.booked(counter)[0] for counter in account.parts}
        for counter, parts in account.parts.items():
            unit = counter[1]
            total = 0 if unit is Unit.CONCURRENT else spent.of(unit)
            account.give_back(counter, max(account.amounts.of(unit) - total, 0))
            parts[-1].amount += max(total - account.amounts.of(unit), 0)
        account.held, account.closed = False, True
        return [mark for limit in account.limits for mark in self._marks(limit, before[counter_of(limit)])]

    def _marks(self, limit: Limit, before: int) -> Iterable[Marked]:
        counter = counter_of(limit)
        spent, _ = self.booked(counter)
        when, most = self.told.get(counter, (None, 0))
        if not counts(counter, when, self.now):
            most = before if counter[2] is not None and counter[2].sliding else 0
        if spent > most:
            self.told[counter] = label(counter, self.now), spent
            yield from (
                Marked(limit, mark, spent) for mark in limit.marks if most * 100 < mark * limit.amount <= spent * 100
            )

    def reclaim(self, name: str) -> None:
        """Held is spent, and nobody is under way."""
        account = self.accounts[name]
        assert account.held
        account.held = False
        for counter in account.parts:
            if counter[1] is Unit.CONCURRENT:
                account.give_back(counter, account.amounts.concurrent)
