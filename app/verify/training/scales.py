"""Calibration of a trained model: from what it says of pairs that training never saw to `calibration.json`."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.verify.calibration import Calibration, Posterior, Realm, Scale, realm_of
from app.verify.lexicon.tables import Lexicon
from app.verify.training.corpus import Pair
from app.verify.training.report import SetReport
from app.verify.verdicts import Regime, judge_words

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
OfPairs = Callable[[Sequence[tuple[str, str]]], Floats]
"""Texts of pairs to a number each: the logit of the model that serves, or the embedder's cosine."""

FORBIDDEN, PASSED = -1e9, 1e9
"""The logits of pairs that words decided."""
POINTS = 80
"""Of a scale, evenly spread over the logarithm of the rate."""
TAIL = 10
"""Pairs among the highest whose share is that of a fitted tail. Counted instead, GSM-Plus' 142 different pairs allow
one false hit at 1%, and the recall there is 29%; with the tail 50%, and one false hit as well."""
ALSO = {Regime.OWN_QUESTION: Realm.QUESTION, Regime.OWN_STATEMENT: Realm.STATEMENT}
"""What is asked in the first person has a scale of its own, for it is easier: a customer's account against the world.
It counts in the others' scales as well, for statements in the third person are few."""
LEAST = 1e-6
"""No rate is less: of zero there is no logarithm."""
SHRINK = 1e-3
"""Ridge of the logistic regressions, a hundredth of a pair's weight: a regime with few pairs stays tame."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Pairs with their logits, cosines and regimes; those that words could not compare are left out."""

    pairs: Sequence[Pair]
    logits: Floats
    cosines: Floats
    regimes: Sequence[Regime]

    @property
    def labels(self) -> Flags:
        """Whether the same answer serves both, shape (pairs,)."""
        return np.array([pair.label == 1 for pair in self.pairs])

    @property
    def open(self) -> Flags:
        """Where words left it to the model."""
        return np.abs(self.logits) < PASSED

    def part(self, wanted: Flags) -> "Scored":
        """The pairs where `wanted` is true."""
        places = np.flatnonzero(wanted)
        pairs, regimes = [self.pairs[i] for i in places], [self.regimes[i] for i in places]
        return Scored(pairs, self.logits[wanted], self.cosines[wanted], regimes)

    def within(self, *regimes: Regime) -> Flags:
        """Where the difference is of one of these kinds."""
        return np.array([each in regimes for each in self.regimes])


def scored(pairs: Sequence[Pair], logits: OfPairs, cosines: OfPairs, lexicon: Lexicon) -> Scored:
    """What words, model and embedder say of `pairs`, `a` being stored."""
    said = [judge_words(pair.a, pair.b, lexicon) for pair in pairs]
    kept = [i for i, each in enumerate(said) if each.regime is not None]
    texts = [(pairs[i].a, pairs[i].b) for i in kept]
    found = np.array([FORBIDDEN if said[i].same is False else PASSED for i in kept])
    asked = [k for k, i in enumerate(kept) if said[i].same is None]
    found[asked] = logits([texts[k] for k in asked])
    regimes = [regime for i in kept if (regime := said[i].regime) is not None]
    return Scored([pairs[i] for i in kept], found, cosines(texts), regimes)


FOLDS = 5
MARGIN = 1.25
"""A rate is stated this much higher than it was seen: calibration pairs are few, and no traffic is quite like them."""


def cross_fitted(found: Scored, weights: Floats, rate: float) -> dict[str, SetReport]:
    """Recall and false share of every source at a policy's rate, each fifth of the prompts judged by a calibration on
    the other four: no pair is judged by a scale that it helped to make."""
    fold = np.array([hashlib.sha256(pair.a.lower().encode()).digest()[0] % FOLDS for pair in found.pairs])
    hits = np.zeros(len(found.pairs), dtype=bool)
    for number in range(FOLDS):
        others, mine = fold != number, fold == number
        calibration = Calibration.of(calibrate(found.part(others), weights[others], ""))
        hits[mine] = passes(found.part(mine), calibration, rate)
    return by_source(found, hits)


def calibrate(found: Scored, weights: Floats, version: str) -> dict[str, Any]:
    """The document of `calibration.json`. `weights` (pairs,) say how much each pair counts.

    Different pairs that words forbid count as ones that no logit lets through, those that words pass as ones that every
    logit does: a rate is that of the whole verifier.
    """
    posteriors = {regime: _posterior(found, weights, _alike(found, regime) & found.open) for regime in Regime}
    odds = np.where(found.open, _odds(found, posteriors), found.logits)
    scales = {realm: _scale(odds, weights, _counts(found, realm) & ~found.labels) for realm in Realm}
    x = np.array(
        [-math.log10(scales[realm_of(r)].false_rate(float(o))) for o, r in zip(odds, found.regimes, strict=True)]
    )
    slope, offset = _logistic(x[found.open, None], found.labels[found.open], np.ones(int(found.open.sum())))
    return {
        "version": version,
        "slope": slope,
        "offset": offset,
        "posteriors": {regime.value: _fields(posterior) for regime, posterior in posteriors.items()},
        "scales": {realm.value: {"odds": scale.odds, "rates": scale.rates} for realm, scale in scales.items()},
    }


def _alike(found: Scored, regime: Regime) -> Flags:
    """The pairs that make a regime's posterior: statements have one, in whichever person."""
    both = (Regime.STATEMENT, Regime.OWN_STATEMENT)
    return found.within(*both if regime in both else (regime,))


