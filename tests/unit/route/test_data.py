"""The training table: what each file's scores become."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.route.anchors import easy_prompts, hard_prompts
from app.route.data import CHAT_FAILURE, question_key, read_examples
from tests.unit.route.judged_prompts import EASY, HARD

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def write(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    (folder / "router").mkdir(exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "router" / name).write_text("\n".join(lines), encoding="utf-8")


def pair(prompt: str, weak: int, strong: int, contaminated: int = 0) -> dict[str, Any]:
    return {
        "bench": "mmlu",
        "prompt": prompt,
        "mixtral_8x7b": weak,
        "gpt4_1106": strong,
        "contaminated": contaminated,
    }


def test_a_pair_is_labelled_by_what_the_strong_model_gains(tmp_path: Path) -> None:
    """Only "weak failed, strong did not" wants the better tier; contaminated prompts are not learned from."""
    write(
        tmp_path,
        "routellm_mmlu.jsonl",
        [pair("a", 0, 1), pair("b", 1, 1), pair("c", 0, 0), pair("d", 1, 0), pair("e", 0, 1, 1)],
    )
    found = [(example.prompt, example.label, example.gain) for example in read_examples(tmp_path)]
    assert found == [("a", 1.0, 1), ("b", 0.0, 0), ("c", 0.0, 0), ("d", 0.0, -1)]


def test_a_label_is_the_share_of_weak_models_that_failed(tmp_path: Path) -> None:
    """Strong models' scores do not count, missing ones neither; tasks without signal are left out."""
    scores = {"mistral-7b-instruct-v0.3": 0.0, "llama-3.1-8b-instruct": 0.5, "llama-3.3-nemotron-super-49b-v1": 1.0}
    rows = [{"task": task, "prompt": task, "scores": scores} for task in ("math", "trivia_qa")]
    write(tmp_path, "llmrouter9.jsonl", rows)
    assert [(example.task, example.label) for example in read_examples(tmp_path)] == [("llmrouter9_math", 0.75)]


def test_chat_prompts_keep_their_order_around_the_assumed_share(tmp_path: Path) -> None:
    """The more weak models lose, the higher; the mean is the assumption."""
    rows = [{"prompt": str(i), "pref": {"gemma-7b-it": i / 10}} for i in range(10)]
    write(tmp_path, "alpaca_eval.jsonl", rows)
    labels = {example.prompt: example.label for example in read_examples(tmp_path)}
    assert sorted(labels, key=lambda prompt: -labels[prompt]) == [str(i) for i in range(10)]
    assert sum(labels.values()) / 10 == pytest.approx(CHAT_FAILURE)


def test_a_line_separator_inside_a_prompt_is_not_a_new_row(tmp_path: Path) -> None:
    """JSON may hold U+2028 as it is."""
    write(tmp_path, "routellm_mmlu.jsonl", [pair("one\u2028prompt", 0, 1)])
    assert [example.prompt for example in read_examples(tmp_path)] == ["one\u2028prompt"]


def test_no_files_are_an_error_and_not_an_empty_training(tmp_path: Path) -> None:
    """A mistyped directory is told."""
    with pytest.raises(FileNotFoundError, match="routellm_mmlu"):
        read_examples(tmp_path)


@pytest.mark.parametrize(
    "same",
    [
        "Question: What is  the capital of France?\nAnswer:",
        "what is the capital of france",
        "What is the capital of France?\nA. Lyon\nB. Paris\nAnswer:",
        "What is the capital of France?\nA) Lyon\nB) Paris\nPrint only a single choice",
    ],
)
def test_one_question_in_several_wrappings_has_one_key(same: str) -> None:
    """Else the validation part would hold questions that were trained on."""
    assert question_key(same) == question_key("What is the capital of France?")
    assert question_key(same) != question_key("What is the capital of Spain?")


def test_judged_prompts_of_the_tests_are_not_among_the_anchors() -> None:
    """What is tested was not taught."""
    taught = {question_key(prompt) for prompt in (*easy_prompts(), *hard_prompts())}
    assert taught.isdisjoint(map(question_key, (*EASY, *HARD)))


@pytest.mark.skipif(not DATA.is_dir(), reason="the training data ../shared/data is not beside this repository")
def test_the_real_files_are_all_read() -> None:
    """Every source is there and every label is a probability."""
    examples = read_examples(DATA)
    sources = {example.source for example in examples}
    assert sources == {"routellm", "llmrouter9", "routerdc7", "routerbench", "zeroeval", "alpaca_eval"}
    assert all(0 <= example.label <= 1 and example.prompt for example in examples)
