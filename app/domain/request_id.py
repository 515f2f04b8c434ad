"""Ids of requests: made here, never by a client, and they tell when: what is kept of a request is found by its id."""

import secrets
import time

_PREFIX, _HEDGE, _HIT = "req-", "-hedge", "-hit"
_TIME_DIGITS = 12
_RANDOM_BYTES = 10


def new_request_id(now: float | None = None) -> str:
    """`req-`, milliseconds since 1970 as 12 hexadecimal digits, and 80 random bits; `now` is seconds since 1970."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    return f"{_PREFIX}{milliseconds:0{_TIME_DIGITS}x}{secrets.token_hex(_RANDOM_BYTES)}"


def hedge_id(request_id: str) -> str:
    """The id of the reservation, and of the engine's call, that a request's hedge has for itself."""
    return f"{request_id}{_HEDGE}"


def hit_id(request_id: str) -> str:
    """The id of the reservation that pays a hit: an account of the same request may have been closed before."""
    return f"{request_id}{_HIT}"


def retry_id(reservation_id: str, lost: int) -> str:
    """The id of a reservation after so many tries of which nobody heard: each is taken back and barred by its name."""
    return f"{reservation_id}-{lost + 1}" if lost else reservation_id


def without_hedge(name: str) -> str:
    """The request's id behind that of its hedge, or behind its own."""
    return name.removesuffix(_HEDGE)


def time_of(request_id: str) -> float | None:
    """When the request came, seconds since 1970; None for what is no id of ours."""
    digits = request_id.removeprefix(_PREFIX)
    if digits == request_id or len(digits) != _TIME_DIGITS + 2 * _RANDOM_BYTES or not digits.isalnum():
        return None
    try:
        return int(digits[:_TIME_DIGITS], 16) / 1000
    except ValueError:
        return None
