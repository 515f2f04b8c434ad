"""The file that survives its replica: numbered, whole up to where it tears, one owner, bounded."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.ledger.frames import Kind
from app.ledger.spool import Spool, dead_spools

KILLED = """
import sys, time
from pathlib import Path
from app.ledger.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(1000):
    spool.begin(f"req-{number}", b"begun %d" % number)
    spool.append(f"req-{number}", b"record %d" % number)
spool.begin("req-last", b"no end")
print(spool.name, flush=True)
time.sleep(60)
"""


def test_records_are_read_in_order_and_not_again_once_sent(spool_of: Callable[[], Spool]) -> None:
    """By their numbers; until `sent` the same are read again; what is below a number only."""
    spool = spool_of()
    assert [spool.append(f"r{number}", b"%d" % number) for number in range(5)] == [1, 2, 3, 4, 5]
    assert [each.payload for each in spool.read(3)] == [b"0", b"1", b"2"]
    assert [each.number for each in spool.read(3)] == [1, 2, 3]
    spool.sent()
    assert [each.number for each in spool.read(3, below=5)] == [4]
    spool.sent()
    assert [each.number for each in spool.read(3)] == [5]
    spool.sent()
    assert spool.read(3) == []
    assert spool.waiting_bytes == 0


def test_a_spool_is_its_writers_as_long_as_that_lives(spool_of: Callable[[], Spool]) -> None:
    """Nobody sweeps it meanwhile, written anew or not; closed with something in it, it is found; empty, it is gone."""
    spool, empty = spool_of(), spool_of()
    folder = spool.path.parent
    spool.append("r", b"x")
    assert list(dead_spools(folder)) == []
    spool.close()
    empty.close()
    [name] = [dead.name for dead in dead_spools(folder)]
    assert name == spool.name


def test_a_killed_process_leaves_all_that_it_wrote(tmp_path: Path) -> None:
    """SIGKILL, at any time: every frame that was written is there."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().decode().strip()
        assert list(dead_spools(tmp_path)) == []
        process.send_signal(signal.SIGKILL)
    for dead in dead_spools(tmp_path):
        frames = list(dead)
        assert dead.name == name
        assert [each.payload for each in frames if each.kind is Kind.RECORD] == [b"record %d" % n for n in range(1000)]
        assert frames[-1].payload == b"no end"
        dead.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\x05", b"\xff" * 64, os.urandom(300)], ids=["zeros", "1", "ff", "any"])
def test_a_torn_tail_costs_the_tail_only(spool_of: Callable[[], Spool], tail: bytes) -> None:
    """Whatever the last bytes are, the frames before them are read."""
    spool = spool_of()
    for number in range(10):
        spool.append(f"r{number}", b"payload")
    with spool.path.open("ab") as file:
        file.write(tail)
    os.close(spool._file)
    assert [sum(frame.kind is Kind.RECORD for frame in dead) for dead in dead_spools(spool.path.parent)] == [10]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_frame_that_was_cut_is_none(spool_of: Callable[[], Spool], cut: int) -> None:
    """Wherever it was."""
    spool = spool_of()
    for number in range(3):
        spool.append(f"r{number}", b"a payload of some length")
    os.truncate(spool.path, spool.path.stat().st_size - cut)
    os.close(spool._file)
    assert [len(list(dead)) for dead in dead_spools(spool.path.parent)] == [2]


def test_a_full_spool_takes_no_more_and_takes_again_once_it_was_sent(tmp_path: Path) -> None:
    """What does not fit is refused whole; numbers have no gaps."""
    spool = Spool(tmp_path, most_bytes=1_000, worth_bytes=200)
    taken = [spool.append(f"r{number}", b"x" * 75) for number in range(20)]
    assert taken == [*range(1, 11), *[None] * 10]
    assert not spool.begin("r", b"x")
    assert len(spool.read(100)) == 10
    spool.sent()
    assert spool.append("r", b"x" * 75) == 11
    assert [each.number for each in spool.read(100)] == [11]


def test_it_is_written_anew_without_what_was_sent(tmp_path: Path) -> None:
    """Small for ever, with the requests that have begun, and the count goes on: also for who finds it dead."""
    spool = Spool(tmp_path, worth_bytes=10_000)
    spool.begin("long", b"a long request")
    spool.attempt("long", b"its attempt")
    for number in range(5_000):
        spool.begin(f"r{number}", b"x" * 100)
        spool.append(f"r{number}", b"y" * 100)
        if number % 7 == 0:
            spool.read(100)
            spool.sent()
    assert spool.path.stat().st_size < 25_000
    assert [each.name for each in tmp_path.iterdir()] == [spool.path.name]
    assert list(dead_spools(tmp_path)) == []
    os.close(spool._file)
    [frames] = [list(dead) for dead in dead_spools(tmp_path)]
    assert next(each.payload for each in frames if each.kind is Kind.BEGUN) == b"a long request"
    assert max(each.number for each in frames) == 5_000


def test_a_disk_that_takes_nothing_is_told_and_leaves_no_half_frame(tmp_path: Path) -> None:
    """A limit on the file's size stands for a full disk."""
    import resource

    spool = Spool(tmp_path)
    spool.append("r1", b"x" * 500)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, hard))
        assert spool.append("r2", b"x" * 500) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert spool.append("r3", b"again") == 2
    assert [each.payload for each in spool.read(10)] == [b"x" * 500, b"again"]
