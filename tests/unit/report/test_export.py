"""Parquet and OTLP: every record once, with its attempts and outcomes, and the sums of the ledger."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from app.errors import ConfigError
from app.learn.records import Outcome
from app.ledger.outcomes import OutcomeBook, session_subject
from app.ledger.posting import Posting
from app.ledger.record import AttemptEntry, LedgerRecord
from app.ledger.rollups import DAY_S
from app.report.export import Export
from app.report.otlp import send_otlp
from app.report.parquet import schemas, write_parquet
from app.store.client import Store
from tests.unit.ledger.made import ENTRY, entries, record

RETRIED = AttemptEntry(
    "small", "small/b", "m", "retry", "failed", "timeout", "timeout", 9, 3, 2, 1, 11, "p1", None, 2.5
)
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def nothing() -> None:
    """No record waits."""


def some(number: int = 23) -> list[LedgerRecord]:
    """Over minutes, in sessions."""
    now = time.time() - 600
    made = [(number, f"s{number % 3}") for number in range(number)]
    return [
        record(now + 20 * at, session=session, attempts=(RETRIED, ENTRY), trace=TRACE, first_chunk_ms=None)
        for at, session in made
    ]


async def test_every_record_is_a_row_and_each_of_its_attempts(store: Store, tmp_path: Path) -> None:
    """Sums are those of the ledger; outcomes of requests and of sessions, each once; other tenants' are not there."""
    records = some()
    await Posting(store).post("spool", entries([*records, record(tenant="rival")]))
    book = OutcomeBook(store, nothing)
    subject = await book.request("acme", records[4].id)
    assert subject
    await book.book("acme", subject, "solved", Outcome(True, 2.5))
    await book.book("acme", session_subject("s1", "faq", 70, time.time()), "done", Outcome(False))
    batches = Export(store, "acme").batches(time.time() - DAY_S, time.time() + 60, size=5)
    rows = await write_parquet(batches, tmp_path / "out")
    assert rows == {"requests": 23, "attempts": 46, "outcomes": 2}
    tables = {name: pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in rows}
    assert {name: table.schema for name, table in tables.items()} == schemas()
    requests = tables["requests"].to_pylist()
    assert [line["id"] for line in requests] == [each.id for each in sorted(records, key=lambda each: each.id)]
    assert sum(line["micro_usd"] for line in requests) == sum(each.micro_usd for each in records)
    assert requests[0]["at"].timestamp() == records[0].at
    assert requests[0]["first_chunk_ms"] is None
    assert sum(line["micro_usd"] for line in tables["attempts"].to_pylist()) == sum(each.micro_usd for each in records)
    told = [
        [line[name] for name in ("subject", "id", "type", "success", "value", "micro_usd")]
        for line in tables["outcomes"].to_pylist()
    ]
    assert sorted(told) == [
        ["request", records[4].id, "solved", True, 2.5, 31],
        ["session", "s1", "done", False, 0.0, 70],
    ]


async def test_the_window_is_exact(store: Store, tmp_path: Path) -> None:
    """To the millisecond: what begins it is in it, what ends it is not."""
    records = some()
    await Posting(store).post("spool", entries(records))
    rows = await write_parquet(Export(store, "acme").batches(records[3].at, records[9].at), tmp_path)
    assert rows["requests"] == 6


async def test_files_are_whole_or_what_they_were(store: Store, tmp_path: Path) -> None:
    """Redis may go away in the middle."""
    await Posting(store).post("spool", entries(some()))
    (tmp_path / "requests.parquet").write_bytes(b"before")

    async def broken() -> Any:
        async for batch in Export(store, "acme").batches(0, time.time(), size=5):
            yield batch
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await write_parquet(broken(), tmp_path)
    assert os.listdir(tmp_path) == ["requests.parquet"]
    assert (tmp_path / "requests.parquet").read_bytes() == b"before"


@contextmanager
def collector(status: int = 200, refused: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """A receiver that speaks OTLP; its URL, and what it got: headers and messages."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, dict(self.headers), ExportLogsServiceRequest.FromString(body)))
            answer = ExportLogsServiceResponse(partial_success=ExportLogsPartialSuccess(rejected_log_records=refused))
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(answer.SerializeToString())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


async def test_otlp_has_a_log_of_each_request_and_attempt(store: Store) -> None:
    """Linked to the trace, with cost on attempts only."""
    records = some()
    await Posting(store).post("spool", entries(records))
    with collector() as (url, got):
        batches = Export(store, "acme").batches(0, time.time() + 60, size=5)
        sent = await send_otlp(batches, url + "/", {"x-key": "k"})
    assert sent == {"requests": 23, "attempts": 46}
    assert {(path, headers["x-key"]) for path, headers, _ in got} == {("/v1/logs", "k")}
    logs = [log for *_, m in got for r in m.resource_logs for scope in r.scope_logs for log in scope.log_records]
    assert {log.trace_id.hex() for log in logs} == {TRACE}
    assert sum(log.event_name == "leanserve.request" for log in logs) == 23
    costs = [each.value.int_value for log in logs for each in log.attributes if each.key == "leanserve.cost.micro_usd"]
    assert len(costs) == 46
    assert sum(costs) == sum(each.micro_usd for each in records)


@pytest.mark.parametrize("wrong", [{"status": 401}, {"status": 503}, {"refused": 3}])
async def test_what_a_collector_does_not_take_is_said(store: Store, wrong: dict[str, int]) -> None:
    """Not passed over."""
    await Posting(store).post("spool", entries(some(1)))
    with collector(**wrong) as (url, _), pytest.raises(ConfigError):
        await send_otlp(Export(store, "acme").batches(0, time.time()), url, {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no url", "http://[", "ftp://127.0.0.1"])
async def test_an_endpoint_that_is_none_is_said(store: Store, url: str) -> None:
    """In one line."""
    await Posting(store).post("spool", entries(some(1)))
    with pytest.raises(ConfigError):
        await send_otlp(Export(store, "acme").batches(0, time.time()), url, {})
