"""Which hours and days a report reads."""

from itertools import pairwise

import pytest

from app.errors import InvalidRequest
from app.ledger.rollups import DAY_S, HOUR_S
from app.report.window import Stretch, Window, covered, instant, iso, spans_of, stretches, window_of

NOON = 20_000 * DAY_S + 12 * HOUR_S
"""Of some day."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", NOON - 7 * DAY_S),
        ("90m", NOON - 5_400),
        ("3600", NOON - HOUR_S),
        ("1970-01-02", DAY_S),
        ("1970-01-02T00:00:00Z", DAY_S),
        ("1970-01-02T02:00:00+02:00", DAY_S),
        ("1970-01-02T00:00:00", DAY_S),
    ],
)
def test_an_instant_is_so_long_ago_or_a_date_or_a_time(text: str, seconds: float) -> None:
    """In UTC, unless it says otherwise."""
    assert instant(text, "since", NOON) == seconds


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("soon", ""),
        ("", ""),
        ("7w", ""),
        ("-1d", ""),
        ("2026-13-01", ""),
        ("1d", "2d"),
        ("2999-01-01", ""),
        ("1d", "later"),
        ("500d", "450d"),
        ("9" * 400, ""),
        ("0001-01-01T00:00:00+23:59", "x"),
        ("７d", ""),
    ],
)
def test_a_wrong_window_is_the_clients_fault(since: str, until: str) -> None:
    """It names what is wrong."""
    with pytest.raises(InvalidRequest) as caught:
        window_of(since, until, NOON)
    assert caught.value.param in {"since", "until"}


@pytest.mark.parametrize("since", ["20m", "5h", "12h", "13h", "36h", "3d", "7d", "9d", "30d", "400d"])
@pytest.mark.parametrize("until", ["", "10m", "1h", "12h", "30h", "2d", "8d", "29d"])
@pytest.mark.parametrize("now", [NOON + 0.5, NOON, NOON - 12 * HOUR_S, NOON + 12 * HOUR_S - 1])
def test_stretches_cover_the_window_once_and_without_a_gap(since: str, until: str, now: float) -> None:
    """Whole hours and days, none older than it is kept, and no wider than they have to be."""
    try:
        window = window_of(since, until, now)
    except InvalidRequest:
        return
    found = stretches(window)
    assert all(one.until == other.since for one, other in pairwise(found))
    assert found[0].since <= window.since
    assert found[-1].until >= window.until
    assert found[0].since > window.since - (HOUR_S if now - window.since <= 7 * DAY_S else DAY_S)
    for each in found:
        length = DAY_S if each.span == "day" else HOUR_S
        assert each.since % length == each.until % length == 0
        assert each.span == "day" or now - each.since <= 7 * DAY_S + 2 * HOUR_S
    assert sum((each.until - each.since) // HOUR_S for each in found if each.span == "hour") <= 2 * 23
    first, last = covered(window)
    assert first == found[0].since
    assert window.until <= last <= found[-1].until
    if not window.is_open:
        assert last == found[-1].until


def test_a_record_of_this_very_second_is_covered() -> None:
    """Also where an hour begins now."""
    assert stretches(Window(NOON - HOUR_S, NOON, NOON)) == [Stretch("hour", NOON - HOUR_S, NOON + HOUR_S)]


def test_hours_that_are_no_more_are_not_told_as_nothing() -> None:
    """Days are."""
    with pytest.raises(InvalidRequest):
        spans_of(window_of("9d", "", NOON), "hour")
    assert spans_of(window_of("9d", "", NOON), "day").until == NOON + 12 * HOUR_S


def test_times_are_told_in_utc() -> None:
    """To the millisecond where that tells something."""
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1.25) == "1970-01-01T00:00:01.250Z"
