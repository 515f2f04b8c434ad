"""Which hours and days a report reads: as few sums as tell of the window that was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from app.config.prices import moment
from app.domain.durations import duration_s
from app.errors import InvalidRequest
from app.ledger.rollups import DAY_S, HOUR_S, KEEP_S, SPANS, Span

HOURS_S = KEEP_S["hour"] - DAY_S
"""How far back hours are read: a day less than they are kept, since each ends by itself."""
AT_ONCE = 8
"""Hours or days whose sums are in memory at one time."""


@dataclass(frozen=True, slots=True)
class Window:
    """[since, until), seconds since 1970, asked for at the time `now`."""

    since: float
    until: float
    now: float

    @property
    def is_open(self) -> bool:
        """Whether it goes on until now."""
        return self.until >= self.now


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole hours or days on end: [since, until), seconds since 1970."""

    span: Span
    since: int
    until: int

    def parts(self) -> Iterator["Stretch"]:
        """The same, `AT_ONCE` hours or days at a time."""
        step = AT_ONCE * SPANS[self.span]
        for since in range(self.since, self.until, step):
            yield Stretch(self.span, since, min(since + step, self.until))


def window_of(since: str, until: str, now: float) -> Window:
    """`7d` is so long ago, else an ISO date or time, in UTC unless it names its zone; no `until` is `now`.

    Cut to what the ledger keeps, 400 days. Raises `InvalidRequest`.
    """
    first, last = instant(since, "since", now), instant(until, "until", now) if until else now
    first, last = max(first, now - KEEP_S["day"]), min(last, now)
    if first >= last:
        raise InvalidRequest("since must be before until, and within the last 400 days", "since")
    return Window(first, last, now)


def instant(text: str, name: str, now: float) -> float:
    """Seconds since 1970. Raises `InvalidRequest`, naming `name`."""
    try:
        return now - duration_s(text)
    except ValueError:
        pass
    try:
        return moment(text)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{name} must be like 7d or 24h, or an ISO date or time", name) from error


def stretches(window: Window) -> list[Stretch]:
    """The days of the window, and hours where it begins or ends within a day and they are still kept."""
    first, last = covered(window)
    morning, evening = _ceil(first, DAY_S), _floor(last, DAY_S)
    if window.is_open and morning < last:  # nothing is booked beyond now: today's sums are those of its hours until now
        found = [Stretch("hour", first, morning), Stretch("day", morning, _ceil(last, DAY_S))]
    elif morning > evening:
        found = [Stretch("hour", first, last)]
    else:
        ends = Stretch("hour", first, morning), Stretch("hour", evening, last)
        found = [ends[0], Stretch("day", morning, evening), ends[1]]
    return [each for each in found if each.since < each.until]


def covered(window: Window) -> tuple[int, int]:
    """What those tell of, in whole hours or days."""
    first = _floor(window.since, HOUR_S if _has_hours(window.since, window.now) else DAY_S)
    if window.is_open:
        return first, _floor(window.now, HOUR_S) + HOUR_S
    return first, _ceil(window.until, HOUR_S if _has_hours(window.until, window.now) else DAY_S)


def spans_of(window: Window, span: Span) -> Stretch:
    """All of it in hours or in days. Raises `InvalidRequest` for hours that are no more."""
    if span == "hour" and not _has_hours(window.since, window.now):
        raise InvalidRequest("hours are kept for a week: ask for days, or for a later since", "span")
    first, last = covered(window)
    return Stretch(span, _floor(first, SPANS[span]), _ceil(last, SPANS[span]))


def iso(at: float) -> str:
    """Seconds since 1970, for people; to the millisecond where that is not all zeros."""
    found = datetime.fromtimestamp(at, UTC)
    exact = "milliseconds" if found.microsecond else "seconds"
    return found.isoformat(timespec=exact).replace("+00:00", "Z")


def _has_hours(at: float, now: float) -> bool:
    return now - at <= HOURS_S + HOUR_S


def _floor(at: float, length: int) -> int:
    return int(at // length) * length


def _ceil(at: float, length: int) -> int:
    return -int(-at // length) * length
