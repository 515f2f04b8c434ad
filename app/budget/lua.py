"""The Lua of the ledger: each script behind what they share."""

from dataclasses import dataclass, fields
from typing import Self

from app.store.scripts import Script, lua, scripts_of

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
        prelude = time_lua or lua(__package__, "time"), *(lua(__package__, name) for name in _SHARED)
        return cls(*scripts_of(__package__, [field.name for field in fields(cls)], *prelude))
