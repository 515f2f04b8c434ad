"""Why an attempt failed, in one word: what spans, metrics and ledger records group by."""

from app.errors import (
    BackendBroken,
    BackendError,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    BackendUnavailable,
    BackendUnreachable,
)

CLIENT_LEFT = "client_left"
INTERNAL = "internal"


_CAUSES: dict[type[BaseException], str] = {
    BackendTimeout: "timeout",
    BackendOverloaded: "overloaded",
    BackendRejected: "rejected",
    BackendUnreachable: "connection",
    BackendBroken: "5xx",
    BackendUnavailable: "unavailable",
}


def cause_of(error: BaseException) -> str:
    """`timeout`, `overloaded`, `rejected`, `connection`, `5xx`, `unavailable`, or `internal` for all else."""
    return next((_CAUSES[kind] for kind in type(error).__mro__ if kind in _CAUSES), INTERNAL)


def most_telling(errors: list[BackendError]) -> BackendError:
    """What the client is told when no backend answered.

    Overloaded only if all were: then waiting helps, and 429 says so. No errors means that no breaker let a call pass.
    """
    if not errors:
        return BackendUnavailable("every backend is resting after failures")
    faults = [error for error in errors if not isinstance(error, BackendOverloaded)]
    return (faults or errors)[-1]
