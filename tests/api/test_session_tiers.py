"""What a session remembers: the tier of an answer that the router decided, and nothing else."""

import asyncio
from typing import Any

import httpx
import pytest

from app.domain import NormalizedPrompt, RouteDecision, RouteTerms
from app.errors import BackendBroken
from tests.api.conftest import Serve
from tests.api.test_routing import ask, router, tier_of
from tests.fakes import FakeEmbedder
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running, eventually

SESSION: dict[str, Any] = {"headers": {"session": "s1"}}


class FailingRouter:
    """A fake router that is away."""

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: Any) -> RouteDecision:
        raise OSError("away")


class FailingEmbedder(FakeEmbedder):
    """A fake embedder that is away."""

    async def embed(self, texts: Any, *, bulk: bool = False) -> list[bytes]:
        raise OSError("away")


def session_tier(running: Running) -> str | None:
    """The session's tier, once all is written."""
    assert eventually(lambda: not running.gateway._background._tasks)
    found: str | None = ask(running, path="/v1/route", **SESSION).json()["session_tier"]
    return found


def delta(text: str) -> dict[str, Any]:
    """A chunk of a stream."""
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def conversation(*messages: tuple[str, str]) -> dict[str, Any]:
    """With a tool's result as such."""
    ids = {"tool": {"tool_call_id": "1"}}
    return {"messages": [{"role": role, "content": text, **ids.get(role, {})} for role, text in messages]}


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        ({"router": FailingRouter()}, "easy", "router unavailable"),
        ({"router": router(), "embedder": FailingEmbedder()}, "easy", "not sure: no embedding"),
        ({"router": router()}, "", "not sure: empty prompt"),
    ],
)
def test_who_decided_nothing_moves_no_session(serve: Serve, options: Any, text: str, reason: str) -> None:
    """A moment without a router would cost the best tier for half an hour."""
    running = serve(**options)
    answer = ask(running, text, **SESSION)
    assert (tier_of(answer), answer.headers["x-leanserve-route-reason"]) == ("large", reason)
    assert session_tier(running) is None


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_keeps_its_tier(serve: Serve, stream: bool) -> None:
    """Streamed or not."""
    running = serve(router=router())
    assert tier_of(ask(running, "hard", stream=stream, **SESSION)) == "large"
    assert session_tier(running) == "large"


def test_who_leaves_an_answer_has_got_one(serve: Serve) -> None:
    """The conversation goes on where its reader stopped it."""
    endless = ScriptedBackend("large/echo", [[[delta("a")], [delta("b")], lambda: asyncio.sleep(60)]])
    running = serve(router=router(), backends={"large/echo": endless})
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "hard"}]}
    headers = {"x-leanserve-session": "s1"}
    with httpx.stream("POST", f"{running.url}/v1/chat/completions", json=body, headers=headers) as answer:
        lines = answer.iter_lines()  # closes the answer when it is forgotten
        next(lines)
        assert ask(running, path="/v1/route", **SESSION).json()["session_tier"] is None
    assert eventually(lambda: endless.closed == 1)
    assert session_tier(running) == "large"


def test_a_refused_request_keeps_nothing(serve: Serve) -> None:
    """Its budget did not suffice: it was never on that tier."""
    running = serve(router=router(), policy={"budgets": [{"tokens": 1}]})
    assert ask(running, "hard", **SESSION).status_code == 429
    assert session_tier(running) is None


@pytest.mark.parametrize("stream", [False, True])
def test_a_failed_request_keeps_nothing(serve: Serve, stream: bool) -> None:
    """Before its first chunk or after it."""
    begun: list[Any] = [[delta("a")], [delta("b")]] if stream else []
    broken = ScriptedBackend("large/echo", [[*begun, BackendBroken("gone")]])
    running = serve(router=router(), backends={"large/echo": broken})
    ask(running, "hard", stream=stream, **SESSION)
    assert len(broken.calls) == 1
    assert session_tier(running) is None


def test_an_agents_loop_is_routed_by_what_the_user_asked(serve: Serve) -> None:
    """A tool's result or the beginning of an answer comes last: an easy task stays cheap, a hard one does not."""
    embedder = FakeEmbedder()
    running = serve(router=router(), embedder=embedder)
    for last in (("tool", "hard data"), ("assistant", "It is hard to")):
        easy = ask(running, **SESSION, **conversation(("user", "Easy one"), ("assistant", "hm"), last))
        assert (tier_of(easy), easy.headers["x-leanserve-route-reason"]) == ("small", "below the threshold of small")
        assert tier_of(ask(running, **conversation(("user", "hard one"), last))) == "large"
    assert embedder.calls[:1] == [["Easy one"]]
    assert session_tier(running) == "small"


def test_the_cache_does_not_take_an_agents_loop_for_its_question(serve: Serve) -> None:
    """Neither is it found by meaning, nor are others found by it."""
    running = serve(router=router())
    keep: dict[str, Any] = {"headers": {"cache": "max-age=60"}}
    loop = conversation(("user", "easy one"), ("tool", "4"))
    assert ask(running, **keep, **loop).headers["x-leanserve-cache"] == "miss"
    assert eventually(lambda: ask(running, **keep, **loop).headers["x-leanserve-cache"] == "exact")
    for other in (conversation(("user", "easy one"), ("tool", "5")), conversation(("user", "easy one"))):
        assert ask(running, **keep, **other).headers["x-leanserve-cache"] == "miss"


def test_thresholds_that_fit_no_tier_are_told_at_start_and_reload(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Each time the policy is taken."""
    named = [{"name": name, "model": name, "backends": [{"kind": "echo"}]} for name in ("cheap", "best")]
    sizes = {"context_tokens": 4096, "max_output_tokens": 64}
    prices = {name: {"input": "1", "output": "1"} for name in ("cheap", "best")}
    running = serve(config={"tiers": [{**tier, **sizes} for tier in named]}, policy={"prices": prices})
    running.gateway.reconfigure(running.gateway.policy)
    assert [record.name for record in caplog.records if "cheap, best" in record.getMessage()] == [
        "leanserve.config"
    ] * 2
