"""Many clients at once over real HTTP, each on a connection of its own, and what each of them got."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.benchmarks.budgets.plans import Ask

CHAT = "/v1/chat/completions"
PATIENCE_S = 300
LOCAL = {"authorization": "Bearer local"}
"""Nobody configured a key, and we are on the machine itself: this one opens everything."""


@dataclass(frozen=True, slots=True)
class Got:
    """What one client got. `status` 0 stands for a connection that broke before one came.

    `delivered` output tokens were seen; `usage` is what the answer said of itself, None where it said nothing;
    `stopped` is the code of what ended it in the middle, `error` that of a fault. `whole`: it ended as an answer does.
    `ended_s` is the moment of its last byte on the clock of `time.perf_counter`.
    """

    ask: Ask
    status: int
    request_id: str = ""
    delivered: int = 0
    usage: tuple[int, int] | None = None
    stopped: str = ""
    error: str = ""
    whole: bool = False
    ended_s: float = 0.0

    @property
    def tokens(self) -> int:
        """What it is known to have cost, input and output."""
        if self.usage:
            return sum(self.usage)
        return self.delivered + (self.ask.input_tokens if self.delivered else 0)


@dataclass(slots=True)
class Crowd:
    """Clients of the server at `url`; `headers` are everybody's. `parts` counts what streams have received so far."""

    url: str
    model: str
    headers: Mapping[str, str]
    parts: int = 0
    _begun: set[int] = field(default_factory=set)

    @property
    def begun(self) -> int:
        """How many clients have received something."""
        return len(self._begun)

    async def run(self, asks: Sequence[Ask]) -> list[Got]:
        """All at once; in the order of `asks`."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**20) as session:
            return await asyncio.gather(*(self._one(session, number, ask) for number, ask in enumerate(asks)))

    async def _one(self, session: aiohttp.ClientSession, number: int, ask: Ask) -> Got:
        received, status, request_id = bytearray(), 0, ""
        try:
            async with session.post(self.url + CHAT, json=ask.body(self.model), headers=self.headers) as answer:
                status, request_id = answer.status, answer.headers.get("x-leanserve-request-id", "")
                parts = 0
                async for part in answer.content.iter_any():
                    received += part
                    parts += 1
                    self.parts += 1
                    self._begun.add(number)
                    if ask.leaves is not None and parts >= ask.leaves:
                        break
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # what came until then is in `received`
        ended_s = time.perf_counter()
        return got(ask, status, request_id, bytes(received), ended_s)


def got(ask: Ask, status: int, request_id: str, received: bytes, ended_s: float) -> Got:
    """Read an answer, or as much of one as came."""
    if status != 200:
        return Got(ask, status, request_id, error=_code(received), ended_s=ended_s)
    chunks = _events(received) if ask.stream else _body(received)
    said = [choice.get("delta") or choice.get("message") or {} for each in chunks for choice in each.get("choices", ())]
    texts = [str(each.get("content") or "") for each in said]
    usages = [each["usage"] for each in chunks if each.get("usage")]
    stops = [each["leanserve"]["stopped"]["code"] for each in chunks if "stopped" in (each.get("leanserve") or {})]
    return Got(
        ask,
        status,
        request_id,
        delivered=sum(len(text.split()) for text in texts),
        usage=(usages[-1]["prompt_tokens"], usages[-1]["completion_tokens"]) if usages else None,
        stopped=stops[-1] if stops else "",
        error=next((each["error"]["code"] or "error" for each in chunks if "error" in each), ""),
        whole=received.endswith(b"data: [DONE]\n\n") if ask.stream else bool(chunks),
        ended_s=ended_s,
    )


def _events(received: bytes) -> list[dict[str, Any]]:
    """The whole ones."""
    whole = received[: received.rfind(b"\n\n") + 2]
    return [json.loads(line[6:]) for line in whole.splitlines() if line.startswith(b"data: {")]


def _body(received: bytes) -> list[dict[str, Any]]:
    try:
        return [json.loads(received)]
    except ValueError:
        return []


def _code(received: bytes) -> str:
    """Ours, or nothing where a proxy answered."""
    [body] = _body(received) or [{}]
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code") or "") if isinstance(error, dict) else ""
