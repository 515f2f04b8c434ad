"""The prices of a policy through time: which sheet holds now, for which lane."""

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from app.config.gateway import TierSpec
from app.config.prices import AnyPrice, GpuPrice, ListedPrice, Price, Prices
from app.cost.listed import changes_of, list_version, price_at
from app.cost.prices import PriceSheet
from app.domain import Lane
from app.errors import ConfigError


class PriceList:
    """Makes the sheet of a moment; `tiers` are all that have to have a price, from now on.

    Raises `ConfigError` for a backend without a price, for a price that no backend has, and as `app.cost.listed`.
    """

    def __init__(
        self, prices: Mapping[str, Prices], tiers: Sequence[TierSpec], *, now: Callable[[], float] = time.time
    ) -> None:
        self._entries = {name: _in_order(each) for name, each in prices.items()}
        self._contexts = _contexts(tiers)
        self._changes = sorted({at for each in self._entries.values() for at in _changes(each)})
        self._sheets: dict[tuple[int, Lane], PriceSheet] = {}
        self._now = now
        for place in range(self._place(), len(self._changes) + 1):
            self._sheet(place, Lane.INTERACTIVE).check(tiers)

    def sheet(self, lane: Lane = Lane.INTERACTIVE) -> PriceSheet:
        """The prices in force now."""
        return self._sheet(self._place(), lane)

    def prices(self) -> dict[str, Price]:
        """The numbers in force now, by the names of the policy."""
        return self._prices(self._place())

    @property
    def next_change(self) -> float | None:
        """When the next price of any name begins, seconds since 1970; None where none is known."""
        place = self._place()
        return self._changes[place] if place < len(self._changes) else None

    def _place(self) -> int:
        return bisect_right(self._changes, self._now())

    def _sheet(self, place: int, lane: Lane) -> PriceSheet:
        """Of the time between two changes, made once."""
        if (place, lane) not in self._sheets:
            notes = {name: _note(each) for name, each in self._found(place).items()}
            self._sheets[place, lane] = PriceSheet(self._prices(place), lane, notes)
        return self._sheets[place, lane]

    def _prices(self, place: int) -> dict[str, Price]:
        return {name: self._price(name, entry, self._since(place)) for name, entry in self._found(place).items()}

    def _found(self, place: int) -> dict[str, AnyPrice]:
        found = {name: _in_force(each, self._since(place)) for name, each in self._entries.items()}
        return {name: entry for name, entry in found.items() if entry}

    def _since(self, place: int) -> float:
        return self._changes[place - 1] if place else float("-inf")

    def _price(self, name: str, entry: AnyPrice, at: float) -> Price:
        if isinstance(entry, GpuPrice):
            return entry.price()
        if not isinstance(entry, ListedPrice):
            return entry
        try:
            return price_at(entry, at, self._contexts.get(name))
        except ConfigError as error:
            raise ConfigError(f"{error.message} (prices.{name})") from error


def _in_order(prices: Prices) -> tuple[AnyPrice, ...]:
    return tuple(sorted(prices, key=lambda each: each.begins)) if isinstance(prices, tuple) else (prices,)


def _changes(entries: Sequence[AnyPrice]) -> list[float]:
    own = [each.begins for each in entries if each.since is not None]
    return own + [at for each in entries if isinstance(each, ListedPrice) for at in changes_of(each)]


def _in_force(entries: Sequence[AnyPrice], at: float) -> AnyPrice | None:
    begun = [each for each in entries if each.begins <= at]
    return begun[-1] if begun else None


def _note(entry: AnyPrice) -> str:
    """What stands before the hash of a price's numbers."""
    known = [entry.since or "", list_version() if isinstance(entry, ListedPrice) else ""]
    return "".join(f"{each}." for each in known if each)


def _contexts(tiers: Sequence[TierSpec]) -> dict[str, int]:
    """The longest context by tier and by backend."""
    return {name: tier.context_tokens for tier in tiers for name in (tier.name, *tier.backend_names())}
