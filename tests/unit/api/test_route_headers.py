"""What a response says of the decision."""

from app.api.headers import response_headers
from app.config.policy import Policy
from app.domain import GatewayRequest, RouteDecision
from app.journey import Journey

PREFIX = "x-leanserve-route-"


def told(decision: RouteDecision | None) -> dict[str, str]:
    journey = Journey(GatewayRequest("r1", "chat", {"model": "auto", "messages": []}), Policy())
    journey.decision = decision
    headers = response_headers(journey)
    return {name.removeprefix(PREFIX): value for name, value in headers.items() if name.startswith(PREFIX)}


def test_a_judged_prompt() -> None:
    """All four."""
    decision = RouteDecision("small", 0.1234, "below the threshold of small", ("large",), {"small": 0.714, "large": 1})
    assert told(decision) == {
        "score": "0.123",
        "reason": "below the threshold of small",
        "p": "small=0.71,large=1.00",
        "uncertain": "false",
    }


def test_nothing_to_judge_is_not_sure() -> None:
    """No score, and that it is not sure."""
    found = told(RouteDecision("large", None, "not sure: no embedding", uncertain=True))
    assert found == {"reason": "not sure: no embedding", "uncertain": "true"}


def test_a_named_tier_was_not_judged() -> None:
    """The reason only."""
    assert told(RouteDecision("small", None, "requested tier")) == {"reason": "requested tier"}
    assert told(None) == {}
