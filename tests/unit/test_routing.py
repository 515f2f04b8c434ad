"""What surrounds the router: where a request's constraints are read."""

import threading
from dataclasses import replace
from typing import Any, cast

import pytest

from app.config.policy import Policy
from app.domain import LARGE_BODY_BYTES
from app.journey import Journey
from app.route.constraints import Situation
from app.routing import Routing
from app.tiers.catalog import TierCatalog
from tests.harness import FakeRouter
from tests.unit.route.made import Weighed, request, sheet, specs


@pytest.mark.parametrize("model", ["small", "auto"])
@pytest.mark.parametrize("body_bytes", [LARGE_BODY_BYTES, LARGE_BODY_BYTES + 1])
async def test_a_large_body_is_weighed_beside_the_loop(model: str, body_bytes: int) -> None:
    """A small one where it is: a thread would cost more."""
    text, nowhere = Weighed("word " * 100), cast(Any, None)
    asked = replace(request(text, model=model), body_bytes=body_bytes)
    routing = Routing(TierCatalog(specs()), FakeRouter(), sessions=nowhere, books=nowhere, limits=nowhere)
    terms = await routing.terms(Journey(asked, Policy(), sheet()), 5000, Situation())
    assert [tier.name for tier in terms.tiers] == ["small", "medium", "large"]
    [thread] = text.threads
    assert (thread is threading.main_thread()) == (body_bytes == LARGE_BODY_BYTES)
