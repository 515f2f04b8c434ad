"""What neither the tiers nor the policy can see alone."""

import logging
from collections.abc import Collection, Iterator, Sequence

from app.config.gateway import TierSpec
from app.config.policy import Policy
from app.config.routing import RoutingPolicy
from app.errors import ConfigError

logger = logging.getLogger("leanserve.config")

DEFAULTS = RoutingPolicy().thresholds
"""Thresholds that nobody wrote, or wrote as they are: they may be of tiers that are not there."""


def check_routing(policy: Policy, tiers: Sequence[str]) -> None:
    """Every routing policy, the general one and each feature's, names only `tiers` (cheapest to best) and fits them.

    Raises `ConfigError`, naming the place.
    """
    for place, routing in _policies(policy):
        for fault in _faults(routing, tiers):
            raise ConfigError(f"{place}.{fault}")


def check_keys(policy: Policy, known: Collection[str]) -> None:
    """Every key's `models` are `known` tiers and model ids. Raises `ConfigError`, naming the place."""
    for place, key in enumerate(policy.keys):
        if unknown := [name for name in key.models or () if name not in known]:
            raise ConfigError(f"keys.{place}.models: no tier or model is called {unknown[0]!r}")


def warn_of_misfits(policy: Policy, tiers: Sequence[TierSpec]) -> None:
    """Say in the log which settings come to nothing with these tiers, from the cheapest to the best."""
    warn_of_thresholds(policy, [tier.name for tier in tiers])
    if policy.attempts.hedge and all(len(tier.backends) == 1 for tier in tiers):
        logger.warning("attempts.hedge: no tier has a second backend, so that no request is hedged")


def warn_of_thresholds(policy: Policy, tiers: Sequence[str]) -> None:
    """Say in the log which of `tiers` (cheapest to best) no threshold leads to, because thresholds name other tiers.

    The default thresholds fit any tiers, so that this is no error; a feature is named where it differs.
    """
    general = _unreached(policy.routing, tiers)
    for place, routing in _policies(policy):
        text = _unreached(routing, tiers)
        if text and (place == "routing" or text != general):
            logger.warning("%s.%s", place, text)


def _unreached(routing: RoutingPolicy, tiers: Sequence[str]) -> str:
    """What the log says of one routing policy, after its place; empty where all is well."""
    strange = [name for name in routing.thresholds if name not in tiers]
    unreached = [name for name in tiers[:-1] if name not in routing.thresholds]
    if routing.policy != "thresholds" or not strange or not unreached:
        return ""
    named = ", ".join(f"{name}: {value:g}" for name, value in routing.thresholds.items())
    return (
        f"thresholds: {{{named}}} do not fit the tiers {', '.join(tiers)}: no score leads to {', '.join(unreached)}, "
        f"a better tier is paid instead; write a threshold for each tier but {tiers[-1]}"
    )


def _policies(policy: Policy) -> Iterator[tuple[str, RoutingPolicy]]:
    yield "routing", policy.routing
    for feature in policy.features:
        yield f"features.{feature}.routing", policy.for_feature(feature).routing


def _faults(routing: RoutingPolicy, tiers: Sequence[str]) -> Iterator[str]:
    """What is wrong, each after the setting's name."""
    known = ", ".join(tiers)
    yield from (f"{where}: no tier is called {name!r}; there are {known}" for where, name in _unknown(routing, tiers))
    floor, ceiling = (_place(name, tiers) for name in (routing.min_tier, routing.max_tier))
    if floor is not None and ceiling is not None and floor > ceiling:
        yield f"min_tier: {routing.min_tier} is above max_tier, {routing.max_tier}"
    named = [name for name in tiers if name in routing.thresholds]
    values = [routing.thresholds[name] for name in named]
    if values != sorted(values):
        yield f"thresholds: must rise from the cheapest tier to the best, {' < '.join(named)}"
    if routing.policy == "cost" and routing.mean_usd_per_million is None:
        yield "mean_usd_per_million: the policy `cost` needs it"


def _unknown(routing: RoutingPolicy, tiers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names of no tier, and where they stand."""
    for name, value in routing.thresholds.items():
        if name not in tiers and DEFAULTS.get(name) != value:
            yield "thresholds", name
    yield from (("calibration", name) for name in routing.calibration if name not in tiers)
    for where, bound in (("min_tier", routing.min_tier), ("max_tier", routing.max_tier)):
        if bound is not None and bound not in tiers:
            yield where, bound


def _place(name: str | None, tiers: Sequence[str]) -> int | None:
    return tiers.index(name) if name in tiers else None
