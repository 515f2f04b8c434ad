"""The Lua of the ledger: each script behind what they share."""

from dataclasses import dataclass, fields
from importlib import resources
from typing import Self

from app.store.scripts import Script

_SHARED = ("windows", "counters", "records")


@dataclass(frozen=True, slots=True)
class LedgerScripts:
    """Ready to run; each file says what it takes and gives."""

    reserve: Script
    granted: Script
    noted: Script
    settle: Script
    reclaim: Script
    inspect: Script
    introduce: Script
    beat: Script
    look: Script
    forget: Script
    revise: Script

    @classmethod
    def load(cls, time_lua: str | None = None) -> Self:
        """Read the files in `scripts/`. `time_lua` replaces the clock: Lua that defines `now_us()`."""
        prelude = [time_lua or _read("time"), *map(_read, _SHARED)]
        return cls(*(Script("\n".join([*prelude, _read(field.name)])) for field in fields(cls)))


def _read(name: str) -> str:
    return (resources.files(__package__) / "scripts" / f"{name}.lua").read_text()
