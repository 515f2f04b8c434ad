"""The Redis of an installation, for commands that act on its state whether or not it is serving."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.store.client import Store

T = TypeVar("T")
M = TypeVar("M", bound="BaseModel")
WIDE = 10_000
TIMEOUT_S = 10.0
"""Of one command: nobody waits for an answer but the one who started this."""

RedisUrl = Annotated[
    str | None,
    typer.Option(envvar="REDIS_URL", help="The Redis; without, the one that `leanserve up` runs in LEANSERVE_HOME."),
]
Prefix = Annotated[str, typer.Option(help="`store.prefix` of the configuration.")]
PREFIX = "leanserve"
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def with_store(redis_url: str | None, home: Path, prefix: str, work: Callable[["Store"], Awaitable[T]]) -> T:
    """What `work` makes of the store. Raises `StoreUnavailable`, and `ConfigError` for an address that is none."""
    from app.config.gateway import StoreSpec  # noqa: PLC0415
    from app.store.client import open_store  # noqa: PLC0415

    async def run(url: str) -> T:
        store = await open_store(url, StoreSpec(timeout_s=TIMEOUT_S, prefix=prefix))
        try:
            return await work(store)
        finally:
            await store.close()

    with redis_of(redis_url, home) as url:
        return asyncio.run(run(url))


def checked(model: type[M], said: Mapping[str, Any]) -> M:
    """`said` as a `model`. Raises `ConfigError`, naming the option."""
    from pydantic import ValidationError  # noqa: PLC0415

    from app.errors import ConfigError  # noqa: PLC0415

    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = " ".join(f"--{str(part).replace('_', '-')}" for part in first["loc"][:1])
        raise ConfigError(f"{where} {first['msg']}".strip()) from error


@contextmanager
def redis_of(redis_url: str | None, home: Path) -> Iterator[str]:
    """The address: the named one, that of the embedded Redis that runs, or of one that runs as long as the block.

    So a key can be issued before the first start: it lies in the data that the next `leanserve up` serves from.
    """
    from app.store.embedded import EmbeddedRedis, address_of  # noqa: PLC0415

    directory = home.resolve() / "redis"
    if found := redis_url or address_of(directory):
        yield found
        return
    with EmbeddedRedis(directory) as server:
        yield server.url


def table(titles: list[str], rows: list[list[str]]) -> None:
    """Print rows under titles, for people."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    found = Table(*(Column(title, overflow="fold") for title in titles), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        found.add_row(*map(Text, row))
    console = Console()
    if not console.is_terminal:
        console.width = WIDE  # whoever reads a pipe wants a line a row
    console.print(found)
