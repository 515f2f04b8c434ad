"""Counts of texts that come again: the system prompt of a feature is the same all day."""

from collections.abc import Callable
from hashlib import blake2b
from threading import Lock

LONG = 200
"""Characters. To count a shorter text costs no more than to look it up."""


class RememberedCount:
    """Counts each long text once, the latest `most` of them; keeps digests, no text. Threads may share it."""

    def __init__(self, count: Callable[[str], int], most: int = 4096) -> None:
        self._count, self._most = count, most
        self._known: dict[bytes, int] = {}
        self._lock = Lock()

    def __call__(self, text: str) -> int:
        """The tokens of `text`."""
        if len(text) < LONG:
            return self._count(text)
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            known = self._known.get(key)
        return self._remember(key, self._count(text)) if known is None else known

    def _remember(self, key: bytes, tokens: int) -> int:
        with self._lock:
            if len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[key] = tokens
        return tokens
