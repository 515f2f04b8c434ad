"""Agents as they are: conversations in OpenAI's format that grow by a call and its result each step."""

import json
from itertools import count
from typing import Any
from uuid import uuid4

from app.agents.fingerprint import Fingerprint, fingerprint
from app.config.policy import Policy
from app.domain import Caller, GatewayRequest, StepHints
from app.prompt.keys import KeyMaker

KEYS = KeyMaker("embedder")
Call = tuple[str, Any]
"""A tool's name and its arguments."""


class Agent:
    """One that calls tools; `take` adds a turn to its conversation. Its calls' ids are new each time."""

    def __init__(self, task: str = "Where is order 17?", system: str = "You are a clerk.", **who: Any) -> None:
        self.messages: list[dict[str, Any]] = [
            {"role": "system", "content": system},
            {"role": "user", "content": task},
        ]
        self.caller = Caller("acme", **{"session": "s1", "user": "ann", **who})
        self._ids = count(1)

    def take(self, *calls: Call, result: str = "nothing found", says: str | None = None) -> "Agent":
        """The model called tools, and each gave `result`."""
        made = [(f"call_{next(self._ids):08x}", name, args) for name, args in calls]
        functions = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": _json(args)}}
            for id_, name, args in made
        ]
        self.messages.append({"role": "assistant", "content": says, "tool_calls": functions})
        self.messages += [{"role": "tool", "tool_call_id": id_, "content": result} for id_, _, _ in made]
        return self

    def talk(self, answer: str, reply: str) -> "Agent":
        """The model answered in words, and somebody replied."""
        self.messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": reply}]
        return self

    def request(self, step: StepHints | None = None, **payload: Any) -> GatewayRequest:
        """The next step, with the whole conversation so far."""
        body = {"model": "auto", "messages": list(self.messages), **payload}
        return GatewayRequest(f"req-{uuid4().hex}", "chat", body, self.caller, step=step or StepHints())

    def seen(self) -> Fingerprint:
        """What LeanServe notices of the next step."""
        return seen(self.request())


def seen(request: GatewayRequest) -> Fingerprint:
    """The fingerprint of a request, with its own canonical key."""
    return fingerprint(request, KEYS.keys(request, Policy()).canonical_key)


def _json(args: Any) -> str:
    return args if isinstance(args, str) else json.dumps(args)
