"""What goes to the ledger's scripts and comes back: one packed argument, one packed reply (MessagePack).

redis-py takes microseconds for each word of a command and each item of a reply; a packed one costs next to nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from app.budget.limits import scopes_of
from app.budget.zones import offsets
from app.config.budgets import LARGEST
from app.domain import Amounts, Caller, Limit, MicroUsd, Period, Scope, Unit, Window
from app.errors import LeanServeError
from app.store.keys import escape

_UNITS = {unit: number for number, unit in enumerate(Unit, start=1)}
_CALENDAR = {Period.MINUTE: -1, Period.HOUR: -2, Period.DAY: -3, Period.MONTH: -4}
_BUCKET_S = {Period.MINUTE: 1, Period.HOUR: 60, Period.DAY: 1_440, Period.MONTH: 43_200}
"""A sixtieth of the period; a sliding month is 30 days."""

_SESSION_S = 100 * 86_400
"""Longer than a session that does nothing is known (`SessionPolicy.idle_s`): then its total begins anew with it."""
_SHORT = 512
"""Characters of a caller's names that are worth remembering what comes of them, which takes 20 µs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits, each counter once, and how the scripts read them: `packed`, as in `scripts/records.lua`."""

    limits: tuple[Limit, ...]
    packed: bytes


def plan(tenant: str, limits: Iterable[Limit], now: float) -> Plan:
    """Of limits on the same counter the smallest. Raises LeanServeError for a scope of another tenant."""
    tightest: dict[str, Limit] = {}
    for limit in limits:
        if limit.scope.tenant != tenant:
            raise LeanServeError("a limit on a scope of another tenant")
        field = _field(limit.scope, limit.unit, limit.window)
        known = tightest.get(field)
        if known is None or limit.amount < known.amount:
            tightest[field] = limit
    return Plan(tuple(tightest.values()), _pack(tightest.items(), now))


def plan_each(limits: Iterable[Limit], now: float) -> bytes:
    """The same of every limit, though some have a counter in common."""
    return _pack([(_field(limit.scope, limit.unit, limit.window), limit) for limit in limits], now)


def _pack(named: Iterable[tuple[str, Limit]], now: float) -> bytes:
    zones: dict[str, int] = {}
    packed = []
    for field, limit in named:
        zone = zones.setdefault(limit.window.zone, len(zones) + 1)
        kind = _kind(limit.unit, limit.window)
        packed.append((field, _UNITS[limit.unit], kind, 0 if kind else _lasts(limit.scope), limit.amount, zone))
    return pack(packed, [offsets(zone, now) for zone in zones])


@lru_cache(maxsize=512)
def _field(scope: Scope, unit: Unit, window: Window) -> str:
    """The counter's name; requests under way are so in every window. Few, for a name may be as long as a header."""
    when = "" if unit is Unit.CONCURRENT else str(window)
    return ":".join(map(escape, (unit, when, *(name for part in scope.parts for name in part))))


@lru_cache(maxsize=1_024)
def _kind(unit: Unit, window: Window) -> int:
    """As in `scripts/counters.lua`."""
    if unit is Unit.CONCURRENT or window.period is Period.TOTAL:
        return 0
    return _BUCKET_S[window.period] if window.sliding else _CALENDAR[window.period]


def _lasts(scope: Scope) -> int:
    """Sessions are without number: what one spent in all is not kept for ever."""
    return _SESSION_S if any(kind == "session" for kind, _ in scope.parts) else 0


def in_units(amounts: Amounts) -> tuple[int, int, int, int, int, int]:
    """In the order of `Unit`. Raises LeanServeError for what no ledger can count."""
    in_, out, cost = amounts.input_tokens, amounts.output_tokens, amounts.micro_usd
    found = (in_, out, in_ + out, cost, amounts.requests, amounts.concurrent)
    if min(found) < 0 or max(found) > LARGEST:
        raise LeanServeError("an amount must be a whole number from 0 to 2^53 - 1")
    return found


def of_units(found: Sequence[int]) -> Amounts:
    """Back from that order."""
    in_, out, _, cost, requests, concurrent = found
    return Amounts(in_, out, MicroUsd(cost), requests, concurrent)


def in_scopes(caller: Caller) -> str:
    """The text of each scope that a stop would bind the caller in; no scope's text has a blank."""
    names = (caller.team, caller.feature, caller.user, caller.session, *caller.above)
    short = sum(map(len, names)) < _SHORT
    return _in_scopes(caller) if short else " ".join(map(str, scopes_of(caller)))


@lru_cache(maxsize=1_024)
def _in_scopes(caller: Caller) -> str:
    return " ".join(map(str, scopes_of(caller)))


def pack(*parts: Any) -> bytes:
    """For `cmsgpack.unpack`."""
    return msgspec.msgpack.encode(parts)


def unpack(reply: bytes) -> list[Any]:
    """From `cmsgpack.pack`."""
    found: list[Any] = msgspec.msgpack.decode(reply)
    return found


def seconds(microseconds: int) -> float | None:
    """None for -1: that is no matter of time."""
    return None if microseconds < 0 else microseconds / 1_000_000
