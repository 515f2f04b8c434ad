"""The head: its formula, what it refuses, and what the shipped weights say of anything."""

import random
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from app.domain import Evidence
from app.route.complexity_scale import complexity
from app.route.doubt import LEAST_FAMILIAR
from app.route.features import NAMES, read
from app.route.head import CLIP, SURE, WEIGHTS, RouteHead, standardized
from tests.fakes import FakeEmbedder
from tests.unit.route.made import weights

TEXTS = ("one", "prove two", "What does this mean?")

NEAREST = (("near", 0.6, 0.75), ("far", 0.8, 0.25))


def vector(*components: float) -> bytes:
    return np.array(components, dtype="<f4").tobytes()


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


@pytest.fixture(scope="module")
def shipped() -> RouteHead:
    return RouteHead.load()


def test_the_judgement_is_the_formula() -> None:
    """A Gaussian of the distance to each region: 1 in its middle, e^−2 between two right angles apart."""
    head = RouteHead(weights())
    near, far = (head.judge(vector(*place), "any") for place in ((1, 0), (0, 1)))
    for judgement, share in ((near, 1.0), (far, np.exp(-2))):
        weak, middle, strong = judgement.chances
        assert weak == pytest.approx(sigmoid(0.5 * share), abs=1e-6)
        assert strong == pytest.approx(sigmoid(1.0 * share), abs=1e-6)
        assert middle == pytest.approx(sigmoid(0.75 * share), abs=1e-6)
        assert judgement.score == pytest.approx(float(complexity(np.array([0.5 * share]))[0]), abs=1e-6)


def test_the_calibration_is_applied_to_each_model() -> None:
    """Slope and intercept of their own; the score does not hang on them."""
    plain, scaled = RouteHead(weights()), RouteHead(weights(calibration=((2, -1), (3, 0.5))))
    weak, _, strong = scaled.judge(vector(1, 0), "any").chances
    assert (weak, strong) == pytest.approx((sigmoid(2 * 0.5 - 1), sigmoid(3 * 1 + 0.5)), abs=1e-6)
    assert scaled.judge(vector(1, 0), "any").score == plain.judge(vector(1, 0), "any").score


def test_a_strong_model_is_never_thought_worse_and_nothing_is_certain() -> None:
    """P does not fall with the capability, whatever the fit said."""
    weak, middle, strong = RouteHead(weights(bias=(2, -5, 0))).judge(vector(1, 0), "any").chances
    assert weak == pytest.approx(middle) == pytest.approx(strong)
    assert RouteHead(weights(bias=(90, 90, 0))).judge(vector(1, 0), "any").chances[2] == pytest.approx(1 - SURE)
    assert RouteHead(weights(bias=(-90, -90, 0))).judge(vector(1, 0), "any").chances[0] == pytest.approx(SURE)


def test_familiarity_is_the_cosine_to_the_nearest_region_and_doubt_hangs_on_it() -> None:
    """A prompt between the regions is half known; one away from both is not."""
    head = RouteHead(weights())
    assert head.judge(vector(1, 0), "any").familiarity == pytest.approx(1)
    assert head.judge(vector(0.6, 0.8), "any").familiarity == pytest.approx(0.8)
    assert head.judge(vector(1, 0), "any").doubt == ""
    strange = head.judge(vector(-1, 0), "any")
    assert strange.familiarity < LEAST_FAMILIAR
    assert strange.doubt == "unlike the training prompts"


def test_strange_features_are_held_within_what_training_saw() -> None:
    """A feature a thousand deviations off counts as three."""
    ones = np.ones(len(NAMES), dtype=np.float32)
    found = standardized(np.stack([0 * ones, 1001 * ones, -1001 * ones]), ones, ones)
    assert [set(row) for row in found.tolist()] == [{-1.0}, {CLIP}, {-CLIP}]


@pytest.mark.parametrize("size", [1, 3, 384])
def test_an_embedding_of_another_size_is_refused(size: int) -> None:
    """Another embedder than the training's is a configuration error, not a score."""
    head = RouteHead(weights())
    with pytest.raises(ValueError, match=r"matmul|mismatch"):
        head.judge(FakeEmbedder(size).vector("a"), "a")
    with pytest.raises(ValueError, match=r"matmul|mismatch"):
        head.evidence(FakeEmbedder(size).vector("a"), 1)


def test_evidence_is_the_nearest_regions_first() -> None:
    """Domain, cosine, and how a weak model fared there; no more than there are."""
    head = RouteHead(weights())
    near, far = (Evidence(name, float(np.float32(cosine)), success) for name, cosine, success in NEAREST)
    assert head.evidence(vector(0.6, 0.8), 1) == (far,)
    assert head.evidence(vector(0.6, 0.8), 9) == (far, near)


