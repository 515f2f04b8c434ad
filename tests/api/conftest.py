"""The real `openai` client against the real HTTP edge."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import redis
from openai import OpenAI

from tests.api.shop import OneVector, OpenShop, Shop, alike
from tests.fakes import FakeVerifier
from tests.harness import Running, Setup, serving

Serve = Callable[..., Running]
BOSS = "boss-of-all-tenants"
ADMIN = {"authorization": f"Bearer {BOSS}"}


@pytest.fixture
def serve(clean_redis: str) -> Iterator[Serve]:
    """Start a gateway with what the test varies; stopped at the end."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(serving(Setup(clean_redis, **options)))


@pytest.fixture
def running(serve: Serve) -> Running:
    """Two echo tiers, no limits."""
    return serve()


def client_of(running: Running, **options: Any) -> OpenAI:
    """The official client, without retries: a test wants to see the first answer."""
    return OpenAI(base_url=f"{running.url}/v1", api_key=options.pop("api_key", "local"), max_retries=0, **options)


@pytest.fixture
def client(running: Running) -> OpenAI:
    """A client of `running`."""
    return client_of(running)


@pytest.fixture
def open_shop(serve: Serve, clean_redis: str) -> Iterator[OpenShop]:
    """Open a gateway, and look into its Redis."""
    with redis.Redis.from_url(clean_redis) as admin:

        def opened(**options: Any) -> Shop:
            running = serve(**options)
            return Shop(running, client_of(running), admin)

        yield opened


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """With the default policy."""
    return open_shop()


@pytest.fixture
def near(open_shop: OpenShop) -> Shop:
    """All prompts are neighbours, and the verifier decides."""
    return open_shop(embedder=OneVector(), verifier=FakeVerifier(alike))


@pytest.fixture
def strict(serve: Serve) -> Running:
    """A server with keys of two tenants and an operator's, and clients that are given none."""
    return serve(keys="acme:sk-acme,rival:sk-rival", admin_key=BOSS, strict=True)


def issue(running: Running, **body: Any) -> dict[str, Any]:
    """A key of `acme`, by the operator."""
    said = {"name": "test", "tenant": "acme", **body}
    answer = httpx.post(f"{running.url}/admin/keys", json=said, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
