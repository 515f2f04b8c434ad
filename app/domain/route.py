"""Where a request is sent, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.domain.usage import MicroUsd


@dataclass(frozen=True, slots=True)
class Evidence:
    """Training prompts near the asked one: their `domain`, the cosine to them, 0–1, and how a weak model fared, 0–1.

    Never their text.
    """

    domain: str
    similarity: float
    weak_success: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the head says of a prompt, whoever serves it.

    `score` is the complexity, 0 (easy) to 1 (hard). `chances` are P(the answer is good enough), 0–1, of models of
    capability 0, ½ and 1: a 7–13B chat model, the best open models and GPT-3.5, and GPT-4. `doubt` is empty, or says
    why the prompt is unlike the training's, so that neither means much; `familiarity` is the cosine to the nearest
    region of the training data.
    """

    score: float
    chances: tuple[float, float, float]
    doubt: str = ""
    familiarity: float = 1.0


@dataclass(frozen=True, slots=True)
class TierTerms:
    """One tier that may serve this request: its `capability`, 0–1, and what the request is expected to cost there.

    `price` is in US dollars per million tokens, three input tokens to one output token, of the backend tried first.
    """

    name: str
    capability: float
    cost: MicroUsd
    price: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class RouteTerms:
    """What is decided before the head is asked.

    `tiers` may serve, from the cheapest to the best, and are not empty. `excluded` says of each other tier which
    constraint it fails. `session_tier` is the tier of this session so far, or empty. `explain`: with evidence.
    `catalog` are all tiers, allowed or not; empty where all of them may serve.
    """

    tiers: tuple[TierTerms, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)
    session_tier: str = ""
    explain: bool = False
    catalog: tuple[TierTerms, ...] = ()

    @property
    def everything(self) -> tuple[TierTerms, ...]:
        """All tiers, from the cheapest to the best."""
        return self.catalog or self.tiers


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """Which tier first, why, and which better tiers may stand in.

    `score` is the complexity, 0 (easy) to 1 (hard); `p` is P(its answer is good enough) by tier; `uncertain`: the head
    does not know, so that the better tier was taken. All three are empty where something else decided. `reason` is one
    of few fixed phrases: fit for a metric's label.
    """

    tier: str
    score: float | None
    reason: str
    fallbacks: tuple[str, ...] = ()
    p: Mapping[str, float] = field(default_factory=dict)
    uncertain: bool = False
    evidence: tuple[Evidence, ...] = ()

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers to attempt, in order."""
        return (self.tier, *self.fallbacks)
