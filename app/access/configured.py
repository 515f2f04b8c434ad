"""Keys that nobody issued: of the policy, of the environment, and the local default."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.access.key import ANY_TENANT, Key, Rights, derived_id, digest
from app.config.keys import KeyRule
from app.errors import ConfigError

API_KEYS = "LEANSERVE_API_KEYS"
ADMIN_KEY = "LEANSERVE_ADMIN_KEY"  # its name, not a key

LOCAL_TEXT = "local"
LOCAL = Key("local", ANY_TENANT, "local", digest(LOCAL_TEXT), Rights(admin=True), source="local")
"""Opens everything, as any tenant, for who is on the machine itself."""

NO_KEYS = (
    f"nobody could enter, and nobody may without a key: HTTP is not bound to loopback. Set {API_KEYS} or {ADMIN_KEY}, "
    "write `keys` into the policy, or `leanserve keys issue` one into this Redis"
)


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a server starts with: the keys of its environment, and whether HTTP is bound to loopback only."""

    environment: tuple[Key, ...] = ()
    loopback: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str], http_host: str) -> "Entrance":
        """Raises `ConfigError`, naming no key."""
        return cls(tuple(environment_keys(environ)), is_loopback(http_host))

    def keys(self, rules: Iterable[KeyRule], *, issued: bool) -> tuple[Key, ...]:
        """All keys but the issued ones; the local key where nobody configured any and only this machine can ask.

        Raises `ConfigError` where nobody could enter: not a key is configured, none is `issued`, and others can ask.
        """
        if found := (*self.environment, *map(of_rule, rules)):
            return found
        if not (self.loopback or issued):
            raise ConfigError(NO_KEYS)
        return (LOCAL,) if self.loopback else ()


def environment_keys(environ: Mapping[str, str]) -> list[Key]:
    """From `LEANSERVE_API_KEYS` (`tenant:key,tenant:key`) and `LEANSERVE_ADMIN_KEY`. Raises `ConfigError`."""
    pairs = [part.strip().partition(":") for part in environ.get(API_KEYS, "").split(",") if part.strip()]
    if any(not tenant or not text or tenant == ANY_TENANT for tenant, _, text in pairs):
        raise ConfigError(f"{API_KEYS} must be a list of tenant:key, separated by commas")
    found = [_environment_key(tenant, text, Rights()) for tenant, _, text in pairs]
    if admin := environ.get(ADMIN_KEY, "").strip():
        found.append(_environment_key(ANY_TENANT, admin, Rights(admin=True)))
    if len({key.digest for key in found}) < len(found):
        raise ConfigError(f"{API_KEYS} and {ADMIN_KEY} must name each key once")
    return found


def _environment_key(tenant: str, text: str, rights: Rights) -> Key:
    """Its id is a hash of a hash of it: the same in every replica, and the environment names it no other way."""
    found = digest(text)
    name = ADMIN_KEY if rights.admin else API_KEYS
    return Key(derived_id(tenant, found), tenant, name, found, rights, source="environment")


def of_rule(rule: KeyRule) -> Key:
    """A key of the policy."""
    rights = Rights(rule.models, rule.features, rule.team, rule.user, rule.admin)
    expires = rule.expires.timestamp() if rule.expires else None
    identity = derived_id(rule.tenant, rule.name)
    return Key(identity, rule.tenant, rule.name, rule.sha256, rights, expires=expires, source="policy")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to `host`. A name but `localhost` is not looked up."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
