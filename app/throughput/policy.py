"""A measurement as a price, in words and as the policy that follows from it."""

from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import yaml

from app.config.load import policy_document, validated
from app.config.policy import Policy
from app.config.prices import GpuPrice
from app.throughput.rates import Rates


def price_of(rates: Rates, usd_per_hour: Decimal, gpus: Decimal, busy: Decimal, since: str) -> GpuPrice:
    """What tokens cost at these rates; a tenth of a token per second is rounded down. Raises `ConfigError`."""
    cached = None if rates.cached is None else _rate(rates.cached)
    fields = {"from": since, "gpu_usd_per_hour": usd_per_hour, "gpus": gpus, "busy": busy}
    measured = {"input_tokens_per_s": _rate(rates.input), "output_tokens_per_s": _rate(rates.output)}
    return validated(GpuPrice, {**fields, **measured, "cached_input_tokens_per_s": cached}, "price")


def _rate(tokens_per_s: float) -> Decimal:
    return max(Decimal(tokens_per_s).quantize(Decimal("0.1"), ROUND_DOWN), Decimal("0.1"))


def summary(rates: Rates, price: GpuPrice) -> list[str]:
    """What was found, line by line."""
    plain = price.price()
    cached = "not told by the server, priced as other input"
    if price.cached_input_tokens_per_s is not None:
        cached = f"{price.cached_input_tokens_per_s:,} tokens/s, ${plain.cached_input} per million"
    return [
        f"{rates.answers:,} answers, {rates.failures:,} failures",
        f"input:  {price.input_tokens_per_s:,} tokens/s, ${plain.input} per million",
        f"cached: {cached}",
        f"output: {price.output_tokens_per_s:,} tokens/s, ${plain.output} per million",
    ]


def policy_text(name: str, price: GpuPrice, told: list[str], base: Path | None) -> str:
    """YAML: `base` (the policy of this file, or nothing) with the price of `name` from its date on.

    Prices of earlier dates stay: what was spent then was spent at them. `base` is only read, its comments are not
    kept. Raises `ConfigError`.
    """
    document = policy_document(base)
    prices = document.setdefault("prices", {})
    known = prices.get(name, [])
    earlier = [each for each in (known if isinstance(known, list) else [known]) if each.get("from") != price.since]
    prices[name] = [*earlier, _written(price)]
    Policy.model_validate(document)
    lines = ["Measured by `leanserve prices calibrate`. Nothing reads it here: put it where it shall hold.", *told]
    return "".join(f"# {line}\n" for line in lines) + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _written(price: GpuPrice) -> dict[str, Any]:
    said = price.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return dict(said)
