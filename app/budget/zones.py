"""A time zone as the ledger's scripts read it: its offsets from UTC, for the clock of Redis to choose from."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
REACH_DAYS = 400
"""On both sides of a replica's own day: a month's window from end to end, and clocks that lie by most of a year."""
STEP_DAYS = 7
"""No zone of the IANA database changed twice in a week and back within the last decades."""

Offsets = tuple[int, ...]


def offsets(zone: str, now: float) -> Offsets:
    """`(offset, change, offset, …, offset)`: seconds east of UTC, and the seconds since 1970 when the next one holds.

    `now` is a replica's clock, seconds since 1970. Raises ZoneInfoNotFoundError.
    """
    return (0,) if zone == "UTC" else _around(zone, int(now // DAY_S))


@lru_cache(maxsize=1_024)
def _around(zone: str, day: int) -> Offsets:
    """A day's look at the clock costs 0.2 ms, once."""
    where = ZoneInfo(zone)
    before = (day - REACH_DAYS) * DAY_S
    found = [_offset(where, before)]
    for later in range(before + STEP_DAYS * DAY_S, (day + REACH_DAYS) * DAY_S, STEP_DAYS * DAY_S):
        if _offset(where, later) != found[-1]:
            found += [_change(where, later - STEP_DAYS * DAY_S, later), _offset(where, later)]
    return tuple(found)


def _change(where: ZoneInfo, before: int, after: int) -> int:
    """The first second of the new offset."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(where, middle) == _offset(where, before):
            before = middle
        else:
            after = middle
    return after


def _offset(where: ZoneInfo, seconds: int) -> int:
    away = datetime.fromtimestamp(seconds, UTC).astimezone(where).utcoffset()
    return int(away.total_seconds()) if away is not None else 0
