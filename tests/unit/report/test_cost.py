"""Costs by dimensions: the rows and the rest are the whole, and so are the parts of what was saved."""

import random
import time

import pytest

from app.errors import InvalidRequest
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.ledger.record import Against, AttemptEntry, LedgerRecord
from app.ledger.rollups import DAY_S
from app.report.cost import CostReport, cost_report
from app.report.figures import FIGURES
from app.report.sums import Summing, summed
from app.report.window import stretches, window_of
from tests.unit.ledger.made import ENTRY, entries, record

ANSWER = AttemptEntry("small", "small/a", "m", input_tokens=100, output_tokens=10, micro_usd=120)
RETRIED = AttemptEntry("small", "small/b", "m", "retry", "failed", "timeout", "timeout", 100, micro_usd=100)
DRAFT = AttemptEntry("small", "small/a", "m", "draft", micro_usd=7)


def varied(number: int = 200) -> list[LedgerRecord]:
    """Of the last 30 days, by several features, tiers and users; some saved, some lost."""
    drawn = random.Random(6)
    found = []
    for _ in range(number):
        attempts = tuple(drawn.sample([ANSWER, RETRIED, DRAFT], drawn.randint(1, 3)))
        said = {"feature": f"f{drawn.randrange(5)}", "tier": drawn.choice(["small", "large"])}
        against = Against(*(drawn.randrange(500) for _ in range(3)))
        at = time.time() - drawn.random() * 29 * DAY_S
        found.append(record(at, attempts=attempts, user=f"u{drawn.randrange(9)}", against=against, **said))
    return found


async def report(reader: LedgerReader, by: str = "feature", limit: int = 100, since: str = "30d") -> CostReport:
    """Of `acme`, until now."""
    dimensions = by.split(",") if by else []
    return await cost_report(reader, "acme", dimensions, window_of(since, "", time.time()), limit)


@pytest.mark.parametrize(
    "by", ["", "feature", "tier,feature", "cache,cause", "user", "user,feature", "team", "role,backend", "model,cause"]
)
@pytest.mark.parametrize("limit", [3, 1000])
async def test_the_total_is_the_sum_of_the_rows_and_of_all_records(
    posting: Posting, reader: LedgerReader, by: str, limit: int
) -> None:
    """By any dimensions, also where rows are left out."""
    records = varied()
    await posting.post("spool", entries(records))
    found = (await report(reader, by, limit)).told()
    parts = [*found["rows"], *([found["other"]] if found["other"] else [])]
    assert len(found["rows"]) <= limit
    for name in FIGURES:
        assert sum(part[name] for part in parts) == found["total"][name], name
    assert found["total"]["micro_usd"] == sum(each.micro_usd for each in records)
    assert found["total"]["requests"] == len(records)
    costs = [row["micro_usd"] for row in found["rows"]]
    assert costs == sorted(costs, reverse=True)


async def test_what_was_saved_is_the_sum_of_its_parts(posting: Posting, reader: LedgerReader) -> None:
    """Of the whole and of each row, also where a part is a loss."""
    records = varied()
    await posting.post("spool", entries(records))
    found = (await report(reader)).told()
    saved = found["savings"]
    parts = saved["cache_micro_usd"] + saved["routing_micro_usd"] + saved["limits_micro_usd"]
    assert parts == saved["saved_micro_usd"] == saved["nothing_micro_usd"] - saved["micro_usd"]
    assert saved["cache_micro_usd"] == sum(each.against.nothing - each.against.cache for each in records)
    for row in found["rows"]:
        parts = sum(row[f"{name}_saved_micro_usd"] for name in ("cache", "routing", "limits"))
        assert parts == row["nothing_micro_usd"] - row["micro_usd"]


async def test_waste_is_told_by_role_and_cause(posting: Posting, reader: LedgerReader) -> None:
    """The causes of attempts: the request itself ended well. What cost nothing is told too, what was given is not."""
    free = AttemptEntry("small", "small/b", "m", "retry", "failed", "connection", "unavailable")
    lost = AttemptEntry("small", "small/b", "m", "answer", "failed", "client_left", "client_left", micro_usd=5)
    both = [record(attempts=(RETRIED, free, DRAFT, ANSWER)), record(attempts=(lost,)), record()]
    await posting.post("spool", entries(both))
    found = (await report(reader)).told()
    told = {(each["role"], each["cause"]): (each["attempts"], each["wasted_micro_usd"]) for each in found["waste"]}
    assert told == {
        ("retry", "timeout"): (1, 100),
        ("retry", "connection"): (1, 0),
        ("draft", ""): (1, 7),
        ("answer", "client_left"): (1, 5),
    }
    assert sum(cost for _, cost in told.values()) == found["total"]["wasted_micro_usd"]


async def test_hours_at_the_ends_of_a_window_count_once(posting: Posting, reader: LedgerReader) -> None:
    """What came before the hour in which a window begins is not in it."""
    now = time.time()
    old, new = record(now - 2 * DAY_S - 3_601), record(now - 2 * DAY_S + 1)
    await posting.post("spool", entries([old, new, record(now)]))
    found = await report(reader, "", since="2d")
    assert found.told()["total"]["requests"] == 2
    window = window_of("3d", "36h", now)
    assert (await cost_report(reader, "acme", (), window)).told()["total"]["requests"] == 2


async def test_without_traffic_all_is_nothing(reader: LedgerReader) -> None:
    """No error, and no row."""
    found = (await report(reader, "feature,tier")).told()
    assert (found["rows"], found["other"], found["waste"]) == ([], None, [])
    assert set(found["total"].values()) == {0}


async def test_of_another_tenant_nothing_is_told(posting: Posting, reader: LedgerReader) -> None:
    """Whatever its name looks like."""
    await posting.post("spool", entries([record(tenant="rival"), record(tenant="acme}:x")]))
    assert (await report(reader)).told()["total"]["requests"] == 0


@pytest.mark.parametrize("by", ["session", "feature,backend", "feature,feature", "Feature", "user,tier"])
async def test_dimensions_that_no_view_has_are_the_clients_fault(reader: LedgerReader, by: str) -> None:
    """It names what there is."""
    with pytest.raises(InvalidRequest, match="by"):
        await report(reader, by)


async def test_users_without_end_take_no_memory_without_end(posting: Posting, reader: LedgerReader) -> None:
    """The dearest are told apart; the total stays right."""
    records = [record(user=f"u{number}", attempts=(ENTRY,) * (1 + number // 90)) for number in range(100)]
    await posting.post("spool", entries(records))
    of = stretches(window_of("1d", "", time.time()))
    cells = await reader.cells("acme", "user", of[0].since, of[-1].until)
    found = Summing(most=10)
    for _ in range(3):
        found.add(cells.by("user"))
        assert len(found._groups) <= 20
    sums = found.result(5)
    assert len(sums.rows) == 5
    assert sums.rest
    assert all(int(row.values[0].removeprefix("u")) >= 90 for row in sums.rows)
    whole = await summed(reader, "acme", "user", (), of)
    assert sums.total.tolist() == (3 * whole.total).tolist()
    assert (sum(row.sums for row in sums.rows) + sums.rest.sums).tolist() == sums.total.tolist()
