"""Who hits what: recall, false hits and lookups a second of every cache on the same pairs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.config.gateway import EmbedderSpec
from app.embed.source import find_embedder
from app.store.embedded import EmbeddedRedis
from tests.benchmarks.caches import ours
from tests.benchmarks.caches.job import Answers, Job
from tests.benchmarks.caches.rivals import answers_of_rivals
from tests.benchmarks.caches.sets import Sets, read_sets, save_embeddings
from tests.benchmarks.stand import say

GOALS = {"minimal edits": (0.95, 0.005), "GSM-Plus": (0.60, 0.01), "PAWS-X": (0.40, 0.03), "QQP": (0.40, 0.01)}
"""Least recall, largest share of false hits."""
BOT_GOAL = (0.60, 0.02)
"""Least share of hits, largest share of them with another intent's answer."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One cache: (recall, false share) by set, (hits, wrong hits) of the bot, lookups a second."""

    name: str
    sets: dict[str, tuple[float, float]] = field(default_factory=dict)
    bot: tuple[float, float] = (0.0, 0.0)
    lookups_s: float = 0.0
    missing: str = ""

    def cells(self) -> tuple[str, ...]:
        """As printed."""
        if self.missing:
            return (self.name, f"not run: {self.missing}", *[""] * (len(GOALS) + 1))
        shown = [_percent(self.sets[name]) for name in GOALS]
        return (self.name, *shown, _percent(self.bot), f"{self.lookups_s:.0f}")

    def meets(self) -> bool:
        """All goals."""
        found = [*((self.sets[name], GOALS[name]) for name in GOALS), (self.bot, BOT_GOAL)]
        return all(right >= least and wrong <= most for (right, wrong), (least, most) in found)


def measure(data: Path, folder: Path, venv: Path, size: int) -> list[Quality]:
    """Ours first, then the rivals."""
    sets = read_sets(data, size)
    say(f"embedding {len(sets.texts())} texts")
    vectors = folder / "vectors.npz"
    save_embeddings(sets.texts(), vectors)
    pairs = {name: [(a, b) for a, b, _ in rows] for name, rows in sets.pairs.items()}
    stored, asked = [(each.text, each.intent) for each in sets.stored], [each.text for each in sets.asked]
    model = find_embedder(EmbedderSpec().model)
    with EmbeddedRedis(folder / "ours") as server:
        say("LeanServe")
        job = Job(pairs, stored, asked, min(size, 200), str(vectors), model, server.url)
        found = [ours.answers(job)]
    return [_quality(each, sets) for each in [*found, *answers_of_rivals(job, folder, venv)]]


def table(rows: Sequence[Quality]) -> str:
    """A table that is Markdown and readable as it is: recall / false share."""
    head = ("recall / false", *GOALS, "FAQ bot: hits / wrong", "lookups/s")
    goal = ("goal", *(_goal(*GOALS[name]) for name in GOALS), _goal(*BOT_GOAL), "")
    lines = [head, goal, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines if not line[1].startswith("not run")) for column in range(7)]
    widths[0] = max(len(line[0]) for line in lines)
    shown = ["| " + " | ".join(_fit(line, widths)) + " |" for line in lines]
    return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def _fit(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]


def _quality(answers: Answers, sets: Sets) -> Quality:
    if answers.missing:
        return Quality(answers.name, missing=answers.missing)
    found = {name: _shares(answers.hits[name], [label for _, _, label in rows]) for name, rows in sets.pairs.items()}
    bot = [(said, each.intent) for said, each in zip(answers.bot, sets.asked, strict=True) if said is not None]
    wrong = sum(said != intent for said, intent in bot) / max(1, len(bot))
    return Quality(answers.name, found, (len(bot) / len(sets.asked), wrong), 1 / statistics.mean(answers.seconds))


def _shares(hits: Sequence[bool], labels: Sequence[int]) -> tuple[float, float]:
    """Hits among the same, and among the different."""
    by = {label: [hit for hit, its in zip(hits, labels, strict=True) if its == label] for label in (1, 0)}
    return statistics.mean(by[1] or [0]), statistics.mean(by[0] or [0])


def _percent(shares: tuple[float, float]) -> str:
    return f"{shares[0]:.1%} / {shares[1]:.1%}"


def _goal(least: float, most: float) -> str:
    return f"≥ {least:.0%} / ≤ {most:.1%}"


def as_data(row: Quality) -> dict[str, Any]:
    """For `--json`."""
    return {"name": row.name, "sets": row.sets, "bot": row.bot, "lookups_s": row.lookups_s, "missing": row.missing}
