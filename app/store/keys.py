"""Every key that LeanServe has in Redis, in one place.

`leanserve:{acme}:cache:entry:…`: what belongs to a tenant carries the hash tag `{tenant}`, so that one script sees one
slot of a cluster. Names come from clients and may lie: they are escaped, so that no name reaches the keys of another.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from app.errors import ConfigError

MAX_NAME = 200  # characters; longer names are hashed, so that a header of a megabyte is no key of a megabyte
_PLAIN = re.compile(rf"[A-Za-z0-9_.~-]{{1,{MAX_NAME}}}")
Revised = Literal["stops", "keys", "budgets"]
"""What is read again by every ingress replica when it changed: stopped scopes, stored keys, stored budgets."""

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

    def ledger(self, tenant: str) -> str:
        """The stem of the tenant's ledger; `app/ledger/scripts/ledger.lua` says what comes behind it."""
        return self._of(tenant, "ledger") + ":"

    def ledger_name(self) -> str:
        """The name of this store's ledger: spools of another one are not for it."""
        return self._common("ledger", "name")

    def session_tier(self, tenant: str, session: str) -> str:
        """The tier that a conversation is on."""
        return self._of(tenant, "route", "session", session)

    def agents(self, tenant: str) -> str:
        """The stem of the records of the tenant's sessions; the escaped name completes it."""
        return self._of(tenant, "agents", "session") + ":"

    def counters(self, tenant: str) -> str:
        """The hash of all counters of a tenant's scopes."""
        return self._of(tenant, "budget", "counters")

    def used(self, tenant: str) -> str:
        """The hash of what is used for good of what is held, by counter and bucket."""
        return self._of(tenant, "budget", "used")

    def reservation(self, tenant: str, reservation_id: str) -> str:
        """The record of a reservation."""
        return self._of(tenant, "budget", "reservation", reservation_id)

    def made(self, tenant: str, reservation_id: str, attempt: int) -> str:
        """What an engine made of an attempt that was cut off."""
        return self._of(tenant, "budget", "made", reservation_id, str(attempt))

    def open(self, tenant: str, holder: str) -> str:
        """The sorted set of a tenant's open reservations at one holder, by deadline."""
        return self._of(tenant, "budget", "open", holder)

    def stops(self, tenant: str) -> str:
        """The hash of a tenant's stopped scopes: why."""
        return self._of(tenant, "budget", "stops")

    def every_stop(self) -> str:
        """The same of all tenants, for who watches."""
        return self._common("budget", "stops")

    def revision(self, what: Revised) -> str:
        """A number that changes after `what` did."""
        return self._common("revision", what)

    def beats(self) -> str:
        """The hash of all holders: when each last gave a sign."""
        return self._common("budget", "beats")

    def looks(self) -> str:
        """Since when somebody looks at the beats."""
        return self._common("budget", "looks")

    def tenants(self, holder: str) -> str:
        """The set of tenants that a holder ever reserved for."""
        return self._common("budget", "tenants", holder)

    def _common(self, *parts: str) -> str:
        """What belongs to no tenant, in one slot: no escaped name is `*`."""
        return ":".join((self.prefix, "{*}", *map(escape, parts)))

    def issued_keys(self) -> str:
        """The hash of all issued API keys: who enters has no tenant yet."""
        return self._common("access", "keys")

    def stored_budgets(self) -> str:
        """The hash of the budget rules that the policy does not hold, of all tenants: a rule may be for each."""
        return self._common("budget", "rules")

    def _of(self, tenant: str, *parts: str) -> str:
        return ":".join((self.prefix, "{" + escape(tenant) + "}", *map(escape, parts)))
