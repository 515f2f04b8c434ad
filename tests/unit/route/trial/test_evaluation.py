"""The numbers, the tables, the page and the files of an evaluation."""

import json
import math
import re
from pathlib import Path

import pytest

from app.config.policy import Policy
from app.errors import ConfigError, InvalidRequest
from app.route.trial.document import document
from app.route.trial.files import evaluate_file, write_evaluation
from app.route.trial.page import page
from app.route.trial.panels import panels
from app.route.trial.table import table
from tests.unit.route.trial.made import asked, evaluation, no_vectors, router, write

PERFECT = [*[asked("0.1", 1, 1)] * 6, *[asked("0.8", 0, 1)] * 4]
"""The score knows the four prompts that want the large tier; 0.8 is above both thresholds."""
BLIND = [*[asked("0.5", 1, 1)] * 6, *[asked("0.5", 0, 1)] * 4]
DOMAINS = [
    *(asked(each.prompt, *each.scores.values(), costs=(1, 10), domain="<b>known</b>") for each in PERFECT),
    *(asked(each.prompt, *each.scores.values(), costs=(2, 20), domain="new") for each in BLIND),
]


def test_a_router_that_knows() -> None:
    """All of the gap for 40% of the calls: APGR .8, CPT50 20%, all quality at 40% of the cost, as the oracle."""
    found = evaluation(PERFECT).whole
    assert (found.apgr.value, found.cpt50.value, found.cpt80.value) == pytest.approx((0.8, 0.2, 0.32))
    assert (found.kept.value, found.cost.value, found.off_best) == pytest.approx((1, 0.4, 0.6))
    assert (found.lines.oracle.cost, found.lines.oracle.quality) == pytest.approx((0.4, 1))
    assert (found.good_router.value, found.good_mix.value) == pytest.approx((0.35, 0.875))
    assert found.against_mix.point.value == pytest.approx(1 - (0.6 + 0.4 * 0.4))
    assert not found.against_mix.worse


def test_a_router_that_knows_nothing_is_the_random_mix() -> None:
    """Nowhere above it and nowhere below."""
    found = evaluation(BLIND).whole
    assert (found.apgr.value, found.cpt80.value) == pytest.approx((0.5, 0.8))
    assert found.against_mix.mean.value == pytest.approx(0)
    assert found.against_mix.worst.low == pytest.approx(0)
    assert found.lines.router == found.lines.random_mix == found.lines.static_mix


def test_a_router_that_is_wrong_is_told() -> None:
    """It sends the large tier what the small one can do: surely below the mix."""
    found = evaluation([*[asked("0.9", 1, 1)] * 60, *[asked("0.1", 0, 1)] * 40]).whole
    assert found.apgr.value < 0.5
    assert found.against_mix.worse
    assert found.against_mix.worst.high < 0
    assert "at 60%" in table(evaluation([*[asked("0.9", 1, 1)] * 60, *[asked("0.1", 0, 1)] * 40]))


def test_calibration_is_told_by_tier() -> None:
    """P of the small tier is .9 and .2 where 1 and 0 came; of the large one .99 and .92 where 1 came."""
    small, large = evaluation(PERFECT).whole.calibration
    assert small == pytest.approx(0.6 * 0.1 + 0.4 * 0.2)
    assert large == pytest.approx(0.6 * 0.01 + 0.4 * 0.08)


def test_what_is_not_sure_is_counted() -> None:
    """Half of them here, and they take the better tier."""
    found = evaluation([asked("0.1", 1, 1), asked("0.1 not English", 1, 1)]).whole
    assert (found.uncertain, found.off_best) == (0.5, 0.5)


def test_the_policy_of_the_user_decides() -> None:
    """A threshold of zero sends everything to the best tier."""
    policy = Policy.model_validate({"routing": {"thresholds": {"small": 0.0}}})
    found = evaluation(PERFECT, policy).whole
    assert (found.off_best, found.kept.value, found.cost.value) == (0, 1, 1)


