"""`leanserve keys …`: issued keys, straight in Redis, by who owns the machine: the operator."""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.cli.durations import seconds
from app.cli.options import HOME, Home
from app.cli.state import PREFIX, AsJson, Prefix, RedisUrl, checked, table, with_store

if TYPE_CHECKING:
    from app.access.desk import Issued, KeyDesk
    from app.access.key import Key, Rights

T = TypeVar("T")
keys_app = typer.Typer(no_args_is_help=True, help="API keys: issued here, shown once, stored hashed.")

KeyId = Annotated[str, typer.Argument(help="The id: what stands between the first two dashes of the key.")]
Names = Annotated[str | None, typer.Option(help="Names with commas between; all without.")]


@keys_app.command()
def issue(
    name: Annotated[str, typer.Option(help="For you, to know it again.")],
    tenant: Annotated[str, typer.Option(help="Whose it is.")] = "default",
    models: Names = None,
    features: Names = None,
    team: Annotated[str, typer.Option(help="All its requests are of this team.")] = "",
    user: Annotated[str, typer.Option(help="All its requests are of this user.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="It opens /admin for its tenant.")] = False,
    expires_in: Annotated[str | None, typer.Option(help="30d, 24h, 15m; never without.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The Serve configuration that --models and --features name.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """Issue a key. Its text is printed once and kept nowhere."""
    from app.api.admin.schema import IssueRequest  # noqa: PLC0415

    said = {"name": name, "tenant": tenant, "team": team, "user": user, "admin": admin}
    lists = {"models": _split(models), "features": _split(features)}
    expires = {"expires_in_s": None if expires_in is None else seconds(expires_in)}
    terms = checked(IssueRequest, said | lists | expires).terms(time.time())
    odd = _odd(config, terms.rights)
    new = _desk(redis_url, home, prefix, lambda desk: desk.issue(tenant, terms))
    _echo_issued(new, as_json)
    for each in odd:
        typer.echo(f"note: {each}", err=True)


@keys_app.command("list")
def list_(
    tenant: Annotated[str, typer.Option(help="Of one tenant; of all without.")] = "*",
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """The issued keys, the oldest first."""
    found = _desk(redis_url, home, prefix, lambda desk: desk.all(tenant))
    if as_json:
        typer.echo(json.dumps([_told(key) for key in found], indent=2))
        return
    titles = ["id", "tenant", "name", "rights", "created", "expires", "state"]
    table(titles, [_row(key) for key in found])


@keys_app.command()
def show(
    key_id: KeyId, as_json: AsJson = False, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, home: Home = HOME
) -> None:
    """One key, all that is known of it."""
    told = _told(_desk(redis_url, home, prefix, lambda desk: desk.show(key_id, "*")))
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        table(["", ""], [[name, _plain(value)] for name, value in told.items() if name != "object"])


@keys_app.command()
def rotate(
    key_id: KeyId,
    grace: Annotated[str, typer.Option(help="How long the old one still works: 24h, 15m, 0.")] = "24h",
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    home: Home = HOME,
) -> None:
    """Issue a key with the same rights; the old one works until the grace is over."""
    new = _desk(redis_url, home, prefix, lambda desk: desk.rotate(key_id, "*", seconds(grace)))
    _echo_issued(new, as_json)


@keys_app.command()
def disable(key_id: KeyId, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, home: Home = HOME) -> None:
    """At once: it opens nothing, and its live streams end."""
    _desk(redis_url, home, prefix, lambda desk: desk.disable(key_id, "*"))
    typer.echo(f"{key_id} is disabled")


@keys_app.command()
def enable(key_id: KeyId, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, home: Home = HOME) -> None:
    """Undo `disable`."""
    _desk(redis_url, home, prefix, lambda desk: desk.enable(key_id, "*"))
    typer.echo(f"{key_id} is enabled")


@keys_app.command()
def delete(key_id: KeyId, redis_url: RedisUrl = None, prefix: Prefix = PREFIX, home: Home = HOME) -> None:
    """For good, and at once."""
    _desk(redis_url, home, prefix, lambda desk: desk.delete(key_id, "*"))
    typer.echo(f"{key_id} is gone")


def _desk(redis_url: str | None, home: Path, prefix: str, work: "Callable[[KeyDesk], Awaitable[T]]") -> T:
    from app.access.desk import KeyDesk  # noqa: PLC0415
    from app.access.stored import StoredKeys  # noqa: PLC0415
    from app.budget.stops import RedisStops  # noqa: PLC0415

    return with_store(redis_url, home, prefix, lambda store: work(KeyDesk(StoredKeys(store), RedisStops(store))))


def _odd(config: Path | None, rights: "Rights") -> list[str]:
    """What is odd in `rights` beside the file's names. Raises `InvalidRequest` for models that it does not serve."""
    from app.access.known import KnownNames, known_models  # noqa: PLC0415
    from app.config.load import load  # noqa: PLC0415
    from app.tiers.catalog import TierCatalog  # noqa: PLC0415

    if config is None:
        return ["--models was not checked: --config FILE names the tiers and models that there are"] * bool(
            rights.models
        )
    found = load(config)
    models = known_models(TierCatalog(found.gateway.tiers), found.gateway.embedder.model)
    return KnownNames(models, lambda: found.policy).check(rights)


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _told(key: "Key") -> dict[str, Any]:
    from app.access.told import told  # noqa: PLC0415

    return told(key)


def _echo_issued(new: "Issued", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**_told(new.key), "key": new.text}, indent=2))
        return
    typer.echo(new.text)
    typer.echo(f"key {new.key.id} of tenant {new.key.tenant}; it is not shown again", err=True)


def _row(key: "Key") -> list[str]:
    told = _told(key)
    said = {name: told[name] for name in ("models", "features", "team", "user") if told[name] not in (None, "")}
    rights = [f"{name}={_plain(value) or 'none'}" for name, value in said.items()]
    state = key.fault(time.time()) or (f"retires {told['retires_at']}" if key.replaced_by else "works")
    names = [key.id, key.tenant, key.name, " ".join(["admin"] * key.rights.admin + rights) or "all models"]
    return [*names, _plain(told["created_at"]), _plain(told["expires_at"]) or "never", state]


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(value)
    return "" if value is None else str(value)
