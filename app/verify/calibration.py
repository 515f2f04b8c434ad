"""From the model's logit and the cosine to P(the same answer serves both), and from a rate of false hits to a point.

1. In each regime a logistic regression on logit and cosine gives the log-odds that the pair wants one answer.
2. For each realm (questions, statements, problems with figures, what is asked in the first person) the log-odds of
   calibration pairs that want different answers are kept. A new pair's *false rate* is the share of them that reach its
   log-odds: as the p-value of Mondrian conformal prediction (Vovk, Gammerman, Shafer 2005, section 4.5), but with a
   fitted tail above the ten highest, where counting would say "one or none". So P(false rate ≤ α | the answers differ)
   is about α, not at most α, where new pairs are like those of calibration; a margin of 25% is added.
3. P(same) is a logistic function of the logarithm of the false rate, one for all realms, fitted on all calibration
   pairs, equal and different ones weighing the same. So one point on P(same) is one false rate everywhere.
"""

import hashlib
import json
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.verify.verdicts import Regime

CALIBRATION = "calibration.json"


class Realm(StrEnum):
    """What is asked: each has a scale of false rates."""

    QUESTION = "questions"
    STATEMENT = "statements"
    PROBLEM = "problems with figures"
    OWN = "what is asked in the first person"


_REALMS = {
    Regime.STATEMENT: Realm.STATEMENT,
    Regime.PROBLEM: Realm.PROBLEM,
    Regime.OWN_QUESTION: Realm.OWN,
    Regime.OWN_STATEMENT: Realm.OWN,
}


def realm_of(regime: Regime) -> Realm:
    """Where a kind of difference belongs."""
    return _REALMS.get(regime, Realm.QUESTION)


@dataclass(frozen=True, slots=True)
class Posterior:
    """Log-odds = `logit` · logit + `cosine` · cosine + `offset`."""

    logit: float
    cosine: float
    offset: float

    def odds(self, logit: float, cosine: float) -> float:
        """The log-odds of a pair."""
        return self.logit * logit + self.cosine * cosine + self.offset


@dataclass(frozen=True, slots=True)
class Scale:
    """Of one realm: `rates`, falling, are reached by log-`odds`, rising. Between two points the logarithm is linear."""

    odds: Sequence[float]
    rates: Sequence[float]

    def false_rate(self, odds: float) -> float:
        """The share of different pairs that get these log-odds or more; never below the last point's rate."""
        i = bisect_left(self.odds, odds)
        if i == 0:
            return 1.0
        if i == len(self.odds):
            return self.rates[-1]
        low, high = self.odds[i - 1], self.odds[i]
        part = (odds - low) / (high - low) if high > low else 1.0
        return math.exp(math.log(self.rates[i - 1]) * (1 - part) + math.log(self.rates[i]) * part)


@dataclass(frozen=True, slots=True)
class Calibration:
    """`slope` and `offset` of P(same) = 1 / (1 + exp(-(offset + slope · -log10 false rate)))."""

    posteriors: Mapping[Regime, Posterior]
    scales: Mapping[Realm, Scale]
    slope: float
    offset: float
    version: str

    @classmethod
    def load(cls, folder: Path) -> "Calibration":
        """Read `calibration.json`. Raises OSError when there is none."""
        return cls.of(json.loads((folder / CALIBRATION).read_text(encoding="utf-8")))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Calibration":
        """From the file's content. The version is the model's with a hash of the content: other rates, other hits."""
        posteriors = {Regime(name): Posterior(**weights) for name, weights in document["posteriors"].items()}
        scales = {Realm(name): Scale(**points) for name, points in document["scales"].items()}
        content = json.dumps(document, sort_keys=True).encode()
        version = f"{document['version']}-{hashlib.sha256(content).hexdigest()[:8]}"
        return cls(posteriors, scales, document["slope"], document["offset"], version)

    def p_same(self, logit: float, cosine: float, regime: Regime) -> float:
        """Of a pair in `regime`."""
        odds = self.posteriors[regime].odds(logit, cosine)
        return self.of_rate(self.scales[realm_of(regime)].false_rate(odds))

    def of_rate(self, false_rate: float) -> float:
        """P(same) at a false rate."""
        return 1 / (1 + math.exp(-(self.offset - self.slope * math.log10(false_rate))))
