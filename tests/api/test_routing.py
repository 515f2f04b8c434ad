"""Where requests for `auto` go: constraints, sessions and budgets, as a client sees them."""

from typing import Any

import httpx
import pytest

from app.config.policy import Policy
from app.domain import Judgement
from app.errors import BackendBroken
from app.route.complexity import ComplexityRouter
from tests.api.conftest import Serve
from tests.fakes import FakeHead
from tests.fakes_backends import ScriptedBackend
from tests.harness import PRICES, Running, eventually, tier

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def by_words(text: str) -> Judgement:
    """Hard where it says so, foreign where it says so."""
    if "foreign" in text:
        return Judgement(0.01, (0.99, 0.99, 0.99), doubt="not English")
    return Judgement(0.9, (0.2, 0.5, 0.9)) if "hard" in text else Judgement(0.1, (0.9, 0.95, 0.99))


def router() -> ComplexityRouter:
    return ComplexityRouter(FakeHead(by_words))


def ask(running: Running, text: str = "easy", **options: Any) -> httpx.Response:
    """The raw answer; `headers` are without their `x-leanserve-`."""
    headers = {f"x-leanserve-{name}": value for name, value in options.pop("headers", {}).items()}
    path = options.pop("path", "/v1/chat/completions")
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], **options}
    return httpx.post(f"{running.url}{path}", json=body, headers={"x-leanserve-cache": "no-store", **headers})


def tier_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.headers["x-leanserve-tier"])


def test_the_headers_say_why(serve: Serve) -> None:
    """Score, reason, probabilities by tier, and whether it was sure."""
    headers = ask(serve(router=router())).headers
    assert headers["x-leanserve-tier"] == "small"
    assert headers["x-leanserve-route-score"] == "0.100"
    assert headers["x-leanserve-route-reason"] == "below the threshold of small"
    assert headers["x-leanserve-route-p"] == "small=0.90,large=0.99"
    assert headers["x-leanserve-route-uncertain"] == "false"


def test_doubt_is_told_and_takes_the_better_tier(serve: Serve) -> None:
    """In headers and on the span."""
    running = serve(router=router())
    headers = ask(running, "foreign").headers
    assert headers["x-leanserve-tier"] == "large"
    assert headers["x-leanserve-route-reason"] == "not sure: not English"
    assert headers["x-leanserve-route-uncertain"] == "true"
    [span] = [span for span in running.spans.get_finished_spans() if (span.attributes or {}).get("leanserve.cache")]
    attributes = dict(span.attributes or {})
    assert attributes["leanserve.route.uncertain"] is True
    assert attributes["leanserve.route.tier"] == "large"
    assert attributes["leanserve.route.p.small"] == pytest.approx(0.99)


def test_a_streams_headers_say_it_too(serve: Serve) -> None:
    """They leave before the first chunk."""
    assert ask(serve(router=router()), stream=True).headers["x-leanserve-route-p"] == "small=0.90,large=0.99"


def test_a_tier_that_cannot_is_passed_over(serve: Serve) -> None:
    """However easy the prompt."""
    tiers = [{**tier("small"), "supports": []}, tier("large")]
    answer = ask(serve(router=router(), config={"tiers": tiers}), tools=TOOLS)
    assert tier_of(answer) == "large"
    assert answer.headers["x-leanserve-route-reason"] == "below the threshold of small; excluded: tools"


