"""The routing part of the policy: which tier is good enough, and how the router learns from use."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from app.config.model import PolicyModel

Share = Annotated[float, Field(ge=0, le=1)]


class TierCalibration(PolicyModel):
    """This user's correction of the head for one tier, as `leanserve route calibrate` fits it.

    P(good enough) = sigmoid(slope · logit(P of the head) + intercept); Platt scaling of the head's own probability.
    """

    slope: float = Field(default=1.0, ge=0, le=10)
    intercept: float = Field(default=0.0, ge=-20, le=20)


class CascadePolicy(PolicyModel):
    """Start on the routed tier and escalate once, to the next better one, when the answer itself looks unsure.

    `min_confidence` is the least geometric mean of the probabilities of the answer's tokens, 0–1 (0: not asked for);
    `refusals` escalates a refusal, `structure` an answer that is not of the requested schema and calls that cannot be
    made, `truncated` one cut at the tier's own maximum. An empty answer always escalates. `streams`: interactive
    streams too, whose first token then waits for the whole first answer; other streams wait in any case.

    No `min_confidence` fits every model. Measured on vLLM with short questions of known answer, at temperature 0: of
    Qwen2.5-Coder-0.5B's 44 answers 0.7 escalates 32%, of which 36% were right, and keeps 63% right ones (median 0.78,
    AUC .69); of SmolLM2-135M's 64 it escalates 84%, and the number hardly tells right from wrong (median 0.56, AUC
    .54). Sampling lowers it, since the unlikely is drawn: at temperature 1 the medians were 0.68 and 0.28.
    """

    enabled: bool = False
    min_confidence: Share = 0.7
    refusals: bool = True
    structure: bool = True
    truncated: bool = True
    streams: bool = False


class RoutingPolicy(PolicyModel):
    """How a request for `auto` finds its tier.

    `policy`: `thresholds` compares the complexity with `thresholds`, below which a tier is good enough, by tier (what
    is below none goes to the best); `quality` takes the cheapest tier whose P(good enough) is at least `min_quality`;
    `cost` takes the best expected quality at a mean of `mean_usd_per_million` US dollars per million tokens. `margin`:
    a score closer than this below a threshold is "not sure" and takes the better tier. `min_tier` and `max_tier` are
    floor and ceiling, of who names a tier or a model too. `named`: who names one gets it (`obeyed`), or it is the
    `ceiling` of a request that the router decides; an adapter is always obeyed, and who sets bounds of its own or names
    what is below the floor. `sticky`: a session never goes back to a cheaper tier, for `session_ttl_s` after its last
    answer that the router decided. `shadow`: of the requests that a cheaper tier surely answers, the share that the
    best allowed one is asked too, to compare. `appraise`: of the requests that name a tier or a model, the share on
    which the router is asked too, beside the answer, so that `leanserve audit` can tell which a cheaper tier would have
    served. `calibration`: this user's own, by tier. That `cost` has its mean is known once a feature's part is merged:
    see `check_routing`.
    """

    policy: Literal["thresholds", "quality", "cost"] = "thresholds"
    thresholds: dict[str, Share] = Field(default_factory=lambda: {"small": 0.3, "medium": 0.7})
    margin: float = Field(default=0.0, ge=0, le=0.5)
    min_quality: Share = 0.8
    mean_usd_per_million: Decimal | None = Field(default=None, ge=0)
    min_tier: str | None = None
    max_tier: str | None = None
    named: Literal["obeyed", "ceiling"] = "obeyed"
    sticky: bool = True
    session_ttl_s: int = Field(default=1800, gt=0)
    cascade: CascadePolicy = CascadePolicy()
    shadow: Share = 0.0
    appraise: Share = 0.0
    calibration: dict[str, TierCalibration] = Field(default_factory=dict)
