"""A tiny training from files to weights and card."""

import json
import math
import random
from pathlib import Path

import pytest

from app.route.data import Example
from app.route.head import ComplexityHead
from app.route.train import is_validation, train
from tests.fakes import FakeEmbedder

pytest.importorskip("sklearn", reason="training needs the extra `train`")


def fake_encode(texts: list[str]) -> list[bytes]:
    return [FakeEmbedder().vector(text) for text in texts]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sums that the weak model fails, greetings that it does not: text features alone can tell."""
    source = random.Random(0)
    numbers = [f"Compute {source.random():.6f} * {source.random():.6f} + {i} exactly" for i in range(150)]
    words = [f"Say hello to guest {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(150)]
    rows = [
        {"bench": "mmlu", "prompt": prompt, "mixtral_8x7b": int(prompt in words), "gpt4_1106": 1, "contaminated": 0}
        for prompt in (*numbers, *words)
    ]
    (tmp_path / "router").mkdir()
    (tmp_path / "router" / "routellm_mmlu.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def test_training_learns_and_writes_what_serving_loads(data: Path, tmp_path: Path) -> None:
    """The held-out questions are ranked right by the head that was written."""
    report = train(data, tmp_path / "out", 0, fake_encode)
    [task] = report.tasks
    assert report.trained_on + report.validated_on == 300
    assert 30 < report.validated_on < 90
    assert task.auc > 0.95
    assert task.apgr is not None
    assert task.apgr > 0.7
    head = ComplexityHead.from_bytes((tmp_path / "out" / "complexity.npz").read_bytes())
    hard, easy = "Compute 0.123456 * 0.654321 + 9 exactly", "Say hello to guest zz"
    assert head.score(fake_encode([hard])[0], hard) > 0.5 > head.score(fake_encode([easy])[0], easy)


def test_a_rerun_is_bit_identical_and_another_seed_is_not(data: Path, tmp_path: Path) -> None:
    """No date, no path, no thread's order in what is written."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(data, tmp_path / name, seed, fake_encode)
    for file in ("complexity.npz", "MODEL_CARD.md"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b != c


def test_the_card_says_what_was_measured_and_names_no_path(data: Path, tmp_path: Path) -> None:
    """Its numbers are the report's."""
    report = train(data, tmp_path / "out", 0, fake_encode)
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"| routellm_mmlu | {report.tasks[0].prompts} |" in card
    assert f"{report.calibration_error:.3f}" in card
    assert not math.isnan(report.calibration_error)
    assert str(tmp_path) not in card


def test_a_question_is_held_out_in_all_its_wrappings() -> None:
    """Whatever benchmark asks it."""
    for number in range(50):
        bare, wrapped = f"What is item {number}?", f"Question: What is item {number}?\nAnswer:"
        assert is_validation(Example("a", "a", bare, 0)) == is_validation(Example("b", "b", wrapped, 1))
