"""A lean HTTP client with a stopwatch: what it costs itself must not blur what it measures."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

JSON = {"content-type": "application/json", "authorization": "Bearer local"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response; `seconds` from the first byte sent to the last received."""

    seconds: float
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed answer. Seconds since the request was sent: of the first event, of the first text, of the end."""

    first_event_s: float
    first_text_s: float
    seconds: float
    headers: Mapping[str, str]
    output_tokens: int

    def stages_ms(self) -> dict[str, float]:
        """`Server-Timing` by stage."""
        parts = [part.split(";dur=") for part in self.headers.get("server-timing", "").split(", ") if part]
        return {name: float(value) for name, value in parts}


class Refused(Exception):
    """The answer was a fault, or said nothing."""


class Client:
    """One client on one kept-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=120)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
        """One request, one whole answer. Raises `Refused` unless its status is 200."""
        started = time.perf_counter()
        response = self._send(path, body, headers)
        content = response.read()
        seconds = time.perf_counter() - started
        if response.status != 200:
            raise Refused(f"status {response.status}: {content[:500]!r}")
        return Reply(seconds, _headers(response), content)

    def stream(self, path: str, request: Mapping[str, Any]) -> Streamed:
        """One streamed chat completion with its usage. Raises `Refused` for a fault and for no text."""
        body = json.dumps({**request, "stream": True, "stream_options": {"include_usage": True}}).encode()
        started = time.perf_counter()
        response = self._send(path, body)
        first_event = first_text = 0.0
        last = b"{}"
        while line := response.readline():
            if not line.startswith(b"data: {"):
                continue
            first_event = first_event or time.perf_counter() - started
            last = line[6:]
            if not first_text and _text(last):
                first_text = time.perf_counter() - started
        if not first_text:
            raise Refused(f"status {response.status}: {last[:500]!r}")
        usage = json.loads(last)["usage"]
        return Streamed(
            first_event, first_text, time.perf_counter() - started, _headers(response), usage["completion_tokens"]
        )

    def _send(self, path: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> HTTPResponse:
        self._connection.request("POST", self._prefix + path, body, {**JSON, **headers})
        return self._connection.getresponse()


def _headers(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _text(event: bytes) -> str:
    choices = json.loads(event).get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""
