"""A tiny training from files to weights and card."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from app.route.data import Example
from app.route.fit import ANCHOR_WEIGHT
from app.route.head import WEIGHTS, RouteHead
from app.route.report import TrainReport
from app.route.train import anchor_table, embedded, is_validation, table_of, train
from app.route.weights_file import Weights
from tests.fakes import FakeEmbedder

pytest.importorskip("sklearn", reason="training needs the extra `train`")

TASK = "routellm_mmlu"
HARD, EASY = "Compute 0.123456 * 0.654321 + 9 exactly", "Say hello to guest zz"


def fake_encode(texts: list[str]) -> list[bytes]:
    return [FakeEmbedder(16).vector(text) for text in texts]


def made(folder: Path, subjects: int = 5) -> Path:
    """Sums that the weak model fails, greetings that it does not: text features alone can tell."""
    source = random.Random(0)
    numbers = [f"Compute {source.random():.6f} * {source.random():.6f} + {i} exactly" for i in range(150)]
    words = [f"Say hello to guest {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(150)]
    rows = [
        {
            "bench": "mmlu",
            "domain": f"subject {i % subjects}",
            "prompt": prompt,
            "mixtral_8x7b": int(prompt in words),
            "gpt4_1106": 1,
            "contaminated": 0,
        }
        for i, prompt in enumerate((*numbers, *words))
    ]
    (folder / "router").mkdir(parents=True)
    (folder / "router" / "routellm_mmlu.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainReport, Path]:
    """By seed 1: the report, and the folder of what was written."""
    folder = tmp_path_factory.mktemp("trained")
    return train(data, folder, 1, fake_encode), folder


def test_training_learns_what_was_held_out(trained: tuple[TrainReport, Path]) -> None:
    """The held-out questions are ranked right, and so are those of subjects that were left out."""
    report, _ = trained
    assert report.trained_on + report.validated_on == 300
    assert 30 < report.validated_on < 90
    [seen], [unseen] = report.seen, report.unseen
    assert (seen.name, seen.prompts) == (TASK, report.validated_on)
    assert (unseen.name, unseen.prompts) == (TASK, 300)
    for found in (seen, unseen, report.task(TASK)):
        assert found is not None
        assert found.auc > 0.95
        assert found.apgr is not None
        assert found.apgr > 0.7


def test_serving_loads_what_training_wrote(trained: tuple[TrainReport, Path]) -> None:
    """A sum is more complex than a greeting, and less likely to be right."""
    head = RouteHead.from_bytes((trained[1] / WEIGHTS).read_bytes())
    hard, easy = (head.judge(fake_encode([text])[0], text) for text in (HARD, EASY))
    assert hard.score > 0.5 > easy.score
    assert hard.chances[0] < 0.5 < easy.chances[0]
    assert head.evidence(fake_encode([EASY])[0], 1)[0].domain


def test_a_rerun_is_bit_identical_and_another_seed_is_not(
    data: Path, trained: tuple[TrainReport, Path], tmp_path: Path
) -> None:
    """No date, no path, no thread's order in what is written."""
    again, other = (train(data, tmp_path / name, seed, fake_encode) for name, seed in (("again", 1), ("other", 2)))
    for file in (WEIGHTS, "MODEL_CARD.md"):
        a, b, c = ((folder / file).read_bytes() for folder in (trained[1], tmp_path / "again", tmp_path / "other"))
        assert a == b != c
    assert again == trained[0] != other
    assert again.validated_on == other.validated_on


def test_the_card_is_the_reports_and_names_no_path(trained: tuple[TrainReport, Path]) -> None:
    """It stands beside the weights."""
    report, folder = trained
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"--seed 1`: {report.trained_on} prompts; {report.validated_on} held out" in card
    assert f"| {TASK} | {report.validated_on} |" in card
    assert str(folder) not in card


def test_the_held_out_questions_are_not_learned_from(data: Path, tmp_path: Path) -> None:
    """Whatever the models are said to have made of them, the regions and what the head says of them are the same."""
    folder = made(tmp_path / "changed")
    file = folder / "router" / "routellm_mmlu.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n")]
    for row in rows:
        if is_validation(Example("a", "a", row["prompt"], 0)):
            row["mixtral_8x7b"] = 1 - row["mixtral_8x7b"]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for name, source in (("plain", data), ("lied", folder)):
        train(source, tmp_path / name, 1, fake_encode)
    plain, lied = (Weights.from_bytes((tmp_path / name / WEIGHTS).read_bytes()) for name in ("plain", "lied"))
    for name in ("centres", "coefficients", "bias", "success"):
        assert np.array_equal(getattr(plain, name), getattr(lied, name)), name


def test_a_single_domain_is_enough(tmp_path: Path) -> None:
    """None can be left out then: nothing is said of unseen ones, and the calibration is of the seen."""
    report = train(made(tmp_path / "data", subjects=1), tmp_path / "out", 0, fake_encode)
    assert report.unseen == ()
    judgement = RouteHead.from_bytes((tmp_path / "out" / WEIGHTS).read_bytes()).judge(fake_encode([EASY])[0], EASY)
    assert judgement.chances[0] > 0.5


def test_no_data_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """A mistyped directory costs no weights."""
    with pytest.raises(FileNotFoundError, match=r"routellm_mmlu\.jsonl"):
        train(tmp_path, tmp_path / "out", 0, fake_encode)
    assert not (tmp_path / "out").exists()


def test_a_question_is_held_out_in_all_its_wrappings() -> None:
    """Whatever benchmark asks it; one of five is."""
    held_out = 0
    for number in range(500):
        bare, wrapped = f"What is item {number}?", f"Question: What is item {number}?\nAnswer:"
        asked = is_validation(Example("a", "a", bare, 0))
        assert asked == is_validation(Example("b", "b", wrapped, 1))
        held_out += asked
    assert 70 < held_out < 130


def test_written_prompts_weigh_as_much_as_each_other_and_know_both_scores() -> None:
    """Everyday requests are a weak model's, open-ended tasks are not."""
    table = anchor_table(fake_encode)
    assert set(table.weights.tolist()) == {ANCHOR_WEIGHT}
    assert set(table.domains) == {"anchor_easy", "anchor_hard"}
    for domain, gain in (("anchor_easy", (0, 0.05)), ("anchor_hard", (0.5, 1))):
        mask = np.array([each == domain for each in table.domains])
        assert (table.gain[mask] > gain[0]).all()
        assert (table.gain[mask] < gain[1]).all()


def test_a_strong_score_that_was_not_measured_is_not_a_number() -> None:
    """Not 0: it would be learned."""
    table = table_of([Example("a", "a", "p", 0.5), Example("a", "a", "q", 0.5, 0.75, "part")], fake_encode)
    assert np.isnan(table.strong).tolist() == [True, False]
    assert list(table.domains) == ["a", "a/part"]


def test_each_distinct_prompt_is_embedded_once_and_in_its_place() -> None:
    """Whatever order the batches have."""
    asked: list[str] = []

    def counting(texts: list[str]) -> list[bytes]:
        asked.extend(texts)
        return fake_encode(texts)

    prompts = ["a long prompt of many words", "b", "a", "b"]
    found = embedded(prompts, counting, batch=2)
    assert sorted(asked) == sorted(set(prompts))
    assert [row.tobytes() for row in found] == fake_encode(prompts)
