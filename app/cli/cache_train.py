"""`leanserve cache train`: make the verifier's weights again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.errors import ConfigError

if TYPE_CHECKING:
    from app.verify.training.report import TrainReport

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "verify" / "weights"


def train(
    data: Annotated[Path, typer.Option(help="Directory with cache/*.jsonl.", exists=True, file_okay=False)],
    seed: Annotated[int, typer.Option(help="Seed of the edits and of the order; the split does not depend on it.")] = 0,
    output: Annotated[Path, typer.Option(help="Where weights, calibration and MODEL_CARD.md go.")] = SHIPPED_WEIGHTS,
    left_out: Annotated[list[str] | None, typer.Option("--leave-out", help="A kind of edit that is not shown.")] = None,
) -> None:
    """Train the pair model on labelled pairs and machine-made edits. Needs the extra `train`, and hours."""
    try:
        from app.verify.training.train import train as run  # noqa: PLC0415 - torch

        typer.echo(summary(run(data, output, seed, typer.echo, left_out=left_out or ())))
    except FileNotFoundError as fault:
        raise ConfigError(str(fault)) from fault
    except ImportError as fault:
        raise ConfigError(f"{fault.name} is missing: install leanserve[train]") from fault


def summary(report: "TrainReport") -> str:
    """One line a set of the validation part."""
    lines = [f"version {report.version}, trained on {report.trained_on:,} labelled pairs and what was made of them"]
    for name, each in report.sets.items():
        shares = f"recall {each.recall:.3f} of {each.same:,}, false hits {each.false_share:.4f} of {each.different:,}"
        lines.append(f"{name}: {shares}")
    return "\n".join(lines)
