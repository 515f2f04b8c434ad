"""Routing without a server: JSON lines of prompts in, scores and tiers out."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from app.config.policy import RoutingPolicy
from app.embed.batching import Encode
from app.errors import InvalidRequest
from app.route.decide import decide
from app.route.features import glance
from app.route.head import ComplexityHead

BATCH = 64


def score_prompts(
    lines: Iterable[str], *, encode: Encode, head: ComplexityHead, policy: RoutingPolicy, tiers: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """For each JSON line `{"prompt": …}` one `{"score", "tier", "reason"}`, in order; blank lines are passed over.

    `tiers` are named from the cheapest to the best. Raises InvalidRequest, naming the line, for anything else than an
    object with a string `prompt`.
    """
    prompts = (prompt_of(line, number) for number, line in enumerate(lines, start=1) if line.strip())
    while batch := list(islice(prompts, BATCH)):
        for prompt, vector in zip(batch, encode(batch), strict=True):
            decision = decide(head.score(vector, prompt), glance(prompt), policy, tiers)
            yield {"score": decision.score, "tier": decision.tier, "reason": decision.reason}


def prompt_of(line: str, number: int) -> str:
    """The prompt of one line."""
    try:
        prompt = json.loads(line)["prompt"]
    except (ValueError, KeyError, TypeError):
        prompt = None
    if not isinstance(prompt, str):
        raise InvalidRequest(f'line {number} is not a JSON object with a string "prompt"', "prompt")
    return prompt
