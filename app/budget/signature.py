"""Signatures of the Standard Webhooks specification 1.0: the key of a secret, and what is signed with it."""

import base64
import hashlib
import hmac

from app.errors import ConfigError

WEBHOOK_SECRET = "LEANSERVE_WEBHOOK_SECRET"  # noqa: S105 - its name, not a secret
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
"""Of a key, by the specification. Without the prefix any other length is a password that happens to be base64."""
WANTED = (
    f"{WEBHOOK_SECRET} must be {PREFIX} and a key of {KEY_BYTES[0]} to {KEY_BYTES[-1]} bytes in base64: "
    f"`echo {PREFIX}$(openssl rand -base64 32)` makes one"
)


def webhook_key(secret: str) -> bytes:
    """The key that receivers take from the same `secret`; empty where there is none. Raises `ConfigError`.

    As the specification's own libraries do: padding, white space and the prefix may be missing or there.
    """
    if not (text := "".join(secret.split())):
        return b""
    try:
        key = _decoded(text.removeprefix(PREFIX))
    except ValueError:
        raise ConfigError(WANTED) from None
    if not key or not (text.startswith(PREFIX) or len(key) in KEY_BYTES):
        raise ConfigError(WANTED)
    return key


def signature(key: bytes, name: str, at: str, body: bytes) -> str:
    """`webhook-signature` of the message `name`, sent `at` (seconds since 1970)."""
    signed = hmac.digest(key, f"{name}.{at}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed).decode()


def _decoded(text: str) -> bytes:
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
