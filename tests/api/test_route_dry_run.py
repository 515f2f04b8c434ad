"""`POST /v1/route`: where a request would go, and why, without sending it anywhere."""

from typing import Any

import pytest
import redis

from app.store.keys import Keys
from tests.api.conftest import Serve
from tests.api.test_routing import TOOLS, ask, router
from tests.harness import PRICES, Running, tier


def explained(running: Running, text: str = "easy", **options: Any) -> dict[str, Any]:
    answer = ask(running, text, path="/v1/route", **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_explanation_says_everything(serve: Serve) -> None:
    """Score, probabilities, reason, evidence, what each tier would cost, and by which policy."""
    found = explained(serve(router=router(), policy={"version": "7"}), max_tokens=100)
    assert found["object"] == "route"
    assert (found["tier"], found["fallbacks"], found["score"]) == ("small", ["large"], 0.1)
    assert found["p"] == {"small": pytest.approx(0.9), "large": pytest.approx(0.99)}
    assert (found["reason"], found["uncertain"]) == ("below the threshold of small", False)
    assert found["evidence"] == [{"domain": "fake", "similarity": 0.9, "weak_success": 0.8}]
    assert (found["policy"]["version"], found["policy"]["routing"]["policy"]) == ("7", "thresholds")
    small, large = found["tiers"]
    assert (small["name"], small["allowed"], small["excluded"], small["capability"]) == ("small", True, None, 0.0)
    tokens = found["input_tokens"]
    assert small["expected_cost_usd"] == f"{(tokens + 200) / 1e6:.6f}"
    assert large["expected_cost_usd"] == f"{(10 * tokens + 2000) / 1e6:.6f}"
    assert large["usd_per_million_tokens"] == "12.5"


def test_constraints_and_the_client_s_headers_count(serve: Serve) -> None:
    """As they would in earnest."""
    running = serve(router=router(), config={"tiers": [{**tier("small"), "supports": []}, tier("large")]})
    found = explained(running, tools=TOOLS)
    assert (found["tier"], found["reason"]) == ("large", "below the threshold of small; excluded: tools")
    assert [each["excluded"] for each in found["tiers"]] == ["tools", None]
    assert [each["excluded"] for each in explained(running, headers={"min-tier": "large"})["tiers"]] == [
        "x-leanserve-min-tier",
        None,
    ]
    assert ask(running, path="/v1/route", headers={"min-tier": "xl"}).status_code == 400
    refused = ask(running, path="/v1/route", tools=TOOLS, headers={"max-tier": "small"})
    assert refused.json()["error"]["code"] == "no_tier"


def test_doubt_and_its_reason(serve: Serve) -> None:
    """What decided was not the score."""
    found = explained(serve(router=router()), "foreign")
    assert (found["tier"], found["reason"], found["uncertain"]) == ("large", "not sure: not English", True)


def test_it_agrees_with_what_then_happens(serve: Serve) -> None:
    """For easy and hard, before and inside a session."""
    running = serve(router=router())
    chat = {"headers": {"session": "s"}}
    for text in ("easy one", "hard two", "easy three"):
        found = explained(running, text, **chat)
        headers = ask(running, text, **chat).headers
        assert (found["tier"], found["reason"]) == (
            headers["x-leanserve-tier"],
            headers["x-leanserve-route-reason"],
        )
    assert explained(running, "easy", **chat)["session_tier"] == "large"


def test_it_calls_no_model_and_changes_nothing(serve: Serve, clean_redis: str) -> None:
    """Not the session, not the budget, not the cache, not the records."""
    budget = {"usd": "1", "tokens": 1000, "window": "day"}
    running = serve(router=router(), policy={"budgets": [budget], "prices": PRICES})
    with redis.Redis.from_url(clean_redis) as admin:
        explained(running, "hard", headers={"session": "s", "cache": "max-age=60"})
        assert set(admin.keys("*")) <= {Keys().beats().encode()}
    assert all(backend.stats().started == 0 for backend in running.backends.values())
    assert explained(running, "easy", headers={"session": "s"})["session_tier"] is None


def test_a_named_tier_is_explained_too(serve: Serve) -> None:
    """The client decided; costs and constraints are told all the same."""
    found = explained(serve(router=router()), model="large")
    assert (found["tier"], found["reason"], found["score"]) == ("large", "requested tier", None)
    assert len(found["tiers"]) == 2


def test_an_empty_prompt_is_not_sure(serve: Serve) -> None:
    """Nothing to judge: the better tier."""
    found = explained(serve(router=router()), "")
    assert (found["tier"], found["reason"], found["uncertain"]) == ("large", "not sure: empty prompt", True)


def test_it_wants_a_key_where_keys_are_wanted(serve: Serve) -> None:
    """Like the rest of /v1."""
    running = serve(router=router(), keys="acme:secret")
    assert ask(running, path="/v1/route").status_code == 401


def test_the_prompt_is_not_told_back(serve: Serve) -> None:
    """Neither it nor anybody else's."""
    answer = ask(serve(router=router()), "a secret of mine", path="/v1/route")
    assert "secret" not in answer.text
