"""A normalizer answers alike beside the ingress and behind a hop."""

import pickle
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from app.config.gateway import GatewayConfig
from app.domain import GatewayRequest, PromptKeys
from app.ports import Normalizer
from app.prompt.counting.counter import InputCounter
from app.prompt.normalizer import PromptNormalizer
from deployments.remote import RemoteNormalizer

TIER = {"name": "small", "model": "echo", "context_tokens": 99, "max_output_tokens": 9, "backends": [{"kind": "echo"}]}
OTHER = {**TIER, "name": "large", "model": "x", "backends": [{"kind": "openai", "base_url": "http://x", "model": "x"}]}
REQUEST = GatewayRequest("r1", "chat", {"model": "auto", "messages": [{"role": "user", "content": "one two"}]})


class Embedder:
    """Each text as its own bytes."""

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        return [text.encode() for text in texts]


class Handle:
    """What a `DeploymentHandle` does to arguments and answers: they cross as bytes."""

    def __init__(self, subject: Any) -> None:
        self._subject = subject

    def __getattr__(self, name: str) -> Any:
        async def remote(*args: Any) -> Any:
            return pickle.loads(pickle.dumps(await getattr(self._subject, name)(*pickle.loads(pickle.dumps(args)))))

        return SimpleNamespace(remote=remote)


@pytest.fixture(params=["inline", "deployment"])
def normalizer(request: pytest.FixtureRequest) -> Normalizer:
    config = GatewayConfig.model_validate({"tiers": [TIER, OTHER]})
    local = PromptNormalizer(Embedder(), InputCounter.open(config.tiers, str))
    return local if request.param == "inline" else RemoteNormalizer(Handle(local))


async def test_it_counts_where_it_can(normalizer: Normalizer) -> None:
    """The echo's words; another provider's tokens are unknown and absent."""
    assert await normalizer.count(REQUEST) == {"small": 2}


async def test_it_normalizes(normalizer: Normalizer) -> None:
    """Text, keys and the vector of the text."""
    keys = PromptKeys("a" * 64, "b" * 64)
    found = await normalizer.normalize(REQUEST, keys, "one two")
    assert (found.text, found.keys, found.embedding) == ("one two", keys, b"one two")
    assert await normalizer.embed(["b", "a"]) == [b"b", b"a"]
