"""Booking on a real Redis: exactly once, in pages and sums, within bounds."""

import asyncio
import time

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from app.config.gateway import StoreSpec
from app.config.recording import RecordingPolicy
from app.ledger.posting import LedgerScripts, Posting
from app.ledger.reading import LedgerReader, named
from app.ledger.record import Against, Anatomy, AttemptEntry
from app.ledger.rollups import MEASURES, VIEWS
from app.store.client import Store, open_store
from tests.unit.ledger.made import ENTRY, day, entries, record, total


async def test_a_record_is_found_by_its_id_and_counted_once_in_every_view(
    posting: Posting, reader: LedgerReader
) -> None:
    """Whole as it was, and its sums in hours and days."""
    one = record(anatomy=Anatomy(1, 2, 3, 4, 5, 6), against=Against(90, 80, 70))
    await posting.post("spool", entries([one]))
    assert await reader.record("acme", one.id) == one
    assert await reader.record("rival", one.id) is None
    for view in ("feature", "user", "team", "model"):
        found = await total(reader, view)
        wanted = {"requests": 1, "attempts": 1, "input_tokens": 10, "output_tokens": 5, "micro_usd": 20}
        parts = {"system_tokens": 1, "frame_tokens": 6, "nothing_micro_usd": 90, "routing_micro_usd": 70}
        assert {name: found[name] for name in wanted | parts} == wanted | parts
    hours = await reader.cells("acme", "feature", one.at, one.at + 1, "hour")
    assert hours.values == [("faq", "small", "miss", "")]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), max_size=12),
    tenants=st.lists(st.sampled_from(["a", "b", "c"]), min_size=12, max_size=12),
)
def test_whatever_is_sent_again_counts_once(clean_redis: str, cuts: list[tuple[int, int]], tenants: list[str]) -> None:
    """Any batches of one spool, overlapping and repeated, as long as each begins where some batch before it ended."""

    async def check() -> None:
        store = await open_store(clean_redis, StoreSpec(timeout_s=5))
        await store.command("FLUSHALL")
        posting, reader = Posting(store), LedgerReader(store)
        everything = entries([record(tenant=tenant) for tenant in tenants])
        reached = 0
        for start, length in cuts:
            begin = min(start, reached)
            await posting.post("spool", everything[begin : begin + length])
            reached = max(reached, min(begin + length, len(everything)))
        await posting.post("spool", everything[min(reached, len(everything) - 1) :])
        for tenant in set(tenants):
            found = await total(reader, tenant=tenant)
            assert found["requests"] == tenants.count(tenant)
            assert found["micro_usd"] == 20 * tenants.count(tenant)
        await store.close()

    asyncio.run(check())


async def test_two_recorders_at_once_lose_and_double_nothing(posting: Posting, reader: LedgerReader) -> None:
    """Each has a spool of its own; the same spool sent by two at once (its replica and a sweep) counts once, too."""
    one, other = entries([record() for _ in range(150)]), entries([record() for _ in range(150)])
    await asyncio.gather(
        posting.post("one", one), posting.post("other", other), posting.post("one", one), posting.post("other", other)
    )
    assert (await total(reader))["requests"] == 300
    assert len([each async for each in reader.records("acme", 0, time.time() + 60)]) == 300


async def test_views_agree_on_every_total(posting: Posting, reader: LedgerReader) -> None:
    """Retries, drafts, hits that are priced, shadows and failures: each once, whichever way it is cut."""
    retry = AttemptEntry("small", "small/echo", "m", "retry", "failed", "timeout", input_tokens=3, micro_usd=4)
    draft = AttemptEntry("small", "small/echo", "m", "draft", input_tokens=7, output_tokens=1, micro_usd=9)
    shadow = AttemptEntry("large", "large/echo", "m", "shadow", input_tokens=2, output_tokens=2, micro_usd=60)
    made = [
        record(attempts=(retry, draft, ENTRY)),
        record(attempts=(), cache="exact", charged_micro_usd=5, backend=""),
        record(attempts=(shadow,)),
        record(attempts=(retry,), outcome="failed", cause="timeout"),
        record(attempts=(), outcome="failed", cause="stopped"),
        record(attempts=(AttemptEntry("small", "small/echo", "m", outcome="failed", micro_usd=8),), outcome="failed"),
    ]
    await posting.post("spool", entries(made))
    found = [await total(reader, view) for view in ("feature", "user", "team", "model")]
    assert all(each == found[0] for each in found)
    assert found[0]["micro_usd"] == sum(each.micro_usd for each in made) == 4 + 9 + 20 + 5 + 60 + 4 + 8
    assert (found[0]["requests"], found[0]["attempts"], found[0]["hits"]) == (5, 6, 1)
    assert found[0]["wasted_micro_usd"] == 4 + 9 + 4 + 8
    roles = (await day(reader, "model")).by("role")
    assert int(roles[("shadow",)][MEASURES.index("micro_usd")]) == 60


