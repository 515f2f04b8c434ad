"""Policy: what may change without a restart. It reaches the ingress as Serve `user_config` and rides with the request,
so that every stage of one request sees one policy, wherever the stage runs."""

from typing import Any, Literal, TypeVar

from pydantic import Field, field_validator

from app.config.agents import SessionPolicy
from app.config.budgets import BudgetRule, SpendingPolicy
from app.config.keys import KeyRule
from app.config.model import PolicyModel
from app.config.output import OutputPolicy
from app.config.prices import Prices
from app.config.recording import RecordingPolicy
from app.config.routing import RoutingPolicy
from app.prompt.patterns import compile_rule

Eligibility = Literal["no", "exact", "semantic"]
"""How far a request may be cached: not at all, for the very same request, for one that asks the same."""


class StampRule(PolicyModel):
    """A field that varies from call to call and does not change the answer.

    What `pattern` (Python regex, multi-line) matches is replaced by `<name>` before the canonical key is made.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, value: str) -> str:
        compile_rule(value)
        return value


class NormalizerPolicy(PolicyModel):
    """How the canonical key is made.

    `case`: `sentence` folds only the capital that begins a sentence; `fold` folds all text outside code, quotes and
    identifiers; `keep` folds nothing. `stamps` switches the built-in variable fields; `rules` adds the user's own.
    """

    case: Literal["sentence", "fold", "keep"] = "sentence"
    stamps: bool = True
    rules: tuple[StampRule, ...] = ()


class EligibilityPolicy(PolicyModel):
    """Which requests may be answered from the cache and kept in it.

    `no` means neither, `exact` means only for the very same request, `semantic` means also for one that asks the same.
    A request is as eligible as the strictest of what it has: a `temperature` above `max_temperature`, `n` above 1 and
    `logprobs` are never cached. `max_messages` bounds the conversation (system prompt included) that is compared by
    meaning. `about_now` are questions whose answer depends on the moment, `about_asker` those on who asks; with the
    scope `user` the latter are like any other.
    """

    max_temperature: float = Field(default=1.0, ge=0, le=2)
    seed: Eligibility = "exact"
    tools: Eligibility = "exact"
    structured_output: Eligibility = "exact"
    about_now: Eligibility = "no"
    about_asker: Eligibility = "no"
    max_messages: int = Field(default=4, gt=0)


class CachePolicy(PolicyModel):
    """When a stored answer may be replayed.

    A semantic hit needs P(the same answer serves both) at or above the verifier's operating point for
    `max_false_hit_rate`, or at or above `min_p_same` where that is set (`leanserve cache calibrate` finds it). With
    `threshold`, a plain cosine 0–1, the verifier is not asked. `candidates` neighbours at or above `min_similarity`
    (cosine) are looked at. `ttl_s` is in seconds, not extended by hits. `scope`: who shares entries. `max_entries`
    bounds those of the whole tenant: the least useful go first.
    """

    exact: bool = True
    semantic: bool = True
    max_false_hit_rate: float = Field(default=0.01, gt=0, le=0.5)
    min_p_same: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    candidates: int = Field(default=4, ge=1, le=16)
    min_similarity: float = Field(default=0.6, ge=0, le=1)
    ttl_s: int = Field(default=86_400, gt=0)
    max_answer_bytes: int = Field(default=262_144, gt=0)
    max_entries: int = Field(default=200_000, gt=0)
    scope: Literal["tenant", "user"] = "tenant"
    coalesce: bool = True
    eligibility: EligibilityPolicy = EligibilityPolicy()


class HedgePolicy(PolicyModel):
    """A second attempt, at another backend of the tier, beside a first that shows nothing for `after_s` seconds.

    The one that begins first answers, the other is ended; both are paid. `most_share` of the requests are hedged at
    most. Near the 95th percentile of the time to first token a hedge costs little and cuts the tail (Dean and Barroso,
    The Tail at Scale, 2013). For people who wait: the batch lane is not hedged.
    """

    after_s: float = Field(gt=0, allow_inf_nan=False)
    most_share: float = Field(default=0.05, gt=0, le=1)


class AttemptPolicy(PolicyModel):
    """Time-outs in seconds, and when a backend's breaker opens (consecutive failures) and probes again.

    Without `hedge` there is one attempt at a time.
    """

    first_token_timeout_s: float = Field(default=60, gt=0)
    next_token_timeout_s: float = Field(default=30, gt=0)
    total_timeout_s: float = Field(default=600, gt=0)
    breaker_failures: int = Field(default=5, gt=0)
    breaker_reset_s: float = Field(default=15, gt=0)
    hedge: HedgePolicy | None = None


class FeaturePolicy(PolicyModel):
    """What one feature has of its own; what it does not name is the general policy's."""

    normalizer: NormalizerPolicy | None = None
    cache: CachePolicy | None = None
    routing: RoutingPolicy | None = None
    sessions: SessionPolicy | None = None
    output: OutputPolicy | None = None


P = TypeVar("P", bound=PolicyModel)


def merged(general: P, own: PolicyModel) -> P:
    """`general` with every setting that was written into `own`; parts within parts likewise."""
    named = {name: getattr(own, name) for name in own.model_fields_set if getattr(own, name) is not None}
    parts = {name: part for name, part in named.items() if isinstance(part, PolicyModel)}
    return general.model_copy(update={**named, **{name: merged(getattr(general, name), parts[name]) for name in parts}})


class Policy(PolicyModel):
    """The whole policy. `prices` are by tier name, or by `tier/backend` where backends differ; several have dates.

    `stage_timeout_s` bounds each light stage (normalizer, semantic cache, router); a late one is done without.
    """

    version: str = "1"
    normalizer: NormalizerPolicy = NormalizerPolicy()
    cache: CachePolicy = CachePolicy()
    routing: RoutingPolicy = RoutingPolicy()
    prices: dict[str, Prices] = Field(default_factory=dict)
    keys: tuple[KeyRule, ...] = ()
    budgets: tuple[BudgetRule, ...] = ()
    spending: SpendingPolicy = SpendingPolicy()
    sessions: SessionPolicy = SessionPolicy()
    output: OutputPolicy = OutputPolicy()
    attempts: AttemptPolicy = AttemptPolicy()
    stage_timeout_s: float = Field(default=2.0, gt=0)
    recording: RecordingPolicy = RecordingPolicy()
    features: dict[str, FeaturePolicy] = Field(default_factory=dict)

    @field_validator("version", mode="before")
    @classmethod
    def _version_is_text(cls, value: Any) -> str:
        return str(value)

    @field_validator("keys")
    @classmethod
    def _keys_are_distinct(cls, value: tuple[KeyRule, ...]) -> tuple[KeyRule, ...]:
        for said in ([(key.tenant, key.name) for key in value], [key.sha256 for key in value]):
            if len(set(said)) < len(said):
                raise ValueError("two keys of one tenant have one name, or two keys one sha256")
        return value

    def for_feature(self, feature: str) -> "Policy":
        """The policy as `feature` sees it: what it names is its own, the rest is general."""
        own = self.features.get(feature)
        if own is None:
            return self
        return merged(self, own)
