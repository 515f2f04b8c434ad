"""The numbers of a training, and the card that shows them."""

import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from app.route.card import HEAD, card, number, row, share
from app.route.chances import Doubles
from app.route.complexity_scale import EASY, EASY_GAIN, HARD, HARD_GAIN
from app.route.data import Example
from app.route.doubt import LEAST_FAMILIAR
from app.route.features import NAMES
from app.route.fit import REGIONS, Table
from app.route.report import SetReport, TrainReport, by, report_of, reported, source_of
from tests.unit.route.made import weights

WEAK, STRONG = [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.0]
PAIRED = SetReport("routellm_gsm8k", 1234, 0.5, 0.75, 0.71234, 0.61234, 0.3, 0.99, (0.0125, 0.0375))
ALONE = SetReport("routerdc7", 56, 0.5, None, math.nan, None, None, None, (0.0125, None))


def table(weak: list[float], strong: list[float]) -> Table:
    count = len(weak)
    embeddings, features = np.tile(np.eye(2)[0], (count, 1)), np.zeros((count, len(NAMES)))
    scores = (np.array(weak), np.array(strong), np.ones(count))
    return Table(embeddings.astype(np.float32), features.astype(np.float32), *scores, ["a"] * count)


def raw(gains: list[float], familiarity: list[float] | None = None) -> Doubles:
    """A weak model's score is 1 − gain, a strong one's 1."""
    gain = np.array(gains)
    return np.column_stack([1 - gain, np.ones(len(gain)), gain, familiarity or np.ones(len(gain))])


def report(**changes: object) -> TrainReport:
    found = TrainReport(3, 18000, 4600, seen=(PAIRED, ALONE), unseen=(PAIRED,), tasks=(PAIRED, ALONE))
    return replace(found, **changes)  # type: ignore[arg-type]


def test_the_numbers_of_a_set_are_those_of_its_prompts() -> None:
    """The two that a weak model answers are below the first point; of one of them the strong model has nothing."""
    found = report_of("set", table(WEAK, STRONG), raw([0.0, 0.5, 0.6, 0.01]), weights())
    assert (found.name, found.prompts, found.weak, found.strong) == ("set", 4, 0.5, 0.75)
    assert found.auc == 1
    assert found.kept_off == 0.5
    assert found.quality_kept == pytest.approx(4 / 3)
    assert found.apgr is not None
    assert found.apgr > 1


def test_what_is_doubted_or_complex_is_not_kept_off_the_best_tier() -> None:
    """As the default policy decides: the first point itself is above the threshold."""
    gains, familiarity = [0.0, 0.0, EASY_GAIN, EASY_GAIN - 1e-6], [1.0, LEAST_FAMILIAR - 0.01, 1.0, LEAST_FAMILIAR]
    assert report_of("set", table(WEAK, STRONG), raw(gains, familiarity), weights()).kept_off == 0.5


def test_without_a_strong_model_half_of_the_numbers_are_not_there() -> None:
    """One prompt without is enough: a mean over the others would be of another set."""
    found = report_of("set", table(WEAK, [1, 1, 1, math.nan]), raw([0.0, 0.5, 0.6, 0.01]), weights())
    assert (found.strong, found.apgr, found.kept_off, found.quality_kept, found.calibration[1]) == (None,) * 5
    assert found.auc == 1
    assert found.calibration[0] > 0


def test_sets_are_in_order_and_what_nobody_could_judge_is_in_none() -> None:
    """A row that is not a number is a prompt whose domain could not be left out."""
    examples = [Example("s", name, "p", 0.5, 1.0) for name in ("b", "a", "b", "c")]
    scores = raw([0.1] * 4)
    scores[3] = math.nan
    found = by(lambda example: example.task, examples, table(WEAK, STRONG), scores, weights())
    assert [(each.name, each.prompts) for each in found] == [("a", 1), ("b", 2)]


def test_the_seen_are_judged_by_the_head_and_the_unseen_by_what_was_left_out() -> None:
    """Counts are of both parts."""
    whole = table(WEAK, STRONG)
    examples = [Example("routellm", f"routellm_{name}", "p", 0.5, 1.0) for name in ("gsm8k", "mmlu", "mmlu", "mmlu")]
    held_out = whole.part(np.array([True, True, False, False]))
    found = reported(weights(), held_out, examples[:2], (whole, examples, raw([0.0, 0.5, 0.6, 0.01])), 5)
    assert (found.seed, found.trained_on, found.validated_on) == (5, 2, 2)
    assert [(each.name, each.prompts) for each in found.seen] == [("routellm_gsm8k", 1), ("routellm_mmlu", 1)]
    assert [(each.name, each.prompts) for each in found.unseen] == [("routellm_gsm8k", 1), ("routellm_mmlu", 3)]
    assert [each.kept_off for each in found.seen] == [0, 0]
    assert found.unseen[0].kept_off == 1
    assert found.task("routellm_mmlu") == found.tasks[1]
    assert found.task("another") is None


def test_a_source_is_a_file() -> None:
    """RouteLLM's two benchmarks have one each, the fourteen tasks of llmrouter9 one together."""
    assert source_of(Example("routellm", "routellm_mmlu", "p", 0)) == "routellm_mmlu"
    assert source_of(Example("llmrouter9", "llmrouter9_math", "p", 0)) == "llmrouter9"


def test_the_card_shows_every_number_of_the_report() -> None:
    """Three tables; a dash for what is not known."""
    found = card(report())
    assert row(PAIRED) == "| routellm_gsm8k | 1,234 | 0.50 | 0.75 | 0.712 | 0.612 | 30.0% | 99.0% | 0.013 / 0.037 |"
    assert row(ALONE) == "| routerdc7 | 56 | 0.50 | – | – | – | – | – | 0.013 / – |"
    assert found.count(row(PAIRED)) == 3
    assert found.count(row(ALONE)) == 2
    assert "--seed 3`: 18,000 prompts; 4,600 held out" in found
    assert row(PAIRED) not in card(report(seen=(), unseen=(), tasks=()))


def test_the_cards_tables_are_whole_and_its_lines_filled_in() -> None:
    """No placeholder is left, and each row has the heading's columns."""
    found = card(report())
    assert not {"{", "}"} & set(found)
    columns = HEAD.split("\n")[0].count("|")
    assert {row(each).count("|") for each in (PAIRED, ALONE)} == {columns}


def test_the_shipped_card_is_of_todays_constants() -> None:
    """What the score means and when the head doubts is said as the code does it: else it wants a new training."""
    shipped = " ".join((files("app.route") / "weights" / "MODEL_CARD.md").read_text(encoding="utf-8").split())
    assert f"{REGIONS:,} regions" in shipped
    assert f"**{EASY}** is an expected loss of {EASY_GAIN:.0%}" in shipped
    assert f"**{HARD}** of {HARD_GAIN:.0%}" in shipped
    assert f"cosine to every region is below {LEAST_FAMILIAR}," in shipped


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_what_could_not_be_computed_is_a_dash(nothing: float | None) -> None:
    """Not 0, not nan."""
    assert number(nothing, 3) == share(nothing) == "–"
    assert (number(0.0, 3), share(0.0)) == ("0.000", "0.0%")
