"""What LeanServe knows about one request while it runs: the one record that spans, headers and metrics read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from app.config.policy import Eligibility, Policy
from app.cost.prices import PriceSheet
from app.domain import (
    Amounts,
    BudgetExceeded,
    CacheHit,
    CacheMiss,
    Chunk,
    GatewayRequest,
    MicroUsd,
    Remaining,
    RouteDecision,
    RouteTerms,
    SessionStep,
    Usage,
)
from app.errors import LeanServeError

CacheResult = Literal["exact", "semantic", "coalesced", "miss", "bypass"]


class AttemptOutcome(StrEnum):
    """The three outcomes that breakers and reservations know."""

    SUCCESS = "success"
    IGNORED = "ignored"  # the client left: nobody's fault
    FAILED = "failed"


@dataclass(slots=True)
class AttemptRecord:
    """One call of one backend. `cost` and `usage` grow while chunks arrive; `outcome` is set once, at the end.

    `price` names the version of the price behind `cost`. `estimated`: its engine did not say all that it used. `hedge`:
    it was made beside another, and has a reservation of its own.
    """

    tier: str
    backend: str
    model: str
    outcome: AttemptOutcome | None = None
    cause: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: MicroUsd = field(default=MicroUsd(0))
    first_chunk_s: float | None = None
    duration_s: float = 0.0
    price: str = ""
    trace_context: Mapping[str, str] = field(default_factory=dict)
    estimated: bool = False
    hedge: bool = False

    @property
    def unsaid(self) -> int | None:
        """Its output tokens where it was cut and its engine did not say yet what it made; None where it is final."""
        return self.usage.output_tokens if self.outcome is AttemptOutcome.IGNORED and self.estimated else None


@dataclass(slots=True)
class CascadeRecord:
    """What became of a first answer that was held back and judged.

    `doubt` says in a word why it looked unsure, empty where it looked sure; `escalated`, whether a better tier's answer
    is given instead. `confidence`, 0–1, is None where the backend told no log-probabilities.
    """

    doubt: str = ""
    escalated: bool = False
    confidence: float | None = None

    @property
    def unsure(self) -> bool:
        """Whether what is given looked unsure: the better tier could not be had."""
        return bool(self.doubt) and not self.escalated

    def __str__(self) -> str:
        result = "escalated" if self.escalated else "kept"
        return f"{result}:{self.doubt}" if self.doubt else result


@dataclass(slots=True)
class Journey:
    """One request under way, by the policy and the prices of its beginning.

    `timings` are seconds by stage name, in the order they ended. `cache` is `bypass` until a lookup was made.
    `eligibility` says how far the answer may be cached, `cache_reason` in a word why the caches did what they did: what
    makes the request ineligible, the client's wish, the verifier's reason, a fault of the store. `asked` is the
    canonical text of the last user message: for the cache's own records, never for logs or spans. `given` is the
    attempt whose answer is given, where that is not the last; `cascade` is None where no first answer was held back.
    `held` says that a first answer is, and nothing was given yet. `stopped` is what ended the answer in the middle,
    `left` what the caller's limits leave, as of the last that was heard of them, `charged` what a hit was priced at,
    `step` what is known of its session, if any. `lesser` says that a cheaper tier than decided answers, for want of
    money: others shall not get its answer. `decided` is the tier that was decided first, `input_estimate` the estimated
    input tokens, `kept` says that the answer is being stored. `body` gives the answer as far as it was made.
    `did` is what the step of a session did, as `LedgerRecord.step` has it; `appraised` what the router would have
    decided on a request that named its model, None where it was not asked. `canonical` is the canonical key. `short` is
    what the limit of a session had no room for.
    """

    request: GatewayRequest
    policy: Policy
    prices: PriceSheet = field(default_factory=lambda: PriceSheet({}))
    cache: CacheResult = "bypass"
    eligibility: Eligibility = "no"
    cache_reason: str = ""
    asked: str = field(default="", repr=False)
    step: SessionStep | None = None
    hit: CacheHit | None = None
    miss: CacheMiss | None = None
    terms: RouteTerms | None = None
    decision: RouteDecision | None = None
    attempts: list[AttemptRecord] = field(default_factory=list)
    given: AttemptRecord | None = None
    held: bool = False
    cascade: CascadeRecord | None = None
    timings: dict[str, float] = field(default_factory=dict)
    error: str = ""
    stopped: LeanServeError | None = None
    left: tuple[Remaining, ...] = ()
    charged: Amounts = field(default_factory=Amounts)
    lesser: bool = False
    decided: str = ""
    input_estimate: int = 0
    kept: bool = False
    body: Callable[[], Chunk] | None = field(default=None, repr=False)
    did: str = ""
    appraised: RouteDecision | None = None
    canonical: str = ""
    short: BudgetExceeded | None = None

    @property
    def tier(self) -> str:
        """The tier that answers, or answered when the entry was stored; empty before that is known."""
        if self.hit:
            return self.hit.tier
        return self.answering.tier if self.answering else ""

    @property
    def downgrade(self) -> str:
        """Why only the cheapest allowed tier may serve: its session was stopped; else empty."""
        return self.step.downgrade if self.step else ""

    @property
    def answering(self) -> AttemptRecord | None:
        """The attempt that answers."""
        return self.given or self.last()

    def last(self, *, hedge: bool = False) -> AttemptRecord | None:
        """The last attempt, or the last hedge."""
        return next((each for each in reversed(self.attempts) if each.hedge is hedge), None)

    def spent(self, *, hedge: bool = False) -> Amounts:
        """What the attempts that have ended cost: those of the request's own reservation, or hedges."""
        ended = [each for each in self.attempts if each.outcome is not None and each.hedge is hedge]
        usage = sum((each.usage for each in ended), Usage())
        return Amounts(usage.input_tokens, usage.output_tokens, MicroUsd(sum(each.cost for each in ended)))

    @property
    def usage(self) -> Usage:
        """Tokens of all attempts; a cached answer costs none."""
        return sum((attempt.usage for attempt in self.attempts), Usage())

    @property
    def cost(self) -> MicroUsd:
        """Money of all attempts, and of a hit that the policy prices."""
        return MicroUsd(sum(attempt.cost for attempt in self.attempts) + self.charged.micro_usd)
