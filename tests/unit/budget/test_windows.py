from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from app.budget.zones import offsets

SOURCE = (resources.files("app.budget") / "scripts" / "windows.lua").read_text()
PROBE = SOURCE + "return window_end(tonumber(ARGV[1]), tonumber(ARGV[2]), cmsgpack.unpack(ARGV[3]))"
MINUTE, HOUR, DAY, MONTH = -1, -2, -3, -4

ODD_ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/St_Johns",  # changed at a minute past midnight
    "America/Havana",  # no midnight in spring, two in autumn
    "America/Sao_Paulo",  # had no midnight in spring
    "Pacific/Apia",  # had no 2011-12-30
    "Asia/Kathmandu",  # 5:45
    "Africa/Casablanca",  # pauses summer time for Ramadan
    "UTC",
)
EDGES = (
    datetime(2026, 3, 29, 1),
    datetime(2026, 10, 25, 1),
    datetime(2024, 2, 28, 23, 59, 59),
    datetime(2024, 2, 29),
    datetime(2099, 12, 31, 23),
    datetime(2100, 2, 28, 23, 59, 59),
    datetime(2025, 10, 4, 15, 30),
    datetime(2011, 11, 6, 2, 31),
    datetime(2011, 12, 30, 10),
    datetime(2018, 11, 4, 3),
    datetime(2026, 3, 8, 5),
    datetime(2026, 11, 1, 5),
)
ZONES = st.sampled_from(ODD_ZONES) | st.sampled_from(sorted(available_timezones()))
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2200, 12, 31)) | st.builds(
    lambda edge, seconds: edge + timedelta(seconds=seconds), st.sampled_from(EDGES), st.integers(-90_000, 90_000)
)


def since_1970(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())


def shown(seconds: int, zone: ZoneInfo) -> datetime:
    """What the zone's clock shows."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=10_000)
def first(wanted: datetime, zone: ZoneInfo) -> int:
    """The first second at which the zone's clock shows `wanted` or later, by looking at it."""
    before = since_1970(wanted) - 27 * 3600
    while shown(before + 900, zone) < wanted:
        before += 900
    after = before + 900
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if shown(middle, zone) < wanted else (before, middle)
    return after


def expected(seconds: int, period: int, zone: ZoneInfo) -> int:
    """The end of the window by Python's own calendar."""
    now = shown(seconds, zone)
    if period >= HOUR:
        return _turn(seconds, zone, minutes=period == MINUTE)
    midnights: Iterator[datetime] = (now.replace(hour=0, minute=0, second=0) + timedelta(days) for days in range(64))
    return next(
        ends for each in midnights if (period == DAY or each.day == 1) and (ends := first(each, zone)) > seconds
    )


def _turn(seconds: int, zone: ZoneInfo, *, minutes: bool) -> int:
    """The next second at which the zone's clock turns, or is changed."""
    while True:
        was, now = shown(seconds, zone), shown(seconds + 1, zone)
        seconds += 1
        if now - was != timedelta(seconds=1) or (now.second == 0 and (minutes or now.minute == 0)):
            return seconds


@pytest.fixture(scope="module")
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_windows_are_those_of_the_calendar(client: redis.Redis) -> None:
    """Ends agree with Python's calendar in every zone: leap years, month ends, midnights skipped or twice."""

    @settings(max_examples=400, deadline=None)
    @given(MOMENTS, ZONES, st.sampled_from([DAY, MONTH, HOUR, MINUTE]))
    def agree(moment: datetime, zone: str, period: int) -> None:
        seconds = since_1970(moment)
        found = client.eval(PROBE, 0, seconds, period, msgspec.msgpack.encode(offsets(zone, seconds)))
        assert found == expected(seconds, period, ZoneInfo(zone))

    agree()


def test_the_clock_of_redis_chooses(client: redis.Redis) -> None:
    """A replica whose clock is wrong by half a year names the same windows."""
    zone = "Europe/Berlin"
    for lie in (-200, -30, 30, 200):
        for moment in EDGES[:2]:
            seconds = since_1970(moment)
            table = msgspec.msgpack.encode(offsets(zone, seconds + lie * 86_400))
            assert client.eval(PROBE, 0, seconds, DAY, table) == expected(seconds, DAY, ZoneInfo(zone))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_a_day_of_changed_clocks_is_shorter_or_longer(
    client: redis.Redis, day: tuple[int, int, int], hours: int
) -> None:
    """In Berlin a day in spring has 23 hours and one in autumn 25."""
    begin = int(datetime(*day, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    table = msgspec.msgpack.encode(offsets("Europe/Berlin", begin))
    assert {client.eval(PROBE, 0, second, DAY, table) for second in (begin, begin + hours * 3600 - 1)} == {
        begin + hours * 3600
    }


@settings(max_examples=300, deadline=None)
@given(MOMENTS, ZONES, st.integers(-390 * 86_400, 390 * 86_400))
def test_offsets_are_those_of_the_zone(moment: datetime, zone: str, away: int) -> None:
    """To the second, for more than a year on both sides."""
    now = since_1970(moment)
    table = offsets(zone, now)
    place = sum(2 for change in table[1::2] if change <= now + away)
    assert datetime.fromtimestamp(now + away, UTC).replace(tzinfo=None) + timedelta(seconds=table[place]) == shown(
        now + away, ZoneInfo(zone)
    )
