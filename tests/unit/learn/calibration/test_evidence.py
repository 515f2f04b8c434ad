"""What records say of tiers."""

from app.learn.calibration.evidence import Both, Judged, of_records
from app.learn.reading import Learned
from app.learn.records import Compared, Likeness, Outcome, Routed

P = {"small": 0.6, "large": 0.9}


def routed(tier: str = "small", *, uncertain: bool = False, p: dict[str, float] | None = None) -> Routed:
    return Routed("faq", tier, "small", 0.2, 0.0, P if p is None else p, uncertain)


def shadow(likeness: Likeness) -> Compared:
    return Compared("small", "large", likeness)


def test_a_reported_outcome_is_evidence_for_the_tier_that_answered() -> None:
    """With the head's own chance of that tier; after an escalation that is the better one."""
    records = [Learned(routed(), {"a": Outcome(False)}), Learned(routed("large"), {"a": Outcome(True)})]
    found = of_records(records)
    assert found.judged == [Judged("small", 0.6, good=False), Judged("large", 0.9, good=True)]
    assert found.both == []


def test_all_outcomes_must_be_a_success_unless_one_type_is_asked_for() -> None:
    """Solved but not liked is no success."""
    records = [Learned(routed(), {"solved": Outcome(True), "liked": Outcome(False)}), Learned(routed(), {})]
    assert [each.good for each in of_records(records).judged] == [False]
    assert [each.good for each in of_records(records, "solved").judged] == [True]
    assert of_records(records, "other").judged == []
    assert of_records(records, "other").left_out.total() == 2


def test_a_comparison_stands_in_for_an_outcome_with_less_weight() -> None:
    """The less, the less is known."""
    kinds: tuple[Likeness, ...] = ("same", "different", "alike", "unlike")
    found = of_records([Learned(routed(), {}, shadow(kind)) for kind in kinds])
    assert [each.good for each in found.judged] == [True, False, True, False]
    assert [each.weight for each in found.judged] == [0.25, 0.25, 0.1, 0.1]
    assert found.both == []


def test_reported_and_compared_tells_of_both_tiers_erring_to_the_better() -> None:
    """Where they agree they did alike; where not, the best tier counts as right."""
    told = [(success, kind) for success in (True, False) for kind in ("same", "unlike")]
    records = [Learned(routed(), {"a": Outcome(success)}, shadow(kind)) for success, kind in told]  # type: ignore[arg-type]
    assert of_records(records).both == [
        Both("small", 0.2, cheap=True, best=True),
        Both("small", 0.2, cheap=True, best=True),
        Both("small", 0.2, cheap=False, best=False),
        Both("small", 0.2, cheap=False, best=True),
    ]


def test_what_the_head_did_not_vouch_for_is_left_out_and_counted() -> None:
    """Doubt, no chance of that tier, nothing known."""
    records = [
        Learned(routed(uncertain=True), {"a": Outcome(True)}),
        Learned(routed(p={}), {"a": Outcome(True)}),
        Learned(routed()),
    ]
    found = of_records(records)
    assert (found.judged, found.both) == ([], [])
    assert found.left_out.total() == 3
