"""The ledger on the whole graph: a mixed load, two ingress replicas, one of them killed; in small.

Large it is `python -m tests.benchmarks.records`.
"""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.budgets import graph
from tests.benchmarks.records import load
from tests.benchmarks.records.spans import receiving
from tests.serve.conftest import DRAINED_AT_ONCE, for_few

pytestmark = pytest.mark.serve


def changed(failing: str, document: dict[str, Any]) -> None:
    """The configuration of the large load, for few clients."""
    load.change(failing, document)
    for_few(document)


def test_every_request_has_one_record_that_says_what_its_engine_made(tmp_path: Path) -> None:
    """Of hits, misses, retries, hedges, who leaves, stops and a kill: engines, clients, spans, records and sums agree.

    Whether the killed one had anything under way, so that it is `lost`, is chance.
    """
    with receiving() as received:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "LEANSERVE_SPOOL": str(tmp_path / "spool")}
        environ |= DRAINED_AT_ONCE
        with graph.running(tmp_path, [], change=partial(changed, received.url), environ=environ) as running:
            said = asyncio.run(load.run(running, received, 600))
    assert said.wrong == []
    assert {"exact", "miss", "client_left", "stopped"} <= said.kinds.keys(), said.kinds
    assert {"answer", "retry", "hedge"} <= said.roles.keys(), said.roles
