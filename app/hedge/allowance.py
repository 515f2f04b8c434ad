"""How many hedges a replica may make: a share of its requests, so that a slow day is not answered by twice the load."""

MOST_SAVED = 10.0
"""Hedges that a quiet time may save up: one slow moment may use them."""


class Allowance:
    """Each request earns its share of a hedge; one hedge is there from the start. Use it on one event loop."""

    def __init__(self) -> None:
        self._saved = 1.0

    def earn(self, share: float) -> None:
        """A request came that may be hedged; `share`, 0–1, is how many of them may be."""
        self._saved = min(self._saved + share, MOST_SAVED)

    def take(self) -> bool:
        """Whether a hedge may be made now; it counts as made then."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
