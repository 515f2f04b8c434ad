"""`leanserve cache invalidate | stats | feedback`: the running server's own endpoints, from a shell."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.server import DEFAULT_URL, Server, key_for
from app.errors import ConfigError

Url = Annotated[str, typer.Option(help="The running server. LEANSERVE_API_KEY holds the tenant's key.")]
Tenant = Annotated[str, typer.Option(help="The tenant, where the server has no keys.")]


def invalidate(
    entry_id: Annotated[str | None, typer.Option(help="One entry: x-leanserve-cache-entry of a response.")] = None,
    feature: Annotated[str | None, typer.Option(help="What this feature stored.")] = None,
    tag: Annotated[str | None, typer.Option(help="What was stored with this tag.")] = None,
    older_than_s: Annotated[float | None, typer.Option(help="What was stored more than so many seconds ago.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All entries of the tenant.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    url: Url = DEFAULT_URL,
    tenant: Tenant = "",
) -> None:
    """Take entries out of the cache: those that fit all that is named."""
    named = {"entry_id": entry_id, "feature": feature, "tag": tag, "older_than_s": older_than_s}
    body: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if not body and not everything:
        raise ConfigError("name what shall go: --entry-id, --feature, --tag, --older-than-s, or --all")
    done = _server(url, tenant).post("/v1/cache/invalidate", {**body, "all": everything, "dry_run": dry_run})
    typer.echo(f"{done['count']} entries {'would go' if dry_run else 'are gone'}")
    for entry in done["entry_ids"]:
        typer.echo(f"  {entry}")
    if done["count"] > len(done["entry_ids"]):
        typer.echo("  …")


def stats(
    days: Annotated[int, typer.Option(help="Days to count, today included.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="The server's JSON as it is.")] = False,
    url: Url = DEFAULT_URL,
    tenant: Tenant = "",
) -> None:
    """What is in the cache, and what it did."""
    found = _server(url, tenant).get("/v1/cache/stats", days=days)
    typer.echo(json.dumps(found, indent=2) if as_json else summary(found))


def feedback(
    output: Annotated[Path, typer.Option(help='JSON lines {"a", "b", "label"}, as `leanserve cache calibrate` reads.')],
    url: Url = DEFAULT_URL,
    tenant: Tenant = "",
) -> None:
    """Write the pairs of prompts that were reported as right or wrong hits."""
    server, after, count = _server(url, tenant), "", 0
    with output.open("w", encoding="utf-8") as lines:
        while True:
            part = server.get("/v1/cache/feedback", after=after, limit=1_000)
            for pair in part["data"]:
                lines.write(json.dumps(pair, ensure_ascii=False) + "\n")
            count += len(part["data"])
            if not part["has_more"]:
                break
            after = part["data"][-1]["id"]
    typer.echo(f"{count} pairs written to {output}")


def summary(found: dict[str, Any]) -> str:
    """The statistics as a page of text."""
    totals, rate = found["totals"], found["hit_rate"]
    looked = sum(totals.get(kind, 0) for kind in ("exact", "semantic", "coalesced", "miss"))
    lines = [
        f"tenant {found['tenant']}: {found['entries']} entries, {found['bytes'] / 1e6:.1f} MB",
        *(f"  {each['feature'] or '(no feature)'}: {each['entries']}" for each in found["features"]),
        f"last {len(found['days'])} days: {looked} requests looked, {rate['all']:.1%} were answered",
        *(f"  {kind}: {totals.get(kind, 0)} ({rate[kind]:.1%})" for kind in ("exact", "semantic", "coalesced")),
        f"  saved: ${totals.get('saved_micro_usd', 0) / 1e6:.6f}",
        f"stored {_of(totals, 'stored')}, evicted {_of(totals, 'evicted')}, ended {_of(totals, 'expired')}, "
        f"invalidated {_of(totals, 'invalidated')}",
        f"reported wrong {_of(totals, 'reported_wrong')}, right {_of(totals, 'reported_right')}",
    ]
    return "\n".join(lines)


def _of(totals: dict[str, int], name: str) -> int:
    return totals.get(name, 0)


def _server(url: str, tenant: str) -> Server:
    return Server(url.rstrip("/"), key_for(url, os.environ), tenant)
