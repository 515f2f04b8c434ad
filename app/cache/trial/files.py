"""From files of pairs to files of results."""

import json
from pathlib import Path

from app.cache.pairs import PairJudge
from app.cache.trial.calibration import Calibrated, calibrate
from app.cache.trial.evaluation import Evaluation, Scored, document, score
from app.cache.trial.lines import asked_pairs, labelled_pairs, output_line
from app.cache.trial.page import page
from app.cache.trial.plot import draw
from app.trial.lines import Tick, folder_at, ignore, lines_of, written_whole


def judge_file(source: Path, output: Path, judge: PairJudge, tick: Tick = ignore) -> None:
    """A line of judgement for each line that is a pair, in order; after an error `output` is what it was.

    Raises InvalidRequest, naming the line that is no pair, and ConfigError for files that cannot be used.
    """
    with lines_of(source, tick) as lines, written_whole(output) as out:
        for judged in judge.run(asked_pairs(lines)):
            out.write(output_line(judged))


def score_file(source: Path, judge: PairJudge, tick: Tick = ignore) -> list[Scored]:
    """The labelled pairs of a file, judged. Errors as above."""
    with lines_of(source, tick) as lines:
        return list(score(labelled_pairs(lines), judge))


def calibrate_file(
    source: Path, judge: PairJudge, max_false_hit_rate: float, feedback: Path | None = None, tick: Tick = ignore
) -> Calibrated:
    """The operating point that labelled pairs support. Errors as above.

    Of `feedback`, reports of hits, the wrong ones join the evidence. They were picked for being hits: each can only
    raise the threshold. The right ones say nothing of recall, since nobody reports a miss.
    """
    scored = score_file(source, judge, tick)
    if feedback:
        scored += [one for one in score_file(feedback, judge) if not one.label]
    return calibrate(scored, max_false_hit_rate, judge.verifier.operating_point(max_false_hit_rate))


def write_evaluation(found: Evaluation, folder: Path) -> None:
    """`results.json`, `curve.html` and `curve.png`. Needs matplotlib. Raises ConfigError for a folder of no use."""
    folder_at(folder)
    with written_whole(folder / "results.json") as out:
        out.write(json.dumps(document(found), indent=1, ensure_ascii=False).encode() + b"\n")
    with written_whole(folder / "curve.html") as out:
        out.write(page(found).encode())
    with written_whole(folder / "curve.png") as out:
        draw(found, out)
