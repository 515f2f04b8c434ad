"""A recalibration as words, and as the policy that follows from it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from app.config.load import policy_document
from app.config.policy import Policy
from app.config.routing import RoutingPolicy
from app.learn.calibration.platt import LEAST, TierFit
from app.learn.calibration.refit import Recalibrated
from app.learn.calibration.thresholds import TierThreshold


def summary(found: Recalibrated) -> list[str]:
    """What was found, line by line."""
    return [
        *(_fit(each) for each in found.fits),
        *(["no outcomes: every tier keeps its calibration"] if not found.fits else []),
        *_thresholds(found),
        *(f"left out: {number:,} ({why})" for why, number in found.left_out.items()),
    ]


def _fit(fit: TierFit) -> str:
    have = f"{fit.tier}: {fit.reported:,} outcomes" + (f", {fit.compared:,} comparisons" if fit.compared else "")
    if fit.verdict == "too few":
        return f"{have}: too little evidence, left alone (weight {fit.weight:.1f}, at least {LEAST:.0f} are needed)"
    errors = f"calibration error {fit.before:.3f} before, {fit.after:.3f} after, on outcomes not fitted to"
    if fit.verdict == "no better":
        return f"{have}: left alone, a new fit is no better on outcomes that it did not see ({errors})"
    slope = f"slope {fit.slope:.2f} ({_interval(fit.slopes)})"
    return f"{have}: {slope}, intercept {fit.intercept:+.2f} ({_interval(fit.intercepts)}); {errors}"


def _interval(pair: tuple[float, float]) -> str:
    return f"90%: {pair[0]:.2f} to {pair[1]:.2f}"


def _thresholds(found: Recalibrated) -> Iterable[str]:
    if not found.thresholds:
        yield "thresholds: left alone, no request is known on a cheaper tier and on the best one"
    for each in found.thresholds:
        yield _threshold(each, found.target)


def _threshold(found: TierThreshold, target: float) -> str:
    have = f"threshold of {found.tier}: {found.well:,} requests that the best tier answers well"
    if found.threshold is None:
        return f"{have}: too few to be sure of {target:.1%}, left alone; at least {found.missing:,} more are needed"
    was = "" if found.present is None else f" (was {found.present:g})"
    return (
        f"{have}: {found.threshold:g}{was} loses {found.lost:,} of them, with 95% confidence at most {found.bound:.2%}"
    )


def policy_text(found: Recalibrated, present: RoutingPolicy, base: Path | None, feature: str | None) -> str:
    """YAML: `base` (the policy of this file, or nothing) with what was found, the evidence as comments.

    Under the feature's own part where one is named; `present` is the routing policy that held there. `base` is only
    read, its comments are not kept. Raises ConfigError.
    """
    document = policy_document(base)
    place = document
    for name in ("features", feature, "routing") if feature is not None else ("routing",):
        place = place.get(name) or _put(place, name)
    place |= _routing(found, present)
    Policy.model_validate(document)
    told = ["Found by `leanserve route calibrate`. Nothing reads it here: put it where it shall hold.", *summary(found)]
    comments = "".join(f"# {line}\n" for line in told)
    return comments + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _put(place: dict[Any, Any], name: Any) -> dict[Any, Any]:
    place[name] = {}
    return place[name]  # type: ignore[no-any-return]


def _routing(found: Recalibrated, present: RoutingPolicy) -> dict[str, Any]:
    """Whole maps: a part of a policy that names a map names all of it."""
    parts: dict[str, Any] = {}
    if found.calibration:
        both = {**present.calibration, **found.calibration}
        parts["calibration"] = {tier: own.model_dump() for tier, own in both.items()}
    if found.new_thresholds:
        parts["thresholds"] = {**present.thresholds, **found.new_thresholds}
    return parts
