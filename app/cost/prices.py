"""Money: tokens times prices, in integers. US dollars per million tokens are micro-USD per token, the same number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import lcm

from app.config.gateway import TierSpec
from app.config.policy import Price
from app.domain import MicroUsd, Usage
from app.errors import ConfigError


@dataclass(frozen=True, slots=True)
class _Rate:
    """Micro-USD per token as whole multiples of 1/`scale`, so that any decimal price is exact.

    `blended` is `Price.blended`.
    """

    input: int
    cached: int
    output: int
    scale: int
    blended: Decimal

    def of(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> MicroUsd:
        """`input_tokens` without the cached ones; rounded up to whole micro-USD."""
        exact = input_tokens * self.input + cached_tokens * self.cached + output_tokens * self.output
        return MicroUsd(-(-exact // self.scale))

    def cost(self, usage: Usage) -> MicroUsd:
        """An engine that reports more cached tokens than input tokens must not make the input negative."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        return self.of(usage.input_tokens - cached, cached, usage.output_tokens)


def _rate(price: Price) -> _Rate:
    cached = price.input if price.cached_input is None else price.cached_input
    scale = lcm(*(part.as_integer_ratio()[1] for part in (price.input, cached, price.output)))
    return _Rate(
        _scaled(price.input, scale), _scaled(cached, scale), _scaled(price.output, scale), scale, price.blended
    )


def _scaled(amount: Decimal, scale: int) -> int:
    numerator, denominator = amount.as_integer_ratio()
    return numerator * (scale // denominator)


class PriceSheet:
    """The prices of a policy, by backend name (`small/vllm`) or by tier; a backend's own price goes first.

    Anything without a price raises `ConfigError`: nothing is free by mistake.
    """

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._rates = {name: _rate(price) for name, price in prices.items()}

    def cost(self, tier: str, backend: str, usage: Usage) -> MicroUsd:
        """What one attempt cost, rounded up to whole micro-USD."""
        return self._rate_of(tier, backend).cost(usage)

    def at_tier(self, tier: TierSpec, usage: Usage) -> MicroUsd:
        """What `usage` would have cost at the tier, at the backend that is tried first."""
        return self._cheapest(tier).cost(usage)

    def worst_case(self, tiers: Sequence[TierSpec], input_tokens: int, output_tokens: int) -> MicroUsd:
        """The dearest single attempt among all backends of the candidate `tiers`, with the worse of cached and not."""
        places = [(tier.name, backend) for tier in tiers for backend in tier.backend_names()]
        return max(self.most(tier, backend, input_tokens, output_tokens) for tier, backend in places)

    def most(self, tier: str, backend: str, input_tokens: int, output_tokens: int) -> MicroUsd:
        """What one attempt at a backend costs at most, whether it finds its input cached or not."""
        rate = self._rate_of(tier, backend)
        return max(rate.of(input_tokens, 0, output_tokens), rate.of(0, input_tokens, output_tokens))

    def expected(self, tier: TierSpec, input_tokens: int, output_tokens: int) -> MicroUsd:
        """What an attempt at the tier costs where its cheapest backend answers, nothing being cached."""
        return self._cheapest(tier).of(input_tokens, 0, output_tokens)

    def per_million(self, tier: TierSpec) -> Decimal:
        """US dollars per million tokens at the tier's cheapest backend, three input tokens to one output token."""
        return self._cheapest(tier).blended

    def _cheapest(self, tier: TierSpec) -> _Rate:
        """Of the backend that is tried first; see `app.tiers.attempts.cheapest_first`."""
        rates = [self._rate_of(tier.name, backend) for backend in tier.backend_names()]
        return min(rates, key=lambda rate: rate.blended)

    def check(self, tiers: Sequence[TierSpec]) -> None:
        """Raise `ConfigError` for a backend without a price, and for a `tier/backend` price that no backend has."""
        backends = {backend: tier.name for tier in tiers for backend in tier.backend_names()}
        missing = [name for name, tier in backends.items() if name not in self._rates and tier not in self._rates]
        if missing:
            raise ConfigError(f"prices: none for {', '.join(missing)}; name the backend or its tier")
        unused = [name for name in self._rates if "/" in name and name not in backends]
        if unused:
            raise ConfigError(f"prices: no backend is called {', '.join(unused)}; there are {', '.join(backends)}")

    def _rate_of(self, tier: str, backend: str) -> _Rate:
        rate = self._rates.get(backend) or self._rates.get(tier)
        if rate is None:
            raise ConfigError(f"prices: none for {backend} nor for {tier}")
        return rate
