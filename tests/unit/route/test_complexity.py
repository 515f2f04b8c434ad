"""The router as the graph calls it, with the shipped head and the real embedder."""

import time

import pytest

from app.config.policy import RoutingPolicy
from app.domain import NormalizedPrompt, PromptKeys
from app.embed.batching import Encode
from app.ports import ComplexityRouter as Port
from app.route.complexity import ComplexityRouter
from app.route.head import ComplexityHead
from tests.fakes import FakeEmbedder
from tests.unit.route.judged_prompts import EASY, HARD

TIERS = ("small", "medium", "large")


def normalized(text: str, embedding: bytes) -> NormalizedPrompt:
    return NormalizedPrompt(text, PromptKeys("k", "c"), len(text) // 4, embedding)


@pytest.fixture(scope="module")
def router() -> Port:
    return ComplexityRouter(ComplexityHead.load(), TIERS)


async def tiers_of(router: Port, encode: Encode, texts: tuple[str, ...]) -> list[str]:
    pairs = zip(texts, encode(list(texts)), strict=True)
    return [(await router.route(normalized(text, vector), RoutingPolicy())).tier for text, vector in pairs]


async def test_easy_prompts_go_to_the_small_tier(router: Port, encode: Encode) -> None:
    """Nine of ten at least, and none to the best tier: each of those is money for nothing."""
    tiers = await tiers_of(router, encode, EASY)
    assert tiers.count("small") >= 0.9 * len(EASY)
    assert "large" not in tiers


async def test_hard_prompts_go_to_the_best_tier(router: Port, encode: Encode) -> None:
    """Three of four at least, and none to the small tier: each of those is a wrong answer."""
    tiers = await tiers_of(router, encode, HARD)
    assert tiers.count("large") >= 0.75 * len(HARD)
    assert "small" not in tiers


async def test_the_decision_carries_the_score_and_the_fallbacks(router: Port, encode: Encode) -> None:
    """What headers, spans and the fail-over read."""
    decision = await router.route(normalized("Say hello", encode(["Say hello"])[0]), RoutingPolicy())
    assert decision.tiers == TIERS
    assert decision.score is not None
    assert decision.score < 0.3


async def test_one_policy_can_close_the_small_tier(router: Port, encode: Encode) -> None:
    """The policy rides with the request: no state of the router decides."""
    prompt = normalized("Say hello", encode(["Say hello"])[0])
    assert (await router.route(prompt, RoutingPolicy(thresholds={"medium": 1.0}))).tier == "medium"
    assert (await router.route(prompt, RoutingPolicy())).tier == "small"


async def test_an_empty_prompt_is_not_a_cheap_one(router: Port) -> None:
    """A request whose last message holds no text (an image, a tool's result) was not judged."""
    assert (await router.route(normalized("", FakeEmbedder().vector("")), RoutingPolicy())).tier == "large"


async def test_a_decision_takes_under_a_millisecond_for_a_megabyte_too(router: Port) -> None:
    """It runs on the event loop of the request path; 0.1 ms short, 0.5 ms long where it was measured."""
    for text, limit in (("What is the capital of France?", 0.001), ("two words " * 100_000, 0.003)):
        prompt = normalized(text, FakeEmbedder().vector(text))
        times = []
        for _ in range(30):
            start = time.perf_counter()
            await router.route(prompt, RoutingPolicy())
            times.append(time.perf_counter() - start)
        assert min(times) < limit
