"""How far a request may be cached: not at all, for the very same request, or for one that asks the same.

A request is as eligible as the strictest part of it. Everything is read from the request and its policy; nothing is
looked up, so that the same request always gets the same ruling.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from app.config.policy import CachePolicy, Eligibility, Policy
from app.domain import Caller, GatewayRequest, PromptKeys
from app.prompt.asks import read_asks
from app.prompt.keys import KeyMaker

DEFAULT_TEMPERATURE = 1.0
"""What OpenAI's API reference takes where a request names none."""

READ_TURNS = 4
"""Of a conversation the user's last turns, and of a list the first prompts, whose words are read: bounded work."""

_RANK: dict[Eligibility, int] = {"no": 0, "exact": 1, "semantic": 2}
_LOGPROBS = ("logprobs", "prompt_logprobs")
_TOOLS = ("tools", "functions")
_CALLS = ("tool_calls", "function_call")
_GUIDED = ("guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs")
"""vLLM's own ways to ask for structured output."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """How far a request may be cached, and the first of its parts that allows no more; empty where all do."""

    level: Eligibility
    reason: str = ""


def identify(maker: KeyMaker, request: GatewayRequest, policy: Policy) -> tuple[PromptKeys, str, Ruling]:
    """The request's keys, the canonical text of its last user message, and its ruling.

    What may not be compared by meaning has no neighbourhood: neither lookup nor store can forget that.
    """
    keys, text = maker.read(request, policy)
    ruling = judge(request, policy.cache)
    if ruling.level != "semantic":
        keys = replace(keys, neighbourhood="")
    return keys, text, ruling


def judge(request: GatewayRequest, policy: CachePolicy) -> Ruling:
    """The strictest of what the request's parts allow. Reads all text of the user: some microseconds a kilobyte."""
    strictest = Ruling("semantic")
    for level, reason in _allowed(request, policy):
        if _RANK[level] < _RANK[strictest.level]:
            strictest = Ruling(level, reason)
        if level == "no":
            break
    if strictest.level == "exact" and not policy.exact:
        return replace(strictest, level="no")
    return strictest


def _allowed(request: GatewayRequest, policy: CachePolicy) -> Iterator[tuple[Eligibility, str]]:
    """What each part that is there allows; what costs nothing to see first, the text last."""
    yield _switched(policy), "policy"
    if policy.scope == "user" and not request.caller.user:
        yield "no", "no_user"
    yield from _sampled(request.payload, policy)
    yield from _shaped(request.payload, policy)
    yield from _asked(request, policy)


def _switched(policy: CachePolicy) -> Eligibility:
    if policy.semantic:
        return "semantic"
    return "exact" if policy.exact else "no"


def _sampled(payload: Mapping[str, Any], policy: CachePolicy) -> Iterator[tuple[Eligibility, str]]:
    rules = policy.eligibility
    temperature = payload.get("temperature")
    if (DEFAULT_TEMPERATURE if temperature is None else temperature) > rules.max_temperature:
        yield "no", "temperature"
    if (payload.get("n") or 1) > 1:
        yield "no", "n"
    # A completion's `logprobs: 0` asks for those of the chosen tokens.
    if any(payload.get(name) is not None and payload.get(name) is not False for name in _LOGPROBS):
        yield "no", "logprobs"
    if payload.get("seed") is not None:
        yield rules.seed, "seed"


def _shaped(payload: Mapping[str, Any], policy: CachePolicy) -> Iterator[tuple[Eligibility, str]]:
    rules, messages = policy.eligibility, _messages(payload)
    if any(payload.get(name) for name in _TOOLS) or any(_calls(message) for message in messages):
        yield rules.tools, "tools"
    if (payload.get("response_format") or {}).get("type", "text") != "text" or any(map(payload.get, _GUIDED)):
        yield rules.structured_output, "structured_output"
    if len(messages) > rules.max_messages:
        yield "exact", "conversation"


def _calls(message: Mapping[str, Any]) -> bool:
    return message.get("role") in {"tool", "function"} or any(message.get(name) for name in _CALLS)


def _asked(request: GatewayRequest, policy: CachePolicy) -> Iterator[tuple[Eligibility, str]]:
    """What the user's words allow: those of earlier turns too, since the last may lean on them ("and in Berlin?")."""
    payload, now = request.payload, policy.eligibility.about_now
    asker = "semantic" if _is_personal(policy, request.caller) else policy.eligibility.about_asker
    if payload.get("web_search_options") is not None:
        yield now, "about_now"  # a search answers by what is there now, whatever the words
    if now == asker == "semantic":
        return
    if _is_unreadable(payload):
        yield min(now, asker, key=_RANK.__getitem__), "unreadable"
    for asks in map(read_asks, _texts(payload)):
        if asks.now:
            yield now, "about_now"
        if asks.asker:
            yield asker, "about_asker"


def _is_personal(policy: CachePolicy, caller: Caller) -> bool:
    return policy.scope == "user" and bool(caller.user)


def _messages(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    messages = payload.get("messages")
    return [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, list) else []


def _texts(payload: Mapping[str, Any]) -> Iterator[str]:
    """What the user says, as it came."""
    turns = [message.get("content") for message in _messages(payload) if message.get("role") == "user"]
    for said in (*turns[-READ_TURNS:], payload.get("prompt")):
        parts = said if isinstance(said, list) else [said]
        yield from islice(filter(None, map(_text, parts)), READ_TURNS)


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, Mapping) else part
    return text if isinstance(text, str) else ""


def _is_unreadable(payload: Mapping[str, Any]) -> bool:
    """Whether the prompt is token ids, whose words only the engine's tokenizer knows, or too long a list."""
    prompt = payload.get("prompt")
    return isinstance(prompt, list) and (len(prompt) > READ_TURNS or not all(isinstance(part, str) for part in prompt))
