"""Scopes, limits on them, and what is held in them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from urllib.parse import quote

from app.domain.usage import MicroUsd


class Period(StrEnum):
    """How long a limit counts before it begins again; `total` never does."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Window:
    """When a limit counts: the calendar period of now in the IANA time `zone`, or the last such period (`sliding`)."""

    period: Period = Period.DAY
    sliding: bool = False
    zone: str = "UTC"

    def __str__(self) -> str:
        zone = "" if self.sliding or self.zone == "UTC" else f" ({self.zone})"
        return f"{'sliding ' if self.sliding else ''}{self.period}{zone}"


class Unit(StrEnum):
    """What a limit counts. `concurrent` is requests under way and has no window; `tokens` are input and output."""

    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    TOKENS = "tokens"
    MICRO_USD = "micro_usd"
    REQUESTS = "requests"
    CONCURRENT = "concurrent"


@dataclass(frozen=True, slots=True)
class Amounts:
    """So much of each unit: what is held, or what was spent. Whole numbers from 0."""

    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: MicroUsd = field(default=MicroUsd(0))
    requests: int = 0
    concurrent: int = 0

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def of(self, unit: Unit) -> int:
        """So much of `unit`."""
        amount: int = getattr(self, unit)
        return amount


ScopeKind = Literal["team", "feature", "user", "session", "key"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Who spends: a tenant, or what its `parts` name of it, as the user `ann` of the feature `faq`.

    Parts are in the order of `ScopeKind`, each kind at most once. As text: `tenant=acme,feature=faq,user=ann`, names
    percent-encoded.
    """

    tenant: str
    parts: tuple[tuple[ScopeKind, str], ...] = ()

    @property
    def kind(self) -> str:
        """What it is a scope of: `tenant`, `feature`, `feature+user`."""
        return "+".join(kind for kind, _ in self.parts) or "tenant"

    def __str__(self) -> str:
        pairs = (("tenant", self.tenant), *self.parts)
        return ",".join(f"{kind}={quote(name, safe='', errors='surrogatepass')}" for kind, name in pairs)


class LimitAction(StrEnum):
    """What becomes of a request that does not fit.

    `reject`: it is refused. `throttle`: it waits, in a bounded queue, until it fits. `downgrade`: a cheaper tier
    answers, where it fits with that. `cache_only`: only what is cached is given.
    """

    REJECT = "reject"
    THROTTLE = "throttle"
    DOWNGRADE = "downgrade"
    CACHE_ONLY = "cache_only"


@dataclass(frozen=True, slots=True)
class Limit:
    """A hard limit on one scope: at most `amount` of `unit` in each `window`; `marks` are per cent of it."""

    scope: Scope
    unit: Unit
    amount: int
    window: Window = Window()
    action: LimitAction = LimitAction.REJECT
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Remaining:
    """What one limit leaves now.

    `resets_in_s` is when all of it is free again, but for what is spent until then; None where no time brings that.
    """

    limit: Limit
    amount: int
    resets_in_s: float | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A durable grant to spend up to `amounts`. Settle it exactly once; settling is idempotent.

    `left` is what each limit leaves beside it. `booked` is the ledger's own: under which limits it wrote it down, empty
    where it did not because there were none. `doubtful`: more may be held than `amounts`, for an extension was not
    heard of, and an engine may have made all of it; settled so, all that is held is spent. `used` is what of it its
    holder knows to be spent, which nobody else need wait for; the next extension tells it.
    """

    id: str
    tenant: str
    amounts: Amounts
    left: tuple[Remaining, ...] = ()
    booked: bytes = b""
    doubtful: bool = False
    used: Amounts | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What of a reservation's output one attempt may use, as of its beginning; the reservation may grow meanwhile.

    `before` are the output tokens of earlier attempts, `output_tokens` those granted beyond them, of the `most` that
    the attempt can ever use; all of them of its `choices` together. `attempt` is its number among the reservation's.
    `patience_s`: how long an engine that has used it up waits for more, as long as its account asks.
    """

    reservation_id: str
    tenant: str
    before: int
    output_tokens: int
    most: int
    choices: int = 1
    attempt: int = 0
    patience_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Marked:
    """What was spent reached `mark` per cent of `limit`'s amount, for the first time in its window: `spent` now."""

    limit: Limit
    mark: int
    spent: int


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """Why a reservation was refused: the first limit that it did not fit in.

    `remaining` is what the limit leaves, `requested` what was wanted of it, of tokens and money the least that would
    do: what an answer needs to begin, or of an extension what it adds.
    `resets_in_s` is when it fits by itself, in a calendar window when that ends, at a sliding one when enough of it is
    past (or all, where that is never enough); None for `total` and `concurrent`, which no time ends. `held` is what
    other requests under way hold of the limit beyond what they have used: they may give much of it back.
    """

    limit: Limit
    remaining: int
    requested: int
    resets_in_s: float | None
    held: int = field(default=0, compare=False)

    @property
    def is_only_held(self) -> bool:
        """Whether it would fit if the requests under way gave back all the tokens or money that they may."""
        spendable = self.limit.unit not in {Unit.REQUESTS, Unit.CONCURRENT}
        return spendable and self.remaining < self.requested <= self.remaining + self.held


@dataclass(frozen=True, slots=True)
class ScopeStopped:
    """Why a reservation was refused: someone stopped the scope, and nobody let it go on."""

    scope: Scope
    reason: str = ""


Refusal = BudgetExceeded | ScopeStopped
