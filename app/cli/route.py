"""`leanserve route`: train the routing head, and route prompts from a file without a server."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.reading import open_embedder
from app.cli.route_calibrate import calibrate
from app.cli.route_evaluate import evaluate
from app.errors import ConfigError
from app.route.setting import TIERS, read_setting

route_app = typer.Typer(help="The complexity router: train its head, route prompts from a file.", no_args_is_help=True)

route_app.command()(evaluate)
route_app.command()(calibrate)

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "route" / "weights"


@route_app.command()
def train(
    data: Annotated[Path, typer.Option(help="Directory with router/*.jsonl.", exists=True, file_okay=False)],
    seed: Annotated[int, typer.Option(help="Of regions and folds; the validation part does not depend on it.")] = 0,
    output: Annotated[Path, typer.Option(help="Where the weights and MODEL_CARD.md go.")] = SHIPPED_WEIGHTS,
) -> None:
    """Train the head on measured scores of real models. Needs the extra `train`; some fifteen minutes on one core."""
    from app.route.card import summary  # noqa: PLC0415
    from app.route.train import train as run  # noqa: PLC0415  scikit-learn and the embedder behind it

    try:
        typer.echo(summary(run(data, output, seed)))
    except FileNotFoundError as fault:
        raise ConfigError(str(fault)) from fault
    except ImportError as fault:
        raise ConfigError(f"{fault.name} is missing: install leanserve[train]") from fault


@route_app.command()
def prompts(
    source: Annotated[
        Path,
        typer.Option("--input", help='JSON lines {"prompt": …} or {"messages": […]}.', exists=True, dir_okay=False),
    ],
    output: Annotated[Path, typer.Option(help="JSON lines of decisions, in the same order.")],
    tiers: Annotated[str, typer.Option(help="Tiers from the cheapest to the best, without --config.")] = TIERS,
    config: Annotated[Path | None, typer.Option(help="A Serve configuration: its tiers, prices and policy.")] = None,
    policy: Annotated[Path | None, typer.Option(help="A policy of its own, on top of the configuration's.")] = None,
) -> None:
    """Say which tier each prompt of a file would take, with score and probabilities: no server, no model called."""
    from app.route.complexity import ComplexityRouter  # noqa: PLC0415
    from app.route.heads import check_embedder, load_head  # noqa: PLC0415
    from app.route.prompts import Offline, route_file  # noqa: PLC0415

    setting = read_setting(tiers.split(","), config, policy)
    spec = setting.embedder
    check_embedder(spec)
    router = ComplexityRouter(load_head())
    route_file(source, output, Offline(open_embedder(spec.threads, spec), router, setting))
