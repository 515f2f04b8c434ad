"""Events: told once, posted until they are taken, signed."""

import asyncio
import base64
import hashlib
import hmac
import json

import httpx

from app.budget.marks import DELAYS_S, Marks
from app.domain import Limit, Marked, Scope, Unit

MARKED = Marked(Limit(Scope("acme", (("feature", "faq"),)), Unit.TOKENS, 1000), 80, 801)


class Receiver:
    """Takes events after `refusals`; keeps every request, and each wait between them."""

    def __init__(self, refusals: int = 0, secret: bytes = b"") -> None:
        self.refusals = refusals
        self.seen: list[httpx.Request] = []
        self.waits: list[float] = []
        self.counted: list[Marked] = []
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._take))
        self.marks = Marks(self.counted.append, client, sleep=self._wait, secret=secret)

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if len(self.seen) <= self.refusals:
            raise httpx.ConnectError("away") if len(self.seen) == 1 else httpx.ReadTimeout("late")
        return httpx.Response(204)

    async def tell(self) -> None:
        self.marks.told([MARKED])
        for _ in range(200):
            await asyncio.sleep(0)


async def test_without_a_webhook_a_mark_is_counted_only() -> None:
    """And logged."""
    receiver = Receiver()
    await receiver.tell()
    assert receiver.counted == [MARKED]
    assert receiver.seen == []


async def test_an_event_says_which_limit_and_how_much() -> None:
    """Nobody has to ask back."""
    receiver = Receiver()
    receiver.marks.webhook = "http://example.test/hook"
    await receiver.tell()
    event = json.loads(receiver.seen[0].content)
    assert event["type"] == "budget.mark"
    assert event["data"] == {
        "scope": "tenant=acme,feature=faq",
        "unit": "tokens",
        "window": "day",
        "amount": 1000,
        "spent": 801,
        "mark": 80,
    }


async def test_an_event_is_posted_again_with_the_same_id_until_it_is_taken() -> None:
    """A receiver that is deployed anew misses nothing, and can drop what it has twice."""
    receiver = Receiver(refusals=3)
    receiver.marks.webhook = "http://example.test/hook"
    await receiver.tell()
    assert receiver.waits == list(DELAYS_S[:3])
    assert len({request.headers["webhook-id"] for request in receiver.seen}) == 1


async def test_who_never_answers_is_given_up() -> None:
    """After all delays."""
    receiver = Receiver(refusals=1000)
    receiver.marks.webhook = "http://example.test/hook"
    await receiver.tell()
    assert len(receiver.seen) == len(DELAYS_S) + 1


async def test_an_event_is_signed_where_there_is_a_secret() -> None:
    """By the Standard Webhooks: HMAC-SHA256 of id, time and body."""
    receiver = Receiver(secret=b"s")
    receiver.marks.webhook = "http://example.test/hook"
    await receiver.tell()
    request = receiver.seen[0]
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.content
    expected = base64.b64encode(hmac.digest(b"s", signed, hashlib.sha256)).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
