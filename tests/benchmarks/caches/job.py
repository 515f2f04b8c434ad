"""What every cache under comparison is asked, and how: one job in a file, one answer in another.

Rivals run it in an environment of their own, so nothing of ours is imported here.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Vector = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Job:
    """`pairs` by set: (stored, asked). `bot`: an FAQ bot's (prompt, answer) to store and prompts to ask.

    The first `timed` of the bot's prompts are asked once more with the clock on, embedding included. `vectors` is an
    `.npz` of `texts` and `rows`: everybody decides by the same embeddings, of the model in the folder `model`.
    """

    pairs: dict[str, list[tuple[str, str]]]
    bot_stored: list[tuple[str, str]]
    bot_asked: list[str]
    timed: int
    vectors: str
    model: str
    redis_url: str

    @classmethod
    def read(cls, path: Path) -> "Job":
        """From a file."""
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """To a file."""
        path.write_text(json.dumps(asdict(self)))


@dataclass(slots=True)
class Answers:
    """What one cache said: hits by set, the bot's answers (None: a miss), and seconds of the timed lookups."""

    name: str
    hits: dict[str, list[bool]] = field(default_factory=dict)
    bot: list[str | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    missing: str = ""


class Rival(Protocol):
    """A cache that can be emptied, filled and asked."""

    name: str

    def clear(self) -> None:
        """Forget everything."""
        ...

    def keep(self, prompts: Sequence[str], answers: Sequence[str]) -> None:
        """Store answers."""
        ...

    def ask(self, prompt: str) -> str | None:
        """The stored answer, or None."""
        ...


class Embeddings:
    """Known texts cost nothing until `live` is set: then everything is computed, on one thread."""

    def __init__(self, job: Job) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(1)
        self._model = SentenceTransformer(job.model, device="cpu")
        found = np.load(job.vectors)
        self._known = dict(zip(found["texts"].tolist(), found["rows"], strict=True))
        self.live = False

    def __call__(self, text: str) -> Vector:
        """A unit vector."""
        if self.live or text not in self._known:
            return np.asarray(self._model.encode(text, normalize_embeddings=True), dtype="<f4")
        return np.asarray(self._known[text])


def run(rival: Rival, job: Job, embeddings: Embeddings) -> Answers:
    """Each pair alone in the cache, then the bot, then the bot's clock."""
    answers = Answers(rival.name)
    for name, pairs in job.pairs.items():
        answers.hits[name] = [_hits(rival, *pair) for pair in pairs]
    rival.clear()
    rival.keep(*zip(*job.bot_stored, strict=True))
    answers.bot = [rival.ask(prompt) for prompt in job.bot_asked]
    embeddings.live = True
    answers.seconds = [_seconds(rival, prompt) for prompt in job.bot_asked[: job.timed]]
    embeddings.live = False
    return answers


def _hits(rival: Rival, stored: str, asked: str) -> bool:
    rival.clear()
    rival.keep([stored], ["kept"])
    return rival.ask(asked) is not None


def _seconds(rival: Rival, prompt: str) -> float:
    began = time.perf_counter()
    rival.ask(prompt)
    return time.perf_counter() - began


def main(compare: Callable[[Job, Embeddings], list[Answers]]) -> None:
    """The command line of a rival: the job's file and that of the answers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=Path)
    parser.add_argument("answers", type=Path)
    arguments = parser.parse_args()
    job = Job.read(arguments.job)
    found = compare(job, Embeddings(job))
    arguments.answers.write_text(json.dumps([asdict(each) for each in found]))
