"""Before anything is started: could anybody enter, and with which key?"""

from collections.abc import Mapping

from app.access.configured import Entrance
from app.access.key import Key
from app.access.stored import StoredKeys
from app.config.load import ServeFile
from app.store.client import open_store
from app.store.revised import first_read


async def keys_of(file: ServeFile, environ: Mapping[str, str], redis_url: str) -> tuple[Key, ...]:
    """All keys but the issued ones with which `file` would be served; the local key among them where that opens.

    Raises `ConfigError` where nobody could enter. Redis is asked only where the answer hangs on it.
    """
    entrance = Entrance.of(environ, file.host)
    needed = not (entrance.environment or file.policy.keys or entrance.loopback)
    return entrance.keys(file.policy.keys, issued=needed and await _any_issued(file, redis_url))


async def _any_issued(file: ServeFile, redis_url: str) -> bool:
    """Whether Redis has a key; one that is away is taken for none."""
    store = await open_store(redis_url, file.gateway.store)
    try:
        table = StoredKeys(store).table
        await first_read(table)
        return bool(table.rows)
    finally:
        await store.close()
