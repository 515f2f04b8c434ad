"""Text from outside made fit for spans, labels and logs."""

from collections.abc import Hashable

OTHER = "other"
MAX_CHARS = 128


def clean(text: str) -> str:
    """At most 128 characters, encodable as UTF-8.

    JSON may carry lone surrogates: one of them would fail a whole batch of spans, or every scrape of the metrics.
    """
    if len(text) <= MAX_CHARS and text.isascii():
        return text
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


class Bounded:
    """The first `limit` distinct values; whatever comes later is not admitted, so that no label grows without end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[Hashable] = set()

    def admits(self, value: Hashable) -> bool:
        """Whether `value` is one of the first; remembers it while there is room."""
        if value in self._known:
            return True
        if len(self._known) >= self._limit:
            return False
        self._known.add(value)
        return True

    def label(self, text: str) -> str:
        """`text` cleaned, or `other`."""
        cleaned = clean(text)
        return cleaned if self.admits(cleaned) else OTHER
