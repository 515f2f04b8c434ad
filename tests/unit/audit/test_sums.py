"""What must hold of any traffic, however strange: nothing is lost, nothing is found twice."""

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from app.audit.auditing import audited, judged, note
from app.audit.finding import Audit
from app.audit.notes import Notes
from app.ledger.record import Anatomy, AttemptEntry, LedgerRecord
from tests.unit.audit.test_sins import audit_of
from tests.unit.audit.traffic import DAY_S, SINS, START, Ask, Traffic, plain, price, terms

ROLES = ("answer", "retry", "hedge", "draft", "shadow", "embedding", "cache", "probe")
CAUSES = ("", "timeout", "overload", "connection", "server_error", "invalid_output", "client_left", "lost", "stopped")


def strange(rng: random.Random) -> LedgerRecord:
    """Any record: few names, so that they meet; amounts of any size, that need not fit each other."""

    def count(most: int = 5_000) -> int:
        return rng.choice((0, 0, rng.randrange(most), rng.randrange(most)))

    attempts = tuple(
        AttemptEntry(
            tier := rng.choice(("small", "large", "gone")),
            f"{tier}/echo",
            "m",
            role=rng.choice(ROLES),  # type: ignore[arg-type]
            outcome=rng.choice(("success", "ignored", "failed")),
            cause=rng.choice(CAUSES),  # type: ignore[arg-type]
            input_tokens=count(),
            cached_tokens=count(),
            output_tokens=count(),
            reasoning_tokens=count(),
            micro_usd=count(),
        )
        for _ in range(rng.randrange(4))
    )
    names = ("system", "documents", "tools", "documents_duplicate", "documents_unused")
    parts: dict[str, Any] = {name: count(9_000) for name in names}
    anatomy = Anatomy(
        **parts,
        exact=rng.random() < 0.5,
        prefix=rng.choice(("", "p", "q")),
        repeat=rng.choice("abcdefgh") * rng.randrange(2),
        brief_tokens=rng.choice((None, 0, 8)),
    )
    more: dict[str, Any] = {
        "session": rng.choice(("", "s", "t")),
        "step": rng.choice(("", "not hex", "0" * 32)),
        "user": rng.choice(("", "ann")),
        "model": rng.choice(("auto", "large", "echo-large")),
        "routed": rng.choice(("", "small", "large", "gone")),
        "p": rng.choice(((), (("small", rng.random()),))),
        "cache": rng.choice(("exact", "miss", "bypass")),
        "cache_reason": rng.choice(("", "policy", "tools", "about_now")),
        "eligibility": rng.choice(("no", "exact", "semantic")),
        "kept": rng.random() < 0.5,
        "outcome": rng.choice(("success", "success", "ignored", "failed")),
        "reason": rng.choice(("good enough", "session: agent loop")),
        "charged_micro_usd": count(50),
        "estimated": rng.random() < 0.1,
    }
    ask = Ask(rng.choice(("", "faq", "private")), START + rng.random() * 2 * DAY_S, rng.choice(("small", "large")))
    return plain(ask, rng, attempts=attempts, anatomy=anatomy, **more)


@pytest.mark.parametrize("seed", range(12))
def test_amounts_are_of_what_was_spent(seed: int) -> None:
    """Never negative; no sin alone, and not all together, more than was paid; the parts sum to the whole."""
    rng = random.Random(seed)
    records = [strange(rng) for _ in range(600)]
    audit = audit_of(records)
    assert audit.findings
    spent: dict[str, int] = {}
    for record in records:
        spent[record.feature] = spent.get(record.feature, 0) + record.micro_usd
    assert audit.spent_micro_usd == sum(spent.values())
    assert 0 <= audit.compound_micro_usd <= audit.spent_micro_usd
    assert audit.compound_micro_usd == sum(finding.compound_micro_usd for finding in audit.findings)
    for finding in audit.findings:
        assert 0 <= finding.certain_micro_usd <= finding.micro_usd <= audit.spent_micro_usd
        assert 0 <= finding.exact_share <= 1
        for name in ("micro_usd", "certain_micro_usd", "compound_micro_usd", "requests"):
            assert getattr(finding, name) == sum(getattr(place, name) for place in finding.places)
        for place in finding.places:
            assert 0 <= place.compound_micro_usd <= place.spent_micro_usd == spent[place.feature]
            assert 0 < place.micro_usd <= place.spent_micro_usd


@pytest.mark.parametrize("seed", range(6))
def test_no_order_matters(seed: int) -> None:
    """Of strange records neither."""
    rng = random.Random(seed)
    records = [strange(rng) for _ in range(400)]
    shuffled = records.copy()
    rng.shuffle(shuffled)
    assert audit_of(shuffled) == audit_of(records)


