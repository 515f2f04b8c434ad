"""The ledger as OTLP logs over HTTP: one of each request and one of each attempt, linked to their trace.

Logs, not spans: the spans of these requests were sent when they were served, and a second time they would count twice.
Attributes have the names of the spans' (`app/observe/attributes.py`); tokens and cost are on attempts only, so that a
sum over all logs counts nothing twice, and what a hit was priced at is on its request.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from app.errors import ConfigError
from app.ledger.record import AttemptEntry, LedgerRecord
from app.observe.attributes import provider
from app.report.export import Batch

ROWS = 200
"""Requests of one message."""
PATIENCE_S = 30.0

_SERVICE = "leanserve"
_TYPE = "application/x-protobuf"


async def send_otlp(batches: AsyncIterator[Batch], endpoint: str, headers: Mapping[str, str]) -> dict[str, int]:
    """Send all to `endpoint`, and say how many of each. Raises ConfigError where it does not take them."""
    url, sent = f"{endpoint.rstrip('/')}/v1/logs", {"requests": 0, "attempts": 0}
    try:
        async with httpx.AsyncClient(headers=dict(headers), timeout=PATIENCE_S) as client:
            async for batch in batches:
                await _send(client, url, message_of(batch.records))
                sent["requests"] += len(batch.records)
                sent["attempts"] += sum(len(record.attempts) for record in batch.records)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConfigError(f"{url}: {error or type(error).__name__}") from error
    return sent


def message_of(records: Iterable[LedgerRecord]) -> ExportLogsServiceRequest:
    """One message of OTLP."""
    logs = [log for record in records for log in _logs(record)]
    scope = ScopeLogs(scope=InstrumentationScope(name=f"{_SERVICE}.ledger"), log_records=logs)
    resource = Resource(attributes=_attributes({"service.name": _SERVICE}))
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=[scope])])


async def _send(client: httpx.AsyncClient, url: str, message: ExportLogsServiceRequest) -> None:
    answer = await client.post(url, content=message.SerializeToString(), headers={"content-type": _TYPE})
    if not answer.is_success:
        raise ConfigError(f"{url}: status {answer.status_code}")
    if answer.headers.get("content-type", "").startswith(_TYPE):
        partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
        if partial.rejected_log_records:
            raise ConfigError(f"{url}: {partial.rejected_log_records} refused: {partial.error_message[:200]}")


def _logs(record: LedgerRecord) -> list[LogRecord]:
    found = [_log(record, "leanserve.request", _request(record))]
    return found + [_log(record, "leanserve.attempt", _attempt(record, entry)) for entry in record.attempts]


def _log(record: LedgerRecord, event: str, attributes: Mapping[str, Any]) -> LogRecord:
    return LogRecord(
        time_unix_nano=round(record.at * 1000) * 1_000_000,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        event_name=event,
        body=AnyValue(string_value=event),
        attributes=_attributes({"leanserve.request.id": record.id, **attributes}),
        trace_id=_trace(record.trace),
    )


def _request(record: LedgerRecord) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": record.operation,
        "gen_ai.request.model": record.model,
        "gen_ai.response.model": record.served,
        "gen_ai.conversation.id": record.session,
        **{f"leanserve.{name}": getattr(record, name) for name in ("tenant", "team", "feature", "user", "session")},
        **{f"leanserve.{name}": getattr(record, name) for name in ("lane", "tier", "cache", "outcome", "cause")},
        "leanserve.route.reason": record.reason,
        "leanserve.policy.version": record.policy,
        "leanserve.charged.micro_usd": record.charged_micro_usd,
        "leanserve.duration_ms": record.duration_ms,
    }


def _attempt(record: LedgerRecord, entry: AttemptEntry) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": record.operation,
        "gen_ai.provider.name": provider(entry.backend),
        "gen_ai.request.model": entry.model,
        "gen_ai.usage.input_tokens": entry.input_tokens,
        "gen_ai.usage.output_tokens": entry.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": entry.cached_tokens,
        "leanserve.tenant": record.tenant,
        "leanserve.feature": record.feature,
        "leanserve.tier": entry.tier,
        "leanserve.backend": entry.backend,
        "leanserve.attempt.role": entry.role,
        "leanserve.attempt.outcome": entry.outcome,
        "leanserve.attempt.cause": entry.detail,
        "leanserve.cost.micro_usd": entry.micro_usd,
        "leanserve.price.version": entry.price,
        "leanserve.duration_ms": entry.duration_ms,
    }


def _attributes(said: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in said.items() if value != ""]


def _value(value: Any) -> AnyValue:
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=str(value))


def _trace(text: str) -> bytes:
    """16 bytes, or none."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found if len(found) == 16 else b""
