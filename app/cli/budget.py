"""`leanserve budget …`: stored limits, what scopes spent, and the kill switch, straight in Redis: the operator's."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.cli.options import HOME, Home
from app.cli.state import PREFIX, AsJson, Prefix, RedisUrl, checked, table, with_store

if TYPE_CHECKING:
    from app.budget.desk import BudgetDesk
    from app.config.budgets import BudgetRule

T = TypeVar("T")
budget_app = typer.Typer(no_args_is_help=True, help="Hard limits, what is left of them, and the kill switch.")

Pattern = Annotated[str | None, typer.Option(help="A name, or * for each with a counter of its own.")]
Count = Annotated[int | None, typer.Option(min=0)]
ScopeText = Annotated[str, typer.Argument(help="tenant=acme, tenant=acme,feature=faq,user=ann, …")]
Config = Annotated[
    Path | None, typer.Option(help="The Serve configuration whose policy has limits too.", exists=True, dir_okay=False)
]


@budget_app.command("list")
def list_(
    tenant: Annotated[str, typer.Option(help="Of one tenant; of all without.")] = "*",
    config: Config = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """The stored limits; with --config those of its policy too."""
    stored = _desk(redis_url, home, prefix, lambda desk: desk.stored(tenant), config)
    policy = [rule for rule in _rules(config) if tenant in {"*", rule.tenant} or rule.tenant == "*"]
    found = [*((each.id, each.rule) for each in stored), *(("(policy)", rule) for rule in policy)]
    if as_json:
        typer.echo(json.dumps([{"id": name, **_ruled(rule)} for name, rule in found], indent=2))
    else:
        table(["id", "scope", "limits", "window", "on limit"], [_row(name, rule) for name, rule in found])


@budget_app.command("set")
def set_(
    budget_id: Annotated[
        str | None, typer.Option("--id", help="Replace this one, or add it; a new id without.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose; * is every tenant.")] = "*",
    team: Pattern = None,
    feature: Pattern = None,
    user: Pattern = None,
    session: Pattern = None,
    key: Pattern = None,
    tokens: Count = None,
    input_tokens: Count = None,
    output_tokens: Count = None,
    usd: Annotated[str | None, typer.Option(help="US dollars, such as 12.50.")] = None,
    requests: Count = None,
    concurrent: Count = None,
    window: Annotated[str, typer.Option(help="minute, hour, day, month or total.")] = "day",
    sliding: Annotated[bool, typer.Option("--sliding", help="The last so long, not the calendar's.")] = False,
    timezone: Annotated[str, typer.Option(help="Of the calendar's window: an IANA name.")] = "UTC",
    on_limit: Annotated[str, typer.Option(help="reject, throttle, downgrade or cache_only.")] = "reject",
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """Store a limit. Every replica heeds it within a quarter of a second, for live streams too."""
    said = {
        **{"tenant": tenant, "team": team, "feature": feature, "user": user, "session": session, "key": key},
        **{"tokens": tokens, "input_tokens": input_tokens, "output_tokens": output_tokens, "usd": usd},
        **{"requests": requests, "concurrent": concurrent, "window": window, "sliding": sliding},
        **{"timezone": timezone, "on_limit": on_limit},
    }
    new = _desk(redis_url, home, prefix, lambda desk: _put(desk, budget_id, said))
    typer.echo(f"{new.id}: {' | '.join(_row(new.id, new.rule)[1:])}")


@budget_app.command()
def delete(
    budget_id: Annotated[str, typer.Argument(help="Its id.")],
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """Take a stored limit away."""
    _desk(redis_url, home, prefix, lambda desk: desk.delete(budget_id, "*"))
    typer.echo(f"{budget_id} is gone")


@budget_app.command()
def show(
    scope: ScopeText,
    config: Config = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """The limits that bind a scope: spent, held, left. Those of the policy only with --config."""
    from app.budget.scopes import scope_named  # noqa: PLC0415
    from app.budget.told import told  # noqa: PLC0415

    found = told(_desk(redis_url, home, prefix, lambda desk: desk.show(scope_named(scope)), config))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if found["stopped"]:
        typer.echo(f"{found['scope']} is stopped: {found['reason']}")
    titles = ["scope", "unit", "window", "limit", "spent", "held", "left", "resets in s"]
    names = ["scope", "unit", "window", "amount", "spent", "held", "remaining", "resets_in_s"]
    table(titles, [[_plain(each[name]) for name in names] for each in found["limits"]])


@budget_app.command()
def stop(
    scope: ScopeText,
    reason: Annotated[str, typer.Option(help="What its clients are told.")] = "",
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """The kill switch: nothing more for this scope, and its live streams end within a second."""
    from app.budget.scopes import scope_named  # noqa: PLC0415

    _desk(redis_url, home, prefix, lambda desk: desk.stop(scope_named(scope), reason, "*"))
    typer.echo(f"{scope} is stopped")


@budget_app.command()
def resume(scope: ScopeText, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, home: Home = HOME) -> None:
    """Let a stopped scope go on."""
    from app.budget.scopes import scope_named  # noqa: PLC0415

    _desk(redis_url, home, prefix, lambda desk: desk.resume(scope_named(scope), "*"))
    typer.echo(f"{scope} goes on")


async def _put(desk: "BudgetDesk", budget_id: str | None, said: dict[str, Any]) -> Any:
    from app.budget.desk import checked_id  # noqa: PLC0415
    from app.config.budgets import BudgetRule  # noqa: PLC0415

    rule = checked(BudgetRule, {name: value for name, value in said.items() if value is not None})
    if budget_id is None:
        return await desk.add(rule, "*")
    return await desk.put(checked_id(budget_id), rule, "*")


def _desk(
    redis_url: str | None,
    home: Path,
    prefix: str,
    work: "Callable[[BudgetDesk], Awaitable[T]]",
    config: Path | None = None,
) -> T:
    from app.budget.desk import BudgetDesk  # noqa: PLC0415
    from app.budget.ledger import RedisBudgetLedger  # noqa: PLC0415
    from app.budget.stops import RedisStops  # noqa: PLC0415
    from app.budget.stored import StoredBudgets  # noqa: PLC0415

    rules = _rules(config)

    def open_desk(store: Any) -> Awaitable[T]:
        return work(BudgetDesk(StoredBudgets(store), RedisBudgetLedger(store), RedisStops(store), lambda: rules))

    return with_store(redis_url, home, prefix, open_desk)


def _rules(config: Path | None) -> "tuple[BudgetRule, ...]":
    from app.config.load import load  # noqa: PLC0415

    return load(config).policy.budgets if config else ()


def _ruled(rule: "BudgetRule") -> dict[str, Any]:
    from app.budget.told import ruled  # noqa: PLC0415

    return ruled(rule)


def _row(name: str, rule: "BudgetRule") -> list[str]:
    scope = ",".join(f"{kind}={pattern}" for kind, pattern in [("tenant", rule.tenant), *rule.pattern])
    said = _ruled(rule)
    units = ("tokens", "input_tokens", "output_tokens", "usd", "requests", "concurrent")
    limits = " ".join(f"{unit}={said[unit]}" for unit in units if unit in said)
    return [name, scope, limits, str(rule.counted), rule.on_limit]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}"
    return "" if value is None else str(value)
