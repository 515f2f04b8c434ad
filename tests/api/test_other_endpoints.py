"""Models, embeddings, health and metrics."""

import math

import httpx
import openai
import pytest
from openai import OpenAI

from app.domain import Caller
from tests.api.conftest import Serve, client_of
from tests.harness import Running, eventually


def test_models_lists_tiers_models_and_auto(client: OpenAI) -> None:
    """Whatever may stand in `model`."""
    ids = {model.id for model in client.models.list()}
    assert ids == {"auto", "small", "large", "echo-small", "echo-large", "all-MiniLM-L6-v2"}
    assert client.models.retrieve("auto").id == "auto"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


def test_embeddings_in_both_encodings(client: OpenAI) -> None:
    """The client asks for base64 by itself; floats are the same numbers."""
    coded = client.embeddings.create(model="all-MiniLM-L6-v2", input=["a", "b"])
    floats = client.embeddings.create(model="all-MiniLM-L6-v2", input=["a", "b"], encoding_format="float")
    assert [row.index for row in coded.data] == [0, 1]
    assert len(coded.data[0].embedding) == 384
    assert coded.data[0].embedding == pytest.approx(floats.data[0].embedding)
    assert math.isclose(sum(x * x for x in coded.data[0].embedding), 1, rel_tol=1e-3)
    assert coded.usage.total_tokens > 0
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="small", input="a")


def test_embeddings_refuse_what_they_cannot_do(client: OpenAI) -> None:
    """Shorter vectors and empty texts are errors, not silence."""
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="all-MiniLM-L6-v2", input="a", dimensions=10)
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="all-MiniLM-L6-v2", input=["a", ""])


def test_embeddings_are_under_the_budget(serve: Serve) -> None:
    """They count tokens as everything does."""
    running = serve(policy={"budgets": [{"tokens": 100, "window": "day"}]})
    with pytest.raises(openai.RateLimitError):
        client_of(running).embeddings.create(model="all-MiniLM-L6-v2", input=["word " * 200])


def test_embeddings_say_what_is_left_and_heed_the_kill_switch(serve: Serve) -> None:
    """As every response does; and where no limit binds its caller a stop is no less one."""
    limited, free = {"x-leanserve-tenant": "limited"}, {"x-leanserve-tenant": "free"}
    running = serve(policy={"budgets": [{"tenant": "limited", "tokens": 100}]})
    asked = client_of(running).embeddings.with_raw_response
    told = asked.create(model="all-MiniLM-L6-v2", input="word " * 20, extra_headers=limited)
    assert told.headers["x-leanserve-budget-remaining-tokens"] == str(100 - told.parse().usage.total_tokens)
    with pytest.raises(openai.RateLimitError) as refused:
        asked.create(model="all-MiniLM-L6-v2", input="word " * 200, extra_headers=limited)
    assert refused.value.response.headers["x-leanserve-budget-remaining-tokens"] == told.headers.get(
        "x-leanserve-budget-remaining-tokens"
    )
    stop = f"{running.url}/admin/scopes/tenant=free/stop"
    assert httpx.post(stop, json={}, headers={"authorization": "Bearer local"}).status_code == 200
    eventually(lambda: bool(running.gateway.spending.watch.stopped(Caller("free"))))
    with pytest.raises(openai.PermissionDeniedError):
        asked.create(model="all-MiniLM-L6-v2", input="a", extra_headers=free)


def test_health_ready_and_metrics(running: Running, client: OpenAI) -> None:
    """Alive, ready by part, and counted."""
    client.chat.completions.create(model="small", messages=[{"role": "user", "content": "hi"}])
    assert httpx.get(f"{running.url}/health").json() == {"status": "ok"}
    ready = httpx.get(f"{running.url}/ready")
    assert ready.status_code == 200
    assert ready.json()["parts"] == {"redis": True, "small/echo": True, "large/echo": True}
    metrics = httpx.get(f"{running.url}/metrics").text
    assert 'leanserve_attempts_total{backend="small/echo"' in metrics
    assert "gen_ai_server_time_to_first_token_seconds_count" in metrics
