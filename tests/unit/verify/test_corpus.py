"""The training corpus: what files become, and which part a question falls to."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.verify.training.corpus import SOURCES, Corpus, Label, Pair, Part, chunked, part_of, read_corpus, split

PROMPTS = st.sampled_from([f"{word} {i}" for word in ("what is", "What  is", "WHAT IS", "why") for i in range(12)])
PAIRS = st.lists(st.builds(Pair, PROMPTS, PROMPTS, st.sampled_from([0, 1]), st.just("qqp_pairs")), max_size=30)


def write(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Every file that a corpus has, empty where `rows` has none of it."""
    (folder / "cache").mkdir()
    for name in (*SOURCES, "banking77_train", "clinc150_train"):
        lines = [json.dumps(row) for row in rows.get(name, ())]
        (folder / "cache" / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(text.lower().split())


@settings(deadline=None, max_examples=50)
@given(PAIRS)
def test_a_prompt_is_never_in_two_parts(pairs: list[Pair]) -> None:
    """Nor is one that differs from it in case and spaces, nor one that shares a pair with it."""
    parts: dict[str, Part] = {}
    for pair, part in zip(pairs, split(pairs), strict=True):
        assert parts.setdefault(plain(pair.a), part) == part
        assert parts.setdefault(plain(pair.b), part) == part


@settings(deadline=None, max_examples=50)
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_pairs_says_nothing(pairs: list[Pair], rng: random.Random) -> None:
    """A file more at the front, or lines in another order, move no question."""
    parts = dict(zip(pairs, split(pairs), strict=True))
    shuffled = rng.sample(pairs, len(pairs))
    turned = [Pair(pair.b, pair.a, pair.label, pair.kind) for pair in shuffled]
    assert split(shuffled) == split(turned) == [parts[pair] for pair in shuffled]


def test_prompts_that_meet_in_any_file_stay_together(tmp_path: Path) -> None:
    """A chain through four files is one question."""
    chains = range(40)
    write(
        tmp_path,
        {
            "qqp_pairs": [{"a": f"a{i}", "b": f"b{i}", "label": 1} for i in chains],
            "minedit_pairs": [{"a": f"B{i}", "b": f"c{i}", "label": 0, "category": "swap"} for i in chains],
            "stsb": [{"a": f"d{i}", "b": f" c{i} ", "score": 0.5} for i in chains],
            "paws_x_en": [{"a": f"d{i}", "b": f"e{i}", "label": 0} for i in chains],
        },
    )
    parts = read_corpus(tmp_path).pairs
    found = {part: {plain(text)[1:] for pair in pairs for text in (pair.a, pair.b)} for part, pairs in parts.items()}
    assert all(found.values())
    assert sum(map(len, found.values())) == len(chains)
    assert all(count == 4 for pairs in parts.values() for count in Counter(plain(p.b)[1:] for p in pairs).values())


def test_parts_have_their_shares() -> None:
    """A tenth calibrates, 15% validates; two standard deviations of 4,000 draws are 1%."""
    shares = Counter(part_of(f"question {i}") for i in range(4000))
    assert shares["calibrate"] / 4000 == pytest.approx(0.10, abs=0.015)
    assert shares["validate"] / 4000 == pytest.approx(0.15, abs=0.015)


@pytest.mark.parametrize(("score", "label"), [(5.0, 1), (4.8, 1), (4.79, None), (3.0, None), (2.99, 0), (0.0, 0)])
def test_graded_similarity_is_a_label_where_it_is_clear(tmp_path: Path, score: float, label: Label | None) -> None:
    """Between the same and another there is nothing to learn."""
    write(tmp_path, {"stsb": [{"a": "one", "b": "two", "score": score}]})
    found = [pair.label for pairs in read_corpus(tmp_path).pairs.values() for pair in pairs]
    assert found == ([] if label is None else [label])


def test_the_kind_names_source_and_category(tmp_path: Path) -> None:
    """So that a kind of edit can be left out of training."""
    row = {"a": "one", "b": "two", "label": 0}
    write(tmp_path, {"qqp_pairs": [row], "minedit_pairs": [{**row, "category": "swap"}]})
    found = {pair.kind for pairs in read_corpus(tmp_path).pairs.values() for pair in pairs}
    assert found == {"qqp_pairs", "minedit_pairs/swap"}


def test_utterances_fall_to_parts_by_their_text(tmp_path: Path) -> None:
    """Each one once, its edges trimmed."""
    write(tmp_path, {"clinc150_train": [{"text": f"say {i} ", "intent": "talk"} for i in range(200)]})
    parts = read_corpus(tmp_path).utterances["clinc150_train"]
    assert all(parts.values())
    assert sorted(u.text for us in parts.values() for u in us) == sorted(f"say {i}" for i in range(200))


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    """A model trained on half of the data would look like one."""
    with pytest.raises(FileNotFoundError):
        read_corpus(tmp_path)


def test_a_part_can_stand_in_for_training() -> None:
    """Edits for calibration are made from the calibration part alone; a prompt is listed once."""
    pairs = {part: [Pair(part, part, 1, "stsb")] for part in ("train", "calibrate", "validate")}
    shifted = Corpus(pairs, {}).shifted("calibrate")  # type: ignore[arg-type]
    assert shifted.sentences("train") == shifted.sentences("calibrate") == ["calibrate"]
    assert shifted.sentences("validate") == ["validate"]


def test_runs_hold_everything_once() -> None:
    """The last one is shorter."""
    assert list(chunked("abcdefg", 3)) == ["abc", "def", "g"]
