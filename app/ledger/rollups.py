"""Sums of records by hour and day: which measures are added up, along which dimensions, and in how many cells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add
from struct import Struct
from typing import Literal

import msgspec

from app.ledger.record import AttemptEntry, LedgerRecord
from app.observe.labels import OTHER

MEASURES = (
    "requests",
    "attempts",
    "hits",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "micro_usd",
    "wasted_micro_usd",
    "system_tokens",
    "history_tokens",
    "documents_tokens",
    "tools_tokens",
    "user_tokens",
    "frame_tokens",
    "nothing_micro_usd",
    "cache_micro_usd",
    "routing_micro_usd",
    "duration_ms",
    "outcomes",
    "successes",
    "value_micro",
    "outcome_micro_usd",
)
"""What a cell adds up, in the order in which Redis keeps it: a measure may be added at the end, none may move.

`requests` leaves out shadow calls, which nobody asked for. Tokens and `micro_usd` are of all attempts, `micro_usd` with
what a hit was priced at; `wasted_micro_usd` is of attempts whose answer was not given: failed, lost, or only a draft.
`*_tokens` from `system` to `frame` are the parts of one prompt (`Anatomy`), the three after them what the request would
have cost (`Against`). The last four are of the view `outcome` alone: `value_micro` millionths of the app's own unit,
`outcome_micro_usd` what the requests cost of which something came.
"""

View = Literal["feature", "user", "team", "model", "outcome"]

VIEWS: Mapping[View, tuple[str, ...]] = {
    "feature": ("feature", "tier", "cache", "cause"),
    "user": ("feature", "user"),
    "team": ("team", "feature"),
    "model": ("backend", "model", "role", "cause"),
    "outcome": ("feature", "type"),
}
"""The dimensions of each view. Totals of all but `outcome` agree. A cause in `model` is an attempt's."""

BOUNDS: Mapping[View, int] = {"feature": 5_000, "user": 2_000, "team": 2_000, "model": 1_000, "outcome": 2_000}
"""Cells of a view in one hour or day of a tenant; what comes later is added up under `other`."""

_SAID = frozenset({"feature", "user", "team", "type"})
"""Dimensions that clients name, and that could have values without end."""

HOUR_S, DAY_S = 3_600, 86_400
Span = Literal["hour", "day"]
SPANS: Mapping[Span, int] = {"hour": HOUR_S, "day": DAY_S}
KEEP_S: Mapping[Span, int] = {"hour": 8 * DAY_S, "day": 400 * DAY_S}
"""How long the sums of an hour and of a day stay after they were last written."""

Values = tuple[str, ...]
Amounts = list[int]
"""One number for each of `MEASURES`."""

_AMOUNTS = Struct(f"<{len(MEASURES)}q")
_PLACE = {name: place for place, name in enumerate(MEASURES)}


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be added to one cell: which span, its number since 1970, the view, the values of its dimensions."""

    span: Span
    number: int
    view: View
    values: Values
    amounts: Amounts


def cells(records: Iterable[LedgerRecord]) -> list[Cell]:
    """All that records add, each cell once."""
    hours: dict[tuple[int, View, Values], Amounts] = {}
    for record in records:
        hour = int(record.at // HOUR_S)
        for view, values, amounts in _parts(record):
            _add(hours, (hour, view, values), amounts)
    return spans_of(hours)


def spans_of(hours: Mapping[tuple[int, View, Values], Amounts]) -> list[Cell]:
    """The cells of the hours, and those of their days."""
    days: dict[tuple[int, View, Values], Amounts] = {}
    for (hour, view, values), amounts in hours.items():
        _add(days, (hour * HOUR_S // DAY_S, view, values), amounts)
    found = [Cell("hour", number, view, values, amounts) for (number, view, values), amounts in hours.items()]
    return found + [Cell("day", number, view, values, amounts) for (number, view, values), amounts in days.items()]


def encode_amounts(amounts: Amounts) -> bytes:
    """As a cell holds them."""
    return _AMOUNTS.pack(*amounts)


def amounts_of(**said: int) -> Amounts:
    """Amounts by name, the rest 0."""
    found = [0] * len(MEASURES)
    for name, number in said.items():
        found[_PLACE[name]] = number
    return found


@lru_cache(maxsize=4_096)
def fields_of(view: View, values: Values) -> tuple[bytes, bytes]:
    """A cell's field and that of the cell that takes what finds no place; few are remembered, names may be long."""
    return encode_values(values), encode_values(others(view, values))


