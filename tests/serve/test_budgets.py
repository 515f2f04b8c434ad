"""Hard limits on the whole graph, in small: a crowd, kills in the middle of it, and streams that are stopped.

Large it is `make bench-budget`, which measures what is only bounded here.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.child import LOGS
from app.domain.request_id import without_hedge
from app.tiers import echo_journal
from tests.benchmarks.budgets import chaos, overrun, stop
from tests.benchmarks.budgets.graph import Graph, running
from tests.harness import eventually
from tests.serve.conftest import DRAINED_AT_ONCE, for_few

pytestmark = pytest.mark.serve
CLIENTS, STREAMS, ROUNDS = 80, 30, len(chaos.TARGETS)
FULL, WAITING, _, FILLED = overrun.SCENES
HEDGED = replace(FILLED, tenant="roomy", room=3)
"""Few requests hold all that they want in their first moments: a second engine would find no room."""
MOST_UNUSED = 0.05
PATIENT_S = 4.0
"""The goal is a second, on a machine with nothing else to do."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Two ingress replicas, two of each tier, and a Redis of its own, for it is killed too."""
    rules = [*overrun.rules(CLIENTS, (FULL, WAITING, FILLED, HEDGED)), *chaos.rules(ROUNDS, CLIENTS), *stop.rules()]
    folder = tmp_path_factory.mktemp("budgets")
    with running(folder, rules, change=for_few, environ=DRAINED_AT_ONCE) as found:
        yield found


@pytest.mark.parametrize("scene", [FULL, WAITING], ids=lambda scene: scene.action)
def test_a_crowd_spends_what_there_is_and_not_one_token_more(graph: Graph, scene: overrun.Scene) -> None:
    """By the books, by what clients were told and by what engines made; who waits gets more of it."""
    found = asyncio.run(overrun.load(graph, scene, CLIENTS))
    assert found.overrun <= 0
    assert (found.apart, found.beyond, found.unequal) == (0, 0, {})
    assert found.told == found.booked > 0
    assert found.unused < MOST_UNUSED
    assert eventually(lambda: all(word in logged(graph) for word in (f"tenant={scene.tenant} ", "budget mark: ")))


def logged(graph: Graph) -> str:
    """What the replicas' logs say, where the start said that they are."""
    [folder] = graph.child.said(LOGS)
    return "".join(file.read_text() for file in Path(folder).glob("replica_leanserve_Ingress_*.log"))


@pytest.mark.parametrize("scene", [FILLED, HEDGED], ids=lambda scene: scene.tenant)
def test_two_engines_at_once_spend_no_more(graph: Graph, scene: overrun.Scene) -> None:
    """Of hedged requests both are paid; a prompt that an outrun engine may have read is booked."""
    found = asyncio.run(overrun.load(graph, scene, CLIENTS))
    assert scene is FILLED or any(name != without_hedge(name) for name in echo_journal.read(graph.journal))
    assert found.overrun <= 0
    assert found.apart <= 0
    assert found.beyond == 0
    assert found.booked > 0


@pytest.mark.parametrize("number", range(ROUNDS), ids=chaos.TARGETS)
def test_whoever_is_killed_nobody_spends_more(graph: Graph, number: int) -> None:
    """Nothing beyond the limit, and books that agree with the engines; what the dead held is spent in 10 s.

    Whose engine died, and who never heard what Redis granted while it died, may have to pay all that is held.
    """
    done = asyncio.run(chaos.round_(graph, number, CLIENTS))
    assert done.found.overrun <= 0
    assert done.found.apart == 0 or (done.target in ("redis", "tier") and done.found.apart < 0)
    assert done.found.made_of_reclaimed <= sum(done.found.reclaimed.values())
    assert done.freed_s <= chaos.RECLAIMED_S


@pytest.mark.parametrize("name", ["kill switch", "limit lowered by the admin's API"])
def test_live_streams_end_cleanly_on_every_replica(graph: Graph, name: str) -> None:
    """Each says why, and what it cost."""
    done = asyncio.run(stop.stop(graph, STREAMS, *stop.DEEDS[name]))
    assert done.clean == STREAMS
    assert done.seconds < PATIENT_S
