"""The ledger as Parquet: `requests.parquet`, `attempts.parquet` and `outcomes.parquet`, a row of each.

A request's row has every field of its record, its anatomy under `anatomy_…` and what it would have cost under
`against_…`; sums of its attempts are its tokens and its cost. Attempts and outcomes name their request as `request_id`
and `id`. Times are UTC, money is whole micro-USD.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from app.ledger.record import Against, Anatomy, AttemptEntry, LedgerRecord
from app.ledger.rollups import is_wasted
from app.report.export import Batch, Said
from app.trial.lines import folder_at, written_whole

ROWS = 5_000
"""Requests of one row group."""

_TIME = pa.timestamp("ms", tz="UTC")
_CHANCES = pa.map_(pa.string(), pa.float64())
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), int | None: pa.int64(), float | None: pa.float64()}
_PARTS: dict[str, type[msgspec.Struct]] = {"anatomy": Anatomy, "against": Against}
_SUMS = ("micro_usd", "input_tokens", "cached_tokens", "output_tokens")

Lines = list[dict[str, Any]]


def _fields(of: type[msgspec.Struct], prefix: str = "", without: Sequence[str] = ()) -> list[tuple[str, pa.DataType]]:
    special = {"at": _TIME, "p": _CHANCES}
    found = ((field.name, _TYPES.get(field.type, pa.string())) for field in msgspec.structs.fields(of))
    return [(prefix + name, special.get(name, kind)) for name, kind in found if name not in without]


def schemas() -> dict[str, pa.Schema]:
    """The columns of each file, by its name."""
    requests = _fields(LedgerRecord, without=("attempts", *_PARTS)) + [(name, pa.int64()) for name in _SUMS]
    for name, part in _PARTS.items():
        requests += _fields(part, f"{name}_")
    attempts = [("request_id", pa.string()), ("at", _TIME), ("place", pa.int64()), *_fields(AttemptEntry)]
    outcomes = [("subject", pa.string()), ("id", pa.string()), ("feature", pa.string()), ("type", pa.string())]
    outcomes += [("success", pa.bool_()), ("value", pa.float64()), ("micro_usd", pa.int64()), ("at", _TIME)]
    attempts.append(("wasted", pa.bool_()))
    return {name: pa.schema(fields) for name, fields in _named(requests, attempts, outcomes).items()}


async def write_parquet(batches: AsyncIterator[Batch], folder: Path) -> dict[str, int]:
    """Write the files, whole or not at all, and say how many rows each has. Raises ConfigError."""
    rows = dict.fromkeys(schemas(), 0)
    with _writers(folder_at(folder)) as writers:
        async for batch in batches:
            for name, lines in lines_of(batch).items():
                rows[name] += len(lines)
                if lines:
                    writers[name].write_table(pa.Table.from_pylist(lines, schema=writers[name].schema))
    return rows


def lines_of(batch: Batch) -> dict[str, Lines]:
    """The rows of each file."""
    requests = [_request(record) for record in batch.records]
    attempts = [line for record in batch.records for line in _attempts(record)]
    return _named(requests, attempts, [_outcome(said) for said in batch.outcomes])


def _named(requests: Any, attempts: Any, outcomes: Any) -> dict[str, Any]:
    return {"requests": requests, "attempts": attempts, "outcomes": outcomes}


@contextmanager
def _writers(folder: Path) -> Iterator[dict[str, pq.ParquetWriter]]:
    with ExitStack() as stack:
        found = {}
        for name, schema in schemas().items():
            file = stack.enter_context(written_whole(folder / f"{name}.parquet"))
            found[name] = stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
        yield found


def _request(record: LedgerRecord) -> dict[str, Any]:
    line = {**msgspec.structs.asdict(record), "at": _ms(record.at)} | {name: getattr(record, name) for name in _SUMS}
    for name in _PARTS:
        line |= {f"{name}_{key}": value for key, value in msgspec.structs.asdict(line.pop(name)).items()}
    del line["attempts"]
    return line


def _attempts(record: LedgerRecord) -> Iterator[dict[str, Any]]:
    for place, entry in enumerate(record.attempts):
        first = {"request_id": record.id, "at": _ms(record.at), "place": place}
        yield first | msgspec.structs.asdict(entry) | {"wasted": is_wasted(entry)}


def _outcome(said: Said) -> dict[str, Any]:
    told = said.outcome
    first = {"subject": said.subject, "id": said.id, "feature": said.feature, "type": told.kind}
    return first | {"success": told.success, "value": told.value, "micro_usd": told.micro_usd, "at": _ms(told.at)}


def _ms(at: float) -> int:
    return round(at * 1000)