def test_no_tier_left_is_an_error_that_names_the_constraints(serve: Serve) -> None:
    """OpenAI's JSON, 400, and no model called."""
    tiers = [{**tier("small"), "supports": []}, tier("large")]
    running = serve(router=router(), config={"tiers": tiers})
    answer = ask(running, tools=TOOLS, headers={"max-tier": "small"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "no_tier")
    assert error["message"] == "no tier can serve this request (small: tools; large: x-leanserve-max-tier)"
    assert running.backends["small/echo"].stats().started == running.backends["large/echo"].stats().started == 0


def test_a_fallback_keeps_to_the_constraints(serve: Serve) -> None:
    """A better tier that the client forbade does not stand in when the cheap one is broken."""
    broken = ScriptedBackend("small/echo", [[BackendBroken("gone")]])
    running = serve(router=router(), backends={"small/echo": broken}, policy={"attempts": {"breaker_failures": 100}})
    assert tier_of(ask(running)) == "large"
    assert ask(running, headers={"max-tier": "small"}).status_code == 503


def test_a_session_stays_where_a_fallback_took_it(serve: Serve) -> None:
    """The conversation goes on with who answered last."""
    once = ScriptedBackend("small/echo", [[BackendBroken("gone")], [[{"choices": []}]]])
    running = serve(router=router(), backends={"small/echo": once})
    for text in ("one", "two"):
        assert tier_of(ask(running, text, headers={"session": "s1"})) == "large"
        assert eventually(lambda: not running.gateway._background._tasks)
    assert len(once.calls) == 1


@pytest.mark.parametrize(("name", "value"), [("min-tier", "huge"), ("max-tier", "gpt-4"), ("min-tier", "LARGE")])
def test_a_header_that_names_no_tier_is_refused(serve: Serve, name: str, value: str) -> None:
    """Naming the header; a typo must not mean "as you like"."""
    answer = ask(serve(router=router()), headers={name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == f"x-leanserve-{name}"
    assert "there are small, large" in answer.json()["error"]["message"]


def test_a_client_may_ask_for_better_and_a_feature_may_not(serve: Serve) -> None:
    """The operator's ceiling holds for header, tier name and model alike."""
    running = serve(router=router(), policy={"features": {"faq": {"routing": {"max_tier": "small"}}}})
    assert tier_of(ask(running, headers={"min-tier": "large"})) == "large"
    assert tier_of(ask(running, "hard", headers={"feature": "faq"})) == "small"
    for refused in (
        ask(running, headers={"feature": "faq", "min-tier": "large"}),
        ask(running, headers={"feature": "faq"}, model="large"),
        ask(running, headers={"feature": "faq"}, model="echo-large"),
    ):
        assert refused.status_code == 400


def test_what_a_cheaper_tier_answered_is_no_answer_to_who_wants_a_better_one(serve: Serve) -> None:
    """The client's bounds are part of the cache's keys."""
    running = serve(router=router())
    first = {"cache": "max-age=60"}
    assert ask(running, headers=first).headers["x-leanserve-tier"] == "small"
    assert eventually(lambda: ask(running, headers=first).headers["x-leanserve-cache"] == "exact")
    better = ask(running, headers={**first, "min-tier": "large"})
    assert (better.headers["x-leanserve-cache"], better.headers["x-leanserve-tier"]) == ("miss", "large")


def test_a_session_does_not_flip_flop(serve: Serve) -> None:
    """Easy, hard, easy, easy: once on the better tier it stays; another session does not know of it."""
    running = serve(router=router())
    chat: dict[str, Any] = {"headers": {"session": "s1"}}
    assert tier_of(ask(running, "easy one", **chat)) == "small"
    assert tier_of(ask(running, "hard two", **chat)) == "large"
    for text in ("easy three", "easy four"):
        answer = ask(running, text, **chat)
        assert tier_of(answer) == "large"
        assert answer.headers["x-leanserve-route-reason"] == "below the threshold of small; excluded: session"
    assert tier_of(ask(running, "easy three", headers={"session": "s2"})) == "small"
    assert tier_of(ask(running, "easy five", headers={"session": "s1", "tenant": "other"})) == "small"


def test_a_named_model_neither_asks_nor_moves_the_session(serve: Serve) -> None:
    """Who names a model decides for that request."""
    running = serve(router=router())
    chat: dict[str, Any] = {"headers": {"session": "s1"}}
    assert tier_of(ask(running, model="large", **chat)) == "large"
    assert tier_of(ask(running, "easy", **chat)) == "small"
    assert tier_of(ask(running, "hard", **chat)) == "large"
    assert tier_of(ask(running, "easy too", model="small", **chat)) == "small"


def test_the_dollars_that_are_left_bound_the_tier(serve: Serve) -> None:
    """A hard prompt takes the tier that can still be paid; one that no tier can is refused by the budget itself."""
    budget = {"usd": "0.0015", "window": "total"}
    running = serve(router=router(), policy={"budgets": [budget], "prices": PRICES})
    hard = ask(running, "hard", max_tokens=64)
    assert tier_of(hard) == "small"
    assert hard.headers["x-leanserve-route-reason"] == "above every threshold; excluded: budget left"
    refused = ask(running, "hard " * 2000)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "budget_exceeded"


def test_a_policy_changes_without_a_restart(serve: Serve) -> None:
    """The next request is routed by it; one that does not fit the tiers is refused, and the old one stays."""
    running = serve(router=router())
    assert tier_of(ask(running, "easy")) == "small"
    floor = {"prices": PRICES, "routing": {"min_tier": "large"}}
    running.gateway.reconfigure(Policy.model_validate(floor))
    assert tier_of(ask(running, "easy")) == "large"
    with pytest.raises(Exception, match=r"routing\.min_tier: no tier is called 'xl'"):
        running.gateway.reconfigure(Policy.model_validate({**floor, "routing": {"min_tier": "xl"}}))
    assert tier_of(ask(running, "easy")) == "large"
    by_quality = {"prices": PRICES, "routing": {"policy": "quality", "min_quality": 0.95}}
    running.gateway.reconfigure(Policy.model_validate(by_quality))
    answer = ask(running, "easy")
    assert (tier_of(answer), answer.headers["x-leanserve-route-reason"]) == ("large", "good enough")


def test_a_bound_that_is_sent_twice_is_refused(serve: Serve) -> None:
    """A proxy that adds a stricter one must not be ignored in silence."""
    running = serve(router=router())
    lines = [("x-leanserve-min-tier", "small"), ("x-leanserve-min-tier", "large")]
    body = {"model": "auto", "messages": [{"role": "user", "content": "easy"}]}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body, headers=lines)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "x-leanserve-min-tier"


def test_a_named_model_may_be_a_ceiling(serve: Serve) -> None:
    """The router decides below it; whoever sets bounds of its own, and other features, are obeyed."""
    features = {"faq": {"routing": {"named": "ceiling"}}}
    running = serve(router=router(), policy={"features": features})
    faq = {"headers": {"feature": "faq"}}
    assert tier_of(ask(running, "easy", model="large", **faq)) == "small"
    assert tier_of(ask(running, "easy", model="echo-large", **faq)) == "small"
    assert tier_of(ask(running, "hard", model="large", **faq)) == "large"
    assert tier_of(ask(running, "hard", model="small", **faq)) == "small"
    assert tier_of(ask(running, "easy", model="large")) == "large"
    assert tier_of(ask(running, "easy", model="large", headers={"feature": "faq", "min-tier": "small"})) == "large"
    assert ask(running, "easy", model="none", **faq).status_code == 404


def test_a_ceiling_below_the_floor_is_none(serve: Serve) -> None:
    """A better tier stands in, as for every name below the floor."""
    running = serve(router=router(), policy={"routing": {"named": "ceiling", "min_tier": "large"}})
    assert tier_of(ask(running, "easy", model="small")) == "large"