def others(view: View, values: Values) -> Values:
    """The cell that takes what finds no place: every name that a client said is `other`."""
    return tuple(OTHER if name in _SAID else value for name, value in zip(VIEWS[view], values, strict=True))


def encode_values(values: Values) -> bytes:
    """A cell's field: bytes in MessagePack within MessagePack, so that a reader compares cells without reading them."""
    return msgspec.msgpack.encode(msgspec.msgpack.encode(values))


def is_wasted(entry: AttemptEntry) -> bool:
    """Whether its answer was given to nobody who wanted one."""
    return entry.role in {"retry", "hedge", "draft"} or (entry.role == "answer" and entry.outcome == "failed")


def _add(found: dict[tuple[int, View, Values], Amounts], where: tuple[int, View, Values], amounts: Amounts) -> None:
    known = found.get(where)
    found[where] = amounts if known is None else list(map(add, known, amounts))


def _parts(record: LedgerRecord) -> list[tuple[View, Values, Amounts]]:
    whole = _sums(record, record.attempts)
    found: list[tuple[View, Values, Amounts]] = [
        ("feature", (record.feature, record.tier, record.cache, record.cause), whole),
        ("user", (record.feature, record.user), whole),
        ("team", (record.team, record.feature), whole),
    ]
    return found + [("model", values, amounts) for values, amounts in _models(record, whole)]


def _models(record: LedgerRecord, whole: Amounts) -> list[tuple[Values, Amounts]]:
    """By attempt. What is the request's own counts with the one that answers, or with what was kept."""
    if not record.attempts:
        return [((record.backend, record.served, "", record.cause), whole)]
    answering = next((each for each in reversed(record.attempts) if each.role == "answer"), record.attempts[-1])
    if len(record.attempts) == 1:
        return [((answering.backend, answering.model, answering.role, answering.cause), whole)]
    return [
        ((each.backend, each.model, each.role, each.cause), _sums(record if each is answering else None, (each,)))
        for each in record.attempts
    ]


def _sums(record: LedgerRecord | None, attempts: Sequence[AttemptEntry]) -> Amounts:
    """What a request has of its own, if it is told, and its attempts; in the order of `MEASURES`."""
    input_tokens = cached = output = reasoning = cost = wasted = 0
    for each in attempts:
        input_tokens += each.input_tokens
        cached += each.cached_tokens
        output += each.output_tokens
        reasoning += each.reasoning_tokens
        cost += each.micro_usd
        wasted += each.micro_usd if is_wasted(each) else 0
    requests, hits, charged, *rest = _own(record) if record else _NOTHING
    tokens = input_tokens, cached, output, reasoning
    return [requests, len(attempts), hits, *tokens, cost + charged, wasted, *rest, 0, 0, 0, 0]


def _own(record: LedgerRecord) -> tuple[int, ...]:
    """Requests, hits, what hits were charged, and all from `system_tokens` to `duration_ms`."""
    anatomy, against = record.anatomy, record.against
    asked = not (record.attempts and record.attempts[-1].role == "shadow")
    parts = anatomy.system, anatomy.history, anatomy.documents, anatomy.tools, anatomy.user, anatomy.frame
    would = against.nothing, against.cache, against.routing
    duration = round(record.duration_ms) if asked else 0
    return (int(asked), int(record.cache in _HITS), record.charged_micro_usd, *parts, *would, duration)


_HITS = frozenset({"exact", "semantic", "coalesced"})
_NOTHING = (0,) * 13
