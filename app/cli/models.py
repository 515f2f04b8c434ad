"""`leanserve models`: fetch model files and say what is there."""

from typing import Annotated

import typer

from app.cli.options import HOME, Home

models_app = typer.Typer(no_args_is_help=True, help="Model files.")


@models_app.command()
def pull(
    ids: Annotated[list[str] | None, typer.Argument(help="Catalog ids; all of them if none is named.")] = None,
    home: Home = HOME,
) -> None:
    """Fetch models and check their hashes; what is there already is left as it is."""
    from rich.console import Console  # noqa: PLC0415

    from app.cli.progress import pull_all  # noqa: PLC0415
    from app.config.catalog import load_catalog  # noqa: PLC0415

    pull_all(ids or list(load_catalog()), home, Console())


@models_app.command("list")
def list_models(home: Home = HOME) -> None:
    """The catalog, and where each model is."""
    from app.config.catalog import load_catalog  # noqa: PLC0415
    from app.models.pull import resolve  # noqa: PLC0415

    catalog = load_catalog()
    width = max(map(len, catalog))
    for model_id, entry in catalog.items():
        where = resolve(model_id, home)
        state = f"not pulled; on the hub as {where}" if where == entry.hub.repo else where
        typer.echo(f"{model_id:{width}}  {entry.licence}  {state}")
