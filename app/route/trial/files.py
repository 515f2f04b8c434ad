"""From a file of labelled prompts to files of results."""

import json
from collections.abc import Sequence
from pathlib import Path

from app.config.policy import Policy
from app.domain import TierTerms
from app.embed.batching import Encode
from app.route.complexity import ComplexityRouter
from app.route.trial.document import document
from app.route.trial.evaluation import Evaluation, evaluate
from app.route.trial.judging import embedded, judged
from app.route.trial.lines import labelled_prompts
from app.route.trial.page import page
from app.route.trial.plot import draw
from app.trial.lines import Tick, folder_at, ignore, lines_of, written_whole


def evaluate_file(
    source: Path,
    encode: Encode,
    router: ComplexityRouter,
    policy: Policy,
    named: Sequence[TierTerms] = (),
    *,
    seed: int = 0,
    tick: Tick = ignore,
) -> Evaluation:
    """The numbers of a file.

    Raises InvalidRequest, naming the line that is no labelled prompt, and ConfigError for files that cannot be used.
    """
    with lines_of(source, tick) as lines:
        rows = list(embedded(labelled_prompts(lines), encode, policy))
    return evaluate(judged(rows, router, policy, named), policy, seed)


def write_evaluation(found: Evaluation, folder: Path) -> None:
    """`metrics.json`, `curve.html` and `curve.png`. Needs matplotlib. Raises ConfigError for a folder of no use."""
    folder_at(folder)
    with written_whole(folder / "metrics.json") as out:
        out.write(json.dumps(document(found), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n")
    with written_whole(folder / "curve.html") as out:
        out.write(page(found).encode())
    with written_whole(folder / "curve.png") as out:
        draw(found, out)
