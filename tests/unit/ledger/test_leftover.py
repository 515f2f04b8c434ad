"""What is in spools when everything has stopped."""

from pathlib import Path

from app.config.gateway import StoreSpec
from app.config.recording import RecordingPolicy
from app.ledger.folder import NAMELESS, ledger_name, spool_folder
from app.ledger.leftover import sweep_leftover
from app.ledger.reading import LedgerReader
from app.ledger.recorder import Recorder
from app.store.client import Store
from app.store.embedded import free_port
from tests.unit.ledger.journeys import begin, journey, recorder_of, whole
from tests.unit.ledger.made import total
from tests.unit.ledger.test_lost import die
from tests.unit.ledger.test_recorder import files


def killed(store: Store, folder: Path) -> None:
    """A replica that was told to end, and ended before it had."""
    recorder: Recorder = recorder_of(store, folder)
    whole(recorder)
    begin(recorder, journey())
    die(recorder)


async def test_what_is_left_is_booked(store: Store, reader: LedgerReader, clean_redis: str, tmp_path: Path) -> None:
    """Of this ledger and of none yet, and their files are gone; what somebody holds stays, and another ledger's."""
    name = await ledger_name(store)
    for folder in (name, NAMELESS, "another"):
        killed(store, tmp_path / folder)
    living = recorder_of(store, tmp_path / name)
    whole(living)
    swept = await sweep_leftover(tmp_path, clean_redis, StoreSpec(timeout_s=5), RecordingPolicy())
    assert swept == 2
    assert (await total(reader))["requests"] == 4
    assert [len(files(tmp_path / folder)) for folder in (name, NAMELESS, "another")] == [1, 0, 1]


async def test_without_a_store_it_waits(store: Store, tmp_path: Path) -> None:
    """Nothing is lost, nobody waits long, nothing is raised."""
    killed(store, tmp_path / NAMELESS)
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    assert await sweep_leftover(tmp_path, nowhere, StoreSpec(), RecordingPolicy()) == 0
    assert len(files(tmp_path / NAMELESS)) == 1


def test_the_folder_is_named_by_the_environment() -> None:
    """Else it is below the home."""
    assert spool_folder({}, Path("/home/x")) == Path("/home/x/spool")
    assert spool_folder({"LEANSERVE_SPOOL": ""}, Path("/home/x")) == Path("/home/x/spool")
    assert spool_folder({"LEANSERVE_SPOOL": "/var/spool"}, Path("/home/x")) == Path("/var/spool")
