"""An export read back: the records that its Parquet files were written from, in the order of time."""

from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import ConfigError
from app.ledger.record import Against, Anatomy, AttemptEntry, LedgerRecord

ROWS = 1_000
"""Of one read."""

_PLAIN = tuple(each.name for each in msgspec.structs.fields(LedgerRecord))
_ATTEMPT = tuple(each.name for each in msgspec.structs.fields(AttemptEntry))

Line = dict[str, Any]


class Exported:
    """`requests.parquet` and `attempts.parquet` of `folder`, as `leanserve export` writes them. Raises ConfigError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def tenant(self) -> str:
        """Whose export it is; empty where it holds nothing."""
        return next((str(line["tenant"]) for line in self._lines("requests")), "")

    @property
    def window(self) -> tuple[float, float]:
        """From its first request to behind its last, seconds since 1970; of nothing, nothing."""
        times = [line["at"].timestamp() for line in self._lines("requests", ["at"])]
        return (min(times), max(times) + 1) if times else (0.0, 0.0)

    async def records(self, tenant: str, since: float, until: float) -> AsyncGenerator[LedgerRecord, None]:
        """Those of `tenant` that came in [since, until), seconds since 1970."""
        for record in self._records():
            if record.tenant == tenant and since <= record.at < until:
                yield record

    def _records(self) -> Iterator[LedgerRecord]:
        attempts = self._lines("attempts")
        following = next(attempts, None)
        for line in self._lines("requests"):
            own = list[AttemptEntry]()
            while following is not None and following["request_id"] == line["id"]:
                own.append(AttemptEntry(**{name: following[name] for name in _ATTEMPT if name in following}))
                following = next(attempts, None)
            yield _record(line, tuple(own))
        if following is not None:
            raise ConfigError(f"{self._folder}: attempts of requests that it does not hold: these are two exports")

    def _lines(self, name: str, columns: list[str] | None = None) -> Iterator[Line]:
        path = self._folder / f"{name}.parquet"
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(ROWS, columns=columns):
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"{path}: {error}") from error


def _record(line: Line, attempts: tuple[AttemptEntry, ...]) -> LedgerRecord:
    """A column that an older export has not is what the record's field is by default."""
    fields = {name: line[name] for name in _PLAIN if name in line}
    came: datetime = line["at"]
    parts = {"anatomy": _part(Anatomy, line, "anatomy_"), "against": _part(Against, line, "against_")}
    chances = tuple((tier, p) for tier, p in line.get("p") or ())
    try:
        return LedgerRecord(**fields | {"at": came.timestamp(), "p": chances, "attempts": attempts} | parts)
    except TypeError as error:
        raise ConfigError(f"requests.parquet is no export of LeanServe: {error}") from error


def _part(of: type[msgspec.Struct], line: Line, prefix: str) -> msgspec.Struct:
    named = {each.name: f"{prefix}{each.name}" for each in msgspec.structs.fields(of)}
    return of(**{name: line[column] for name, column in named.items() if column in line})
