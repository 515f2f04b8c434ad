"""Durations and windows as options say them."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.domain.durations import duration_s

if TYPE_CHECKING:
    from app.report.window import Window

Since = Annotated[str, typer.Option(help="24h, 7d, or an ISO date or time in UTC.")]
Until = Annotated[str, typer.Option(help="The same; now without.")]


def seconds(text: str) -> float:
    """`90`, `15m`, `24h`, `30d`. Raises typer's `BadParameter`."""
    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def window(since: str, until: str) -> "Window":
    """Of `Since` and `Until`. Raises `InvalidRequest`."""
    from app.report.window import window_of  # noqa: PLC0415

    return window_of(since, until, time.time())
