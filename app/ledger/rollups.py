"""Sums of records by hour and day: which measures are added up, along which dimensions, and in how many cells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    "model": ("backend", "model", "role"),
    "outcome": ("feature", "type"),
}
"""The dimensions of each view. Totals of all views agree, but for `outcome`."""

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


def amounts_of(**said: int) -> Amounts:
    """Amounts by name, the rest 0."""
    found = [0] * len(MEASURES)
    for name, number in said.items():
        found[_PLACE[name]] = number
    return found


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
    found[where] = amounts if known is None else [a + b for a, b in zip(known, amounts, strict=True)]


def _parts(record: LedgerRecord) -> list[tuple[View, Values, Amounts]]:
    own, spent = _own(record), [_spent(entry) for entry in record.attempts]
    whole = _sum([own, *spent])
    found: list[tuple[View, Values, Amounts]] = [
        ("feature", (record.feature, record.tier, record.cache, record.cause), whole),
        ("user", (record.feature, record.user), whole),
        ("team", (record.team, record.feature), whole),
    ]
    answering = _answering(record)
    if answering is None:
        found.append(("model", (record.backend, record.served, ""), own))
    for entry, amounts in zip(record.attempts, spent, strict=True):
        total = _sum([own, amounts]) if entry is answering else amounts
        found.append(("model", (entry.backend, entry.model, entry.role), total))
    return found


def _answering(record: LedgerRecord) -> AttemptEntry | None:
    """The attempt that what is the whole request's counts with, where models are told apart."""
    found = tuple(entry for entry in record.attempts if entry.role == "answer")
    return next(iter(reversed(found or record.attempts)), None)


def _own(record: LedgerRecord) -> Amounts:
    """What is the request's, not an attempt's; in the order of `MEASURES`."""
    anatomy, against = record.anatomy, record.against
    asked = not any(entry.role == "shadow" for entry in record.attempts)
    hit = record.cache in {"exact", "semantic", "coalesced"}
    parts = anatomy.system, anatomy.history, anatomy.documents, anatomy.tools, anatomy.user, anatomy.frame
    would = against.nothing, against.cache, against.routing
    charged, duration = record.charged_micro_usd, round(record.duration_ms) if asked else 0
    return [int(asked), 0, int(hit), 0, 0, 0, 0, charged, 0, *parts, *would, duration, 0, 0, 0, 0]


def _spent(entry: AttemptEntry) -> Amounts:
    cost, wasted = entry.micro_usd, entry.micro_usd if is_wasted(entry) else 0
    tokens = entry.input_tokens, entry.cached_tokens, entry.output_tokens, entry.reasoning_tokens
    return [0, 1, 0, *tokens, cost, wasted, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def _sum(rows: Sequence[Amounts]) -> Amounts:
    return rows[0] if len(rows) == 1 else [sum(column) for column in zip(*rows, strict=True)]
