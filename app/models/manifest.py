"""What a finished model directory holds, so that a whole one is recognised at once and a broken one never served."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

MANIFEST = "leanserve-manifest.json"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file: size in bytes, modification time, hex SHA-256."""

    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`source` is the catalog's name for where the files came from; a changed catalog makes another one."""

    model: str
    source: str
    files: dict[str, FileRecord]


def write_manifest(directory: Path, model: str, source: str) -> None:
    """Record every file of `directory` (hashes about 1 GB/s)."""
    found = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != MANIFEST]
    files = {str(path.relative_to(directory)): record(path) for path in found}
    text = json.dumps(asdict(Manifest(model, source, files)), indent=2)
    (directory / MANIFEST).write_text(text)


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest, or None where there is none that can be read."""
    try:
        said = json.loads((directory / MANIFEST).read_text())
        files = {name: FileRecord(**entry) for name, entry in said["files"].items()}
        return Manifest(said["model"], said["source"], files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_whole(directory: Path, sources: set[str]) -> bool:
    """Whether every file is there as recorded and came from one of `sources`.

    Instant for files that nobody touched: content is hashed only where the modification time differs.
    """
    manifest = read_manifest(directory)
    if manifest is None or manifest.source not in sources or not manifest.files:
        return False
    return all(unchanged(directory / name, was) for name, was in manifest.files.items())


def unchanged(path: Path, was: FileRecord) -> bool:
    """Whether the file is still the recorded one."""
    try:
        now = path.stat()
    except OSError:
        return False
    if now.st_size != was.bytes:
        return False
    return now.st_mtime_ns == was.mtime_ns or sha256_of(path) == was.sha256


def record(path: Path) -> FileRecord:
    """The record of a file as it is now."""
    now = path.stat()
    return FileRecord(now.st_size, now.st_mtime_ns, sha256_of(path))


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
