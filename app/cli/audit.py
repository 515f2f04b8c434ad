"""`leanserve audit`: the seven architectural sins, priced on the traffic that the ledger holds."""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.durations import Until, window
from app.cli.options import HOME, Home
from app.cli.state import AsJson, RedisUrl, table, with_store

if TYPE_CHECKING:
    from app.audit.finding import Audit
    from app.config.load import ServeFile
    from app.report.window import Window
    from app.store.client import Store

MOST = 1_000_000
"""Records, half a gigabyte of Redis: read in a minute. What is older than the ledger keeps is not there anyway."""


def audit(
    config: Annotated[
        Path, typer.Option(help="The Serve configuration: its tiers, prices and policy.", exists=True, dir_okay=False)
    ],
    tenant: Annotated[str, typer.Option(help="Whose traffic: default, or the export's without.")] = "",
    since: Annotated[str, typer.Option(help="24h, 7d, or an ISO date or time in UTC; 7d, or all of an export.")] = "",
    until: Until = "",
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder of `leanserve export`, instead of a Redis.", file_okay=False)
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Records that are read at most.")] = MOST,
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that needs nothing else.", dir_okay=False)] = None,
    redis_url: RedisUrl = None,
    home: Home = HOME,
) -> None:
    """What each architectural sin costs, how sure that is, which requests show it, and the change that ends it."""
    from app.config.load import load  # noqa: PLC0415

    file = load(config)
    if source:
        during = window(since or "400d", until) if since or until else None
        _show(_of_export(source, file, during, tenant, most), as_json=as_json, html=html)
        return
    during = window(since or "7d", until)

    def work(store: "Store") -> "Awaitable[Audit]":
        from app.audit.auditing import audited  # noqa: PLC0415
        from app.audit.terms import terms_of  # noqa: PLC0415
        from app.ledger.reading import LedgerReader  # noqa: PLC0415

        terms = terms_of(file.gateway.tiers, file.policy)
        return audited(LedgerReader(store), terms, tenant or "default", during.since, during.until, most)

    _show(with_store(redis_url, home, file.gateway.store.prefix, work), as_json=as_json, html=html)


def _of_export(folder: Path, file: "ServeFile", during: "Window | None", tenant: str, most: int) -> "Audit":
    from app.audit.auditing import audited  # noqa: PLC0415
    from app.audit.terms import terms_of  # noqa: PLC0415
    from app.report.reread import Exported  # noqa: PLC0415

    exported, terms = Exported(folder), terms_of(file.gateway.tiers, file.policy)
    whose = tenant or exported.tenant or "default"
    begins, ends = (during.since, during.until) if during else exported.window
    return asyncio.run(audited(exported, terms, whose, begins, ends, most))


def _show(found: "Audit", *, as_json: bool, html: Path | None) -> None:
    from app.audit.page import html as page  # noqa: PLC0415
    from app.audit.told import HEAD, remarks, rows, summary, text, told  # noqa: PLC0415

    if html:
        html.write_text(page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(told(found), indent=2))
        return
    typer.echo(summary(found))
    for remark in remarks(found):
        typer.echo(remark)
    if found.findings:
        table(list(HEAD), [list(row) for row in rows(found)])
    for line in text(found):
        typer.echo(line)
