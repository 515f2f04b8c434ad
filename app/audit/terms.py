"""The terms of an audit: tiers, prices and policy; and what a line would have cost otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from app.audit.case import Line
from app.config.gateway import TierSpec
from app.config.policy import Policy
from app.cost.price_list import PriceList
from app.cost.prices import PriceSheet
from app.domain import Usage
from app.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Terms:
    """`tiers` from the cheapest to the best, the `policy` of now and its `prices`.

    What was paid is the ledger's; a fix scales it by the prices of now, of the line with the fix to the line without.
    So a price that changed since, a batch discount or a rounding never makes a fix save more than was paid.
    """

    tiers: Sequence[TierSpec]
    policy: Policy
    prices: PriceSheet
    _policies: dict[str, Policy] = field(default_factory=dict)

    def policy_of(self, feature: str) -> Policy:
        """As the feature sees it."""
        if feature not in self.policy.features:
            return self.policy
        if feature not in self._policies:
            self._policies[feature] = self.policy.for_feature(feature)
        return self._policies[feature]

    def is_cheaper(self, tier: str, than: str) -> bool:
        """By their places; no where one of them is no tier of now."""
        places = {spec.name: place for place, spec in enumerate(self.tiers)}
        return tier in places and than in places and places[tier] < places[than]

    def with_tokens(self, line: Line, input_tokens: int, cached_tokens: int, output_tokens: int) -> Line:
        """`line` with these tokens, at most those that it had; a line without a price of now keeps its cost."""
        old, new = self._cost(line), None
        changed = msgspec.structs.replace(
            line,
            input_tokens=input_tokens,
            cached_tokens=min(cached_tokens, input_tokens),
            output_tokens=output_tokens,
            reasoning_tokens=min(line.reasoning_tokens, output_tokens),
        )
        if old is not None:
            new = self._cost(changed)
        return _scaled(changed, old, new)

    def at_tier(self, line: Line, tier: str) -> Line:
        """`line` at the cheapest backend of another tier, nothing being cached there."""
        spec = next(each for each in self.tiers if each.name == tier)
        old = self._cost(line)
        new = self.prices.expected(spec, line.input_tokens, line.output_tokens)
        changed = msgspec.structs.replace(line, tier=tier, backend=spec.backend_names()[0], cached_tokens=0)
        return _scaled(changed, old, new)

    def knows(self, line: Line) -> bool:
        """Whether there is a price of now for it."""
        return self._cost(line) is not None

    def _cost(self, line: Line) -> int | None:
        try:
            return self.prices.cost(
                line.tier, line.backend, Usage(line.input_tokens, line.cached_tokens, line.output_tokens)
            )
        except ConfigError:
            return None


def terms_of(tiers: Sequence[TierSpec], policy: Policy) -> Terms:
    """By the policy's prices of now. Raises `ConfigError` for a tier without any."""
    return Terms(tiers, policy, PriceList(policy.prices, tiers).sheet())


def _scaled(line: Line, old: int | None, new: int | None) -> Line:
    """`line` at its own cost times `new` to `old`, rounded up, and never more than it cost."""
    if old is None or new is None or new >= old:
        return line
    return msgspec.structs.replace(line, micro_usd=-(-line.micro_usd * new // old))
