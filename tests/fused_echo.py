"""The echo backend as its deployment runs it: behind a fuse, in this process."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from app.budget.grants import RedisGrants
from app.config.gateway import EchoBackend as EchoSpec
from app.config.gateway import StoreSpec
from app.domain import BackendCall, Chunk
from app.store.client import open_grant_store
from app.tiers.echo import EchoBackend
from app.tiers.fuse import Fuse, Fuses, Grants


class FusedEcho(EchoBackend):
    """An engine that obeys its fuse, and says what it made of an answer that was cut off."""

    def __init__(self, open_books: Callable[[], Grants], spec: EchoSpec, name: str) -> None:
        super().__init__(spec, name)
        self._fuses = Fuses(open_books)

    async def send(self, call: BackendCall, fuse: Fuse | None = None) -> AsyncGenerator[list[Chunk], None]:
        """As `deployments.tiers.EchoTier`."""
        async with aclosing(self._fuses.guarded(call, partial(super().send, call))) as batches:
            async for chunks in batches:
                yield chunks


def grants_in(redis_url: str, spec: StoreSpec) -> RedisGrants:
    """The books there, as a replica of an engine reads them."""
    return RedisGrants(open_grant_store(redis_url, spec))
