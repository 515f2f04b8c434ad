"""Events: told once, posted until they are taken, signed."""

import asyncio
import base64
import json

import httpx
import pytest

from app.budget.marks import DELAYS_S, Marks
from app.budget.signature import WANTED, signature, webhook_key
from app.domain import Limit, Marked, Scope, Unit
from app.errors import ConfigError
from app.observe.telemetry import open_telemetry
from app.spending import Stored
from app.store.client import Store
from deployments.parts import open_treasury

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the specification's tests
MARKED = Marked(Limit(Scope("acme", (("feature", "faq"),)), Unit.TOKENS, 1000), 80, 801)


class Receiver:
    """Takes events after `refusals`; keeps every request, and each wait between them."""

    def __init__(self, refusals: int = 0, key: bytes = b"") -> None:
        self.refusals = refusals
        self.seen: list[httpx.Request] = []
        self.waits: list[float] = []
        self.counted: list[Marked] = []
        client = httpx.AsyncClient(transport=httpx.MockTransport(self._take))
        self.marks = Marks(self.counted.append, client, sleep=self._wait, key=key)

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


async def test_an_event_is_signed_where_there_is_a_key() -> None:
    """Over its id, its time and the very bytes that are sent."""
    receiver = Receiver(key=b"k" * 24)
    receiver.marks.webhook = "http://example.test/hook"
    await receiver.tell()
    sent = receiver.seen[0]
    expected = signature(b"k" * 24, sent.headers["webhook-id"], sent.headers["webhook-timestamp"], sent.content)
    assert sent.headers["webhook-signature"] == expected


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), f" {SECRET}\n", f"{SECRET}=="])
def test_receivers_find_the_same_signature(secret: str) -> None:
    """The test vector of the Standard Webhooks' own libraries, however the secret is written."""
    name, at, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    found = signature(webhook_key(secret), name, at, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("length", [23, 24, 25, 64, 65])
def test_without_the_prefix_only_a_key_of_the_right_length_is_one(length: int) -> None:
    """A password may be base64 by accident. Padded or not."""
    key = bytes(range(length))
    for text in (base64.b64encode(key).decode(), base64.b64encode(key).decode().rstrip("=")):
        assert webhook_key(f"whsec_{text}") == key
        if 24 <= length <= 64:
            assert webhook_key(text) == key
        else:
            with pytest.raises(ConfigError, match="24 to 64 bytes"):
                webhook_key(text)


@pytest.mark.parametrize(
    "secret",
    ["topsecret", "whsec_", "whsec_==", "whsec_a", "whsec_no-base64-at-all!", "whsec_YWJj=YWJj", "_-" * 20, "ü" * 40],
)
def test_what_is_no_key_is_refused_without_telling_it(secret: str) -> None:
    """In words that say what is wanted. The other alphabet of base64 is none either: receivers would skip it."""
    with pytest.raises(ConfigError, match="LEANSERVE_WEBHOOK_SECRET must be whsec_ and a key") as raised:
        webhook_key(secret)
    assert (str(raised.value), raised.value.__cause__) == (WANTED, None)


def test_no_secret_signs_nothing() -> None:
    """Unset, or set to nothing."""
    assert (webhook_key(""), webhook_key(" \n")) == (b"", b"")


async def test_a_replica_signs_with_the_key_of_its_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or does not start."""
    telemetry = open_telemetry("leanserve", {}, "r1")
    try:
        monkeypatch.setenv("LEANSERVE_WEBHOOK_SECRET", SECRET)
        assert open_treasury(store, telemetry, Stored()).marks._key == base64.b64decode(SECRET.removeprefix("whsec_"))
        monkeypatch.setenv("LEANSERVE_WEBHOOK_SECRET", "topsecret")
        with pytest.raises(ConfigError, match="LEANSERVE_WEBHOOK_SECRET"):
            open_treasury(store, telemetry, Stored())
    finally:
        await telemetry.close()
