"""What an attempt can die of."""

from app.errors.base import LeanServeError


class BackendError(LeanServeError):
    """An attempt failed."""

    status = 502
    code = "backend_error"


class BackendRejected(BackendError):
    """The engine refused the request as wrong (4xx): the client's error, and no breaker counts it."""

    type = "invalid_request_error"
    code = "invalid_request"

    def __init__(self, message: str, status_code: int = 400, param: str | None = None) -> None:
        super().__init__(message, param)
        self.status_code = status_code
        self.args = (message, status_code, param)

    @property
    def http_status(self) -> int:
        """The engine's own status."""
        return self.status_code


class BackendOverloaded(BackendError):
    """The backend's queue is full (429, back pressure): another may have room."""

    status = 429
    type = "rate_limit_error"
    code = "overloaded"

    @property
    def retry_after_s(self) -> int | None:
        """A second: queues drain quickly or autoscaling takes over."""
        return 1


class BackendTimeout(BackendError):
    """No first token, or no next one, in time."""

    status = 504
    code = "timeout"


class BackendUnavailable(BackendError):
    """Connection failed, the backend answered 5xx, its replica died, or its breaker is open."""

    status = 503
    code = "backend_unavailable"

    @property
    def retry_after_s(self) -> int | None:
        """A breaker's probe or a replica's restart takes seconds."""
        return 5


class BackendUnreachable(BackendUnavailable):
    """No connection, or it broke."""


class BackendLost(BackendUnavailable):
    """It died with the call: nobody can say what it made of it."""


class BackendBroken(BackendUnavailable):
    """The backend answered 5xx, or what is no answer at all."""


class BackendCrashed(BackendError):
    """The backend raised what it may not: a bug. The client is not told what."""
