"""Hard constraints: which tiers may serve a request, and why the others may not."""

from typing import Any

import pytest

from app.config.routing import RoutingPolicy
from app.domain import GatewayRequest, MicroUsd
from app.errors import InvalidRequest, NoTier
from app.prompt.tokens import estimate_input_tokens, least_input_tokens
from app.route.constraints import Situation, constrain, constrain_named
from tests.unit.route.made import Weighed, request, sheet, specs, tier

TOOLS = [{"type": "function", "function": {"name": "f"}}]
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}


def found(
    asked: GatewayRequest, tiers: Any = (), policy: RoutingPolicy | None = None, **situation: Any
) -> tuple[list[str], dict[str, str]]:
    """The names of the allowed tiers, and the exclusions."""
    tokens = estimate_input_tokens(asked.payload)
    result = constrain(specs(*tiers), asked, policy or RoutingPolicy(), sheet(), tokens, Situation(**situation))
    return [spec.name for spec in result.allowed], dict(result.excluded)


def able(small: list[str]) -> list[dict[str, Any]]:
    """A small tier that supports `small`, and a large one that supports everything."""
    return [tier("small", supports=small), tier("large", supports=["tools", "structured_output", "images"])]


def test_a_plain_request_may_go_anywhere() -> None:
    """Nothing is excluded without a reason."""
    assert found(request()) == (["small", "medium", "large"], {})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"tools": TOOLS}, "tools"),
        ({"functions": [{"name": "f"}]}, "tools"),
        ({"messages": [{"role": "tool", "content": "3", "tool_call_id": "x"}]}, "tools"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}, {"role": "user", "content": "and?"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "structured output"),
        ({"response_format": SCHEMA}, "structured output"),
        ({"guided_json": {"type": "object"}}, "structured output"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "what?"}, IMAGE]}]}, "images"),
        ({"messages": [{"role": "user", "content": [IMAGE]}, {"role": "user", "content": "what?"}]}, "images"),
    ],
)
def test_a_tier_that_cannot_do_it_is_excluded(payload: dict[str, Any], reason: str) -> None:
    """And one that can serves, whatever the head thinks."""
    assert found(request(**payload), able([])) == (["large"], {"small": reason})


@pytest.mark.parametrize("payload", [{"tools": []}, {"response_format": {"type": "text"}}, {"response_format": None}])
def test_what_asks_for_nothing_needs_nothing(payload: dict[str, Any]) -> None:
    """An empty list of tools is none."""
    assert found(request(**payload), able([]))[0] == ["small", "large"]


def test_images_are_not_presumed_and_tools_are() -> None:
    """A text model must not be sent a picture because nobody said that it is one."""
    assert found(request(tools=TOOLS, response_format=SCHEMA))[0] == ["small", "medium", "large"]
    with pytest.raises(NoTier, match=r"small: images; medium: images; large: images") as refused:
        found(request(messages=[{"role": "user", "content": [IMAGE]}]))
    assert refused.value.body()["error"]["code"] == "no_tier"
    assert refused.value.http_status == 400


def contexts(*tokens: int) -> list[dict[str, Any]]:
    """Tiers of these contexts, 64 output tokens each."""
    return [tier(name, context_tokens=size) for name, size in zip(("small", "large"), tokens, strict=True)]


def test_input_and_output_must_fit_into_the_context() -> None:
    """What the request asks for, or the tier's own maximum."""
    assert found(request("word " * 300), contexts(300, 4096)) == (["large"], {"small": "context length"})
    assert found(request("word"), contexts(300, 4096))[0] == ["small", "large"]
    assert found(request("word", max_tokens=400), contexts(300, 4096))[0] == ["large"]


