"""`leanserve prices`: what tokens cost now, and what they cost on one's own GPUs."""

import asyncio
import os
import time
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.server import DEFAULT_URL, key_for
from app.cli.state import AsJson, table
from app.errors import ConfigError

if TYPE_CHECKING:
    from app.throughput.rates import Plan, Rates

prices_app = typer.Typer(no_args_is_help=True, help="What tokens cost: the price list, and one's own GPUs measured.")


@prices_app.command()
def show(
    config: Annotated[Path, typer.Argument(help="A Serve configuration.", exists=True, dir_okay=False)],
    at: Annotated[str | None, typer.Option(help="At this ISO date or time, in UTC; now without.")] = None,
    as_json: AsJson = False,
) -> None:
    """The price of each backend in US dollars per million tokens, where it is from, and when it changes next."""
    from app.config.load import load  # noqa: PLC0415
    from app.cost.table import rows_of, told  # noqa: PLC0415

    file, moment = load(config), _moment(at)
    rows = rows_of(file.policy.prices, file.gateway.tiers, moment)
    if as_json:
        import json  # noqa: PLC0415

        typer.echo(json.dumps([told(row) for row in rows], indent=2))
    else:
        table(
            ["backend", "input", "cached", "output", "batch lane", "version", "changes"],
            [[str(value) for value in told(row).values()] for row in rows],
        )


def _moment(text: str | None) -> float:
    from app.config.prices import moment  # noqa: PLC0415

    try:
        return time.time() if text is None else moment(text)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from error


@prices_app.command()
def calibrate(
    model: Annotated[str, typer.Option(help="What the server calls it: a model's id, or a tier of LeanServe.")],
    gpu_usd_per_hour: Annotated[str, typer.Option(help="Of one GPU, such as 2.49.")],
    output: Annotated[Path, typer.Option(help="The policy goes here. Nothing reads it by itself.")],
    name: Annotated[str, typer.Option(help="The tier or tier/backend that the price is of; --model without.")] = "",
    url: Annotated[str, typer.Option(help="The server. LEANSERVE_API_KEY holds its key.")] = DEFAULT_URL,
    gpus: Annotated[str, typer.Option(help="GPUs of all replicas behind the URL together.")] = "1",
    busy: Annotated[str, typer.Option(help="Share of the hours paid for in which they work, 0-1.")] = "1",
    seconds: Annotated[float, typer.Option(min=3, max=3600, help="In all, for three phases.")] = 90.0,
    at_once: Annotated[int, typer.Option(min=1, max=4096, help="Requests under way: as many as you expect.")] = 16,
    words: Annotated[int, typer.Option(min=16, max=100_000, help="Of the long prompts.")] = 700,
    output_tokens: Annotated[int, typer.Option(min=2, help="Of the long answers, at most.")] = 256,
    seed: Annotated[int, typer.Option(help="Of the prompts.")] = 0,
    since: Annotated[str | None, typer.Option("--from", help="ISO date from which it holds; today without.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="YAML of the policy in force: only read; --output is this one with the price.")
    ] = None,
) -> None:
    """Measure a tier's throughput, and write what its tokens cost. The server does real work meanwhile."""
    from app.domain import AUTO_MODEL  # noqa: PLC0415
    from app.throughput.policy import policy_text, price_of, summary  # noqa: PLC0415
    from app.throughput.rates import UNMEASURED, Plan  # noqa: PLC0415
    from app.trial.lines import written_whole  # noqa: PLC0415

    if (named := name or model) == AUTO_MODEL:
        raise ConfigError("--model: auto is several tiers; a price is of one")
    options = (gpu_usd_per_hour, "gpu-usd-per-hour"), (gpus, "gpus"), (busy, "busy")
    usd, count, share = (_number(text, option) for text, option in options)
    day = since or f"{datetime.now(UTC):%Y-%m-%d}"
    plan = Plan(seconds, at_once, words, output_tokens, seed)
    with written_whole(output) as out:
        policy_text(
            named, price_of(UNMEASURED, usd, count, share, day), [], policy
        )  # what is wrong is told before, not after it
        rates = asyncio.run(_measured(url, model, plan))
        price = price_of(rates, usd, count, share, day)
        lines = summary(rates, price)
        typer.echo("\n".join(lines))
        out.write(policy_text(named, price, lines, policy).encode())
    typer.echo(f"{output} holds the policy")


def _number(text: str, option: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise ConfigError(f"--{option}: {text!r} is no number") from error
    if not found.is_finite() or found <= 0:
        raise ConfigError(f"--{option}: must be above 0")
    return found


async def _measured(url: str, model: str, plan: "Plan") -> "Rates":
    import httpx  # noqa: PLC0415

    from app.throughput.load import PATIENCE_S, Target  # noqa: PLC0415
    from app.throughput.rates import measure  # noqa: PLC0415

    key = key_for(url, os.environ)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    base = f"{url.rstrip('/').removesuffix('/v1')}/v1/"
    limits = httpx.Limits(max_connections=plan.at_once)
    try:
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=PATIENCE_S, limits=limits) as client:
            return await measure(Target(client, model, time.monotonic), plan)
    except httpx.InvalidURL as error:
        raise ConfigError(f"--url: {error}") from error
