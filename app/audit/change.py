"""How changes in configuration are put together."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

import yaml

from app.audit.finding import Place
from app.audit.notes import OTHER
from app.config.gateway import BackendSpec, TierSpec, VllmBackend


def as_yaml(part: Mapping[str, Any]) -> str:
    """One part as YAML; empty where there is nothing to change."""
    return yaml.safe_dump(dict(part), sort_keys=False, allow_unicode=True) if part else ""


def for_features(places: Iterable[Place], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same setting for the feature of each place; requests without a feature follow the general policy."""
    names = dict.fromkeys(place.feature for place in places if place.feature != OTHER)
    named = {"features": {name: dict(own) for name in names if name}}
    return {**(own if "" in names else {}), **(named if named["features"] else {})}


def daily_limits(places: Iterable[Place], days: float) -> Mapping[str, Any]:
    """A budget for each feature: what it spends on a day without what these places cost, in US dollars.

    It holds the bill where LeanServe cannot change the prompt; beyond it a cheaper tier answers.
    """
    left: dict[str, int] = {}
    for place in places:
        left[place.feature] = left.get(place.feature, place.spent_micro_usd) - place.micro_usd
    rules = [
        {"feature": name, "usd": _dollars(amount, days)} for name, amount in left.items() if name not in {"", OTHER}
    ]
    return {"budgets": [{**rule, "window": "day", "on_limit": "downgrade"} for rule in rules]} if rules else {}


def _dollars(micro_usd: int, days: float) -> str:
    """A day's, to the micro-dollar above."""
    exact = Decimal(max(0, micro_usd)) / Decimal(days) / 1_000_000
    return str(exact.quantize(Decimal("0.000001"), rounding=ROUND_CEILING))


def prefix_caches(tiers: Iterable[TierSpec]) -> Mapping[str, Any]:
    """The tiers with engines of ours that were not told to keep prefixes, telling them; nothing where all were."""
    found = [
        {"name": tier.name, "backends": [_caching(each) for each in tier.backends]} for tier in tiers if _lack(tier)
    ]
    return {"tiers": found} if found else {}


def _lack(tier: TierSpec) -> bool:
    return any(isinstance(each, VllmBackend) and not _keeps(each) for each in tier.backends)


def _keeps(backend: VllmBackend) -> bool:
    return backend.llm.get("engine_kwargs", {}).get("enable_prefix_caching") is True


def _caching(backend: BackendSpec) -> dict[str, Any]:
    told = backend.model_dump(mode="json", exclude_defaults=True)
    if isinstance(backend, VllmBackend):
        engine = {**backend.llm.get("engine_kwargs", {}), "enable_prefix_caching": True}
        told = {**told, "llm": {**backend.llm, "engine_kwargs": engine}}
    return told
