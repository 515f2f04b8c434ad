"""`leanserve route evaluate`: the router tried on a file of labelled prompts, without a server."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import PolicyFile, Threads
from app.cli.reading import open_embedder, reading

LABELLED = (
    'JSON lines {"prompt", "scores": {tier: 0–1}, "costs"?: {tier: US dollars}, "domain"?}: '
    "how good each tier's answer was, and what it cost."
)


def evaluate(
    source: Annotated[Path, typer.Option("--input", help=LABELLED, exists=True, dir_okay=False)],
    output: Annotated[
        Path | None, typer.Option(help="Folder for curve.png, curve.html and metrics.json; needs the extra `train`.")
    ] = None,
    policy: PolicyFile = None,
    tiers: Annotated[
        str | None,
        typer.Option(
            help="From the cheapest to the best, `name=0.4` gives a capability; without, by mean costs, or as the "
            "first line lists them."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    threads: Threads = None,
) -> None:
    """APGR, CPT, quality kept and calibration, and cost against quality beside mixes by lot and the oracle."""
    from app.config.load import load_policy  # noqa: PLC0415
    from app.config.policy import Policy  # noqa: PLC0415
    from app.route.complexity import ComplexityRouter  # noqa: PLC0415 - numpy
    from app.route.heads import load_head  # noqa: PLC0415
    from app.route.setting import named_tiers  # noqa: PLC0415
    from app.route.trial.files import evaluate_file, write_evaluation  # noqa: PLC0415
    from app.route.trial.table import table  # noqa: PLC0415
    from app.trial.plot import require_matplotlib  # noqa: PLC0415

    if output:
        require_matplotlib()
    shown = load_policy(policy) if policy else Policy()
    router, encode = ComplexityRouter(load_head()), open_embedder(threads)
    named = named_tiers(tiers) if tiers else ()
    with reading(source) as tick:
        found = evaluate_file(source, encode, router, shown, named, seed=seed, tick=tick)
    typer.echo(table(found))
    if output:
        write_evaluation(found, output)