async def test_cells_are_bounded_and_totals_stay_exact(store: Store, reader: LedgerReader) -> None:
    """Users without number: the first have a cell each, all the others one together; a known one is known still."""
    posting = Posting(store, bounds={**dict.fromkeys(VIEWS, 1_000), "user": 50})
    made = [record(user=f"user-{number}", feature=f"f{number % 3}") for number in range(3_000)]
    await posting.post("spool", entries([*made, record(user="user-0", feature="f0")]))
    cells = await day(reader, "user")
    assert len(cells.values) == 51
    sums = cells.by("user")
    assert named(sums[("other",)])["requests"] == 2_950
    assert named(sums[("user-0",)])["requests"] == 2
    assert named(cells.by()[()])["micro_usd"] == 3_001 * 20
    assert named((await day(reader)).by()[()])["requests"] == 3_001


async def test_names_are_only_names(posting: Posting, reader: LedgerReader) -> None:
    """Braces, colons, formulas, markup, control characters, nothing at all, and what is not text."""
    names = ["{x}", "a:b:*", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\0\n\r", "", "other", "名", "a" * 128]
    await posting.post("spool", entries([record(feature=name, user=name, tenant="{evil}:x") for name in names]))
    cells = await day(reader, "user", "{evil}:x")
    assert set(cells.values) == {(name, name) for name in names}
    assert await total(reader, tenant="evil") == {}


async def test_old_pages_go_and_sums_stay(store: Store) -> None:
    """By age, by the clock of Redis; what comes too late for a page still counts in its day."""
    now = 2_000_000_000
    posting = Posting(store, scripts=at(now))
    await posting.post("spool", entries([record(now - 60), record(now)]))
    later = Posting(store, scripts=at(now + 8 * 86_400))
    reader = LedgerReader(store)
    await later.post("other", entries([record(now + 8 * 86_400), record(now - 30)]))
    assert [each.at async for each in reader.records("acme", 0, 3e9)] == [now + 8 * 86_400]
    assert named((await day(reader, at=now)).by()[()])["requests"] == 3
    assert await store.command("HGET", store.keys.ledger("acme") + "sizes", "all") == b"1"


async def test_the_oldest_pages_go_where_there_are_too_many_records(store: Store, reader: LedgerReader) -> None:
    """Whole pages, never the newest; the count of what is left is right."""
    posting, now = Posting(store), time.time()
    posting.policy = RecordingPolicy(most_records=1_000)
    made = [record(now - 60 * minute) for minute in range(9, -1, -1) for _ in range(200)]
    await posting.post("spool", entries(made))
    left = [each async for each in reader.records("acme", 0, now + 60)]
    assert len(left) == 1_000
    assert left == [each for each in sorted(made, key=lambda each: each.id) if each.at >= left[0].at]
    assert await store.command("HGET", store.keys.ledger("acme") + "sizes", "all") == b"1000"
    assert (await total(reader))["requests"] == 2_000


async def test_a_clock_that_jumps_loses_nothing(posting: Posting, reader: LedgerReader) -> None:
    """A replica's clock, years ahead or behind: its records lie where their ids say, and displace no others."""
    now = time.time()
    made = [record(now), record(now + 5 * 365 * 86_400), record(now), record(86_400.0)]
    await posting.post("spool", entries(made))
    assert await reader.record("acme", made[0].id) == made[0]
    assert await reader.record("acme", made[1].id) == made[1]
    assert named((await day(reader, at=86_400.0 * 3 / 2)).by()[()])["requests"] == 1
    assert (await total(reader))["requests"] == 2
    assert [each.id async for each in reader.records("acme", now - 1, now + 1)] == sorted([made[0].id, made[2].id])


async def test_newest_and_windows(posting: Posting, reader: LedgerReader) -> None:
    """Newest first, page by page; a window leaves out what is beside it."""
    now = time.time()
    made = [record(now - 20 * number) for number in range(30)]
    await posting.post("spool", entries(made))
    ids = [each.id for each in made]
    assert [each.id for each in await reader.newest("acme", 10)] == ids[:10]
    assert [each.id for each in await reader.newest("acme", 25, before=ids[9])] == ids[10:]
    inside = [each.id async for each in reader.records("acme", now - 200, now - 100)]
    assert inside == [each for each in reversed(ids) if now - 200 <= made[ids.index(each)].at < now - 100]


def at(seconds: int) -> LedgerScripts:
    """The scripts by a clock that stands."""
    return LedgerScripts.load(f"local function now_us() return {seconds * 1_000_000} end")
