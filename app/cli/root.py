"""The tree of commands."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.audit import audit
from app.cli.budget import budget_app
from app.cli.cache import cache_app
from app.cli.keys import keys_app
from app.cli.models import models_app
from app.cli.options import HOME, Home
from app.cli.prices import prices_app
from app.cli.report import export, report
from app.cli.route import route_app

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Cost-aware, OpenAI-compatible LLM serving.")
config_app = typer.Typer(no_args_is_help=True, help="Configuration files.")
cli.command()(audit)
cli.add_typer(config_app, name="config")
cli.add_typer(budget_app, name="budget")
cli.add_typer(cache_app, name="cache")
cli.add_typer(keys_app, name="keys")
cli.add_typer(models_app, name="models")
cli.add_typer(prices_app, name="prices")
cli.add_typer(route_app, name="route")
cli.command()(report)
cli.command()(export)


@cli.command()
def up(
    config: Annotated[Path, typer.Argument(help="A Serve configuration, such as configs/local.yaml.")],
    home: Home = HOME,
) -> None:
    """Serve CONFIG on this machine until Ctrl-C: models, Redis (unless REDIS_URL is set) and Ray Serve."""
    from app.cli.up import up as serve  # noqa: PLC0415

    sys.exit(serve(config, home, os.environ))


@config_app.command()
def check(config: Annotated[Path, typer.Argument(help="A Serve configuration.")]) -> None:
    """Validate CONFIG without serving it."""
    from app.config.checks import warn_of_misfits  # noqa: PLC0415
    from app.config.load import load  # noqa: PLC0415

    file = load(config)
    warn_of_misfits(file.policy, file.gateway.tiers)
    tiers = ", ".join(f"{tier.name} ({tier.model})" for tier in file.gateway.tiers)
    typer.echo(f"{config}: valid; tiers {tiers}; policy version {file.policy.version}")