def test_batches_do_not_matter() -> None:
    """However many come at once."""
    traffic = Traffic(3)
    for sin in SINS.values():
        sin(traffic)

    def in_batches(size: int) -> Audit:
        notes, found = Notes(), terms()
        for at in range(0, len(traffic.records), size):
            note(notes, found, traffic.records[at : at + size])
        audit = judged(notes, found, "acme", START, START + DAY_S)
        notes.close()
        return audit

    assert in_batches(7) == in_batches(10_000)


def tangled(traffic: Traffic, number: int) -> int:
    """Requests that commit five sins each; what they would have cost without any, but the first's prefix."""
    clean = 0
    for place in range(number):
        more = {"model": "large", "routed": "small", "p": (("small", 0.9),)}
        sins: dict[str, Any] = {"docs": 4_000, "count": 10, "duplicate": 400, "unused": 2_800, "brief": 8}
        ask = Ask("all", traffic.moment(), "large", 3_000, output=300, fails=["timeout"], prefix="x", more=more, **sins)
        traffic.add(ask)
        clean += price("small", ask.input - 3_200, 3_000 if place else 0, 8)
    return clean


def test_sins_of_one_request_are_not_counted_twice() -> None:
    """What ending all of them saves is what the requests cost above clean ones; each alone is more than its part."""
    traffic = Traffic(9)
    clean = tangled(traffic, 200)
    audit = audit_of(traffic.records)
    assert [finding.sin for finding in audit.findings] == [
        "one_model_for_all",
        "monolithic_prompt",
        "retrieval_firehose",
        "verbose_output",
        "retry_spiral",
    ]
    assert audit.compound_micro_usd == pytest.approx(audit.spent_micro_usd - clean, rel=0.01)
    assert sum(finding.micro_usd for finding in audit.findings) > audit.spent_micro_usd
    assert all(finding.compound_micro_usd < finding.micro_usd for finding in audit.findings[1:])


def test_a_changed_price_scales_what_was_paid() -> None:
    """What was spent is the ledger's; prices of now say only which share of it a fix saves."""
    traffic = Traffic(2)
    SINS["verbose_output"](traffic)
    [now] = audit_of(traffic.records).findings

    def dearer(record: LedgerRecord) -> LedgerRecord:
        attempts = tuple(msgspec.structs.replace(each, micro_usd=10 * each.micro_usd) for each in record.attempts)
        return msgspec.structs.replace(record, attempts=attempts)

    [then] = audit_of([dearer(record) for record in traffic.records]).findings
    assert then.micro_usd == pytest.approx(10 * now.micro_usd, rel=0.001)


def test_a_tier_that_is_gone_is_told() -> None:
    """Nobody knows what it would cost now: such requests are counted, and nothing is made up for them."""
    traffic = Traffic(2)
    SINS["verbose_output"](traffic)

    def gone(record: LedgerRecord) -> LedgerRecord:
        attempts = tuple(msgspec.structs.replace(each, tier="gone", backend="gone/x") for each in record.attempts)
        return msgspec.structs.replace(record, attempts=attempts)

    audit = audit_of([gone(record) for record in traffic.records])
    assert (audit.findings, audit.unpriced) == ((), 300)
    assert audit.spent_micro_usd == sum(record.micro_usd for record in traffic.records)


def test_nothing_is_nothing() -> None:
    """An empty window has no finding, and divides by no zero."""
    audit = audit_of([])
    assert (audit.requests, audit.spent_micro_usd, audit.compound_micro_usd, audit.findings) == (0, 0, 0, ())


class Endless:
    """A fake ledger whose records never end, in the order of time."""

    def __init__(self) -> None:
        self.given, self.closed = 0, False

    async def records(self, tenant: str, since: float, until: float) -> AsyncGenerator[LedgerRecord, None]:
        rng = random.Random(1)
        try:
            while True:
                self.given += 1
                yield plain(Ask("faq", since + self.given), rng)
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def test_a_bounded_audit_says_where_it_ends() -> None:
    """It reads one record more than it may, to know that there is one, and lets the ledger go."""
    source = Endless()
    audit = await audited(source, terms(), "acme", START, START + DAY_S, 2_500)
    assert (audit.requests, audit.truncated, audit.until) == (2_500, True, START + 2_500)
    assert (source.given, source.closed) == (2_501, True)


async def test_who_leaves_in_the_middle_breaks_nothing() -> None:
    """The thread that works ends first, then what it works on is closed."""
    for steps in (0, 3, 1_200, 4_000):
        source = Endless()
        task = asyncio.ensure_future(audited(source, terms(), "acme", START, START + DAY_S, 10**9))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_the_same_text_is_not_always_the_same_request() -> None:
    """Where canonical keys are known, they decide: a text at another temperature wants another answer."""
    traffic = Traffic(1)
    SINS["context_amnesia"](traffic)
    apart = [msgspec.structs.replace(each, canonical=f"{place:016x}") for place, each in enumerate(traffic.records)]
    assert audit_of(apart).findings == ()
    alike = [msgspec.structs.replace(each, canonical=each.anatomy.repeat) for each in traffic.records]
    assert audit_of(alike).findings == audit_of(traffic.records).findings
