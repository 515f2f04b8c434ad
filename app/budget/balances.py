"""What callers' limits left when it was last heard: for responses that ask the ledger nothing, such as hits."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from app.domain import Caller, Remaining

FRESH_S = 1.0
"""So old may a balance be. An older one is told too, up to `STALE_S`, and asked for behind the response."""
STALE_S = 10.0
CALLERS = 10_000
"""Kept at most, the last heard; a kilobyte each."""


class Balances:
    """One replica's. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: OrderedDict[Caller, tuple[float, tuple[Remaining, ...]]] = OrderedDict()

    def note(self, caller: Caller, left: Sequence[Remaining]) -> None:
        """Heard just now."""
        self._heard[caller] = self._clock(), tuple(left)
        self._heard.move_to_end(caller)
        if len(self._heard) > CALLERS:
            self._heard.popitem(last=False)

    def of(self, caller: Caller) -> tuple[Remaining, ...] | None:
        """What is known of a caller's limits; None where that is too old."""
        age_s, left = self._known(caller)
        return left if age_s <= STALE_S else None

    def fresh(self, caller: Caller) -> bool:
        """Whether it need not be asked again."""
        return self._known(caller)[0] <= FRESH_S

    def _known(self, caller: Caller) -> tuple[float, tuple[Remaining, ...]]:
        heard, left = self._heard.get(caller, (float("-inf"), ()))
        return self._clock() - heard, left
