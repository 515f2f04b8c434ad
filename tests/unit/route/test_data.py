"""The training table: what each file's scores become."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.route.anchors import easy_prompts, hard_prompts
from app.route.data import CHAT_FAILURE, CHAT_STRONG, READERS, Example, question_key, read_examples
from tests.unit.route.judged_prompts import EASY, HARD

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def write(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    (folder / "router").mkdir(exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "router" / name).write_text("\n".join(lines), encoding="utf-8")


def pair(prompt: str, weak: int, strong: int, contaminated: int = 0) -> dict[str, Any]:
    return {
        "bench": "mmlu",
        "domain": "astronomy",
        "prompt": prompt,
        "mixtral_8x7b": weak,
        "gpt4_1106": strong,
        "contaminated": contaminated,
    }


def test_a_pair_becomes_two_scores_and_a_gain(tmp_path: Path) -> None:
    """Contaminated prompts are not learned from; the subject is a domain of its own."""
    rows = [pair("a", 0, 1), pair("b", 1, 1), pair("c", 0, 0), pair("d", 1, 0), pair("e", 0, 1, 1)]
    write(tmp_path, "routellm_mmlu.jsonl", rows)
    examples = read_examples(tmp_path)
    found = [(example.prompt, example.weak, example.strong, example.gain) for example in examples]
    assert found == [("a", 0, 1, 1), ("b", 1, 1, 0), ("c", 0, 0, 0), ("d", 1, 0, -1)]
    assert {(example.task, example.domain) for example in examples} == {("routellm_mmlu", "routellm_mmlu/astronomy")}


def test_weak_is_the_mean_of_the_weak_models_and_strong_the_best_measured(tmp_path: Path) -> None:
    """Models of neither class do not count, missing scores neither."""
    scores = {
        "mistral-7b-instruct-v0.3": 0.0,
        "llama-3.1-8b-instruct": 0.5,
        "gemma-2-9b-it": None,
        "llama-3.1-nemotron-51b-instruct": 0.75,
        "qwen2-7b-instruct": 1.0,
    }
    write(tmp_path, "llmrouter9.jsonl", [{"task": "math", "prompt": "p", "scores": scores}])
    assert read_examples(tmp_path) == [Example("llmrouter9", "llmrouter9_math", "p", 0.25, 0.75)]


def test_without_a_strong_model_there_is_no_gain(tmp_path: Path) -> None:
    """Not nothing gained: not known."""
    row = {"task": "mbpp", "prompt": "p", "scores": {"meta-llama/Meta-Llama-3-8B": 1.0}}
    write(tmp_path, "routerdc7.jsonl", [row])
    [example] = read_examples(tmp_path)
    assert (example.weak, example.strong, example.gain) == (1.0, None, None)


def test_wrappings_that_all_prompts_share_are_left_out(tmp_path: Path) -> None:
    """They say nothing about the question."""
    scores = {"Mixtral-8x7B-Instruct-v0.1": 0, "gpt-4o-2024-05-13": 1, "claude-3-5-sonnet-20240620": 0}
    crux = {"bench": "crux", "prompt": "## Question:\nf(1)?\n\n## Instruction\nAnswer in JSON.", "scores": scores}
    write(tmp_path, "zeroeval_crux.jsonl", [crux])
    bench = {"eval_name": "mbpp", "prompt": "five shots, then: q", "question": "q"}
    scores = {"mistralai/mistral-7b-chat": 0, "gpt-4-1106-preview": 1}
    write(tmp_path, "routerbench.jsonl", [{**bench, "scores": scores}])
    found = {example.task: (example.prompt, example.weak, example.strong) for example in read_examples(tmp_path)}
    assert found == {"zeroeval_crux": ("f(1)?", 0, 0.5), "routerbench_mbpp": ("q", 0, 1)}


def test_chat_prompts_keep_their_order_around_the_assumed_share(tmp_path: Path) -> None:
    """The more weak models lose, the worse they are thought; the mean is the assumption."""
    rows = [{"prompt": str(i), "pref": {"gemma-7b-it": i / 10}} for i in range(10)]
    write(tmp_path, "alpaca_eval.jsonl", rows)
    examples = read_examples(tmp_path)
    weak = {example.prompt: example.weak for example in examples}
    assert sorted(weak, key=lambda prompt: weak[prompt]) == [str(i) for i in range(10)]
    assert sum(weak.values()) / 10 == pytest.approx(CHAT_STRONG - CHAT_FAILURE)
    assert {example.strong for example in examples} == {CHAT_STRONG}


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


def test_no_anchor_is_written_twice() -> None:
    """It would count double, unseen."""
    written = [question_key(prompt) for prompt in (*easy_prompts(), *hard_prompts())]
    assert len(set(written)) == len(written)


@pytest.mark.skipif(not DATA.is_dir(), reason="the training data ../shared/data is not beside this repository")
def test_the_real_files_are_all_read() -> None:
    """Every source is there and every score is a probability."""
    examples = read_examples(DATA)
    sources = {example.source for example in examples}
    assert sources == {"routellm", "llmrouter9", "routerdc7", "routerbench", "zeroeval", "alpaca_eval"}
    assert all((DATA / "router" / name).exists() for name in READERS)
    assert all(example.prompt and 0 <= example.weak <= 1 for example in examples)
    assert all(example.strong is None or 0 <= example.strong <= 1 for example in examples)
    assert {example.source for example in examples if example.strong is None} == {"routerdc7"}
