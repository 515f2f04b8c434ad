"""Labelled prompts as the router would have treated them: by the same object that decides of live requests."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

import numpy as np
import numpy.typing as npt

from app.config.checks import check_routing
from app.config.gateway import EchoBackend, EmbedderSpec, TierSpec
from app.config.policy import Policy
from app.config.routing import RoutingPolicy
from app.cost.price_list import PriceList
from app.domain import AUTO_MODEL, GatewayRequest, MicroUsd, RouteTerms, TierTerms
from app.embed.batching import Encode
from app.errors import ConfigError
from app.prompt.keys import KeyMaker
from app.route.complexity import ComplexityRouter
from app.route.frontier import Ints
from app.route.metrics import Doubles
from app.route.trial.lines import LabelledPrompt

BATCH = 256
"""Prompts that are embedded at a time."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A labelled prompt, its canonical text (what the gateway embeds and routes by) and that text's vector."""

    labelled: LabelledPrompt
    text: str
    vector: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """n labelled prompts and what the router made of them; `tiers` from the cheapest to the best, t of them.

    `score` (n,) is the complexity, `p` (n, t) P(good enough), `quality` (n, t) what was measured, `cost` (n, t) in US
    dollars, or in steps between the tiers where the file has no costs (not `priced`). `chosen` (n,) is the policy's
    tier, by number; `uncertain` (n,) whether it was taken for want of knowledge. `domain` (n,).
    """

    tiers: tuple[str, ...]
    domain: npt.NDArray[np.str_]
    score: Doubles
    p: Doubles
    quality: Doubles
    cost: Doubles
    chosen: Ints
    uncertain: npt.NDArray[np.bool_]
    priced: bool

    def of(self, domain: str) -> "Judged":
        """The prompts of one domain."""
        rows = self.domain == domain
        names = ("domain", "score", "p", "quality", "cost", "chosen", "uncertain")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def embedded(prompts: Iterable[LabelledPrompt], encode: Encode, policy: Policy) -> Iterator[Embedded]:
    """Each prompt with its vector, in order, `BATCH` at a time."""
    source = iter(prompts)
    while batch := list(islice(source, BATCH)):
        texts = canonical_texts([each.prompt for each in batch], policy)
        yield from map(Embedded, batch, texts, encode(texts))


def canonical_texts(prompts: Iterable[str], policy: Policy) -> list[str]:
    """What the gateway would embed and route by, of prompts that are asked alone."""
    keys = KeyMaker(EmbedderSpec().identity)
    return [keys.read(request_of(prompt), policy)[1] for prompt in prompts]


def request_of(prompt: str) -> GatewayRequest:
    """A request that says nothing else."""
    messages = [{"role": "user", "content": prompt}]
    return GatewayRequest("labelled", "chat", {"model": AUTO_MODEL, "messages": messages})


def judged(
    rows: Sequence[Embedded], router: ComplexityRouter, policy: Policy, named: Sequence[TierTerms] = ()
) -> Judged:
    """The router's decisions under a policy. `named` are the tiers with their capabilities, the best last; without,
    they are ordered by their mean costs, or as the first line lists them, and capability is spread evenly.

    Raises ConfigError where there are no prompts, where `named` are not the file's tiers, where the policy
    names a tier that is none of them, and for the policy `cost`
    without prices of these tiers.
    """
    prompts = [row.labelled for row in rows]
    terms = RouteTerms(tier_terms(prompts, named, policy))
    tiers = tuple(tier.name for tier in terms.tiers)
    # Thresholds for other tiers are told on the page: the default ones fit any file.
    unthresholded = policy.routing.model_copy(update={"thresholds": RoutingPolicy().thresholds})
    check_routing(policy.model_copy(update={"routing": unthresholded, "features": {}}), tiers)
    said = [router.judge_offline(row.vector, row.text, terms, policy.routing) for row in rows]
    return Judged(
        tiers,
        np.array([each.domain for each in prompts]),
        # Of what the head cannot read at all it knows nothing: the hardest there is.
        np.array([1.0 if each.score is None else each.score for each in said]),
        np.array([[each.p.get(tier, 0.0) for tier in tiers] for each in said]),
        np.array([[each.scores[tier] for tier in tiers] for each in prompts]),
        costs_of(prompts, tiers),
        np.array([tiers.index(each.tier) for each in said]),
        np.array([each.uncertain for each in said]),
        has_costs(prompts),
    )


def tier_terms(prompts: Sequence[LabelledPrompt], named: Sequence[TierTerms], policy: Policy) -> tuple[TierTerms, ...]:
    """The file's tiers from the cheapest to the best; their cost is the mean one."""
    if not prompts:
        raise ConfigError("no prompts to evaluate")
    listed, given = list(prompts[0].scores), [tier.name for tier in named]
    if given and sorted(given) != sorted(listed):
        raise ConfigError(f"the file's tiers are {', '.join(listed)}, not {', '.join(given)}")
    means = dict(zip(listed, costs_of(prompts, listed).mean(axis=0).tolist(), strict=True))
    order = given or sorted(listed, key=means.__getitem__)
    capabilities = [tier.capability for tier in named] or np.linspace(0, 1, len(order)).tolist()
    return tuple(
        TierTerms(name, capability, MicroUsd(round(means[name] * 1e6)), price_of(name, policy))
        for name, capability in zip(order, capabilities, strict=True)
    )


def has_costs(prompts: Sequence[LabelledPrompt]) -> bool:
    """Whether there is anything to pay."""
    return any(sum((each.costs or {}).values()) > 0 for each in prompts)


def costs_of(prompts: Sequence[LabelledPrompt], tiers: Sequence[str]) -> Doubles:
    """In US dollars, (n, t); without any, tier i of t costs i / (t − 1): the share of calls to the stronger of two."""
    if not has_costs(prompts):
        return np.tile(np.linspace(0, 1, len(tiers)), (len(prompts), 1))
    return np.array([[(each.costs or {})[tier] for tier in tiers] for each in prompts])


def price_of(name: str, policy: Policy) -> Decimal:
    """By the policy's prices; only the policy `cost` reads it."""
    if policy.routing.policy != "cost":
        return Decimal(0)
    backends = (EchoBackend(kind="echo"),)
    spec = TierSpec(name=name, model=name, context_tokens=1, max_output_tokens=1, backends=backends)
    return PriceList(policy.prices, ()).sheet().per_million(spec)
