"""Routing without a server: JSON lines of prompts in, decisions out, the same ones that the graph would make."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.api.schema import Message
from app.cost.price_list import PriceList
from app.cost.prices import PriceSheet
from app.domain import AUTO_MODEL, GatewayRequest, RouteTerms
from app.embed.batching import Encode
from app.errors import InvalidRequest, NoTier
from app.prompt.keys import KeyMaker
from app.prompt.tokens import estimate_input_tokens
from app.route.complexity import ComplexityRouter
from app.route.constraints import Situation, constrain
from app.route.setting import Setting
from app.route.terms import route_terms
from app.trial.lines import lines_of, written_whole

BATCH = 64
_MESSAGES = TypeAdapter(list[Message])


@dataclass(frozen=True, slots=True)
class Offline:
    """An embedder, a router, and the tiers and policy to route by."""

    encode: Encode
    router: ComplexityRouter
    setting: Setting


@dataclass(frozen=True, slots=True)
class Asked:
    """One line: the canonical text of the last user message, and the terms; or why no tier can serve it."""

    text: str
    terms: RouteTerms | None
    refusal: str = ""


def route_file(source: Path, output: Path, offline: Offline) -> None:
    """The decisions of a file's prompts as JSON lines; `output`, which may be `source` itself, is written whole.

    Raises InvalidRequest, naming file and line, and ConfigError for files that cannot be used.
    """
    with written_whole(output) as out, lines_of(source) as lines:
        texts = (line.decode(errors="replace") for line in lines)
        for decision in route_prompts(texts, offline):
            out.write(json.dumps(decision).encode() + b"\n")


def route_prompts(lines: Iterable[str], offline: Offline) -> Iterator[dict[str, Any]]:
    """For each JSON line `{"prompt": …}` one `{"score", "tier", "p", "uncertain", "reason"}`, in order.

    Blank lines are passed over; `"system"` may stand beside the prompt, `"messages"` instead of it. A prompt that no
    tier can serve has the tier null and the constraints for a reason. Raises InvalidRequest, naming the line, for
    anything else.
    """
    keys = KeyMaker(offline.setting.embedder.identity)
    prices = PriceList(offline.setting.policy.prices, offline.setting.tiers).sheet()
    requests = (request_of(line, number) for number, line in enumerate(lines, start=1) if line.strip())
    asked = (read(request, keys, prices, offline.setting) for request in requests)
    while batch := list(islice(asked, BATCH)):
        for each, vector in zip(batch, offline.encode([each.text for each in batch]), strict=True):
            yield told(each, vector, offline)


def read(request: GatewayRequest, keys: KeyMaker, prices: PriceSheet, setting: Setting) -> Asked:
    """What the gateway would hand to the router."""
    _, text = keys.read(request, setting.policy)
    tokens = estimate_input_tokens(request.payload)
    try:
        found = constrain(setting.tiers, request, setting.policy.routing, prices, tokens, Situation())
    except NoTier as refused:
        return Asked(text, None, refused.message)
    return Asked(text, route_terms(setting.tiers, found, prices, request, tokens))


def told(asked: Asked, vector: bytes, offline: Offline) -> dict[str, Any]:
    """The decision as JSON."""
    if asked.terms is None:
        return {"score": None, "tier": None, "p": {}, "uncertain": False, "reason": asked.refusal}
    routing = offline.setting.policy.routing
    decision = offline.router.judge_offline(vector, asked.text, asked.terms, routing)
    return {
        "score": decision.score,
        "tier": decision.tier,
        "p": dict(decision.p),
        "uncertain": decision.uncertain,
        "reason": decision.reason,
    }


def request_of(line: str, number: int) -> GatewayRequest:
    """The request of one line; its messages are what the API would take. Raises `InvalidRequest`."""
    messages = messages_of(parsed(line))
    if not messages:
        raise InvalidRequest(
            f'line {number} is not a JSON object with a string "prompt" or a list "messages"', "prompt"
        )
    try:
        _MESSAGES.validate_python(messages)
    except ValidationError as error:
        raise InvalidRequest(f"line {number}: {_explained(error)}", "messages") from None
    return GatewayRequest(f"line-{number}", "chat", {"model": AUTO_MODEL, "messages": messages})


def _explained(error: ValidationError) -> str:
    """The first fault, without the value: it may be a prompt."""
    first = error.errors(include_input=False, include_url=False)[0]
    return ".".join(str(part) for part in ("messages", *first["loc"])) + f": {first['msg']}"


def parsed(line: str) -> Mapping[str, Any]:
    """The JSON object of a line; an empty one where it is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def messages_of(asked: Mapping[str, Any]) -> list[Any]:
    """The conversation, `messages` of which nothing is known yet; empty where there is none."""
    messages, prompt, system = asked.get("messages"), asked.get("prompt"), asked.get("system")
    if isinstance(messages, list):
        return messages
    if not isinstance(prompt, str) or not isinstance(system, str | None):
        return []
    first = [{"role": "system", "content": system}] if system else []
    return [*first, {"role": "user", "content": prompt}]
