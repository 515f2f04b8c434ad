"""Tiers, terms, requests, and a head of two regions for the tests of routing."""

import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from app.config.gateway import GatewayConfig, TierSpec
from app.config.prices import Price
from app.cost.prices import PriceSheet
from app.domain import Caller, GatewayRequest, MicroUsd, RouteTerms, TierTerms
from app.route.features import NAMES
from app.route.weights_file import Weights

TIERS = ("small", "medium", "large")
PRICES = {"small": "1", "medium": "3", "large": "10"}


class Weighed(str):
    """A text that remembers the threads on which its bytes were read."""

    def __init__(self, _text: str) -> None:
        self.threads: list[threading.Thread] = []

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        self.threads.append(threading.current_thread())
        return super().encode(encoding, errors)


def tier(name: str, **options: Any) -> dict[str, Any]:
    """A tier of 4,096 tokens."""
    spec = {"name": name, "model": f"m-{name}", "context_tokens": 4096, "max_output_tokens": 64}
    return {**spec, "backends": [{"kind": "echo"}], **options}


def specs(*tiers: dict[str, Any]) -> list[TierSpec]:
    """Three tiers, unless said otherwise."""
    return list(GatewayConfig.model_validate({"tiers": tiers or [tier(name) for name in TIERS]}).tiers)


def sheet(prices: Mapping[str, str] | None = None) -> PriceSheet:
    """As much for output as for input, US dollars per million tokens."""
    said = prices or PRICES
    return PriceSheet({name: Price(input=Decimal(usd), output=Decimal(usd)) for name, usd in said.items()})


def request(text: str = "Say hello", *, min_tier: str = "", max_tier: str = "", **payload: Any) -> GatewayRequest:
    """A chat request for `auto`."""
    messages = [{"role": "user", "content": text}]
    body = {"model": "auto", "messages": messages, **payload}
    return GatewayRequest("r", "chat", body, Caller("acme", session="s"), min_tier=min_tier, max_tier=max_tier)


def terms(
    *allowed: str, excluded: Mapping[str, str] | None = None, capabilities: tuple[float, ...] = (0.0, 0.5, 1.0)
) -> RouteTerms:
    """Of `TIERS` those `allowed` (all by default), at `PRICES`."""
    every = tuple(
        TierTerms(name, capability, MicroUsd(1), Decimal(PRICES[name]))
        for name, capability in zip(TIERS, capabilities, strict=True)
    )
    chosen = tuple(each for each in every if each.name in (allowed or TIERS))
    return RouteTerms(chosen, dict(excluded or {}), catalog=every)


def weights(
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0),
    calibration: tuple[tuple[float, float], tuple[float, float]] = ((1, 0), (1, 0)),
) -> Weights:
    """Of embeddings of two components: one region along each axis, which knows both scores; text features are nothing.

    In the middle of the region `near` a weak model scores ½, a strong one 1, beside `bias`; of `far` none knows.
    """
    none = np.zeros(len(NAMES), dtype=np.float32)
    return Weights(
        mean=none,
        scale=none + 1,
        weight=none,
        centres=np.hstack([np.eye(2, dtype=np.float32), np.stack([none, none])]),
        width=np.array(1, dtype=np.float32),
        coefficients=np.array([[0.5, 1, 0.5], [0, 0, 0]], dtype=np.float32),
        bias=np.array(bias, dtype=np.float32),
        calibration=np.array(calibration, dtype=np.float32),
        domains=np.array(["near", "far"]),
        success=np.array([0.75, 0.25], dtype=np.float32),
        reference=np.array([[0.1, 0.5, 0.9]], dtype=np.float32),
    )
