from calendar import monthrange
from datetime import UTC, datetime, timedelta
from importlib import resources

import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import Window

SOURCE = (resources.files("app.budget") / "scripts" / "windows.lua").read_text()
PROBE = SOURCE + "local id, ends = window_at(tonumber(ARGV[1]), ARGV[2]) return {id, ends or -1}"

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2254, 12, 31)) | st.sampled_from(
    [
        datetime(2024, 2, 28, 23, 59, 59),
        datetime(2024, 2, 29),
        datetime(2024, 12, 31, 23, 59, 59),
        datetime(2100, 2, 28, 23, 59, 59),
        datetime(2000, 2, 29, 23, 59, 59),
        datetime(2026, 3, 29, 1, 0),
    ]
)


def expected(moment: datetime, window: Window) -> tuple[str, datetime]:
    """The window by Python's own calendar."""
    hour = moment.replace(minute=0, second=0)
    day = hour.replace(hour=0)
    if window is Window.MINUTE:
        return moment.strftime("%Y%m%dT%H%M"), moment.replace(second=0) + timedelta(minutes=1)
    if window is Window.HOUR:
        return moment.strftime("%Y%m%dT%H"), hour + timedelta(hours=1)
    if window is Window.DAY:
        return moment.strftime("%Y%m%d"), day + timedelta(days=1)
    days = monthrange(day.year, day.month)[1]
    return moment.strftime("%Y%m"), day.replace(day=1) + timedelta(days=days)


def test_windows_are_those_of_the_calendar(redis_url: str) -> None:
    """Ids and ends agree with Python's calendar, leap years and month ends included; `total` never ends."""
    with redis.Redis.from_url(redis_url) as client:

        @settings(max_examples=150, deadline=None)
        @given(MOMENTS, st.sampled_from([window for window in Window if window is not Window.TOTAL]))
        def agree(moment: datetime, window: Window) -> None:
            moment = moment.replace(microsecond=0, tzinfo=UTC)
            id_, ends = client.eval(PROBE, 0, str(int(moment.timestamp())), window)
            assert (id_.decode(), datetime.fromtimestamp(ends, UTC)) == expected(moment, window)

        agree()
        assert client.eval(PROBE, 0, "1700000000", "total") == [b"all", -1]
