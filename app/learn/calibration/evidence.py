"""What records and files say of tiers, in the two forms that calibration reads."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.learn.reading import Learned
from app.learn.records import Compared, Likeness

WEIGHTS: dict[Likeness, float] = {"same": 0.25, "different": 0.25, "alike": 0.1, "unlike": 0.1}
"""What a comparison with the best tier's answer counts for, beside a reported outcome's 1: it says that two answers
agree, not that they are right, and of longer texts it says even that by a cosine only. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A tier's answer was good or not; `p` is the head's own chance that it would be, before any calibration."""

    tier: str
    p: float
    good: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Both:
    """One request of complexity `score` on a cheaper tier and on the best one: whether each answer was good."""

    tier: str
    score: float
    cheap: bool
    best: bool


@dataclass(slots=True)
class Evidence:
    """All there is. `left_out` counts by reason what could not be used."""

    judged: list[Judged] = field(default_factory=list)
    both: list[Both] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Evidence") -> None:
        """Take the other's as well."""
        self.judged += other.judged
        self.both += other.both
        self.left_out += other.left_out


def of_records(records: Iterable[Learned], kind: str | None = None) -> Evidence:
    """The evidence in a tenant's records; of outcomes of the type `kind`, or of all types: then each must be a success.

    A reported outcome is evidence for the tier that answered. Where none was reported, a shadow comparison stands in
    for it, with less weight. Reported and compared, a request says what both tiers would have done: the same where they
    agree. Where they do not, the best tier counts as right, so that a threshold errs to the better tier.
    """
    found = Evidence()
    for each in records:
        _take(each, kind, found)
    return found


def _take(each: Learned, kind: str | None, found: Evidence) -> None:
    routed, shadow, success = each.routed, each.shadow, _success(each, kind)
    p = routed.p.get(routed.tier)
    if routed.uncertain or p is None:
        found.left_out["the router was not sure, or did not decide"] += 1
    elif success is not None:
        found.judged.append(Judged(routed.tier, p, success))
        if shadow:
            found.both.append(_both(routed.tier, routed.score, success, shadow))
    elif shadow:
        found.judged.append(Judged(routed.tier, p, shadow.agrees, WEIGHTS[shadow.likeness]))
    else:
        found.left_out["no outcome of the type, and no shadow"] += 1


def _success(each: Learned, kind: str | None) -> bool | None:
    told = [outcome.success for name, outcome in each.outcomes.items() if kind in {None, name}]
    return all(told) if told else None


def _both(tier: str, score: float, success: bool, shadow: Compared) -> Both:
    return Both(tier, score, success, success if shadow.agrees else True)
