"""What providers ask for their models: the price list that the package genai-prices carries, never one from the net."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Any

from app.config.prices import ListedPrice, Price
from app.errors import ConfigError

PACKAGE = "genai-prices"


def list_version() -> str:
    """Which list that is: `genai-prices-0.2.3`."""
    return f"{PACKAGE}-{version(PACKAGE)}"


def changes_of(listed: ListedPrice) -> list[float]:
    """When the model's price changed or will change, seconds since 1970. Raises `ConfigError` as `price_at`."""
    return [_midnight(each.constraint.start_date) for each in _conditions(listed) if each.constraint]


def price_at(listed: ListedPrice, at: float, context_tokens: int | None) -> Price:
    """The price in force at `at`, seconds since 1970.

    `context_tokens` is the most that a request may have: a price that depends on the length is known where that stays
    below its first step. Raises `ConfigError` for a model that the list does not know, for a price that it does not
    tell, and for one that depends on the length or on the hour.
    """
    _conditions(listed)
    found = _model(listed.upstream).get_prices(datetime.fromtimestamp(max(at, 0.0), UTC))
    told = [_plain(listed, getattr(found, name), context_tokens) for name in ("input_mtok", "output_mtok")]
    if told[0] is None or told[1] is None:
        raise ConfigError(f"prices: {list_version()} tells no price per token for {listed.upstream}; write the numbers")
    cached = _plain(listed, found.cache_read_mtok, context_tokens)
    return Price(input=told[0], output=told[1], cached_input=cached, batch=listed.batch)


def _conditions(listed: ListedPrice) -> Sequence[Any]:
    """Prices by date; none where there is only one."""
    prices = _model(listed.upstream).prices
    found = prices if isinstance(prices, list) else []
    if any(not hasattr(each.constraint, "start_date") for each in found if each.constraint):
        raise ConfigError(f"prices: what {listed.upstream} costs depends on the hour; write the numbers")
    return found


def _plain(listed: ListedPrice, price: Any, context_tokens: int | None) -> Decimal | None:
    if price is None or isinstance(price, Decimal):
        return price
    if context_tokens is None or context_tokens > price.tiers[0].start:
        raise ConfigError(
            f"prices: what {listed.upstream} costs depends on the length, from {price.tiers[0].start:,} tokens on: "
            "give the tier a shorter context_tokens, or write the numbers"
        )
    return Decimal(price.base)


@cache
def _model(upstream: str) -> Any:
    try:
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - a sixth of a second, and only where named
    except ImportError as error:
        raise ConfigError(f"prices: {upstream} needs the package {PACKAGE}") from error
    provider, _, model = upstream.partition("/")
    try:
        return get_snapshot().find_provider_model(model, None, provider, None)[1]
    except LookupError as error:
        raise ConfigError(f"prices: {list_version()} does not know {upstream}") from error


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