def test_what_fits_nowhere_by_the_estimate_goes_to_the_longest_context() -> None:
    """The estimate leans upwards, fourfold for Chinese: the engine counts exactly, and the tier is not refused."""
    chinese = request("很" * 2000)
    assert estimate_input_tokens(chinese.payload) > 4096 > least_input_tokens(chinese.payload)
    assert found(chinese, contexts(300, 4096)) == (["large"], {"small": "context length"})
    assert found(request("word", max_tokens=9000), contexts(300, 4096))[0] == ["large"]


def test_what_surely_fits_nowhere_is_refused() -> None:
    """A hundred thousand words are more than 4,096 tokens by any tokenizer."""
    with pytest.raises(NoTier, match="small: context length; large: context length"):
        found(request("word " * 100_000), contexts(300, 4096))


def test_floor_and_ceiling_of_the_policy() -> None:
    """The operator's word."""
    policy = RoutingPolicy(min_tier="medium", max_tier="medium")
    assert found(request(), policy=policy) == (["medium"], {"small": "floor", "large": "ceiling"})


def test_a_client_may_be_stricter() -> None:
    """In both directions."""
    assert found(request(min_tier="medium")) == (["medium", "large"], {"small": "x-leanserve-min-tier"})
    assert found(request(max_tier="small"))[1] == dict.fromkeys(("medium", "large"), "x-leanserve-max-tier")


def test_a_client_may_not_be_laxer() -> None:
    """The stricter of both counts; a wish within it changes nothing."""
    policy = RoutingPolicy(min_tier="medium", max_tier="medium")
    asked = request(min_tier="small", max_tier="large")
    assert found(asked, policy=policy) == (["medium"], {"small": "floor", "large": "ceiling"})


@pytest.mark.parametrize(
    ("asked", "policy", "header", "words"),
    [
        ({"min_tier": "huge"}, {}, "x-leanserve-min-tier", "no tier is called 'huge'"),
        ({"max_tier": "Small"}, {}, "x-leanserve-max-tier", "there are small, medium, large"),
        ({"min_tier": "large", "max_tier": "small"}, {}, "x-leanserve-min-tier", "contradict"),
        ({"min_tier": "large"}, {"max_tier": "medium"}, "x-leanserve-min-tier", "no tier above medium"),
        ({"max_tier": "small"}, {"min_tier": "medium"}, "x-leanserve-max-tier", "no tier below medium"),
    ],
)
def test_a_header_that_leaves_nothing_is_refused(
    asked: dict[str, str], policy: dict[str, str], header: str, words: str
) -> None:
    """With 400, and the header's name."""
    with pytest.raises(InvalidRequest, match=words) as refused:
        found(request(**asked), policy=RoutingPolicy.model_validate(policy))
    assert refused.value.param == header
    assert header in refused.value.message


def test_a_tier_dearer_than_what_is_left_is_excluded() -> None:
    """Its worst case: 100 output tokens, and the input, at 1, 3 and 10 micro-dollars each."""
    asked = request(max_tokens=100)
    tokens = estimate_input_tokens(asked.payload) + 100
    assert found(asked, budget_left=MicroUsd(10 * tokens))[0] == ["small", "medium", "large"]
    assert found(asked, budget_left=MicroUsd(10 * tokens - 1))[1] == {"large": "budget left"}
    assert found(asked, budget_left=MicroUsd(3 * tokens - 1))[0] == ["small"]


def test_the_cheapest_stays_for_the_budget_to_refuse() -> None:
    """Who has nothing left is told so by the ledger, with the limit's name: not by "no tier"."""
    assert found(request(), budget_left=MicroUsd(-5))[0] == ["small"]
    assert found(request(min_tier="medium"), budget_left=MicroUsd(0))[0] == ["medium"]


def test_the_worst_case_of_a_stand_in_is_that_of_whom_it_stands_in_for() -> None:
    """A fall-back may produce as much as the first tier was allowed to."""
    tiers = [tier("small", max_output_tokens=1000), tier("medium", max_output_tokens=10)]
    assert found(request(), tiers, budget_left=MicroUsd(2500))[1] == {"medium": "budget left"}


