"""A head and prompts made for the trial's tests: the text says what the head thinks of it."""

import json
from collections.abc import Sequence
from pathlib import Path

from app.config.policy import Policy
from app.domain import Judgement
from app.route.complexity import ComplexityRouter
from app.route.setting import named_tiers
from app.route.trial.evaluation import Evaluation, evaluate
from app.route.trial.judging import Judged, embedded, judged
from app.route.trial.lines import LabelledPrompt
from tests.fakes import FakeHead


def spoken(text: str) -> Judgement:
    """The first word is the score, what follows a doubt; P is 1 − score, 1 − score / 2 and 1 − score / 10."""
    score, _, doubt = text.partition(" ")
    value = float(score)
    return Judgement(value, (1 - value, 1 - value / 2, 1 - value / 10), doubt)


def no_vectors(texts: list[str]) -> list[bytes]:
    """As many as texts."""
    return [b""] * len(texts)


def router() -> ComplexityRouter:
    """With that head."""
    return ComplexityRouter(FakeHead(spoken, chances=((0.5, 0.6, 0.7),)))


def asked(text: str, *scores: float, costs: Sequence[float] = (), domain: str = "all") -> LabelledPrompt:
    """Tiers are `small`, `medium`, `large`, or the first and last of them."""
    names = ["small", "large"] if len(scores) == 2 else ["small", "medium", "large"]
    priced = dict(zip(names, costs, strict=True)) if costs else None
    return LabelledPrompt(text, dict(zip(names, scores, strict=True)), priced, domain)


def judge(prompts: Sequence[LabelledPrompt], policy: Policy | None = None, tiers: str = "") -> Judged:
    """As the command does."""
    policy = policy or Policy()
    return judged(list(embedded(prompts, no_vectors, policy)), router(), policy, named_tiers(tiers) if tiers else ())


def evaluation(prompts: Sequence[LabelledPrompt], policy: Policy | None = None) -> Evaluation:
    """The numbers."""
    policy = policy or Policy()
    return evaluate(judge(prompts, policy), policy)


def write(path: Path, prompts: Sequence[LabelledPrompt]) -> Path:
    """As JSON lines."""
    lines = [
        {"prompt": each.prompt, "scores": each.scores, "domain": each.domain}
        | ({"costs": each.costs} if each.costs else {})
        for each in prompts
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
