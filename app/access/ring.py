"""The keys that open this replica, and the one question that is asked of them: which one is this?"""

import hmac
import time
from collections.abc import Callable, Iterable

from app.access.configured import LOCAL, Entrance
from app.access.key import Key, digest, issued_id
from app.access.stored import StoredKeys
from app.config.keys import KeyRule
from app.errors import Unauthorized

Compare = Callable[[str, str], bool]

NOBODY = "0" * 64
"""The digest that no text has, for the comparison of an id that nobody was issued."""
NEEDED = "a valid API key is needed: Authorization: Bearer <key>"
NOT_HERE = "this key works on loopback only, by an address or as localhost"


class KeyRing:
    """Configured keys and issued ones. Before `configure` only the environment's keys open.

    `clock` is seconds since 1970; `compare` takes the same time for any two digests.
    """

    def __init__(
        self,
        entrance: Entrance,
        stored: StoredKeys,
        *,
        clock: Callable[[], float] = time.time,
        compare: Compare = hmac.compare_digest,
    ) -> None:
        self._entrance = entrance
        self._stored = stored
        self._configured: tuple[Key, ...] = entrance.environment
        self._clock = clock
        self._compare = compare

    @property
    def configured(self) -> tuple[Key, ...]:
        """All keys that were not issued."""
        return self._configured

    def check(self, rules: Iterable[KeyRule]) -> tuple[Key, ...]:
        """All keys but the issued ones under a policy with these. Raises `ConfigError` where nobody could enter."""
        return self._entrance.keys(rules, issued=bool(self._stored.table.rows))

    def configure(self, rules: Iterable[KeyRule]) -> None:
        """Take the keys of a new policy. Raises as `check`; the old ones stay then."""
        self._configured = self.check(rules)

    async def admit(self, text: str, *, nearby: bool) -> Key:
        """The key whose text this is; `nearby` says that who shows it is on this machine.

        An id that was issued a moment ago is looked for in Redis, at most one such reading at a time. Raises
        `Unauthorized`, and `StoreUnavailable` where Redis is away and only it would know.
        """
        found = self._match(text)
        if found is None and (name := issued_id(text)) and self._stored.get(name) is None:
            await self._stored.table.refresh()
            found = self._match(text)
        if found is None:
            raise Unauthorized(NEEDED)
        if found is LOCAL and not nearby:
            raise Unauthorized(NOT_HERE)
        if fault := found.fault(self._clock()):
            raise Unauthorized(f"this API key {fault}")
        return found

    def _match(self, text: str) -> Key | None:
        """Every candidate is compared, the right one first or last: how long it takes tells nothing of a digest."""
        given = digest(text)
        issued = self._stored.get(issued_id(text))
        found = issued if self._compare(issued.digest if issued else NOBODY, given) else None
        for key in self._configured:
            if self._compare(key.digest, given):
                found = key
        return found
