"""The router as the graph calls it, with the shipped head and the real embedder."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.config.routing import RoutingPolicy
from app.domain import Judgement, NormalizedPrompt, PromptKeys, RouteDecision
from app.embed.batching import Encode
from app.ports import ComplexityRouter as Port
from app.route.complexity import ComplexityRouter
from app.route.heads import load_head
from tests.fakes import FakeHead
from tests.unit.route.judged_prompts import EASY, HARD
from tests.unit.route.made import TIERS, terms


def normalized(text: str, embedding: bytes) -> NormalizedPrompt:
    return NormalizedPrompt(text, PromptKeys("k", "c"), len(text) // 4, embedding)


@pytest.fixture(scope="module")
def router() -> Port:
    return ComplexityRouter(load_head())


async def routed(router: Port, encode: Encode, texts: tuple[str, ...]) -> list[RouteDecision]:
    pairs = zip(texts, encode(list(texts)), strict=True)
    return [await router.route(normalized(text, vector), terms(), RoutingPolicy()) for text, vector in pairs]


async def test_easy_prompts_go_to_the_small_tier(router: Port, encode: Encode) -> None:
    """Three of four at least; the best tier, money for nothing, is for those of which the head says it is not sure."""
    found = dict(zip(EASY, await routed(router, encode, EASY), strict=True))
    small = [text for text, decision in found.items() if decision.tier == "small"]
    assert len(small) >= 0.75 * len(EASY), set(EASY) - set(small)
    sure = [text for text, decision in found.items() if decision.tier == "large" and not decision.uncertain]
    assert len(sure) <= 0.05 * len(EASY), sure


async def test_hard_prompts_go_to_the_best_tier(router: Port, encode: Encode) -> None:
    """Three of four at least, and none to the small tier: each of those is a wrong answer."""
    tiers = [decision.tier for decision in await routed(router, encode, HARD)]
    assert tiers.count("large") >= 0.75 * len(HARD)
    assert "small" not in tiers


async def test_the_decision_carries_what_headers_and_spans_read(router: Port, encode: Encode) -> None:
    """Score, probabilities by tier, and the better tiers as fallbacks."""
    for decision in await routed(router, encode, (*EASY, *HARD)):
        assert decision.tiers == TIERS[TIERS.index(decision.tier) :]
        assert decision.score is not None
        assert 0 < decision.score < 1
        assert list(decision.p) == list(TIERS)
        assert 0 < decision.p["small"] <= decision.p["medium"] <= decision.p["large"] < 1


async def test_one_policy_can_close_the_small_tier() -> None:
    """The policy rides with the request: no state of the router decides, and no restart is needed."""
    router, closed = ComplexityRouter(FakeHead()), RoutingPolicy(thresholds={"medium": 1.0})
    for policy, tier in ((closed, "medium"), (RoutingPolicy(), "small"), (closed, "medium")):
        decision = await router.route(normalized("a", b""), terms(), policy)
        assert decision.tier == tier


async def test_evidence_is_told_to_who_asks_for_an_explanation() -> None:
    """It costs a search, which other requests do not pay."""
    router, prompt = ComplexityRouter(FakeHead()), normalized("a", b"")
    plain = await router.route(prompt, terms(), RoutingPolicy())
    assert plain.evidence == ()
    told = await router.route(prompt, replace(terms(), explain=True), RoutingPolicy())
    assert [each.domain for each in told.evidence] == ["fake"]


async def test_the_policy_cost_solves_its_multiplier_on_the_heads_reference() -> None:
    """A mean of 3 dollars at prices of 1, 3 and 10: three prompts, one of which is worth the best tier."""
    head = FakeHead(lambda _: Judgement(0.9, (0.1, 0.2, 0.8)))
    rich = RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(10))
    poor = RoutingPolicy(policy="cost", mean_usd_per_million=Decimal(1))
    router = ComplexityRouter(head)
    assert (await router.route(normalized("a", b""), terms(), rich)).tier == "large"
    assert (await router.route(normalized("a", b""), terms(), poor)).tier == "small"
