"""`leanserve report` and `leanserve export` on a real Redis."""

import asyncio
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.config.gateway import StoreSpec
from app.errors import LeanServeError
from app.learn.records import Outcome
from app.ledger.outcomes import OutcomeBook
from app.ledger.posting import Posting
from app.ledger.record import Against, AttemptEntry
from app.store.client import open_store
from tests.unit.cli.test_keys_and_budget import Shell
from tests.unit.ledger.made import ENTRY, entries, record

RETRIED = AttemptEntry("small", "small/b", "m", "retry", "failed", "timeout", "timeout", 9, micro_usd=11)


async def _fill(url: str) -> None:
    store = await open_store(url, StoreSpec(timeout_s=5))
    one = record(feature="=faq", attempts=(RETRIED, ENTRY), against=Against(100, 100, 31))
    await Posting(store).post(
        "spool", entries([one, record(feature="triage", against=Against(20, 20, 20)), record(tenant="rival")])
    )

    async def nothing() -> None:
        """No record waits."""

    book = OutcomeBook(store, nothing)
    subject = await book.request("acme", one.id)
    assert subject
    await book.book("acme", subject, "solved", Outcome(True))
    await store.close()


@pytest.fixture
def shell(clean_redis: str) -> Shell:
    asyncio.run(_fill(clean_redis))
    return Shell(clean_redis)


def test_a_report_is_tables_for_people(shell: Shell) -> None:
    """Costs, savings, waste, outcomes."""
    done = shell("report", "--tenant", "acme", "--by", "feature,tier")
    assert done.exit_code == 0, done.output
    for words in ("=faq", "triage", "total", "0.000051", "saved 0.000069", "timeout", "solved", "routing 0.000069"):
        assert words in done.stdout, words
    assert "rival" not in done.stdout


def test_a_report_is_for_machines_too(shell: Shell) -> None:
    """As `/admin/reports` tells it; CSV runs nothing."""
    found = shell.json("report", "--tenant", "acme", "--limit", "1")
    assert isinstance(found, dict)
    assert (found["cost"]["total"]["micro_usd"], found["cost"]["other"]["rows"]) == (51, 1)
    assert found["outcomes"]["rows"][0]["micro_usd_per_success"] == 31
    lines = shell("report", "--tenant", "acme", "--csv").stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == ['"feature"', '"\'=faq"', '"triage"']
    assert shell("report", "--tenant", "acme", "--csv", "--outcomes").stdout.splitlines()[1].startswith('"\'=faq",')


def test_an_export_is_three_files(shell: Shell, tmp_path: Path) -> None:
    """Of one tenant."""
    done = shell("export", "--tenant", "acme", "--since", "1h", "--output", str(tmp_path / "new" / "folder"))
    assert done.stdout == "requests: 2, attempts: 3, outcomes: 1\n"
    assert pq.read_table(tmp_path / "new" / "folder" / "requests.parquet").num_rows == 2
    nobody = shell("report", "--tenant", "none")
    assert nobody.exit_code == 0
    assert "No request of this tenant" in nobody.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("report", "--by", "session"),
        ("report", "--since", "soon"),
        ("export",),
        ("export", "--output", "x", "--otlp", "http://127.0.0.1:1"),
        ("export", "--output", "/dev/null/x"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(shell: Shell, words: tuple[str, ...]) -> None:
    """No trace of a stack."""
    done = shell(*words)
    assert done.exit_code == 1
    assert isinstance(done.exception, LeanServeError)
