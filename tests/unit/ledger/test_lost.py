"""Spools of dead replicas: booked by whoever finds them, and what had begun is not forgotten."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from app.domain import Amounts, MicroUsd, Usage
from app.domain.request_id import new_request_id
from app.ledger.lost import Sweeper
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader, named
from app.ledger.recorder import Recorder
from app.ledger.spool import Spool, dead_spools
from app.store.client import Store
from tests.unit.ledger.journeys import begin, end, ended, journey, recorder_of, whole
from tests.unit.ledger.made import day, total
from tests.unit.ledger.test_recorder import files

ROOT = Path(__file__).parents[3]

REPLICA = """
import asyncio, sys
from pathlib import Path
from app.config.gateway import StoreSpec
from app.store.client import open_store
from tests.unit.ledger.journeys import begin, recorder_of, journey, whole

async def main():
    store = await open_store(sys.argv[1], StoreSpec(timeout_s=5))
    recorder = recorder_of(store, Path(sys.argv[2]), delay_s=0.001)
    running = asyncio.ensure_future(recorder.run())
    for number in range(100_000):
        whole(recorder)
        begin(recorder, journey())
        print(number, flush=True)
        await asyncio.sleep(0.001)

asyncio.run(main())
"""


def killed(command: list[str]) -> int:
    """Run it, kill it after a while: the last number that it told."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        done = next(int(line) for line in lines if int(line) >= 150)
        process.send_signal(signal.SIGKILL)
        return max([done, *(int(line) for line in lines if line.strip())])


async def nothing(_tenant: str, _request_id: str) -> Amounts | None:
    """Nobody limits anything."""
    return None


async def test_a_killed_replicas_requests_count_once(
    store: Store, reader: LedgerReader, clean_redis: str, tmp_path: Path
) -> None:
    """SIGKILL while it sends: what it had told is booked by two who sweep at once, each once; what it had begun too."""
    command = [sys.executable, "-c", REPLICA, clean_redis, str(tmp_path)]
    done = await asyncio.to_thread(killed, command)
    sweepers = [Sweeper([tmp_path], Posting(store), nothing) for _ in range(2)]
    swept = await asyncio.gather(*(each.sweep() for each in sweepers))
    found = await total(reader)
    assert sum(swept) == 1
    assert files(tmp_path) == []
    records = [each async for each in reader.records("acme", 0, 1e10)]
    lost = [each for each in records if each.cause == "lost"]
    assert len(records) - len(lost) in {done + 1, done + 2}
    assert len(lost) in {done + 1, done + 2}
    assert (found["requests"], found["micro_usd"]) == (len(records), sum(each.micro_usd for each in records))
    assert (await lost_of(reader))["requests"] == len(lost)