def test_a_session_never_goes_back() -> None:
    """It may go up; what is cheaper is out."""
    assert found(request(), session_tier="medium") == (["medium", "large"], {"small": "session"})
    assert found(request(), session_tier="large")[0] == ["large"]


def test_a_session_on_a_tier_that_is_gone_starts_anew() -> None:
    """A new configuration may have other names."""
    assert found(request(), session_tier="huge")[0] == ["small", "medium", "large"]


def test_a_session_that_may_not_stay_goes_on_with_the_best_that_is_left() -> None:
    """An operator's ceiling, a client's, or an empty purse: not an error in the middle of a conversation."""
    assert found(request(max_tier="medium"), session_tier="large")[0] == ["medium"]
    assert found(request(), budget_left=MicroUsd(0), session_tier="large")[0] == ["small"]


def test_without_sticky_a_session_binds_nothing() -> None:
    """By policy."""
    assert found(request(), policy=RoutingPolicy(sticky=False), session_tier="large")[0] == ["small", "medium", "large"]


def named(
    asked: GatewayRequest, names: list[str], tiers: Any = (), tokens: int | None = None, **policy: Any
) -> list[str]:
    known = estimate_input_tokens(asked.payload) if tokens is None else tokens
    result = constrain_named(specs(*tiers), names, asked, RoutingPolicy.model_validate(policy), known)
    return [spec.name for spec in result.allowed]


def test_who_names_a_tier_gets_it() -> None:
    """And the better ones to stand in."""
    assert named(request(), ["small", "medium", "large"]) == ["small", "medium", "large"]


def test_a_named_tier_that_cannot_is_stood_in_for() -> None:
    """A tier is a level; the next better one that can serves."""
    assert named(request(tools=TOOLS), ["small", "large"], able([])) == ["large"]
    assert named(request("word " * 3000), ["small", "large"], contexts(1000, 9000)) == ["large"]


def test_a_named_model_that_cannot_is_refused() -> None:
    """A model is a promise."""
    with pytest.raises(NoTier, match=r"\(small: tools\)"):
        named(request(tools=TOOLS), ["small"], able([]))


def test_a_named_tier_is_bound_by_the_operator() -> None:
    """Naming a tier steps around no ceiling, neither at first nor as a fall-back."""
    assert named(request(), ["small", "medium", "large"], max_tier="medium") == ["small", "medium"]
    with pytest.raises(NoTier, match="large: ceiling"):
        named(request(), ["large"], max_tier="medium")


def test_a_named_tier_is_not_left_for_a_mere_estimate() -> None:
    """Who names it may know better than the estimate; only what is certain counts."""
    assert named(request("word " * 700), ["small", "large"], contexts(1000, 4096)) == ["small", "large"]


@pytest.mark.parametrize(("tokens", "weighed"), [(299, 0), (300, 1), (9000, 1)])
def test_a_text_is_weighed_again_only_in_doubt_and_once(tokens: int, weighed: int) -> None:
    """Not for each tier: a large body takes milliseconds."""
    text = Weighed("word " * 100)
    assert named(request(text), ["small", "large"], contexts(300, 4096), tokens=tokens) == ["small", "large"]
    assert len(text.threads) == weighed


def test_only_a_maximum_that_counts_is_reckoned_with() -> None:
    """A text completion's `max_completion_tokens` neither fills a context nor empties a purse."""
    payload = {"model": "auto", "prompt": "word"}
    idle = GatewayRequest("r", "text_completion", {**payload, "max_completion_tokens": 4000})
    assert found(idle, contexts(300, 4096), budget_left=MicroUsd(2000))[0] == ["small", "large"]
    both = GatewayRequest("r", "text_completion", {**payload, "max_completion_tokens": 1, "max_tokens": 3000})
    assert found(both, contexts(300, 4096))[1] == {"small": "context length"}
    assert found(both, budget_left=MicroUsd(2000))[0] == ["small"]
