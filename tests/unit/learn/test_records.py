"""What is kept of a request."""

import numpy as np
import pytest

from app.config.routing import TierCalibration
from app.domain import TierTerms
from app.domain.usage import MicroUsd
from app.journey import AttemptOutcome
from app.learn.records import Compared, Likeness, Outcome, Routed, decode, encode, is_answered, routed_of, uncalibrated
from app.route.chances import by_tier
from tests.unit.learn.made import P, attempt, ended, hit


def test_the_record_of_a_routed_request() -> None:
    """Who answered, who was chosen, the score and the head's chances; no word of the prompt."""
    record = routed_of(ended(uncertain=True), 5.0)
    assert record is not None
    assert record.p == pytest.approx(P)
    assert (record.feature, record.tier, record.decided) == ("faq", "small", "small")
    assert (record.score, record.uncertain, record.at, record.escalated) == (0.2, True, 5.0, False)
    assert decode(encode(record), Routed) == record


def test_an_escalation_is_told_by_who_answered() -> None:
    """The tier of the record is the one whose answer the client got."""
    record = routed_of(ended(attempts=(attempt("small"), attempt("large"))), 0)
    assert record is not None
    assert (record.tier, record.decided, record.escalated) == ("large", "small", True)


def test_where_the_router_did_not_decide_there_is_nothing_to_learn() -> None:
    """A cached answer, a tier by name, a head that was not asked: answered, but no record."""
    for journey in (hit(), ended(score=None, p={})):
        assert is_answered(journey)
        assert routed_of(journey, 0) is None


def test_what_nobody_answered_leaves_nothing() -> None:
    """A fault before or after the first chunk, a client that left before it; a client that left later got something."""
    failed = attempt("small", AttemptOutcome.FAILED), attempt("large", AttemptOutcome.FAILED, None)
    assert not is_answered(ended(attempts=failed))
    assert not is_answered(ended(attempts=()))
    assert not is_answered(ended(attempts=(attempt("small", AttemptOutcome.IGNORED, None),)))
    assert is_answered(ended(attempts=(attempt("small", AttemptOutcome.IGNORED),)))


def test_a_draft_that_nobody_saw_is_no_answer() -> None:
    """Held back while its client left, or before a second one that broke: given, it is one."""
    left = ended(attempts=(attempt("small", AttemptOutcome.IGNORED),))
    broke = ended(attempts=(attempt("small"), attempt("large", AttemptOutcome.FAILED)))
    waiting = ended(attempts=(attempt("small"),))
    left.held = waiting.held = True
    assert not any(map(is_answered, (left, broke, waiting)))
    broke.given = broke.attempts[0]
    assert is_answered(broke)


@pytest.mark.parametrize("slope", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("intercept", [-3.0, 0.0, 1.5])
def test_the_heads_own_chances_come_back_out_of_calibrated_ones(slope: float, intercept: float) -> None:
    """What the router's own formula did is undone, so that a second calibration starts where the first one did."""
    own = {"small": TierCalibration(slope=slope, intercept=intercept)}
    chances = np.array([[0.02, 0.4, 0.9], [0.6, 0.7, 0.999]])
    tier = (TierTerms("small", 0.3, MicroUsd(0)),)
    raw = by_tier(chances, tier, {})[:, 0]
    for given, wanted in zip(by_tier(chances, tier, own)[:, 0], raw, strict=True):
        assert uncalibrated({"small": float(given)}, own)["small"] == pytest.approx(float(wanted), abs=1e-6)


def test_a_flat_calibration_tells_nothing_of_the_head() -> None:
    """With a slope of 0 every chance is the same: left out, not made up."""
    assert uncalibrated(P, {"small": TierCalibration(slope=0)}) == pytest.approx({"large": 0.95})


def test_the_record_of_a_calibrated_policy_holds_the_heads_own() -> None:
    """The policy of the request's feature counts, not the general one."""
    own = {"calibration": {"small": {"slope": 2.0, "intercept": 1.0}}}
    journey = ended(policy={"routing": own}, p={"small": 0.8, "large": 0.95})
    record = routed_of(journey, 0)
    assert record is not None
    assert record.p["large"] == pytest.approx(0.95)
    assert record.p["small"] == pytest.approx(1 / (1 + np.exp(-(np.log(4) - 1) / 2)))


@pytest.mark.parametrize("value", [b"", b"\xff", b"\xc1", b"\x81\xa1x\x01", encode(Outcome(True))])
def test_what_is_no_record_is_none(value: bytes) -> None:
    """Whatever somebody else wrote there."""
    assert decode(value, Routed) is None
    assert decode(None, Routed) is None


def test_agreement_is_of_two_kinds() -> None:
    """Literal, and by meaning."""
    likenesses: tuple[Likeness, ...] = ("same", "alike", "different", "unlike")
    assert [Compared("small", "large", each).agrees for each in likenesses] == [True, True, False, False]
