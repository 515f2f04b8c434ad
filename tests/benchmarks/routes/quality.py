"""What the shipped head is worth on held-out questions, beside the issue's goals and the baselines."""

from collections.abc import Iterator
from dataclasses import asdict
from math import isnan
from pathlib import Path

from app.config.policy import Policy
from app.embed.batching import Encode
from app.route.complexity import ComplexityRouter
from app.route.heads import load_head
from app.route.resampling import Estimate
from app.route.trial.evaluation import Evaluation, Part, evaluate
from app.route.trial.judging import embedded, judged
from tests.benchmarks.routes.sets import held_out
from tests.benchmarks.stand import say
from tests.benchmarks.summary import Row

APGR = {"MMLU": (0.72, "RouteLLM .603, logistic regression .66"), "llmrouter9": (0.80, "logistic regression .76")}
KEPT, OFF_BEST = 0.99, 0.25
COST = 0.45
CALIBRATION = 0.05


def measure(encode: Encode, data: Path, size: int) -> Iterator[tuple[Evaluation, list[Row]]]:
    """Each set under the default policy; nothing where the data is not there."""
    router, policy = ComplexityRouter(load_head()), Policy()
    for name, prompts in held_out(data, size):
        say(f"{name}: {len(prompts)} prompts")
        found = evaluate(judged(list(embedded(prompts, encode, policy)), router, policy), policy)
        yield found, list(rows(name, found.whole))


def rows(name: str, part: Part) -> Iterator[Row]:
    """The goals that this set is measured by."""
    if name in APGR:
        goal, reference = APGR[name]
        yield _row(f"{name}: APGR ≥ {goal}", reference, part.apgr, part.apgr.value >= goal, goal)
    spared = part.kept.value >= KEPT and part.off_best >= OFF_BEST
    yield _row(
        f"{name}: ≥ {KEPT:.0%} of always-large's quality, ≥ {OFF_BEST:.0%} kept off it",
        "",
        part.kept,
        spared,
        KEPT,
        f"{part.off_best:.1%} kept off",
    )
    if name == "RouterBench":
        met = part.good_router.value <= COST
        mix = f"best static mix {part.good_mix.value:.1%}"
        yield _row(f"{name}: cost for 95% of large's quality ≤ {COST:.0%}", mix, part.good_router, met, COST)
    against = part.against_mix
    worst = f"mean {against.mean.value:+.3f}, worst at {against.worst_at:.0%} of the range"
    yield _row(f"{name}: never below the best static mix", "", against.worst, not against.worse, 0.0, worst)
    errors = ", ".join(f"{each:.3f}" for each in part.calibration)
    met = max(part.calibration) <= CALIBRATION
    yield Row(f"{name}: calibration error ≤ {CALIBRATION} in each tier", "", errors, "", met, {"ece": part.calibration})


def _row(goal: str, reference: str, found: Estimate, met: bool, limit: float, result: str = "") -> Row:
    shown = "none" if isnan(found.value) else f"{found.value:.3f} [{found.low:.3f}–{found.high:.3f}]"
    return Row(goal, reference, shown, result, met, asdict(found), sure=not found.low <= limit <= found.high)
