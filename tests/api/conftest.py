"""The real `openai` client against the real HTTP edge."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from openai import OpenAI

from tests.api.shop import OneVector, OpenShop, Shop, alike
from tests.fakes import FakeVerifier
from tests.harness import Running, Setup, serving

Serve = Callable[..., Running]


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
    return OpenAI(base_url=f"{running.url}/v1", api_key=options.pop("api_key", "none"), max_retries=0, **options)


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
