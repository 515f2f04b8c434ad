"""The error tree. Faults are exceptions; each carries its HTTP status and OpenAI's `type` and `code`.

LeanServeError                        500 api_error
├── InvalidRequest                    400 invalid_request_error
│   ├── BodyTooLarge                  413   body_too_large
│   ├── ModelNotFound                 404   model_not_found
│   ├── NoTier                        400   no_tier (constraints leave no tier for the request)
│   ├── NotFound                      404   not_found (a cache entry, a hit or an outcome that was reported)
│   └── Unauthorized                  401   invalid_api_key
├── BudgetRefused                     429 insufficient_quota   budget_exceeded
├── BackendError                      502 api_error            what an attempt can die of
│   ├── BackendRejected               4xx   the engine says the request is wrong: never retried
│   ├── BackendOverloaded             429   overloaded: retried elsewhere
│   ├── BackendTimeout                504   timeout
│   ├── BackendCrashed                502   backend_error (it raised what it may not: a bug, told to nobody)
│   └── BackendUnavailable            503   backend_unavailable (dead replica, open breaker)
│       ├── BackendUnreachable        503     no connection, or it broke
│       └── BackendBroken             503     5xx, or what is no answer at all
├── NotCached                         504   cache_miss (the client asked for `only-if-cached`)
├── StoreUnavailable                  503   store_unavailable (Redis slow, frozen or gone)
├── ConfigError                       –     a configuration file that cannot be served
└── ModelFilesError                   –     a model's files cannot be fetched, or fail their hash

Every constructor takes positional arguments only, all of them kept in `args`: exceptions survive a Ray hop only so
(a test pickles each of them). Messages are for the client: no prompt text, no secret, no address.
"""

from typing import Any, ClassVar

from app.domain import BudgetExceeded


class LeanServeError(Exception):
    """The root: an unexpected fault of our own."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str = "internal error", param: str | None = None) -> None:
        super().__init__(message, param)
        self.message = message
        self.param = param

    @property
    def http_status(self) -> int:
        """The status of the HTTP response."""
        return self.status

    @property
    def retry_after_s(self) -> int | None:
        """Seconds for `Retry-After`, or None where a retry cannot help."""
        return None

    def body(self) -> dict[str, Any]:
        """OpenAI's error JSON."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def __str__(self) -> str:
        return self.message


class InvalidRequest(LeanServeError):
    """The client's request is wrong; `param` names the field."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class BodyTooLarge(InvalidRequest):
    """The body is over the configured limit; it was not parsed."""

    status = 413
    code = "body_too_large"


class ModelNotFound(InvalidRequest):
    """`model` is neither `auto`, nor a tier, nor a model of one."""

    status = 404
    code = "model_not_found"


class NoTier(InvalidRequest):
    """Every tier fails a constraint of the request, of its policy or of its client; the message names each."""

    code = "no_tier"


class NotFound(InvalidRequest):
    """What the request names does not exist, or is another tenant's."""

    status = 404
    code = "not_found"


class Unauthorized(InvalidRequest):
    """No key, or a wrong one."""

    status = 401
    code = "invalid_api_key"


class BudgetRefused(LeanServeError):
    """A hard limit was reached: nothing was called, nothing was spent."""

    status = 429
    type = "insufficient_quota"
    code = "budget_exceeded"

    def __init__(self, exceeded: BudgetExceeded) -> None:
        limit = exceeded.limit
        when = "" if exceeded.resets_in_s is None else f", resets in {exceeded.resets_in_s:.0f} s"
        super().__init__(
            f"budget exceeded: {limit.scope} may spend {limit.amount} {limit.unit} per {limit.window}; "
            f"{exceeded.remaining} left, {exceeded.requested} needed{when}"
        )
        self.exceeded = exceeded
        self.args = (exceeded,)

    @property
    def retry_after_s(self) -> int | None:
        """Until the window turns; None when it never does, or when the request exceeds a whole window."""
        resets = self.exceeded.resets_in_s
        if resets is None or self.exceeded.requested > self.exceeded.limit.amount:
            return None
        return int(resets) + 1


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


class BackendBroken(BackendUnavailable):
    """The backend answered 5xx, or what is no answer at all."""


class BackendCrashed(BackendError):
    """The backend raised what it may not: a bug. The client is not told what."""


class NotCached(LeanServeError):
    """The client asked for a cached answer only, and there is none: nothing was called, nothing was spent."""

    status = 504
    code = "cache_miss"


class StoreUnavailable(LeanServeError):
    """Redis is slow, frozen or gone, and the stage that asked may not go on without it."""

    status = 503
    code = "store_unavailable"

    @property
    def retry_after_s(self) -> int | None:
        """The store's breaker probes again within seconds."""
        return 2


class ConfigError(LeanServeError):
    """A configuration cannot be served; the message says where and why."""

    code = "config_error"


class ModelFilesError(LeanServeError):
    """A model's files cannot be fetched, or their hash is not the catalog's."""

    code = "model_files_error"
