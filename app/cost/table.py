"""Prices as people read them: a row for each backend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.config.gateway import TierSpec
from app.config.prices import Price, Prices
from app.cost.price_list import PriceList


@dataclass(frozen=True, slots=True)
class Row:
    """What a backend's tokens cost at a moment; `changes` is when that will change, seconds since 1970."""

    backend: str
    price: Price
    version: str
    changes: float | None


def rows_of(prices: Mapping[str, Prices], tiers: Sequence[TierSpec], at: float) -> list[Row]:
    """In the order of the configuration. Raises `ConfigError` as `PriceList`."""
    listed = PriceList(prices, tiers, now=lambda: at)
    sheet, found = listed.sheet(), listed.prices()
    return [
        Row(name, found.get(name) or found[tier.name], sheet.version(tier.name, name), listed.next_change)
        for tier in tiers
        for name in tier.backend_names()
    ]


def told(row: Row) -> dict[str, Any]:
    """A row as JSON: US dollars per million tokens as exact text."""
    cached = row.price.input if row.price.cached_input is None else row.price.cached_input
    when = "" if row.changes is None else datetime.fromtimestamp(row.changes, UTC).isoformat()
    amounts = {"input": str(row.price.input), "cached_input": str(cached), "output": str(row.price.output)}
    share = {"batch": str(row.price.batch)}
    return {"backend": row.backend, **amounts, **share, "version": row.version, "changes": when}
