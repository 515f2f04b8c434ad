"""The breaker in front of one backend: pybreaker keeps the state and the count, this guard makes it fit for asyncio.

pybreaker 1.4.1 alone is synchronous: it holds a lock during the call, lets everyone through when half-open, counts a
cancellation as a failure, and times its rest by the wall clock.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Self

import pybreaker

Clock = Callable[[], float]
"""Seconds that never go back, as `time.monotonic`."""

_log = logging.getLogger(__name__)


class Permit:
    """Leave for one call. Tell how it ended exactly once; what is told later is not heard.

    As a context manager it reports `ignored` for whoever forgot, so that no probe is ever lost.
    """

    __slots__ = ("_guard", "_open")

    def __init__(self, guard: "BreakerGuard") -> None:
        self._guard = guard
        self._open = True

    def alive(self) -> None:
        """The backend has begun to answer: a probe need not wait for the end of a long answer."""
        self._guard.probe_answered(self)

    def success(self) -> None:
        """The backend did its work, if only to say that the request is wrong."""
        self._end(self._guard.succeeded)

    def failure(self) -> None:
        """The backend is at fault."""
        self._end(self._guard.failed)

    def ignored(self) -> None:
        """Nothing was learned: the client left, or the backend was merely busy."""
        self._end(self._guard.freed)

    def _end(self, report: Callable[["Permit"], None]) -> None:
        if self._open:
            self._open = False
            report(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ignored()


class BreakerGuard:
    """Admits calls while the backend is well, none while it rests, then one probe at a time.

    `failures` in a row open the breaker, for `reset_s` seconds of `clock`. For one event loop, not for threads.
    """

    def __init__(self, name: str, *, failures: int = 5, reset_s: float = 15, clock: Clock = time.monotonic) -> None:
        self._breaker = pybreaker.CircuitBreaker(fail_max=failures, reset_timeout=reset_s, name=name)
        self._clock = clock
        self._opened_at = 0.0
        self._probe: Permit | None = None

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`, as pybreaker holds it."""
        return str(self._breaker.current_state)

    def reconfigure(self, *, failures: int, reset_s: float) -> None:
        """Take a new policy. The state stays; a rest that is under way is measured anew."""
        self._breaker.fail_max = failures
        self._breaker.reset_timeout = reset_s

    def admit(self) -> Permit | None:
        """Leave to call the backend, or None. Report how the call ended to the permit."""
        self._wake()
        if self.state == pybreaker.STATE_CLOSED:
            return Permit(self)
        if self.state == pybreaker.STATE_OPEN or self._probe:
            return None
        self._probe = Permit(self)
        return self._probe

    def _wake(self) -> None:
        if self.state == pybreaker.STATE_OPEN and self._clock() - self._opened_at >= self._breaker.reset_timeout:
            self._breaker.half_open()

    def probe_answered(self, permit: Permit) -> None:
        """`permit` got a first chunk: if it is the probe, the breaker closes."""
        if permit is self._probe:
            self.succeeded(permit)

    def succeeded(self, permit: Permit) -> None:
        """Count a success: the run of failures ends, a probe closes the breaker."""
        if self._heard(permit) and (self._breaker.fail_counter or self.state != pybreaker.STATE_CLOSED):
            self._breaker.call(_succeed)

    def failed(self, permit: Permit) -> None:
        """Count a failure: the last one that is borne, and that of a probe, open the breaker."""
        if not self._heard(permit):
            return
        with contextlib.suppress(_Failure, pybreaker.CircuitBreakerError):
            self._breaker.call(_fail)
        if self.state == pybreaker.STATE_OPEN:
            self._opened_at = self._clock()
            _log.warning("breaker open: %s rests for %s s", self._breaker.name, self._breaker.reset_timeout)

    def freed(self, permit: Permit) -> None:
        """Count nothing; where `permit` was the probe, the next caller may probe."""
        self._heard(permit)

    def _heard(self, permit: Permit) -> bool:
        """Whether the result counts: a call from before the breaker opened says nothing about the backend now."""
        probe, self._probe = self._probe, None if permit is self._probe else self._probe
        return permit is probe or self.state == pybreaker.STATE_CLOSED


class _Failure(Exception):
    """What pybreaker sees of a failure; the real error keeps its own traceback."""


def _succeed() -> None:
    return None


def _fail() -> NoReturn:
    raise _Failure
