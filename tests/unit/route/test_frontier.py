"""Costs against quality, on cases that can be counted by hand, and what must hold of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.route.frontier import Curve, oracle, random_mix, static_mix, sweep
from app.route.metrics import pgr_curve

PRICES = np.array([1.0, 2.0, 10.0])
shares = st.floats(0, 1, width=16)


def tables(tiers: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(float, st.tuples(st.integers(1, 12), st.just(tiers)), elements=shares)


def test_prompts_move_in_the_order_of_what_they_gain_for_the_price() -> None:
    """Prompt 0 gains .5 for 1 (slope .5), prompt 1 .2 for 1; then 0 gains .4 for 8 (.05), and 1 .1 for 8 (.0125)."""
    p = np.array([[0.1, 0.6, 1.0], [0.5, 0.7, 0.8]])
    quality = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    found = sweep(p, PRICES, quality, np.tile(PRICES, (2, 1))).curve()
    assert found.cost.tolist() == [1, 1.5, 2, 6, 10]
    assert found.quality.tolist() == [0.5, 1, 0.5, 0.5, 1]


def test_a_tier_below_the_hull_is_jumped_over() -> None:
    """The middle tier gains .1 for 1, the dear one .9 for 9: the same slope. With .05 the middle is never taken."""
    quality = np.array([[0.0, 0.5, 1.0]])
    assert sweep(np.array([[0.0, 0.05, 0.9]]), PRICES, quality, PRICES[None]).curve().cost.tolist() == [1, 10]
    assert sweep(np.array([[0.0, 0.10, 0.9]]), PRICES, quality, PRICES[None]).curve().cost[-1] == 10


def test_equal_prices_begin_at_the_more_promising_tier() -> None:
    """Nothing is paid for it."""
    found = sweep(np.array([[0.2, 0.7]]), np.array([1.0, 1.0]), np.array([[0.0, 1.0]]), np.ones((1, 2))).curve()
    assert (found.cost.tolist(), found.quality.tolist()) == ([1], [1])


def test_the_best_static_mix_is_the_upper_envelope() -> None:
    """Of (1, .5), (2, .8), (4, .7), (10, .9) the third lies below; at 6 half of the prompts go to each neighbour."""
    found = static_mix(np.array([1.0, 2, 4, 10]), np.array([0.5, 0.8, 0.7, 0.9]))
    assert found.cost.tolist() == [1, 2, 10]
    assert found.at(np.array([0.0, 1.5, 6, 20])).tolist() == pytest.approx([0.5, 0.65, 0.85, 0.9])
    assert found.cost_of(0.85) == pytest.approx(6)
    assert np.isnan(found.cost_of(0.95))


def test_the_static_mix_never_pays_for_a_worse_tier() -> None:
    """The dearest tier is the worst here: one point is left."""
    found = static_mix(np.array([1.0, 5.0]), np.array([0.9, 0.8]))
    assert (found.cost.tolist(), found.quality.tolist()) == ([1], [0.9])


def test_the_oracle_takes_the_cheapest_of_the_best() -> None:
    """Both right: the cheap one. Only the dear one right: that. None right: the cheap one, it is as wrong."""
    quality = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    assert oracle(quality, np.tile([1.0, 10.0], (3, 1))) == pytest.approx((4, 2 / 3))


def test_the_random_mix_joins_the_cheapest_and_the_best() -> None:
    """Whatever lies between."""
    found = random_mix(np.array([1.0, 2, 3]), np.array([0.2, 0.9, 0.4]))
    assert found.at(np.array([2.0])).tolist() == pytest.approx([0.3])


@given(tables(2), st.data())
def test_with_two_tiers_it_is_the_curve_of_routellm(quality: np.ndarray, data: st.DataObject) -> None:
    """Prices 0 and 1, P of the weak 0: cost is the share of calls, and quality what PGR says."""
    scores = data.draw(arrays(float, len(quality), elements=shares))
    found = sweep(
        np.stack([0 * scores, scores], 1), np.array([0.0, 1.0]), quality, np.tile([0.0, 1.0], (len(scores), 1))
    )
    gains = quality[:, 1] - quality[:, 0]
    curve = found.curve()
    share, closed = pgr_curve(scores, gains)
    assert curve.cost == pytest.approx(share)
    if gains.sum():
        assert curve.quality == pytest.approx(quality[:, 0].mean() + closed * gains.mean(), abs=1e-9)


@given(tables(3), tables(3))
def test_a_sweep_goes_from_always_cheapest_to_always_dearest(p: np.ndarray, quality: np.ndarray) -> None:
    """And its cost never falls on the way, whatever was promised and whatever came."""
    n = min(len(p), len(quality))
    found = sweep(p[:n], PRICES, quality[:n], np.tile(PRICES, (n, 1))).curve()
    assert (found.cost[0], found.cost[-1]) == pytest.approx((1, 10))
    assert (found.quality[0], found.quality[-1]) == pytest.approx((quality[:n, 0].mean(), quality[:n, 2].mean()))
    assert (np.diff(found.cost) >= 0).all()


@given(tables(3))
def test_who_knows_the_answers_is_never_below_the_static_mix(quality: np.ndarray) -> None:
    """With P equal to what comes, the curve is above the envelope of the tiers, and reaches the oracle."""
    cost = np.tile(PRICES, (len(quality), 1))
    found = sweep(quality, PRICES, quality, cost).curve()
    mix = static_mix(PRICES, quality.mean(axis=0))
    inner = Curve(found.cost, np.maximum.accumulate(found.quality))
    grid = np.linspace(1, 10, 50)
    assert (inner.at(grid) >= mix.at(grid) - 1e-9).all()
    spent, best = oracle(quality, cost)
    assert inner.quality[-1] == pytest.approx(best)
    assert found.cost_of(best - 1e-9) <= spent + 1e-6


@given(arrays(float, st.integers(1, 6), elements=shares), st.data())
def test_the_static_mix_is_concave_rising_and_above_every_tier(quality: np.ndarray, data: st.DataObject) -> None:
    """That is what an upper envelope is."""
    cost = data.draw(arrays(float, len(quality), elements=st.integers(0, 5)))
    found = static_mix(cost, quality)
    assert (found.at(cost) >= quality - 1e-9).all()
    slopes = np.diff(found.quality) / np.diff(found.cost)
    assert (slopes > 0).all()
    assert (np.diff(slopes) <= 1e-9).all()


@given(tables(3), st.integers(0, 99))
def test_a_resample_is_the_curve_of_its_rows(quality: np.ndarray, seed: int) -> None:
    """Weights stand for repeated rows."""
    rows = np.random.default_rng(seed).integers(0, len(quality), len(quality))
    p, cost = 1 - quality[:, ::-1] / 2, np.tile(PRICES, (len(quality), 1))
    one = sweep(p, PRICES, quality, cost).curve(rows)
    other = sweep(p[rows], PRICES, quality[rows], cost).curve()
    grid = np.linspace(1, 10, 30)
    assert one.at(grid) == pytest.approx(other.at(grid), abs=1e-6)
