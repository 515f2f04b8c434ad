"""The parts of a training: regression, scaling, weights of tasks, and what of the data a head may see."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.route.chances import Doubles
from app.route.features import NAMES
from app.route.fit import REFERENCE, Table, fit_raw, gaussian, platt, raw_scores, reference_of, ridge, task_weights
from app.route.head import RouteHead
from app.route.train import crossed, joined, left_out
from tests.unit.route.made import weights

pytest.importorskip("sklearn", reason="training needs the extra `train`")

SIZE = 8
"""Components of the made embeddings."""


def table(places: Sequence[int], weak: Sequence[float], strong: Sequence[float], domains: Sequence[str]) -> Table:
    """Prompts along the axes `places`, each a little off it, all of one text."""
    rng = np.random.default_rng(7)
    vectors = np.eye(SIZE)[list(places)] + rng.normal(0, 0.02, (len(places), SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Table(
        embeddings=vectors.astype(np.float32),
        features=np.zeros((len(places), len(NAMES)), dtype=np.float32),
        weak=np.array(weak, dtype=float),
        strong=np.array(strong, dtype=float),
        weights=np.ones(len(places)),
        domains=list(domains),
    )


def one(place: int, weak: float, domain: str, count: int = 40) -> Table:
    """`count` prompts of a domain that lies along one axis; a strong model is always right."""
    return table([place] * count, [weak] * count, [1] * count, [domain] * count)


NOTHING = one(7, 0.5, "anchor", 1)
"""Written prompts, as few as can be."""


def sample(slope: float, intercept: float) -> tuple[Doubles, Doubles]:
    raw = np.random.default_rng(0).uniform(-0.5, 1.5, 20_000)
    return raw, 1 / (1 + np.exp(-(slope * raw + intercept)))


@pytest.mark.parametrize(("slope", "intercept"), [(4.0, -2.0), (1.5, 0.5), (7.0, -4.0), (0.1, 3.0), (-2.0, 1.0)])
def test_platt_recovers_a_known_slope(slope: float, intercept: float) -> None:
    """From chances themselves, and from answers that are right or wrong by them."""
    raw, p = sample(slope, intercept)
    assert platt(raw, p, np.ones(len(raw))) == pytest.approx((slope, intercept), abs=0.01)
    drawn = (np.random.default_rng(1).random(len(p)) < p).astype(float)
    assert platt(raw, drawn, np.ones(len(raw))) == pytest.approx((slope, intercept), abs=0.3)


def test_platt_leaves_out_what_was_not_measured_and_weighs_the_rest() -> None:
    """A target or a score that is not there, or a weight of 0, changes nothing."""
    raw, p = sample(3.0, -1.0)
    spoilt, wrong = raw.copy(), p.copy()
    spoilt[:100], wrong[100:200], wrong[200:5000] = np.nan, np.nan, 1 - p[200:5000]
    weight = np.where(np.arange(len(p)) < 5000, 0.0, 1.0)
    weight[:200] = 1
    assert platt(spoilt, wrong, weight) == pytest.approx((3.0, -1.0), abs=0.01)


def test_ridge_finds_the_function_and_its_mean_far_away() -> None:
    """What was not measured does not count."""
    places = np.linspace(0, 4, 200, dtype=np.float32)[:, None]
    centres = np.linspace(0, 4, 40, dtype=np.float32)[:, None]
    target = np.sin(places[:, 0].astype(float))
    target[::3] = np.nan
    within = gaussian(centres, centres).astype(float)
    coefficients, bias = ridge(gaussian(places, centres), within, target, np.ones(200))
    assert bias == pytest.approx(np.nanmean(target))
    found = gaussian(places, centres) @ coefficients + bias
    assert np.abs(found - np.sin(places[:, 0])).mean() < 0.05 < np.abs(bias - np.sin(places[:, 0])).mean()
    far = np.full((1, 1), 50, dtype=np.float32)
    assert gaussian(far, centres) @ coefficients == pytest.approx([0], abs=1e-6)


def test_a_large_task_does_not_drown_a_small_one() -> None:
    """Each prompt of it weighs a little less; the mean is 1."""
    found = task_weights(["large"] * 1000 + ["small"])
    assert found.mean() == pytest.approx(1)
    assert found[0] < found[-1]
    assert found[0] * 1000 > found[-1]


def test_a_part_of_a_table_keeps_its_columns_together() -> None:
    """And the gain is known where both models are."""
    whole = table([0, 1, 2], [0, 0.5, 1], [1, np.nan, 0.5], ["a", "b", "c"])
    part = whole.part(np.array([True, False, True]))
    assert part.embeddings.tolist() == whole.embeddings[[0, 2]].tolist()
    assert (part.weak.tolist(), part.gain.tolist(), list(part.domains)) == ([0, 1], [1, -0.5], ["a", "c"])
    assert np.isnan(whole.gain[1])
    assert list(joined(part, whole).domains) == ["a", "c", "a", "b", "c"]


def test_the_regions_tell_what_they_are_about() -> None:
    """The commonest domain, and how often a weak model was right there."""
    seen = joined(one(0, 1.0, "easy"), one(1, 0.0, "hard"))
    fitted = fit_raw(seen, 0)
    assert len(fitted.centres) == len(fitted.domains) == len(fitted.success) == 20
    head = RouteHead(fitted)
    for place, domain, success in ((0, "easy", 1.0), (1, "hard", 0.0)):
        [found] = head.evidence(np.eye(SIZE, dtype="<f4")[place].tobytes(), 1)
        assert (found.domain, found.weak_success) == (domain, success)


def test_the_reference_is_drawn_by_weight() -> None:
    """A prompt of weight 0 represents nobody."""
    half = joined(one(0, 1.0, "a"), one(1, 0.0, "b"))
    only = Table(half.embeddings, half.features, half.weak, half.strong, np.repeat([1.0, 0.0], 40), half.domains)
    fitted = fit_raw(half, 0)
    assert reference_of(fitted, half, 0).shape == (REFERENCE, 3)
    assert reference_of(fitted, half, 0)[:, 0].std() > 10 * reference_of(fitted, only, 0)[:, 0].std()


def test_a_domain_that_is_left_out_is_not_learned_from() -> None:
    """Its prompts get the score of somebody who never saw it; with it in the training they get their own."""
    easy, rest = one(0, 1.0, "easy"), joined(one(1, 0.0, "x"), one(2, 0.0, "y"))
    whole = joined(easy, rest)
    names = np.array([f"question {i}" for i in range(len(whole.weak))])
    outside = crossed(whole, NOTHING, np.repeat([0, 1, 2], 40), names, 0)
    assert (outside[:40, 0] < 0.2).all()
    inside = crossed(whole, NOTHING, np.arange(len(names)) % 2, names, 0)
    assert (inside[:40, 0] > 0.8).all()
    unseen = left_out(whole, NOTHING, names, 0)
    assert (unseen[:40, 0] < 0.2).all()


def test_a_question_is_left_out_in_its_other_wrappings_too() -> None:
    """The same questions under another benchmark's name would tell the answer."""
    asked, again, rest = one(0, 1.0, "asked"), one(0, 1.0, "again"), one(1, 0.0, "x", 80)
    whole = joined(joined(asked, again), rest)
    folds = np.repeat([0, 1, 2], [40, 40, 80])
    own = np.array([f"question {i}" for i in range(160)])
    same = np.concatenate([own[:40], own[:40], own[80:]])
    assert (crossed(whole, NOTHING, folds, own, 0)[:40, 0] > 0.8).all()
    assert (crossed(whole, NOTHING, folds, same, 0)[:40, 0] < 0.2).all()


def test_one_domain_alone_cannot_be_left_out() -> None:
    """No number is made up for it."""
    names = np.array([f"question {i}" for i in range(40)])
    assert np.isnan(left_out(one(0, 1.0, "only"), NOTHING, names, 0)).all()


def test_scores_are_the_heads() -> None:
    """Weak, strong, gain and familiarity, in this order."""
    prompts = Table(
        np.eye(2, dtype=np.float32), np.zeros((2, len(NAMES)), dtype=np.float32), *(np.zeros(2),) * 3, ["a", "b"]
    )
    far = np.exp(-2)
    found = raw_scores(weights(), prompts)
    assert found == pytest.approx(np.array([[0.5, 1, 0.5, 1], [0.5 * far, far, 0.5 * far, 1]]), abs=1e-6)
