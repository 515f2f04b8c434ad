"""The tiers, prices and policy that prompts are routed by without a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from app.config.gateway import Ability, EchoBackend, EmbedderSpec, GatewayConfig, TierSpec
from app.config.load import check, load, load_policy
from app.config.policy import Policy, merged
from app.config.prices import Price
from app.domain import MicroUsd, TierTerms
from app.errors import ConfigError, InvalidRequest

TIERS = "small,medium,large"

ENDLESS = 10**9
"""Tokens: named tiers without a configuration have no bounds."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All tiers from the cheapest to the best, and the whole policy."""

    tiers: tuple[TierSpec, ...]
    policy: Policy
    embedder: EmbedderSpec


def read_setting(names: Sequence[str], config: Path | None, policy: Path | None) -> Setting:
    """Of the configuration at `config`, or of tiers called `names`; what is said at `policy` replaces the rest.

    Raises `ConfigError`.
    """
    gateway, own = _configured(config) if config else (_named(names), Policy())
    if policy:
        own = merged(own, load_policy(policy))
    if own.routing.policy != "cost":  # the only one that prices decide
        free = {tier.name: Price(input=Decimal(0), output=Decimal(0)) for tier in gateway.tiers}
        own = own.model_copy(update={"prices": {**free, **own.prices}})
    check(gateway, own)
    return Setting(gateway.tiers, own, gateway.embedder)


def _configured(path: Path) -> tuple[GatewayConfig, Policy]:
    file = load(path)
    return file.gateway, file.policy


def _named(names: Sequence[str]) -> GatewayConfig:
    echo = (EchoBackend(kind="echo"),)
    try:
        specs = [
            TierSpec(
                name=name.strip(),
                model=f"model-{name.strip()}",
                context_tokens=ENDLESS,
                max_output_tokens=1024,
                supports=get_args(Ability),
                backends=echo,
            )
            for name in names
        ]
        return GatewayConfig(tiers=tuple(specs))
    except ValidationError as error:
        raise ConfigError("tiers: must be distinct names, small letters, digits and -, with commas between") from error


def named_tiers(text: str) -> tuple[TierTerms, ...]:
    """`small,medium=0.4,large`: names from the cheapest to the best, each with its `capability` or one spread evenly.

    Raises InvalidRequest.
    """
    parts = [part.partition("=") for part in text.split(",")]
    spread = [i / (len(parts) - 1) for i in range(len(parts))] if len(parts) > 1 else [1.0]
    try:
        found = tuple(
            TierTerms(name.strip(), float(own) if own else even, MicroUsd(0))
            for (name, _, own), even in zip(parts, spread, strict=True)
        )
    except ValueError as error:
        raise InvalidRequest("tiers are named `small,medium=0.4,large`", "tiers") from error
    if not all(0 <= tier.capability <= 1 for tier in found):
        raise InvalidRequest("a capability is a number from 0 to 1", "tiers")
    if len({tier.name for tier in found}) < len(found) or not all(tier.name for tier in found):
        raise InvalidRequest("tiers have distinct names", "tiers")
    return found
