"""Records of requests: in the spool at once, in Redis soon, whatever Redis does meanwhile."""

import asyncio
import os
import signal
import time
from pathlib import Path

from app.config.gateway import StoreSpec
from app.config.recording import RecordingPolicy
from app.domain import Usage
from app.journey import Journey
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.ledger.record import Against, Anatomy, LedgerRecord
from app.ledger.recorder import Recorder
from app.ledger.spool import Spool
from app.store.client import Store, open_record_store, open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.unit.ledger.journeys import begin, end, ended, journey, recorder_of, whole
from tests.unit.ledger.made import total


async def test_a_request_leaves_its_record(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """All that is known of it; no word of its prompt."""
    recorder = recorder_of(store, tmp_path)
    made = journey(session="s", team="care")
    end(recorder, made, begin(recorder, made), cause="timeout", usage=Usage(10, 0, 0))
    end(recorder, made, begin(recorder, made, "large"), usage=Usage(10, 4, 5, 2))
    recorder.ended(made, ended())
    await recorder.flush()
    found = await reader.record("acme", made.request.id)
    assert found is not None
    assert [(each.role, each.outcome, each.cause) for each in found.attempts] == [
        ("retry", "failed", "timeout"),
        ("answer", "success", ""),
    ]
    assert (found.micro_usd, found.input_tokens, found.cached_tokens, found.output_tokens) == (10 + 200, 20, 4, 5)
    assert (found.attempts[1].reasoning_tokens, found.trace, found.replica, found.decided) == (
        2,
        "trace",
        "r1",
        "small",
    )
    assert (found.tier, found.served, found.reason, found.session, found.team) == (
        "large",
        "echo-large",
        "easy",
        "s",
        "care",
    )
    assert found.against == Against(210, 210, 210)
    assert b"SECRET" not in await store.command("HGET", *await page(store))


async def test_it_is_sent_by_itself_and_again_after_a_rest(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Soon, together."""
    recorder = recorder_of(store, tmp_path, delay_s=0.01)
    running = asyncio.ensure_future(recorder.run())
    for wanted in (3, 6):
        for _ in range(3):
            whole(recorder)
        assert await soon(reader, wanted)
    running.cancel()


async def test_a_description_comes_with_the_record(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Made beside the loop, in order; one that fails is left out; a shadow call is not described."""

    def describe(of: Journey, record: LedgerRecord) -> tuple[Anatomy, Against]:
        if of.request.caller.user == "bad":
            raise ValueError
        return Anatomy(user=record.input_tokens), Against(nothing=99)

    recorder = recorder_of(store, tmp_path, describe=describe)
    good, bad = whole(recorder), whole(recorder, user="bad")
    await recorder.flush()
    [one, other] = [await reader.record("acme", each.request.id) for each in (good, bad)]
    assert one
    assert other
    assert (one.anatomy, one.against) == (Anatomy(user=10), Against(nothing=99))
    assert (other.anatomy, other.against) == (Anatomy(), Against(20, 20, 20))


async def test_nothing_is_recorded_where_the_policy_says_so(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """From the next request on."""
    recorder = recorder_of(store, tmp_path)
    recorder.reconfigure(RecordingPolicy(enabled=False))
    whole(recorder)
    recorder.reconfigure(RecordingPolicy())
    whole(recorder)
    await recorder.flush()
    assert (await total(reader))["requests"] == 1


async def test_a_frozen_redis_delays_and_loses_nothing(tmp_path: Path) -> None:
    """It hangs in the middle of the sending, and comes back; each record counts once, and no request waited."""
    with EmbeddedRedis(tmp_path / "redis", port=free_port()) as server:
        store = open_record_store(server.url, StoreSpec(timeout_s=0.2))
        store._timeout_s = 0.2  # two seconds in production
        recorder = recorder_of(store, tmp_path / "spool", delay_s=0.01)
        running = asyncio.ensure_future(recorder.run())
        waits = []
        for number in range(120):
            started = time.perf_counter()
            whole(recorder)
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.005)
            if number == 40:
                os.kill(server.pid, signal.SIGSTOP)
            if number == 80:
                os.kill(server.pid, signal.SIGCONT)
        assert sorted(waits)[100] < 0.05  # it was frozen for 40 of them
        patient = await open_store(server.url, StoreSpec(timeout_s=5))
        assert await soon(LedgerReader(patient), 120)
        running.cancel()
        await recorder.close()
        assert files(tmp_path / "spool") == []
        await store.close()
        await patient.close()


async def test_an_absent_redis_costs_what_does_not_fit_and_says_so(tmp_path: Path) -> None:
    """Counted; what did fit is there for the next one who comes."""
    store, dropped = open_record_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec()), list[int]()
    spool = Spool(tmp_path, most_bytes=20_000)
    recorder = Recorder(spool, Posting(store), dropped=lambda: dropped.append(1))
    for _ in range(100):
        whole(recorder)
    await recorder.close(within_s=0.5)
    assert 60 < len(dropped) < 90
    assert spool.path.stat().st_size <= 20_000
    await store.close()


async def test_memory_does_not_grow_with_records(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Nothing is kept of what was sent, neither in memory nor in the file."""
    recorder = recorder_of(store, tmp_path, spool=lambda folder: Spool(folder, worth_bytes=50_000))
    for _ in range(40):
        for _ in range(100):
            whole(recorder)
        await recorder.flush()
    assert not recorder._described
    assert not recorder._waiting
    assert not recorder._spool._open
    assert recorder._spool.path.stat().st_size < 200_000
    assert (await total(reader))["requests"] == 4_000


async def test_a_fault_of_its_own_costs_the_record_never_the_request(store: Store, tmp_path: Path) -> None:
    """Counted as dropped."""
    dropped: list[int] = []
    recorder = recorder_of(store, tmp_path, dropped=lambda: dropped.append(1))
    broken = journey()
    broken.hit = "nonsense"  # type: ignore[assignment]
    recorder.ended(broken, ended())
    assert dropped == [1]


async def test_what_cannot_be_read_is_passed_over(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """And stops nothing behind it."""
    recorder = recorder_of(store, tmp_path)
    for _ in range(100):
        recorder._spool.append("r", b"\xc1 no record")
    whole(recorder)
    await recorder.flush()
    assert (await total(reader))["requests"] == 1


async def soon(reader: LedgerReader, requests: int) -> bool:
    """Whether so many are counted within seconds, and no more."""
    for _ in range(400):
        found = await total(reader)
        if found and found["requests"] >= requests:
            return found["requests"] == requests
        await asyncio.sleep(0.02)
    return False


def files(folder: Path) -> list[str]:
    """What lies in it."""
    return sorted(path.name for path in folder.iterdir())


async def page(store: Store) -> tuple[str, str]:
    """The page and the id of the only record."""
    stem = store.keys.ledger("acme")
    [minute] = await store.command("ZRANGE", stem + "pages", 0, -1)
    [name] = await store.command("HKEYS", f"{stem}page:{minute.decode()}")
    return f"{stem}page:{minute.decode()}", name.decode()
