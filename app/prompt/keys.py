"""The two keys of a prompt.

A key is the SHA-256 of one canonical JSON document: sorted keys, no white space, ASCII escapes, integral floats written
as integers (`temperature` 0 and 0.0 are one), `true` apart from 1. JSON is its own delimiter, so that no two documents
share an encoding. SHA-256 rather than BLAKE2b: OpenSSL runs it on the processor's own instructions.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from app.config.policy import NormalizerPolicy, Policy
from app.domain import GatewayRequest, PromptKeys
from app.prompt.guard import comparable
from app.prompt.stamps import References, Spoken, references_of_context
from app.prompt.text import canonical_text, references

KEY_VERSION = 2
"""Part of every key: raise it when canonicalization changes, and no entry is met by a key that it did not have."""

NOT_IN_KEY = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "request_id",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "user",
    }
)
"""Parameters that change how an answer is delivered, billed or labelled, never the answer. All others count, unknown
ones too."""

NOT_IN_ROUTING_KEY = frozenset({"appraise", "named", "shadow", "session_ttl_s", "sticky"})
"""Parts of the routing policy that change what is learned and how long a session stays, never the answer itself; what
`named` makes of a request is the request's own."""

_EXACT_INTEGER = 2**53
_CANONICAL_ROLES = frozenset({"system", "developer", "user", "assistant"})


class KeyMaker:
    """Makes keys for one embedder, one set of tiers and one verifier, all part of every key.

    So what another model answered, or others found alike, is never replayed. `embedder` is `EmbedderSpec.identity`:
    vectors of another arithmetic are another embedder's. `tiers` is any text that changes with the tiers' models,
    `verifier` the verifier's version.
    """

    def __init__(self, embedder: str, tiers: str = "", verifier: str = "") -> None:
        self._makers = [embedder, tiers, verifier]

    def keys(self, request: GatewayRequest, policy: Policy) -> PromptKeys:
        """Both keys. `policy` is the one of the request's feature."""
        return self.read(request, policy)[0]

    def read(self, request: GatewayRequest, policy: Policy) -> tuple[PromptKeys, str]:
        """Both keys and the canonical text of the last user message, in one pass.

        The neighbourhood is the context, where the text may be compared by meaning. The tenant is part of the context,
        and with the cache's scope `user` the user: nobody else's answer is ever met.

        Where the last message is not the user's (an assistant's beginning, a tool's result), holds no text, or the
        prompt is a list or token ids, nothing can be asked by meaning: there is no neighbourhood, the context holds the
        whole conversation and the canonical key says no more than it. The text is then for the router alone, that of
        the user's last message before; it is empty where there is none.
        """
        texts, rest = _split(request)
        context = self._context_key(request, policy, rest, partial(_asked, request))
        canonical = [canonical_text(text, policy.normalizer, spoken=lambda: _instructed(rest)) for text in texts]
        exact = texts if request.operation == "text_completion" else canonical
        text = "\n".join(canonical).strip()
        near = context if comparable(text, verified=policy.cache.threshold is None) else ""
        keys = PromptKeys(digest([context, *exact]), context, near)
        return keys, text if texts else _earlier_text(request, policy.normalizer)

    def split(self, request: GatewayRequest) -> tuple[str, dict[str, Any]]:
        """The last user message's text as it came (its parts joined by a line end), and the payload without it."""
        texts, rest = _split(request)
        return "\n".join(texts), rest

    def _context_key(self, request: GatewayRequest, policy: Policy, rest: Mapping[str, Any], spoken: Spoken) -> str:
        body = {name: value for name, value in rest.items() if value is not None and name not in NOT_IN_KEY}
        if isinstance(messages := body.get("messages"), list):
            body["messages"] = [_message(message, policy.normalizer, spoken) for message in messages]
        routing = policy.routing.model_dump_json(exclude=set(NOT_IN_ROUTING_KEY))
        return digest(
            {
                "v": KEY_VERSION,
                "operation": request.operation,
                "makers": self._makers,
                "policy": _policy_identity(policy.version, policy.normalizer, routing),
                "tenant": request.caller.tenant,
                "user": request.caller.user if policy.cache.scope == "user" else None,
                "body": body,
                **_bounds(request),
                **({} if request.tiers is None else {"tiers": list(request.tiers)}),
            }
        )


