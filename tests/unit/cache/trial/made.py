"""Judged pairs, made up."""

from app.cache.pairs import Judged
from app.cache.trial.evaluation import Scored
from app.cache.trial.lines import Label


def scored(
    label: Label,
    p_same: float,
    similarity: float = 0.9,
    category: str = "all",
    point: float = 0.8,
    verified: bool = True,
) -> Scored:
    return Scored(label, category, Judged(p_same >= point, similarity, p_same, "fake", verified))
