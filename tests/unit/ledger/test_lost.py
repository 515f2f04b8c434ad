"""Spools of dead replicas: booked by whoever finds them, and what had begun is not forgotten."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from app.domain import Amounts, MicroUsd, Usage
from app.ledger.lost import Sweeper
from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader, named
from app.ledger.recorder import Recorder
from app.ledger.spool import dead_spools
from app.store.client import Store
from tests.unit.ledger.journeys import begin, end, journey, recorder_of, whole
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
