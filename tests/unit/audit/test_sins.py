"""Each sin is found and priced, alone and among the others, and nothing else is."""

import random
from collections.abc import Sequence

import pytest

from app.audit.auditing import judged, note
from app.audit.finding import Audit
from app.audit.notes import Notes
from app.ledger.record import LedgerRecord
from tests.unit.audit.honest import honest
from tests.unit.audit.traffic import DAY_S, SINS, START, Traffic, terms

SEEDS = (1, 2, 3)


def audit_of(records: Sequence[LedgerRecord]) -> Audit:
    """The audit of the day."""
    notes, found = Notes(), terms()
    note(notes, found, records)
    try:
        return judged(notes, found, "acme", START, START + DAY_S)
    finally:
        notes.close()


def seeded(seed: int, *sins: str) -> Traffic:
    """Honest traffic with these sins in it."""
    traffic = Traffic(seed)
    honest(traffic)
    for sin in sins:
        SINS[sin](traffic)
    return traffic


def priced(audit: Audit) -> dict[str, int]:
    """By sin, alone."""
    return {finding.sin: finding.micro_usd for finding in audit.findings}


@pytest.mark.parametrize("seed", SEEDS)
def test_honest_traffic_has_no_sin(seed: int) -> None:
    """However close it comes."""
    assert priced(audit_of(seeded(seed).records)) == {}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sin", SINS)
def test_each_sin_is_found_and_priced_within_a_tenth(sin: str, seed: int) -> None:
    """Of what the generator knows that it cost; and no other is found."""
    traffic = seeded(seed, sin)
    found = priced(audit_of(traffic.records))
    assert found == {sin: pytest.approx(traffic.truth[sin], rel=0.1)}


def test_all_sins_together() -> None:
    """Side by side in features of their own, each is priced as alone, and the parts sum to the whole."""
    traffic = seeded(7, *SINS)
    audit = audit_of(traffic.records)
    assert priced(audit) == {sin: pytest.approx(truth, rel=0.1) for sin, truth in traffic.truth.items()}
    assert audit.compound_micro_usd == sum(finding.compound_micro_usd for finding in audit.findings)
    assert audit.compound_micro_usd == sum(finding.micro_usd for finding in audit.findings)


def test_records_may_come_in_any_order() -> None:
    """And twice: an export may hold one twice."""
    records = seeded(4, *SINS).records
    shuffled = [*records, *records[::7]]
    random.Random(5).shuffle(shuffled)
    assert audit_of(shuffled) == audit_of(records)