async def test_a_lost_request_cost_what_was_held(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Less what its earlier attempts had spent; without a reservation, its input by estimate; ended, exactly."""
    recorder = recorder_of(store, tmp_path)
    limited, free, over = journey(), journey(), journey()
    end(recorder, limited, begin(recorder, limited), cause="5xx", usage=Usage(10, 0, 1))
    begin(recorder, limited, "large")
    begin(recorder, free)
    end(recorder, over, begin(recorder, over))
    die(recorder)

    async def held(tenant: str, request_id: str) -> Amounts | None:
        assert tenant == "acme"
        return Amounts(30, 41, MicroUsd(500)) if request_id == limited.request.id else None

    await Sweeper([tmp_path], Posting(store), held).sweep()
    [one, two, three] = [await reader.record("acme", each.request.id) for each in (limited, free, over)]
    assert one
    assert two
    assert three
    assert [(each.role, each.cause) for each in one.attempts] == [("retry", "server_error"), ("answer", "lost")]
    assert (one.input_tokens, one.output_tokens, one.micro_usd, one.estimated) == (30, 41, 500, True)
    assert (two.input_tokens, two.output_tokens, two.micro_usd, two.estimated) == (7, 0, 7, True)
    assert (three.input_tokens, three.output_tokens, three.micro_usd, three.estimated) == (10, 5, 20, False)
    assert {each.cause for each in (one, two, three)} == {"lost"}
    assert one.against.nothing == one.against.routing == 500


async def test_a_request_that_only_was_planned(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Where something is held, that is one attempt; where nothing is, none; a shadow call that was not made, nothing.

    What was planned behind an answer that is there takes nothing from it.
    """
    recorder = recorder_of(store, tmp_path)
    limited, free, drafted = journey(), journey(), journey()
    shadow, paid = (journey(f"{new_request_id()}-shadow") for _ in range(2))
    for each in (limited, free):
        recorder.planned(each, "large")
    for each in (shadow, paid):
        recorder.planned(each, "large", shadow=True)
    recorder.planned(drafted, "small")
    end(recorder, drafted, begin(recorder, drafted))
    recorder.planned(drafted, "large")
    die(recorder)

    async def held(_tenant: str, request_id: str) -> Amounts | None:
        return Amounts(30, 41, MicroUsd(500)) if request_id in {limited.request.id, paid.request.id} else None

    await Sweeper([tmp_path], Posting(store), held).sweep()
    [one, two, three, four, five] = [
        await reader.record("acme", each.request.id) for each in (limited, free, drafted, shadow, paid)
    ]
    assert one
    assert two
    assert three
    assert five
    [entry] = one.attempts
    assert (entry.tier, entry.backend, entry.role, entry.outcome, entry.cause) == (
        "large",
        "",
        "answer",
        "failed",
        "lost",
    )
    assert (one.tier, one.input_tokens, one.output_tokens, one.micro_usd, one.estimated) == ("large", 30, 41, 500, True)
    assert (two.tier, two.attempts, two.micro_usd, two.cause, two.estimated) == ("", (), 0, "lost", False)
    assert [(each.tier, each.role, each.micro_usd) for each in three.attempts] == [("small", "answer", 20)]
    assert four is None
    assert [(each.role, each.micro_usd) for each in five.attempts] == [("shadow", 500)]
    found = await total(reader)
    assert (found["requests"], found["attempts"], found["micro_usd"]) == (3, 3, 1020)
    assert (await total(reader, "model"))["requests"] == 3


async def test_what_is_still_held_was_spent_by_the_last_attempt(
    store: Store, reader: LedgerReader, tmp_path: Path
) -> None:
    """Though it was over: the budget takes all of it, and the two say the same."""
    recorder = recorder_of(store, tmp_path)
    made = journey()
    end(recorder, made, begin(recorder, made), cause="5xx", usage=Usage(10, 0, 1))
    end(recorder, made, begin(recorder, made))
    die(recorder)

    async def held(_tenant: str, request_id: str) -> Amounts | None:
        return Amounts(30, 41, MicroUsd(500)) if request_id == made.request.id else None

    await Sweeper([tmp_path], Posting(store), held).sweep()
    found = await reader.record("acme", made.request.id)
    assert found
    assert [(each.output_tokens, each.cause) for each in found.attempts] == [(1, "server_error"), (40, "")]
    assert (found.input_tokens, found.output_tokens, found.micro_usd, found.estimated) == (30, 41, 500, True)


async def test_a_request_that_found_no_room_begins_with_its_next_attempt(
    store: Store, reader: LedgerReader, tmp_path: Path
) -> None:
    """Only its end is missed, once, if that finds no room either."""
    dropped: list[int] = []
    spool = Spool(tmp_path, most_bytes=3_000, worth_bytes=1)
    recorder = Recorder(spool, Posting(store), dropped=lambda: dropped.append(1))
    while spool.append("other", b"x" * 100):
        pass
    late, missed = journey(), journey()
    for each in (late, missed):
        recorder.planned(each, "small")
        end(recorder, each, begin(recorder, each), cause="5xx", usage=Usage(10, 0, 1))
    assert dropped == []
    recorder.ended(missed, ended())
    assert dropped == [1]
    await recorder.flush()
    begin(recorder, late, "large")
    die(recorder)
    await Sweeper([tmp_path], Posting(store), nothing).sweep()
    found = await reader.record("acme", late.request.id)
    assert found
    assert [(each.role, each.cause) for each in found.attempts] == [("retry", "server_error"), ("answer", "lost")]
    assert dropped == [1]


async def test_a_shadow_call_without_an_attempt_leaves_nothing(
    store: Store, reader: LedgerReader, tmp_path: Path
) -> None:
    """Neither a record nor a request that is never over."""
    recorder = recorder_of(store, tmp_path)
    refused = journey(f"{new_request_id()}-shadow")
    recorder.planned(refused, "large", shadow=True)
    assert recorder._spool._open
    recorder.ended(refused, replace(ended("budget_exceeded"), shadow=True))
    assert not recorder._spool._open
    die(recorder)
    await Sweeper([tmp_path], Posting(store), nothing).sweep()
    assert await total(reader) == {}


async def test_a_sweep_that_was_broken_off_is_ended_by_another(
    store: Store, reader: LedgerReader, tmp_path: Path
) -> None:
    """The store went away in the middle of it: nothing is lost, nothing counts twice."""
    recorder = recorder_of(store, tmp_path)
    for _ in range(200):
        whole(recorder)
    begin(recorder, journey())
    die(recorder)
    posting = Posting(store)
    [dead] = list(map_entries(tmp_path))
    await posting.post(dead, [])

    class Failing(Posting):
        async def post(self, spool: str, entries: object) -> None:
            await super().post(spool, entries)  # type: ignore[arg-type]
            raise ConnectionError("it was booked, and nobody heard it")

    for _ in range(3):
        try:
            await Sweeper([tmp_path], Failing(store), nothing).sweep()
        except ConnectionError:
            continue
    assert len(files(tmp_path)) == 1
    await Sweeper([tmp_path], posting, nothing).sweep()
    assert (await total(reader))["requests"] == 201
    assert files(tmp_path) == []


async def test_a_living_replicas_spool_is_left_alone(store: Store, reader: LedgerReader, tmp_path: Path) -> None:
    """Also by the sweeper of its own process."""
    recorder = recorder_of(store, tmp_path)
    whole(recorder)
    assert await Sweeper([tmp_path], Posting(store), nothing).sweep() == 0
    await recorder.flush()
    assert (await total(reader))["requests"] == 1


def die(recorder: Recorder) -> None:
    """As a kill does: the lock is free, and nothing is put in order."""
    os.close(recorder._spool._file)


def map_entries(folder: Path) -> list[str]:
    """The names of dead spools."""
    return [dead.name for dead in dead_spools(folder)]


async def lost_of(reader: LedgerReader) -> dict[str, int]:
    """The sums of what was lost."""
    found = (await day(reader)).by("cause")
    return named(found[("lost",)]) if ("lost",) in found else {"requests": 0}
