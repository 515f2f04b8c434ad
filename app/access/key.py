"""A key: whose it is, what it may do, and until when. Its text is shown once and never kept."""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from typing import Literal

ANY_TENANT = "*"
"""The tenant of a key that may act for every tenant: the operator's, and the local one."""

ID_LENGTH = 12
SECRET_BYTES = 32
_ID_LETTERS = string.ascii_lowercase + string.digits
_ISSUED = re.compile(rf"ls-([a-z0-9]{{{ID_LENGTH}}})-[A-Za-z0-9_-]{{20,100}}")

KeySource = Literal["stored", "policy", "environment", "local"]
"""Where a key comes from: issued and stored in Redis, of the policy, of the environment, or the local default."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key may do. None stands for all.

    `models` are tiers and model ids: a tier's name, or its own model's id, gives the tier; an adapter's id gives that
    alone. `features` may be named, no other; of a single one its requests are, said or not. Requests are of `team` and
    `user`, where those are set, and may not say otherwise. `admin` opens `/admin` for the key's tenant.
    """

    models: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    team: str = ""
    user: str = ""
    admin: bool = False

    @property
    def whole_tenant(self) -> bool:
        """Whether it may see what all of the tenant's features and users did."""
        return self.features is None and not self.team and not self.user


NO_LIMITS = Rights()


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `digest` is SHA-256 of its text, hex; times are seconds since 1970.

    A replaced key (`replaced_by` is the id of its successor) works until `retires`. `former` are the ids of those that
    this one took over from, the first of them first: what limits them limits it.
    """

    id: str
    tenant: str
    name: str
    digest: str
    rights: Rights = NO_LIMITS
    created: float = 0.0
    expires: float | None = None
    disabled: bool = False
    replaced_by: str = ""
    retires: float | None = None
    source: KeySource = "stored"
    former: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """What is shown of it: enough to find it in a list, nothing to enter with."""
        return f"ls-{self.id}-…" if self.source == "stored" else ""

    @property
    def operator(self) -> bool:
        """Whether it is an admin of all tenants."""
        return self.rights.admin and self.tenant == ANY_TENANT

    def fault(self, now: float) -> str:
        """Why it does not open anything now, or nothing."""
        if self.disabled:
            return "is disabled"
        if self.expires is not None and now >= self.expires:
            return "has expired"
        if self.retires is not None and now >= self.retires:
            return "was replaced by another"
        return ""


def new_id() -> str:
    """62 bits of chance: ids are public and never used again."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(ID_LENGTH))


def new_text(key_id: str) -> str:
    """A key's text. Its 256 bits of chance need no salt and no slow hash: nobody guesses them."""
    return f"ls-{key_id}-{secrets.token_urlsafe(SECRET_BYTES)}"


def digest(text: str) -> str:
    """SHA-256 of a key's text, hex: all that is kept of it."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def issued_id(text: str) -> str:
    """The id that the text of an issued key names; empty where it is none."""
    found = _ISSUED.fullmatch(text)
    return found[1] if found else ""


def derived_id(*names: str) -> str:
    """A public id, always the same, for a key that was not issued."""
    return hashlib.sha256("\0".join(names).encode(errors="surrogatepass")).hexdigest()[:ID_LENGTH]
