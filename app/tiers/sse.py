"""Server-sent events off the wire: bytes in any pieces in, the data of whole events out.

Follows "Interpreting an event stream" of the HTML standard (§9.2.6) for the one field that matters here, `data`.
httpx's own `aiter_lines` also splits at U+2028 and the like, which JSON may hold unescaped.
"""

from app.errors import BackendBroken

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""One event holds one chunk. The largest real ones, with `logprobs` of every choice, are some hundred kilobytes."""


class SseDecoder:
    """One stream's decoder; `max_bytes` bounds what it holds of an unfinished event."""

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that `piece` completes, UTF-8. Raises `BackendBroken` when an event is too long."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        events = []
        for part in piece.splitlines(keepends=True):  # of bytes: splits at CR, LF and CR LF only
            event = self._take(part)
            if event is not None:
                events.append(event)
        return events

    def _take(self, part: bytes) -> bytes | None:
        self._held += len(part)
        if self._held > self._max_bytes:
            raise BackendBroken("the backend sent an event without end")
        line = part.rstrip(b"\r\n")
        self._line += line
        return self._end_line() if len(line) < len(part) else None

    def _end_line(self) -> bytes | None:
        line, self._line = bytes(self._line), bytearray()
        if line:
            self._end_field(line)
            return None
        data, self._data, self._held = self._data, [], 0
        return b"\n".join(data) if data else None

    def _end_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name.removeprefix(b"\xef\xbb\xbf") == b"data":
            self._data.append(value.removeprefix(b" "))
        elif not self._data:
            self._held = 0  # comments keep a connection alive for hours
