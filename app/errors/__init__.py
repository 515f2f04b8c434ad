"""The error tree. Faults are exceptions; each carries its HTTP status and OpenAI's `type` and `code`.

LeanServeError                        500 api_error
├── InvalidRequest                    400 invalid_request_error
│   ├── BodyTooLarge                  413   body_too_large
│   ├── ModelNotFound                 404   model_not_found
│   ├── NoTier                        400   no_tier (constraints leave no tier for the request)
│   ├── NotFound                      404   not_found (a cache entry, a hit, a session, an outcome that was reported)
│   ├── Conflict                      409   conflict (others changed the same thing at the same time)
│   ├── SessionTaken                  403   session_taken (another user's or team's session)
│   ├── Forbidden                     403   forbidden (the key is right, and may not do this)
│   └── Unauthorized                  401   invalid_api_key
├── BudgetRefused                     429 insufficient_quota   budget_exceeded
├── SpendingStopped                   403 insufficient_quota   scope_stopped (someone pulled the switch)
├── AnswerStopped                     –     an answer was ended in the middle; its cause is one of the others
├── HedgeLost                         –     an attempt was ended because the one beside it began first
├── ReservationClosed                 500 api_error            settled, or reclaimed from a holder that gave no sign
├── SessionStopped                    403 session_stopped      session_stopped (a limit of an agent's session)
│   └── AgentLoop                     403   agent_loop (its calls repeat)
├── BackendError                      502 api_error            what an attempt can die of
│   ├── BackendRejected               4xx   the engine says the request is wrong: never retried
│   ├── BackendOverloaded             429   overloaded: retried elsewhere
│   ├── BackendTimeout                504   timeout
│   ├── BackendCrashed                502   backend_error (it raised what it may not: a bug, told to nobody)
│   └── BackendUnavailable            503   backend_unavailable (dead replica, open breaker)
│       ├── BackendUnreachable        503     no connection, or it broke
│       ├── BackendLost               503     it died with the call
│       └── BackendBroken             503     5xx, or what is no answer at all
├── NotCached                         504   cache_miss (the client asked for `only-if-cached`)
├── StoreUnavailable                  503   store_unavailable (Redis slow, frozen or gone)
├── ConfigError                       –     a configuration file that cannot be served
└── ModelFilesError                   –     a model's files cannot be fetched, or fail their hash

Every constructor takes positional arguments only, all of them kept in `args`: exceptions survive a Ray hop only so
(a test pickles each of them). Messages are for the client: no prompt text, no secret, no address.
"""

from app.errors.backends import (
    BackendBroken,
    BackendCrashed,
    BackendError,
    BackendLost,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    BackendUnavailable,
    BackendUnreachable,
)
from app.errors.base import LeanServeError
from app.errors.budgets import (
    AgentLoop,
    AnswerStopped,
    BudgetRefused,
    HedgeLost,
    ReservationClosed,
    SessionStopped,
    SpendingStopped,
    refused,
)
from app.errors.house import ConfigError, ModelFilesError, NotCached, StoreUnavailable
from app.errors.requests import (
    BodyTooLarge,
    Conflict,
    Forbidden,
    InvalidRequest,
    ModelNotFound,
    NotFound,
    NoTier,
    SessionTaken,
    Unauthorized,
)

__all__ = [
    "AgentLoop",
    "AnswerStopped",
    "BackendBroken",
    "BackendCrashed",
    "BackendError",
    "BackendLost",
    "BackendOverloaded",
    "BackendRejected",
    "BackendTimeout",
    "BackendUnavailable",
    "BackendUnreachable",
    "BodyTooLarge",
    "BudgetRefused",
    "ConfigError",
    "Conflict",
    "Forbidden",
    "HedgeLost",
    "InvalidRequest",
    "LeanServeError",
    "ModelFilesError",
    "ModelNotFound",
    "NoTier",
    "NotCached",
    "NotFound",
    "ReservationClosed",
    "SessionStopped",
    "SessionTaken",
    "SpendingStopped",
    "StoreUnavailable",
    "Unauthorized",
    "refused",
]