def _counts(found: Scored, realm: Realm) -> Flags:
    """The pairs that make a realm's scale."""
    return np.array([realm in (realm_of(regime), ALSO.get(regime)) for regime in found.regimes])


def _fields(posterior: Posterior) -> dict[str, float]:
    return {"logit": posterior.logit, "cosine": posterior.cosine, "offset": posterior.offset}


def _posterior(found: Scored, weights: Floats, mine: Flags) -> Posterior:
    features = np.stack([found.logits[mine], found.cosines[mine]], axis=1)
    return Posterior(*_logistic(features, found.labels[mine], weights[mine], balanced=False))


def _odds(found: Scored, posteriors: dict[Regime, Posterior]) -> Floats:
    rows = zip(found.logits, found.cosines, found.regimes, strict=True)
    return np.array([posteriors[regime].odds(float(logit), float(cosine)) for logit, cosine, regime in rows])


def _scale(odds: Floats, weights: Floats, mine: Flags) -> Scale:
    """The share of different pairs at or above each odds.

    Of all but the highest it is counted; among the `TAIL` highest an exponential tail takes its place: exceedances over
    a high threshold are nearly exponential (Pickands 1975, with shape 0), and a count of one or two says too little.
    """
    order = np.argsort(-odds[mine])
    ranked, weight = odds[mine][order], weights[mine][order]
    open_, total = np.abs(ranked) < PASSED, float(weight.sum())
    if int(open_.sum()) < 3 * TAIL:
        return Scale([0.0], [1.0])
    passed = float(weight[ranked >= PASSED].sum()) / total
    points, shares, heavy = ranked[open_], (np.cumsum(weight) / total)[open_], weight[open_]
    start = int(np.searchsorted(np.cumsum(heavy) / float(weight.mean()), TAIL))
    xs, ys = _tail(points[: start + 1], heavy[:start], float(shares[start]), passed)
    body = _thinned(len(points) - start - 1)
    rising = np.concatenate([points[start + 1 :][::-1][body], xs])
    rates = np.concatenate([shares[start + 1 :][::-1][body], ys]) * MARGIN
    falling = np.minimum(1.0, np.maximum.accumulate(rates[::-1])[::-1])
    return Scale([round(float(x), 4) for x in rising], [max(LEAST, round(float(y), 6)) for y in falling])


def _tail(highest: Floats, weights: Floats, share: float, passed: float) -> tuple[Floats, Floats]:
    """Odds, rising, and shares from the last of the `highest` odds on: share · exp(−excess / mean excess).

    The mean excess is taken larger by one part in `TAIL`; `passed` is the share that words let pass, whatever the odds.
    """
    low = float(highest[-1])
    mean_excess = float(np.average(highest[:-1] - low, weights=weights)) * (1 + 1 / TAIL)
    xs = np.linspace(low, float(highest[0]) + 0.5, POINTS // 4)
    return xs, passed + (share - passed) * np.exp(-(xs - low) / max(mean_excess, 1e-3))


def _thinned(count: int) -> npt.NDArray[np.intp]:
    """At most `POINTS` places of `count`, dense at the end."""
    if not count:
        return np.zeros(0, dtype=np.intp)
    return np.unique(count - np.geomspace(1, count, min(POINTS, count)).astype(np.intp))


def _logistic(features: Floats, labels: Flags, weights: Floats, balanced: bool = True) -> list[float]:
    """Weights of the features and the offset of P(same); by Newton's method from zero. `balanced`: equal and different
    pairs weigh the same. Without pairs of both labels nothing is learnt, and the offset lets nothing through."""
    if not labels.any() or labels.all():
        return [*[0.0] * features.shape[1], -20.0]
    if balanced:
        weights = weights * np.where(labels, 1 / weights[labels].sum(), 1 / weights[~labels].sum())
    weights = weights / weights.sum()
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    beta, ridge = np.zeros(design.shape[1]), SHRINK * np.diag([*[1.0] * features.shape[1], 0.0])
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weights * (labels - p)) - ridge @ beta
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + ridge + 1e-9 * np.eye(len(beta))
        beta = beta + np.linalg.solve(hessian, gradient)
    return [round(float(value), 6) for value in beta]


def passes(found: Scored, calibration: Calibration, rate: float) -> Flags:
    """Which pairs are hits at a policy's rate, shape (pairs,)."""
    point = calibration.of_rate(rate)
    rows = zip(found.logits, found.cosines, found.regimes, strict=True)
    return np.array([_hits(calibration, float(logit), float(cosine), regime, point) for logit, cosine, regime in rows])


def by_source(found: Scored, hits: Flags) -> dict[str, SetReport]:
    """Recall and false share of every source."""
    sources = np.array([pair.kind.split("/")[0] for pair in found.pairs])
    return {str(source): _report(hits, found.labels, sources == source) for source in np.unique(sources)}


def _hits(calibration: Calibration, logit: float, cosine: float, regime: Regime, point: float) -> bool:
    return logit >= PASSED or (logit > FORBIDDEN and calibration.p_same(logit, cosine, regime) >= point)


def _report(hits: Flags, labels: Flags, mine: Flags) -> SetReport:
    same, other = hits[mine & labels], hits[mine & ~labels]
    shares = [float(part.mean()) if len(part) else math.nan for part in (same, other)]
    return SetReport(len(same), len(other), *shares)