def _bounds(request: GatewayRequest) -> dict[str, list[str]]:
    """The client's floor, ceiling and kind of step: what a cheaper tier answered is no answer to who asked for a better
    one."""
    bounds = [request.min_tier, request.max_tier]
    if request.step.kind:
        bounds.append(request.step.kind)
    return {"bounds": bounds} if any(bounds) else {}


def _split(request: GatewayRequest) -> tuple[list[str], dict[str, Any]]:
    """The texts of the last user message, and the payload with a mark where each was."""
    payload = dict(request.payload)
    if request.operation == "text_completion":
        return _split_prompt(payload)
    messages = payload.get("messages")
    if not isinstance(messages, list) or not messages or not _is_user(messages[-1]):
        return [], payload
    texts, content = _split_content(messages[-1].get("content"))
    payload["messages"] = [*messages[:-1], {**messages[-1], "content": content}]
    return texts, payload


def _earlier_text(request: GatewayRequest, policy: NormalizerPolicy) -> str:
    """The canonical text of the user's last message where others speak after it: what an agent's loop is about."""
    messages = request.payload.get("messages")
    if request.operation != "chat" or not isinstance(messages, list):
        return ""
    last = next((at for at in range(len(messages) - 1, -1, -1) if _is_user(messages[at])), None)
    if last is None:
        return ""
    texts, _ = _split_content(messages[last].get("content"))
    rest = {"messages": messages[:last] + messages[last + 1 :]}
    return "\n".join(canonical_text(text, policy, spoken=lambda: _instructed(rest)) for text in texts).strip()


def _split_prompt(payload: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """A completion goes on from its prompt byte by byte: it is text to embed, but its key is made of it as it came.

    With `echo` the prompt is part of the answer, and nothing is split off.
    """
    prompt = payload.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or payload.get("echo"):
        return [], payload
    return [prompt], {**payload, "prompt": {}}


def _split_content(content: Any) -> tuple[list[str], Any]:
    """Texts, and what is left: a plain string and its one text part are the same message."""
    if isinstance(content, str):
        return [content], [_TEXT_MARK]
    if not isinstance(content, list):
        return [], content
    texts = [part["text"] for part in content if _is_text(part)]
    return texts, [{**part, "text": None} if _is_text(part) else part for part in content]


_TEXT_MARK = {"type": "text", "text": None}


def _is_user(message: Any) -> bool:
    return isinstance(message, Mapping) and message.get("role") == "user"


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _asked(request: GatewayRequest) -> References:
    """What any message of the user asks about: a stamp of the context could answer it."""
    users = (message for message in request.payload.get("messages") or () if _is_user(message))
    return references("\n".join(text for message in users for text in _split_content(message.get("content"))[0]))


def _instructed(rest: Mapping[str, Any]) -> References:
    """What the rest of the conversation says about the stamps of the last message."""
    messages = [message for message in rest.get("messages") or () if isinstance(message, Mapping)]
    contents = [json.dumps(message.get("content"), default=str) for message in messages]
    return references_of_context("\n".join(contents))


def _message(message: Any, policy: NormalizerPolicy, spoken: Spoken) -> Any:
    """A message of the context: prose canonical but in its own case; a tool's result as it came, for it is data."""
    if not isinstance(message, Mapping):
        return message
    told = {name: value for name, value in message.items() if value is not None}
    if told.get("role") in _CANONICAL_ROLES and "content" in told:
        told["content"] = _content(told["content"], policy, spoken)
    return told


def _content(content: Any, policy: NormalizerPolicy, spoken: Spoken) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": canonical_text(content, policy, case="keep", spoken=spoken)}]
    if not isinstance(content, list):
        return content
    return [
        {**part, "text": canonical_text(part["text"], policy, case="keep", spoken=spoken)} if _is_text(part) else part
        for part in content
    ]


@lru_cache(maxsize=256)
def _policy_identity(version: str, normalizer: NormalizerPolicy, routing: str) -> str:
    """Answers of another routing policy came from other tiers; keys of another normalizer policy fold other things. The
    version is the operator's own word for "all that was before is stale"."""
    return digest([version, normalizer.model_dump(mode="json"), json.loads(routing)])


def digest(document: Any) -> str:
    """Hex SHA-256 of the canonical JSON of `document`. A lone surrogate, legal in JSON, is no error."""
    encoded = json.dumps(_plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(encoded.encode("ascii")).hexdigest()


def _plain(value: Any) -> Any:
    """`value` with equal numbers written equally."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGER:
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
