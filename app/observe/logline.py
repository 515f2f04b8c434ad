"""One readable line per request: `key=value`, no text of prompts or answers."""

import json
import logging
import re

from app.domain import MicroUsd
from app.journey import Journey
from app.observe.ending import Ending
from app.observe.labels import clean

LOGGER = "leanserve.request"

_PLAIN = re.compile(r"[\w.:/@+-]+", re.ASCII)


def open_request_log() -> logging.Logger:
    """The logger `leanserve.request` at INFO; to stderr when nothing else in the process takes its lines."""
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
    return logger


def log_line(journey: Journey, end: Ending, duration_s: float, first_chunk_s: float | None, trace_id: str) -> str:
    """E.g. `id=… tenant=acme … cost_usd=0.000123 ms=41.8 first_token_ms=19.0 outcome=success`."""
    caller, usage = journey.request.caller, journey.usage
    fields = {
        "id": journey.request.id,
        "tenant": caller.tenant,
        "feature": caller.feature,
        "tier": journey.tier,
        "cache": journey.cache,
        "in": str(usage.input_tokens),
        "cached": str(usage.cached_tokens),
        "out": str(usage.output_tokens),
        "cost_usd": dollars(journey.cost),
        "ms": _ms(duration_s),
        "first_token_ms": _ms(first_chunk_s),
        "outcome": str(end.outcome),
        "cause": end.cause,
        "trace": trace_id,
    }
    return " ".join(f"{key}={_value(text)}" for key, text in fields.items() if text)


def dollars(cost: MicroUsd) -> str:
    """Exact: six decimals, no float on the way."""
    return f"{cost // 1_000_000}.{cost % 1_000_000:06d}"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f}"


def _value(text: str) -> str:
    # Names come from clients: quoted and escaped, they can forge neither a field nor a line.
    return text if _PLAIN.fullmatch(text) and len(text) <= 128 else json.dumps(clean(text))
