"""The files of the console, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

STATIC = Path(__file__).parent / "static"

CONTENT_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}
"""By the end of a file's name; what ends otherwise is no file of the console."""


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """One file. `tag` names its bytes, as an HTTP entity tag."""

    content: bytes
    content_type: str
    tag: str


def console_files(folder: Path = STATIC) -> dict[str, ConsoleFile]:
    """All files below `folder` by their path with slashes: some 200 kB, held so that no request reads a disk.

    What a client asks for is looked up among these, so that no path leads out of the folder.
    """
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in CONTENT_TYPES)
    return {path.relative_to(folder).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> ConsoleFile:
    content = path.read_bytes()
    return ConsoleFile(content, CONTENT_TYPES[path.suffix], f'"{blake2b(content, digest_size=12).hexdigest()}"')