def test_the_evidence_of_the_shipped_head_is_ordered_and_holds_no_text(shipped: RouteHead) -> None:
    """Domains are names of tasks and subjects, not what somebody asked."""
    for text in TEXTS:
        found = shipped.evidence(FakeEmbedder().vector(text), 5)
        similarities = [each.similarity for each in found]
        assert similarities == sorted(similarities, reverse=True)
        assert len(found) == 5
        for each in found:
            assert 0 <= each.weak_success <= 1
            assert " " not in each.domain
            assert 0 < len(each.domain) < 60


def test_the_shipped_head_judges_anything_in_finite_numbers(shipped: RouteHead) -> None:
    """Noise, nothing and a megabyte."""
    fake, source = FakeEmbedder(), random.Random(0)
    noise = ["".join(map(chr, source.choices(range(1, 9999), k=200))) for _ in range(50)]
    found = [shipped.judge(fake.vector(text), text) for text in ("", "\ud800", "x" * 1_000_000, *noise)]
    assert all(0 < judgement.score < 1 for judgement in found)
    assert all(SURE <= p <= 1 - SURE for judgement in found for p in judgement.chances)
    assert all(list(judgement.chances) == sorted(judgement.chances) for judgement in found)
    assert all(-1.01 < judgement.familiarity < 1.01 for judgement in found)
    assert len({judgement.score for judgement in found}) > 50


def test_an_embedding_of_zeros_is_no_fault(shipped: RouteHead) -> None:
    """It is near nothing."""
    judgement = shipped.judge(bytes(4 * 384), "What is this?")
    assert judgement.familiarity == 0
    assert judgement.doubt
    assert 0 < judgement.score < 1


def test_many_at_once_are_judged_as_each_alone(shipped: RouteHead) -> None:
    """The model card's numbers are of the judgements that requests get."""
    vectors = [FakeEmbedder().vector(text) for text in TEXTS]
    together = shipped.measure(
        np.stack([np.frombuffer(each, "<f4") for each in vectors]), np.stack([read(text) for text in TEXTS])
    )
    alone = [shipped.judge(each, text) for each, text in zip(vectors, TEXTS, strict=True)]
    assert together.chances.tolist() == [pytest.approx(judgement.chances, abs=1e-5) for judgement in alone]
    assert complexity(together.gain).tolist() == pytest.approx([judgement.score for judgement in alone], abs=1e-4)
    assert together.familiarity.tolist() == pytest.approx([judgement.familiarity for judgement in alone], abs=1e-5)


def test_the_same_prompt_is_judged_the_same(shipped: RouteHead) -> None:
    """By this head and by one that is loaded anew, without a trace of what was judged in between."""
    vectors = {text: FakeEmbedder().vector(text) for text in TEXTS}
    first = [shipped.judge(vectors[text], text) for text in TEXTS]
    assert [RouteHead.load().judge(vectors[text], text) for text in reversed(TEXTS)] == first[::-1]


def test_the_shipped_reference_is_of_rising_chances(shipped: RouteHead) -> None:
    """Representative prompts at three capabilities: what a mean price is a mean over."""
    assert shipped.reference.shape[0] >= 100
    assert (np.diff(shipped.reference, axis=1) >= -1e-3).all()
    assert shipped.reference.min() >= 0
    assert shipped.reference.max() <= 1


def test_text_counts_beside_the_embedding() -> None:
    """With a weight, the same vector and another text are another place."""
    plain = weights()
    heavy = RouteHead(replace(plain, weight=plain.weight + 1))
    short, long = (heavy.judge(vector(1, 0), text).chances[0] for text in ("", "a word " * 200))
    assert short > long
    assert len({RouteHead(plain).judge(vector(1, 0), text).chances for text in ("", "a word " * 200)}) == 1


def test_the_shipped_weights_are_small_and_come_with_their_card() -> None:
    """Under 2 MB, and nobody ships weights without saying how they were made."""
    folder = files("app.route") / "weights"
    assert len((folder / WEIGHTS).read_bytes()) < 2_000_000
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in ("What the numbers mean", "When it does not know", "routellm_mmlu", "Assumptions", "Limits"):
        assert said in card


def test_serving_needs_no_scikit_learn_and_no_torch() -> None:
    """The router's replica imports numpy and nothing heavier."""
    code = (
        "import sys, app.route.complexity; from app.route.heads import load_head;"
        "load_head().judge(bytes(4 * 384), 'a');"
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'torch', 'sentence_transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
