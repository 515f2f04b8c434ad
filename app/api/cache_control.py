"""What a client says of the cache: `x-leanserve-cache` and `x-leanserve-cache-tags`.

The directives mean what RFC 9111, section 5.2.1, says of a request's `Cache-Control`. One that is unknown or malformed
is refused rather than ignored: who writes `no-stor` must not find the answer stored.
"""

import re

from starlette.datastructures import Headers

from app.api.names import HEADER, checked_name
from app.domain import CacheControl
from app.errors import InvalidRequest

DIRECTIVES = HEADER + "cache"
TAGS = HEADER + "cache-tags"
MAX_TAGS = 8

_MAX_AGE = re.compile(r"max-age=([0-9]{1,19})")
_PLAIN = frozenset({"no-store", "no-cache", "only-if-cached"})


def cache_control_of(headers: Headers) -> CacheControl:
    """What both headers say together. Raises `InvalidRequest` for what is unknown, malformed or contradicts itself."""
    said = _listed(headers, DIRECTIVES, lower=True)
    ages = {int(found[1]) for part in said if (found := _MAX_AGE.fullmatch(part))}
    if unknown := [part for part in said if part not in _PLAIN and not _MAX_AGE.fullmatch(part)]:
        raise _wrong(f"unknown or malformed directive {unknown[0][:40]!r}")
    if len(ages) > 1:
        raise _wrong("two directives max-age contradict each other")
    if {"only-if-cached", "no-cache"} <= set(said):
        raise _wrong("only-if-cached and no-cache contradict each other")
    return CacheControl(
        read="no-cache" not in said,
        write="no-store" not in said,
        only_if_cached="only-if-cached" in said,
        max_age_s=ages.pop() if ages else None,
        tags=_tags(headers),
    )


def _tags(headers: Headers) -> tuple[str, ...]:
    """Each once, in order."""
    tags = tuple(dict.fromkeys(checked_name(TAGS, tag) for tag in _listed(headers, TAGS)))
    if len(tags) > MAX_TAGS:
        raise InvalidRequest(f"{TAGS}: at most {MAX_TAGS} tags", TAGS)
    return tags


def _listed(headers: Headers, name: str, *, lower: bool = False) -> list[str]:
    """The members of a list header, which may come in several lines (RFC 9110, section 5.6.1); empty ones are none."""
    parts = (part.strip() for line in headers.getlist(name) for part in line.split(","))
    return [part.lower() if lower else part for part in parts if part]


def _wrong(why: str) -> InvalidRequest:
    return InvalidRequest(f"{DIRECTIVES}: {why}", DIRECTIVES)
