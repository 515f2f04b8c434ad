"""What LeanServe tells of a request: a `Journey` in; spans, metrics and one log line out.

`open_telemetry()` connects once, `Telemetry.request()` wraps one request, its `RequestTrace` times the stages and the
attempts. Off means OpenTelemetry's no-op API; timings, metrics and the log line are always there. This room never
sees the text of prompts or answers, never decides anything about a request, and never touches global tracing state.
"""

from app.observe.telemetry import Telemetry, open_telemetry
from app.observe.trace import RequestTrace

__all__ = ["RequestTrace", "Telemetry", "open_telemetry"]
