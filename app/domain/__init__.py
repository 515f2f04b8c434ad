"""Frozen data that crosses a stage or a hop: what the nouns of LeanServe are made of.

Everything here pickles, compares by value and holds no behaviour beyond arithmetic on itself. Import from
`app.domain`: which file holds a noun is nobody's business but this room's.
"""

from app.domain.agents import DEEPEST, Kin, SessionStep, StepHints, StepKind
from app.domain.budget import (
    Amounts,
    BudgetExceeded,
    Grant,
    Limit,
    LimitAction,
    Marked,
    Period,
    Refusal,
    Remaining,
    Reservation,
    Scope,
    ScopeKind,
    ScopeStopped,
    Unit,
    Window,
)
from app.domain.cache import Answer, CacheHit, CacheMiss, StoredPrompt, Verdict
from app.domain.prompt import NormalizedPrompt, PromptKeys
from app.domain.request import (
    AUTO_MODEL,
    DEFAULT_TENANT,
    LARGE_BODY_BYTES,
    BackendCall,
    CacheControl,
    Caller,
    Chunk,
    GatewayRequest,
    Lane,
    Operation,
)
from app.domain.route import Evidence, Judgement, RouteDecision, RouteTerms, TierTerms
from app.domain.usage import MicroUsd, Usage

__all__ = [
    "AUTO_MODEL",
    "DEEPEST",
    "DEFAULT_TENANT",
    "LARGE_BODY_BYTES",
    "Amounts",
    "Answer",
    "BackendCall",
    "BudgetExceeded",
    "CacheControl",
    "CacheHit",
    "CacheMiss",
    "Caller",
    "Chunk",
    "Evidence",
    "GatewayRequest",
    "Grant",
    "Judgement",
    "Kin",
    "Lane",
    "Limit",
    "LimitAction",
    "Marked",
    "MicroUsd",
    "NormalizedPrompt",
    "Operation",
    "Period",
    "PromptKeys",
    "Refusal",
    "Remaining",
    "Reservation",
    "RouteDecision",
    "RouteTerms",
    "Scope",
    "ScopeKind",
    "ScopeStopped",
    "SessionStep",
    "StepHints",
    "StepKind",
    "StoredPrompt",
    "TierTerms",
    "Unit",
    "Usage",
    "Verdict",
    "Window",
]