def test_domains_stand_beside_the_whole() -> None:
    """With costs: a prompt of the second domain costs twice, so that the whole is no mean of shares."""
    found = evaluation(DOMAINS)
    assert [part.name for part in found.every] == ["<b>known</b>", "new", "all"]
    assert found.whole.prompts == 20
    assert found.parts[0].cost.value == pytest.approx((6 * 1 + 4 * 10) / 100)
    assert [part.name for part in evaluation(PERFECT).every] == ["all"]
    mixed = [asked("0.1", 1, 1), asked("0.1", 1, 1, domain="maths")]
    assert [part.name for part in evaluation(mixed).every] == ["(none)", "maths", "all"]


def test_numbers_that_are_not_there_are_dashes_and_nulls() -> None:
    """A large tier that is never better has no gap, and one that is always wrong no quality to keep."""
    found = evaluation([asked("0.5", 0, 0)] * 3)
    assert math.isnan(found.whole.apgr.value)
    assert "nan" not in table(found)
    assert json.loads(json.dumps(document(found), allow_nan=False))["all"]["apgr"]["value"] is None


def test_the_table_has_a_line_a_domain() -> None:
    """And says what its columns are."""
    lines = [line.split() for line in table(evaluation(DOMAINS)).splitlines()]
    assert ["new", "10", ".500"] in [line[:3] for line in lines]
    assert ["all", "20"] in [line[:2] for line in lines]


def test_a_policy_for_other_tiers_is_told() -> None:
    """It sends everything to the best tier, which looks like a bad router."""
    policy = Policy.model_validate({"routing": {"thresholds": {"tiny": 0.5}}})
    assert "thresholds for tiny and none for these tiers: all go to large" in table(evaluation(PERFECT, policy))
    assert "none for these tiers" not in table(evaluation(PERFECT))


def test_the_same_seed_gives_the_same_page() -> None:
    """The bootstrap is seeded."""
    assert page(evaluation(DOMAINS)) == page(evaluation(DOMAINS))


def test_the_page_stands_alone_and_escapes() -> None:
    """No address in it, nothing of a name is markup, every domain has its panel with all marks."""
    html = page(evaluation(DOMAINS))
    assert not re.search(r"(?:src|href|url)\s*[=(]|https?:|@import|<script", html)
    assert "<b>known" not in html
    assert html.count("<svg") == html.count("</svg>") == 3
    assert html.count("always-large: quality") == html.count("<title>oracle: quality") == 3
    assert "nan" not in html.lower()


def test_everything_drawn_is_within_its_panel() -> None:
    """Also where one quality is all there is."""
    for drawn in (*panels(evaluation(DOMAINS)), *panels(evaluation([asked("0.5", 1, 1)]))):
        every = [point for line in drawn.lines for point in line.points] + [mark.point for mark in drawn.marks]
        assert drawn.low < min(point.quality for point in every) <= max(point.quality for point in every) < drawn.high
        assert max(point.cost for point in every) <= drawn.most


def test_the_files_hold_every_number(tmp_path: Path) -> None:
    """JSON for programs, a page and a picture for people."""
    folder, found = tmp_path / "new" / "folder", evaluation(DOMAINS)
    write_evaluation(found, folder)
    assert sorted(each.name for each in folder.iterdir()) == ["curve.html", "curve.png", "metrics.json"]
    told = json.loads((folder / "metrics.json").read_text())
    assert told["domains"]["new"]["apgr"]["value"] == pytest.approx(0.5)
    assert told["all"]["calibration_error"].keys() == {"small", "large"}
    assert told["domains"]["<b>known</b>"]["curves"]["router"][-1] == [1, 1]
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_is_evaluated_or_its_fault_named(tmp_path: Path) -> None:
    """With the file and the line."""
    path = write(tmp_path / "labelled.jsonl", DOMAINS)
    assert evaluate_file(path, no_vectors, router(), Policy()).whole == evaluation(DOMAINS).whole
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(InvalidRequest, match=r'labelled\.jsonl: line 21 has no string "prompt"'):
        evaluate_file(path, no_vectors, router(), Policy())
    with pytest.raises(ConfigError, match="No such file"):
        evaluate_file(tmp_path / "none", no_vectors, router(), Policy())
