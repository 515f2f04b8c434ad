"""An evaluation as JSON: every number of the tables and of the curves."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from app.route.resampling import CONFIDENCE, RESAMPLES, Estimate
from app.route.trial.evaluation import Evaluation, Part, Point


def document(found: Evaluation) -> dict[str, Any]:
    """`metrics.json`. What there is no number of is null."""
    return {
        "tiers": list(found.tiers),
        "costs": "US dollars of the file" if found.priced else "steps between the tiers",
        "policy": found.policy.routing.model_dump(mode="json"),
        "bootstrap": {"seed": found.seed, "resamples": RESAMPLES, "confidence": CONFIDENCE},
        "all": _part(found.whole, found.tiers),
        "domains": {each.name: _part(each, found.tiers) for each in found.parts},
    }


def _part(part: Part, tiers: Sequence[str]) -> dict[str, Any]:
    estimates = ("apgr", "cpt50", "cpt80", "kept", "cost", "good_router", "good_mix")
    named = {"kept": "quality_kept", "cost": "cost_share", "good_router": "cost_for_95", "good_mix": "cost_for_95_mix"}
    return {
        "prompts": part.prompts,
        **{named.get(name, name): _estimate(getattr(part, name)) for name in estimates},
        "share_off_best": part.off_best,
        "share_uncertain": part.uncertain,
        "calibration_error": dict(zip(tiers, part.calibration, strict=True)),
        "against_static_mix": _against_mix(part),
        "always": {name: _point(point) for name, point in zip(tiers, part.lines.tiers, strict=True)},
        "oracle": _point(part.lines.oracle),
        "policy": _point(part.lines.policy),
        "curves": {
            name: [_point(point) for point in getattr(part.lines, name)]
            for name in ("router", "random_mix", "static_mix")
        },
    }


def _against_mix(part: Part) -> dict[str, Any]:
    against = part.against_mix
    return {
        "mean": _estimate(against.mean),
        "worst": {"at": against.worst_at, **_estimate(against.worst)},
        "policy": _estimate(against.point),
        "surely_worse_somewhere": against.worse,
    }


def _estimate(found: Estimate) -> dict[str, float | None]:
    return {"value": _number(found.value), "low": _number(found.low), "high": _number(found.high)}


def _point(point: Point) -> list[float | None]:
    """Cost as a share of always-best's, quality."""
    return [_number(point.cost), _number(point.quality)]


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
