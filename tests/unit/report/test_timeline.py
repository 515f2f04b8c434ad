"""Series for charts: every hour of the window, and the same totals as the report on costs."""

import time

import pytest

from app.errors import InvalidRequest
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.ledger.rollups import DAY_S, HOUR_S, Span
from app.report.cost import cost_report
from app.report.timeline import timeline
from app.report.window import window_of
from tests.unit.ledger.made import entries, record
from tests.unit.report.test_cost import varied


@pytest.mark.parametrize(("since", "span"), [("30d", "day"), ("7d", "hour"), ("3d", "day"), ("2h", "hour")])
@pytest.mark.parametrize("limit", [1, 50])
async def test_series_sum_to_what_was_spent(
    posting: Posting, reader: LedgerReader, since: str, span: Span, limit: int
) -> None:
    """Also where some of them have no name."""
    await posting.post("spool", entries(varied()))
    window = window_of(since, "", time.time())
    measures = ["micro_usd", "requests", "cache_saved_micro_usd"]
    found = (await timeline(reader, "acme", ["feature", "tier"], window, span, measures, limit)).told()
    parts = [*found["series"], *([found["other"]] if found["other"] else [])]
    if span == "hour" or since == "30d":
        total = (await cost_report(reader, "acme", [], window)).told()["total"]
        for name in measures:
            assert sum(sum(part[name]) for part in parts) == total[name]
    assert len(found["series"]) <= limit
    assert {len(part[name]) for part in parts for name in measures} <= {len(found["starts"])}


async def test_an_hour_without_traffic_is_there_and_nothing(posting: Posting, reader: LedgerReader) -> None:
    """A chart of what is absent would lie."""
    now = (time.time() // HOUR_S) * HOUR_S + 600
    await posting.post(
        "spool", entries([record(now), record(now - 3 * HOUR_S), record(now - 3 * HOUR_S, tier="large")])
    )
    found = (await timeline(reader, "acme", [], window_of("5h", "", now), "hour", ["requests"])).told()
    assert found["series"] == [{"requests": [0, 0, 2, 0, 0, 1]}]
    assert len(found["starts"]) == 6
    assert found["other"] is None


@pytest.mark.parametrize("measures", [[], ["requests", "requests"], ["dollars"], ["outcomes"]])
async def test_measures_that_there_are_not_are_the_clients_fault(reader: LedgerReader, measures: list[str]) -> None:
    """As hours that are kept no more are."""
    window = window_of("1d", "", time.time())
    with pytest.raises(InvalidRequest):
        await timeline(reader, "acme", ["feature"], window, "hour", measures)
    old = window_of("20d", "", 30 * DAY_S + time.time())
    with pytest.raises(InvalidRequest):
        await timeline(reader, "acme", ["feature"], old, "hour", ["requests"])
