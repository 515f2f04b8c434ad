"""A wall clock that jumps: back an hour, forward a day, and through the night in which a zone puts its clocks back."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from app.domain.request_id import new_request_id, time_of
from app.ledger.lost import Sweeper
from app.ledger.posting import LedgerScripts, Posting
from app.ledger.reading import LedgerReader, named
from app.ledger.rollups import DAY_S, HOUR_S
from app.report.cost import cost_report
from app.report.figures import measure
from app.report.window import instant, window_of
from app.store.client import Store
from tests.unit.ledger.journeys import begin, journey, recorder_of, whole
from tests.unit.ledger.made import entries, record, total
from tests.unit.ledger.test_lost import die, nothing
from tests.unit.ledger.test_posting import at

JUMPS = (0, -HOUR_S, DAY_S, DAY_S - 1, -60, 0)
NIGHTS = {"2026-10-25": ("+02:00", "+01:00"), "2026-03-29": ("+01:00", "+02:00")}
"""In Berlin the hour from two to three comes twice, or not at all."""


@dataclass
class Clock:
    """Seconds since 1970, as wrong as the test says."""

    off: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.off


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own zone."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_a_replicas_clock_costs_no_record(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Each is found by its id and counted once, in the hour that its id tells; it never took less than no time."""
    clock = Clock()
    recorder, names = recorder_of(store, tmp_path, clock=clock), list[str]()
    for clock.off in JUMPS:
        names += [whole(recorder, name=new_request_id(clock())).request.id for _ in range(20)]
        await recorder.flush()
    assert len(set(names)) == 20 * len(JUMPS)
    assert (await total(reader))["requests"] == 20 * len(JUMPS)
    for name in names:
        found = await reader.record("acme", name)
        assert found
        assert found.at == time_of(name)
        assert found.duration_ms >= 0


async def test_a_replica_that_dies_after_a_jump_is_swept(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """What it had sent before stays counted once, what had begun is told as lost."""
    clock = Clock()
    recorder = recorder_of(store, tmp_path, clock=clock)
    for clock.off in JUMPS:
        whole(recorder, name=new_request_id(clock()))
        begin(recorder, journey(new_request_id(clock())))
    await recorder.flush()
    whole(recorder)
    die(recorder)
    assert await Sweeper([tmp_path], Posting(store), nothing).sweep() == 1
    assert (await total(reader))["requests"] == 2 * len(JUMPS) + 1


async def test_the_clock_of_redis_may_jump_between_a_batch_and_its_repetition(store: Store) -> None:
    """A day forward and back: nothing counts twice, and no page goes that is younger than what is kept."""
    now = 2_000_000_000
    made = entries([record(now - HOUR_S), record(now)])
    for jump in JUMPS:
        await Posting(store, scripts=at(now + jump)).post("spool", made)
    reader = LedgerReader(store, LedgerScripts.load())
    cells = await reader.cells("acme", "feature", now - DAY_S, now + DAY_S)
    assert named(cells.by()[()])["requests"] == 2
    assert [each.id async for each in reader.records("acme", 0, 3e9)] == [each.record.id for each in made]


@pytest.mark.parametrize("night", NIGHTS)
async def test_no_hour_is_told_twice_in_a_night_of_two_or_of_none(
    berlin: None, posting: Posting, reader: LedgerReader, night: str
) -> None:
    """Hours and days are UTC's, whatever the machine's zone is: each has what came in it, and together all."""
    dawn = datetime.fromisoformat(f"{night}T00:00:00+00:00").timestamp()
    made = [record(dawn + minute * 60) for minute in range(-120, 240, 10)]
    await posting.post("spool", entries(made))
    hours = (await reader.cells("acme", "feature", dawn - 2 * HOUR_S, dawn + 4 * HOUR_S, "hour")).over_time()
    assert [named(each[()])["requests"] for each in hours.values()] == [6] * 6
    assert list(hours) == [dawn + hour * HOUR_S for hour in range(-2, 4)]


@pytest.mark.parametrize(("night", "offsets"), NIGHTS.items())
def test_a_window_that_names_its_zone_is_that_long(berlin: None, night: str, offsets: tuple[str, str]) -> None:
    """The same words on the clock, before it is moved and after, are an hour apart."""
    before, after = (instant(f"{night}T02:30:00{offset}", "since", 0) for offset in offsets)
    assert abs(after - before) == HOUR_S


async def test_reports_one_after_the_other_tell_all_of_it(posting: Posting, reader: LedgerReader) -> None:
    """Of records that were made while the clock jumped: each in one of the days, those to come too."""
    now = (time.time() // DAY_S) * DAY_S + DAY_S / 2
    made = [record(now + jump - number) for jump in JUMPS for number in range(10)]
    await posting.post("spool", entries(made))
    told = 0
    for day in range(-2, 3):
        since, later = now + (day - 0.5) * DAY_S, now + 4 * DAY_S
        window = window_of(_iso(since), _iso(since + DAY_S), later)
        report = await cost_report(reader, "acme", ["feature"], window, 10)
        told += measure(report.sums.total, "requests")
    assert told == len(made)
    open_one = await cost_report(reader, "acme", ["feature"], window_of("24h", "", now), 10)
    assert measure(open_one.sums.total, "requests") == 40


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s).astimezone().isoformat()
