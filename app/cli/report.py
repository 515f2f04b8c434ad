"""`leanserve report` and `leanserve export`: one tenant's ledger, straight from Redis, for who owns the machine."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.durations import Since, Until, window
from app.cli.options import HOME, Home
from app.cli.state import PREFIX, AsJson, Prefix, RedisUrl, table, with_store
from app.errors import ConfigError

if TYPE_CHECKING:
    from app.report.cost import CostReport
    from app.report.outcomes import OutcomeReport
    from app.store.client import Store

Tenant = Annotated[str, typer.Option(help="Whose.")]

_TITLES = ["requests", "hits", "input", "cached", "output", "USD", "wasted", "saved"]


def report(
    by: Annotated[
        str,
        typer.Option(
            help="feature,tier,cache,cause | feature,user | team,feature | backend,model,role,cause: any of one group."
        ),
    ] = "feature",
    since: Since = "7d",
    until: Until = "",
    tenant: Tenant = "default",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows; the rest is added up in one.")] = 30,
    outcomes: Annotated[bool, typer.Option("--outcomes", help="With --csv: the outcomes, not the costs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets; no cell is a formula.")] = False,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """What was spent on what, what was saved and wasted, and what outcomes cost."""
    dimensions = [word.strip() for word in by.split(",") if word.strip()]
    during = window(since, until)

    async def read(store: "Store") -> "tuple[CostReport, OutcomeReport]":
        from app.ledger.reading import LedgerReader  # noqa: PLC0415
        from app.report.cost import cost_report  # noqa: PLC0415
        from app.report.outcomes import outcome_report  # noqa: PLC0415

        reader = LedgerReader(store)
        costs = await cost_report(reader, tenant, dimensions, during, limit)
        return costs, await outcome_report(reader, tenant, during, limit)

    costs, came = with_store(redis_url, home, prefix, read)
    if as_csv:
        _echo_sheet(costs, came if outcomes else None)
    elif as_json:
        typer.echo(json.dumps({"cost": costs.told(), "outcomes": came.told()}, indent=2))
    else:
        _echo_tables(costs.told(), came.told())


def export(
    since: Since = "24h",
    until: Until = "",
    tenant: Tenant = "default",
    output: Annotated[
        Path | None, typer.Option(help="Here go requests.parquet, attempts.parquet and outcomes.parquet.")
    ] = None,
    otlp: Annotated[
        str | None, typer.Option(help="Or an OTLP endpoint over HTTP, such as http://localhost:4318: logs.")
    ] = None,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """The records of single requests, as long as they are kept. OTEL_EXPORTER_OTLP_HEADERS holds --otlp's keys."""
    if (output is None) == (otlp is None):
        raise ConfigError("say where to: --output or --otlp")
    during = window(since, until)

    async def write(store: "Store") -> dict[str, int]:
        from app.report import otlp as logs  # noqa: PLC0415
        from app.report import parquet  # noqa: PLC0415
        from app.report.export import Export  # noqa: PLC0415

        source, end = Export(store, tenant), during.until + (1 if during.is_open else 0)
        if output is not None:
            return await parquet.write_parquet(source.batches(during.since, end, parquet.ROWS), output)
        assert otlp is not None
        return await logs.send_otlp(source.batches(during.since, end, logs.ROWS), otlp, _headers())

    rows = with_store(redis_url, home, prefix, write)
    typer.echo(", ".join(f"{name}: {count:,}" for name, count in rows.items()))


def _headers() -> dict[str, str]:
    """As the OTLP exporter specification writes them: `name=value` with commas between, percent-encoded."""
    from urllib.parse import unquote  # noqa: PLC0415

    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",") if "=" in pair)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _echo_sheet(costs: "CostReport", outcomes: "OutcomeReport | None") -> None:
    from app.report.sheet import cost_sheet, outcome_sheet  # noqa: PLC0415

    typer.echo(outcome_sheet(outcomes) if outcomes else cost_sheet(costs), nl=False)


def _echo_tables(costs: dict[str, Any], outcomes: dict[str, Any]) -> None:
    typer.echo(f"{costs['tenant']}, {costs['since']} to {costs['until']}")
    by = costs["by"]
    rows = [[*(_name(row[name]) for name in by), *_figures(row)] for row in costs["rows"]]
    for title, sums in ((f"({(costs['other'] or {}).get('rows')} more)", costs["other"]), ("total", costs["total"])):
        if sums:
            rows.append([*[title, *[""] * len(by)][: max(1, len(by))], *_figures(sums)])
    table([*(by or [""]), *_TITLES], rows)
    saved = costs["savings"]
    words = ", ".join(f"{name} {_usd(saved[f'{name}_micro_usd'])}" for name in ("cache", "routing", "limits"))
    if not costs["total"]["requests"]:
        typer.echo("No request of this tenant in this window: --tenant names another, --since a longer one.")
        return
    typer.echo(
        f"\nWithout LeanServe {_usd(saved['nothing_micro_usd'])}: saved {_usd(saved['saved_micro_usd'])} ({words})"
    )
    if costs["waste"]:
        typer.echo("\nAttempts whose answer nobody was given")
        names = ("role", "cause", "attempts")
        wasted = [[*(str(each[name]) for name in names), _usd(each["wasted_micro_usd"])] for each in costs["waste"]]
        table([*names, "USD"], wasted)
    if outcomes["rows"]:
        typer.echo("\nOutcomes")
        titles = ["feature", "type", "outcomes", "successes", "USD", "each", "each success"]
        table(titles, [_outcome(row) for row in outcomes["rows"]])


def _figures(row: dict[str, Any]) -> list[str]:
    counts = [f"{row[name]:,}" for name in ("requests", "hits", "input_tokens", "cached_tokens", "output_tokens")]
    saved = row["nothing_micro_usd"] - row["micro_usd"]
    return [*counts, *map(_usd, (row["micro_usd"], row["wasted_micro_usd"], saved))]


def _outcome(row: dict[str, Any]) -> list[str]:
    costs = [_usd(row[name]) for name in ("micro_usd", "micro_usd_per_outcome", "micro_usd_per_success")]
    return [_name(row["feature"]), row["type"], f"{row['outcomes']:,}", f"{row['successes']:,}", *costs]


def _name(text: str) -> str:
    return text or "(none)"


def _usd(micro: float | None) -> str:
    return "" if micro is None else f"{micro / 1_000_000:,.6f}"
