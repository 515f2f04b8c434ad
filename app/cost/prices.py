"""Money: tokens times prices, in integers. US dollars per million tokens are micro-USD per token, the same number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from math import lcm

from app.config.gateway import TierSpec
from app.config.prices import Price
from app.domain import Lane, MicroUsd, Usage
from app.errors import ConfigError


@dataclass(frozen=True, slots=True)
class _Rate:
    """Micro-USD per token as whole multiples of 1/`scale`, so that any decimal price is exact.

    `blended` is `Price.blended`; `version` names the numbers.
    """

    input: int
    cached: int
    output: int
    scale: int
    blended: Decimal
    version: str

    def of(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> MicroUsd:
        """`input_tokens` without the cached ones; rounded up to whole micro-USD."""
        exact = input_tokens * self.input + cached_tokens * self.cached + output_tokens * self.output
        return MicroUsd(-(-exact // self.scale))

    def cost(self, usage: Usage) -> MicroUsd:
        """An engine that reports more cached tokens than input tokens must not make the input negative."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        return self.of(usage.input_tokens - cached, cached, usage.output_tokens)


def _rate(price: Price, lane: Lane, note: str) -> _Rate:
    share = price.batch if lane is Lane.BATCH else Decimal(1)
    cached = price.input if price.cached_input is None else price.cached_input
    parts = [part * share for part in (price.input, cached, price.output)]
    scale = lcm(*(part.as_integer_ratio()[1] for part in parts))
    whole = [_scaled(part, scale) for part in parts]
    return _Rate(whole[0], whole[1], whole[2], scale, price.blended * share, _version(parts, note))


def _scaled(amount: Decimal, scale: int) -> int:
    numerator, denominator = amount.as_integer_ratio()
    return numerator * (scale // denominator)


def _version(parts: Sequence[Decimal], note: str) -> str:
    """Eight hex digits of the numbers, behind what else is known of the price."""
    numbers = "/".join(str(part.normalize()) for part in parts)
    return f"{note}{blake2b(numbers.encode(), digest_size=4).hexdigest()}"


class PriceSheet:
    """The prices of one moment, by backend name (`small/vllm`) or by tier; a backend's own price goes first.

    `lane` is that of the requests that are priced. `notes` stand before the versions of prices, by name. Anything
    without a price raises `ConfigError`: nothing is free by mistake.
    """

    def __init__(
        self, prices: Mapping[str, Price], lane: Lane = Lane.INTERACTIVE, notes: Mapping[str, str] | None = None
    ) -> None:
        known = notes or {}
        self._rates = {name: _rate(price, lane, known.get(name, "")) for name, price in prices.items()}

    def cost(self, tier: str, backend: str, usage: Usage) -> MicroUsd:
        """What one attempt cost, rounded up to whole micro-USD."""
        return self._rate_of(tier, backend).cost(usage)

    def version(self, tier: str, backend: str) -> str:
        """Which price that is: its date, where the numbers are from, a hash of them; `2026-12-01.5f2c9a01`, say."""
        return self._rate_of(tier, backend).version

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

    def rank(self, tier: str, backend: str) -> Decimal:
        """What the backends of a tier are tried in order of: US dollars per million tokens, 0 without any price."""
        rate = self._rates.get(backend) or self._rates.get(tier)
        return rate.blended if rate else Decimal(0)

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
