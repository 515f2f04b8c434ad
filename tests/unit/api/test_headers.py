"""What a response says of the cache."""

from typing import Any

import pytest

from app.api.headers import response_headers
from app.config.policy import Policy
from app.domain import CacheHit, CacheMiss, GatewayRequest, Usage
from app.journey import CacheResult, Journey

PREFIX = "x-leanserve-cache"


def told(**known: Any) -> dict[str, str]:
    """The headers about the cache of a journey of which so much is known."""
    journey = Journey(GatewayRequest("r1", "chat", {"model": "auto", "messages": []}), Policy())
    for name, value in known.items():
        setattr(journey, name, value)
    headers = response_headers(journey)
    return {name.removeprefix(PREFIX).lstrip("-"): value for name, value in headers.items() if name.startswith(PREFIX)}


def hit(kind: Any, **known: Any) -> CacheHit:
    return CacheHit(kind, "e1", known.pop("similarity", 1.0), 61.9, {}, Usage(), "small", **known)


def test_an_exact_hit() -> None:
    """Which entry, how old in whole seconds, and that nothing was left to judge."""
    found = {"": "exact", "entry": "e1", "similarity": "1.0000", "probability": "1.0000", "age": "61"}
    assert told(cache="exact", hit=hit("exact")) == found


def test_a_semantic_hit_says_why() -> None:
    """Similarity, probability and the verifier's reason."""
    verified = hit("semantic", similarity=0.91234, p_same=0.995, reason="synonyms")
    assert told(cache="semantic", hit=verified, cache_reason="synonyms") == {
        "": "semantic",
        "entry": "e1",
        "similarity": "0.9123",
        "probability": "0.9950",
        "age": "61",
        "reason": "synonyms",
    }


def test_a_plain_threshold_knows_no_probability() -> None:
    """What nobody judged is not told."""
    assert "probability" not in told(cache="semantic", hit=hit("semantic", p_same=None))


@pytest.mark.parametrize("result", ["bypass", "miss"])
def test_why_nothing_was_looked_up(result: CacheResult) -> None:
    """What made the request ineligible, the client's wish, or a fault."""
    assert told(cache=result, cache_reason="temperature") == {"": result, "reason": "temperature"}


def test_a_miss_says_nothing_of_other_prompts() -> None:
    """Why a neighbour was refused is for the operator's span, not for whoever asks."""
    assert told(cache="miss", miss=CacheMiss("number", 0.99, 0.1), cache_reason="number") == {"": "miss"}


def test_a_header_is_plain_text() -> None:
    """No reason breaks the response."""
    assert told(cache="bypass", cache_reason="a\r\nx: é" + "y" * 500)["reason"] == ("a??x: ?" + "y" * 500)[:128]
