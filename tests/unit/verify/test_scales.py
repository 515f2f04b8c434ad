"""Which pairs make whose scale."""

import numpy as np
import pytest

from app.verify.calibration import Calibration, Realm
from app.verify.training.corpus import Pair
from app.verify.training.scales import MARGIN, Scored, calibrate
from app.verify.verdicts import Regime

EACH = 60


def found() -> Scored:
    """Different statements in the third person with logits from -3 to 0, in the first from -3 to 3; the same above."""
    low, high, same = np.linspace(-3, 0, EACH), np.linspace(-3, 3, EACH), np.linspace(0, 5, EACH)
    labels = [0] * EACH + [0] * EACH + [1] * EACH
    regimes = [*[Regime.STATEMENT] * EACH, *[Regime.OWN_STATEMENT] * EACH, *[Regime.STATEMENT] * EACH]
    pairs = [Pair(f"a {i}", f"b {i}", 1 if label else 0, "qqp_pairs") for i, label in enumerate(labels)]
    return Scored(pairs, np.concatenate([low, high, same]), np.full(len(pairs), 0.9), regimes)


def test_the_first_person_counts_twice() -> None:
    """In its own scale, and in that of its form; of the third person its own scale knows nothing."""
    calibration = Calibration.of(calibrate(found(), np.ones(3 * EACH), "v"))
    odds = calibration.posteriors[Regime.STATEMENT].odds(0.75, 0.9)
    above = EACH * 2.25 / 6
    rates = {realm: calibration.scales[realm].false_rate(odds) for realm in Realm}
    assert rates[Realm.OWN] == pytest.approx(MARGIN * above / EACH, rel=0.1)
    assert rates[Realm.STATEMENT] == pytest.approx(MARGIN * above / (2 * EACH), rel=0.1)
    assert rates[Realm.QUESTION] == 1.0


def test_statements_have_one_posterior() -> None:
    """In whichever person: both say the same of a logit and a cosine."""
    posteriors = calibrate(found(), np.ones(3 * EACH), "v")["posteriors"]
    assert posteriors[Regime.STATEMENT] == posteriors[Regime.OWN_STATEMENT] != posteriors[Regime.OWN_QUESTION]


def test_no_rate_is_zero() -> None:
    """However far above all others one light pair stands: P(same) is made of the rate's logarithm."""
    pairs = found()
    far = Scored(
        [*pairs.pairs, Pair("a", "b", 0, "made")],
        np.append(pairs.logits, 400.0),
        np.append(pairs.cosines, 0.9),
        [*pairs.regimes, Regime.STATEMENT],
    )
    document = calibrate(far, np.append(np.ones(3 * EACH), 1e-4), "v")
    assert min(document["scales"][Realm.STATEMENT]["rates"]) > 0
