"""Every key that LeanServe has in Redis, in one place.

`leanserve:{acme}:cache:entry:…`: what belongs to a tenant carries the hash tag `{tenant}`, so that one script sees one
slot of a cluster. Names come from clients and may lie: they are escaped, so that no name reaches the keys of another.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote

from app.domain import Scope, Unit, Window
from app.errors import ConfigError

MAX_NAME = 200  # characters; longer names are hashed, so that a header of a megabyte is no key of a megabyte
_PLAIN = re.compile(rf"[A-Za-z0-9_.~-]{{1,{MAX_NAME}}}")
_PREFIX = re.compile(r"[A-Za-z0-9_.-][A-Za-z0-9_.:-]*")


def escape(name: str) -> str:
    """`name` in the characters `A-Z a-z 0-9 _ . - ~ %`, injectively.

    Percent-encoding (RFC 3986 with nothing safe) never yields `%` alone nor `%%`: the first stands for the empty name
    (Redis Cluster ignores an empty hash tag), the second begins the SHA-256 of a long one.
    """
    if _PLAIN.fullmatch(name):  # most names; quote() costs ten times this
        return name
    if len(name) <= MAX_NAME and len(text := quote(name, safe="", errors="surrogatepass")) <= MAX_NAME:
        return text or "%"
    return "%%" + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds keys below `prefix`. Raises ConfigError for a prefix that could hide the hash tag."""

    prefix: str = "leanserve"

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ConfigError("store.prefix may hold letters, digits and _ . : - only", "store.prefix")

    def cache(self, tenant: str) -> str:
        """The stem of all that the tenant's cache has; scripts append the rest (`app/cache/scripts/catalogue.lua`)."""
        return self._of(tenant, "cache") + ":"

    def entry(self, tenant: str, entry_id: str) -> str:
        """A cache entry."""
        return self._of(tenant, "cache", "entry", entry_id)

    def vectors(self, tenant: str, name: str) -> str:
        """The vector set of one neighbourhood; its elements are entry ids."""
        return self._of(tenant, "cache", "vectors", name)

    def cache_counts(self, tenant: str, day: str) -> str:
        """The hash of what the tenant's caches did on a day."""
        return self._of(tenant, "cache", "counts", day)

    def served(self, tenant: str, request_id: str) -> str:
        """The record of a semantic hit, for a report that it was wrong."""
        return self._of(tenant, "cache", "served", request_id)

    def flight(self, tenant: str, name: str) -> str:
        """Who makes an answer that several may want; the name is that of their requests."""
        return self._of(tenant, "cache", "flight", name)

    def records(self, tenant: str, token: str) -> str:
        """The answer that the leader with this token makes, as far as others asked for it."""
        return self._of(tenant, "cache", "records", token)

    def learn(self, tenant: str) -> str:
        """The stem of the records of the tenant's requests; `app/learn/scripts/records.lua` appends the rest."""
        return self._of(tenant, "learn") + ":"

    def session_tier(self, tenant: str, session: str) -> str:
        """The tier that a conversation is on."""
        return self._of(tenant, "route", "session", session)

    def counter(self, scope: Scope, unit: Unit, window: Window) -> str:
        """What the counters of a limit begin with; scripts append `:` and the window's id."""
        return self._of(scope.tenant, "budget", "counter", scope.kind, scope.name, unit, window)

    def reservation(self, tenant: str, reservation_id: str) -> str:
        """The record of a reservation."""
        return self._of(tenant, "budget", "reservation", reservation_id)

    def deadlines(self, tenant: str) -> str:
        """The sorted set of a tenant's open reservations, by deadline."""
        return self._of(tenant, "budget", "deadlines")

    def tenants(self) -> str:
        """The set of all tenants that ever reserved. It belongs to no tenant and no slot."""
        return f"{self.prefix}:budget:tenants"

    def _of(self, tenant: str, *parts: str) -> str:
        return ":".join((self.prefix, "{" + escape(tenant) + "}", *map(escape, parts)))
