"""Scopes, limits on them, and what is held in them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from app.domain.usage import MicroUsd


class Window(StrEnum):
    """The calendar period (UTC) in which a limit counts; `total` never ends."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Unit(StrEnum):
    """What a limit counts."""

    TOKENS = "tokens"
    MICRO_USD = "micro_usd"


ScopeKind = Literal["tenant", "team", "feature", "user", "session"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that can spend: a tenant, or a team, feature, user or session of one."""

    tenant: str
    kind: ScopeKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A hard limit on one scope: at most `amount` of `unit` in each `window`."""

    scope: Scope
    unit: Unit
    amount: int
    window: Window


@dataclass(frozen=True, slots=True)
class Hold:
    """One counter of the ledger that a reservation holds `amount` in."""

    key: str
    unit: Unit
    amount: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """A durable grant to spend up to `tokens` and `cost`. Settle or release it exactly once; both are idempotent."""

    id: str
    tenant: str
    tokens: int
    cost: MicroUsd
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """Why a reservation was refused: the first limit that it did not fit in. `resets_in_s` is None for `total`."""

    limit: Limit
    remaining: int
    requested: int
    resets_in_s: float | None
