"""`leanserve route`: train the complexity head, and route prompts from a file without a server."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.config.gateway import EmbedderSpec
from app.config.policy import RoutingPolicy
from app.errors import ConfigError
from app.route.report import TrainReport

route_app = typer.Typer(help="The complexity router: train its head, route prompts from a file.", no_args_is_help=True)

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "route" / "weights"


@route_app.command()
def train(
    data: Annotated[Path, typer.Option(help="Directory with router/*.jsonl.", exists=True, file_okay=False)],
    seed: Annotated[int, typer.Option(help="Seed of the networks; the validation part does not depend on it.")] = 0,
    output: Annotated[Path, typer.Option(help="Where the weights and MODEL_CARD.md go.")] = SHIPPED_WEIGHTS,
) -> None:
    """Train the head on measured scores of real models. Needs the extra `train`; about ten minutes on one core."""
    from app.route.train import train as run  # noqa: PLC0415  numpy, and torch and scikit-learn behind it

    try:
        typer.echo(summary(run(data, output, seed)))
    except FileNotFoundError as fault:
        raise ConfigError(str(fault)) from fault
    except ImportError as fault:
        raise ConfigError(f"{fault.name} is missing: install leanserve[train]") from fault


def summary(report: TrainReport) -> str:
    """One line a task that has a pair of models, and the counts."""
    counts = f"trained on {report.trained_on} prompts, validated on {report.validated_on}"
    pairs = [f"{task.task}: AUC {task.auc:.3f}, APGR {task.apgr:.3f}" for task in report.tasks if task.apgr is not None]
    return "\n".join([counts, f"calibration error {report.calibration_error:.3f}", *pairs])


@route_app.command()
def prompts(
    source: Annotated[Path, typer.Option("--input", help='JSON lines {"prompt": …}.', exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option(help='JSON lines {"score", "tier", "reason"}, in the same order.')],
    tiers: Annotated[str, typer.Option(help="Tiers from the cheapest to the best.")] = "small,medium,large",
) -> None:
    """Score the prompts of a file and say which tier each would take, by the default thresholds."""
    from app.embed.sentence import open_encoder  # noqa: PLC0415
    from app.embed.source import find_embedder  # noqa: PLC0415
    from app.route.head import ComplexityHead  # noqa: PLC0415
    from app.route.prompts import score_prompts  # noqa: PLC0415

    spec = EmbedderSpec()
    encode = open_encoder(find_embedder(spec.model), spec.threads)
    head, policy = ComplexityHead.load(), RoutingPolicy()
    with source.open(encoding="utf-8") as lines, output.open("w", encoding="utf-8") as out:
        for decision in score_prompts(lines, encode=encode, head=head, policy=policy, tiers=tiers.split(",")):
            out.write(json.dumps(decision) + "\n")
