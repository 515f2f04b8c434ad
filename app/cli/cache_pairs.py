"""`leanserve cache pairs | evaluate | calibrate`: the cache tried on files of pairs, without a server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import PolicyFile, Threads
from app.cli.reading import reading
from app.errors import ModelFilesError

if TYPE_CHECKING:
    from app.cache.pairs import PairJudge

LABELLED = 'JSON lines {"a", "b", "label", "category"?, "context"?}; label 1: the same answer serves both.'


def pairs(
    source: Annotated[
        Path, typer.Option("--input", help='JSON lines {"a", "b", "context"?}.', exists=True, dir_okay=False)
    ],
    output: Annotated[
        Path, typer.Option(help='JSON lines {"hit", "similarity", "p_same", "reason"}, in the same order.')
    ],
    policy: PolicyFile = None,
    threads: Threads = None,
) -> None:
    """Say for each pair whether `b` would get the answer to `a`, had `a` been asked before."""
    from app.cache.trial.files import judge_file  # noqa: PLC0415

    judge = open_judge(policy, threads)
    with reading(source) as tick:
        judge_file(source, output, judge, tick)


def evaluate(
    source: Annotated[Path, typer.Option("--input", help=LABELLED, exists=True, dir_okay=False)],
    output: Annotated[
        Path | None, typer.Option(help="Folder for curve.png, curve.html and results.json; needs the extra `train`.")
    ] = None,
    policy: PolicyFile = None,
    threads: Threads = None,
) -> None:
    """Recall and false hits on labelled pairs, by category, beside those of a plain cosine."""
    from app.cache.trial.evaluation import evaluate as numbers_of  # noqa: PLC0415
    from app.cache.trial.files import score_file, write_evaluation  # noqa: PLC0415
    from app.cache.trial.table import table  # noqa: PLC0415
    from app.trial.plot import require_matplotlib  # noqa: PLC0415

    if output:
        require_matplotlib()
    judge = open_judge(policy, threads)
    with reading(source) as tick:
        found = numbers_of(score_file(source, judge, tick), judge)
    typer.echo(table(found))
    if output:
        write_evaluation(found, output)


def calibrate(
    source: Annotated[Path, typer.Option("--input", help=LABELLED, exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option(help="The fragment of policy goes here. Nothing reads it by itself.")],
    max_false_hit_rate: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="Of pairs that want different answers.")
    ] = 0.01,
    feedback: Annotated[
        Path | None,
        typer.Option(help="What `leanserve cache feedback` wrote: wrong hits count.", exists=True, dir_okay=False),
    ] = None,
    threads: Threads = None,
) -> None:
    """Find the operating point that your labelled pairs support with 95% confidence; status 1 if they are too few."""
    from app.cache.trial.files import calibrate_file  # noqa: PLC0415
    from app.cache.trial.fragment import fragment, summary  # noqa: PLC0415

    judge = open_judge(None, threads)
    with reading(source) as tick:
        found = calibrate_file(source, judge, max_false_hit_rate, feedback, tick)
    typer.echo("\n".join(summary(found)))
    if not found.chosen:
        raise typer.Exit(1)
    write_text(output, fragment(found, found.chosen, judge.verifier.version))
    typer.echo(f"{output} holds the policy")


def open_judge(policy: Path | None, threads: int | None) -> "PairJudge":
    """The shipped embedder and verifier under a policy. Raises ConfigError, and ModelFilesError for missing weights."""
    from app.cache.pairs import PairJudge  # noqa: PLC0415 - numpy
    from app.config.load import load_policy  # noqa: PLC0415

    shown = load_policy(policy) if policy else None
    try:
        return PairJudge.open(shown, threads)
    except OSError as error:
        raise ModelFilesError(f"the embedder or the verifier cannot be opened: {error}") from error


def write_text(path: Path, text: str) -> None:
    """Raises ConfigError where that cannot be."""
    from app.trial.lines import written_whole  # noqa: PLC0415

    with written_whole(path) as out:
        out.write(text.encode())
