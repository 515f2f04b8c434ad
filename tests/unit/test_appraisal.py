"""Who is appraised: what the router would have done with a named model, beside the answer."""

import asyncio
from typing import Any, cast

import pytest

from app.appraisal import Appraisals
from app.config.policy import Policy
from app.domain import NormalizedPrompt, PromptKeys
from app.journey import Journey
from app.routing import Routing
from app.tiers.catalog import TierCatalog
from tests.harness import FakeRouter
from tests.unit.route.made import request, sheet, specs, tier

KEYS = PromptKeys("key", "context", "neighbourhood")
EMBEDDED, BARE = NormalizedPrompt("easy", KEYS, 10, b"1234"), NormalizedPrompt("easy", KEYS, 10, b"")


class Embedding:
    """A fake normalizer that counts, and answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may = asyncio.Event()
        self.may.set()

    async def normalize(self, *_: Any) -> NormalizedPrompt:
        self.asked += 1
        await self.may.wait()
        return EMBEDDED


def appraisals(normalizer: Embedding, **options: Any) -> Appraisals:
    """Over three tiers, the first with an adapter."""
    catalog = TierCatalog(specs(tier("small", adapters=["m-small:law"]), tier("medium"), tier("large")))
    nowhere = cast(Any, None)
    routing = Routing(catalog, FakeRouter(), sessions=nowhere, books=nowhere, limits=nowhere)
    return Appraisals(routing, cast(Any, normalizer), **options)


def journey(model: str, share: float = 1.0) -> Journey:
    """A request for `model`."""
    policy = Policy.model_validate({"routing": {"appraise": share}})
    return Journey(request(model=model), policy, sheet())


async def tier_of(made: Journey, prompt: NormalizedPrompt = EMBEDDED) -> str:
    """What was appraised, once there was time for it."""
    appraisals(Embedding()).consider(made, prompt)
    for _ in range(20):
        await asyncio.sleep(0)
    return made.appraised.tier if made.appraised else ""


@pytest.mark.parametrize(
    ("model", "share", "found"),
    [
        ("large", 1.0, "small"),
        ("m-large", 1.0, "small"),
        ("large", 0.0, ""),
        ("auto", 1.0, ""),
        ("m-small:law", 1.0, ""),
    ],
)
async def test_named_models_of_the_share(model: str, share: float, found: str) -> None:
    """The router's word as for `auto`; nobody else is asked, and an adapter has no other tier."""
    assert await tier_of(journey(model, share)) == found


async def test_what_was_not_embedded_is_embedded_for_it() -> None:
    """Beside the answer."""
    assert await tier_of(journey("large"), BARE) == "small"


async def test_what_finds_no_room_is_left_out() -> None:
    """A slow embedder keeps no more than so many waiting."""
    normalizer = Embedding()
    normalizer.may.clear()
    many, asked = appraisals(normalizer, most_at_once=3), [journey("large") for _ in range(10)]
    for each in asked:
        many.consider(each, BARE)
    await asyncio.sleep(0)
    assert normalizer.asked == 3
    normalizer.may.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert sum(each.appraised is not None for each in asked) == 3
