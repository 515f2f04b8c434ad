"""Durations as options say them."""

import typer

from app.domain.durations import duration_s


def seconds(text: str) -> float:
    """`90`, `15m`, `24h`, `30d`. Raises typer's `BadParameter`."""
    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
