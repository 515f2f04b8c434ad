"""Shadow calls over real HTTP: behind the answer, on the tenant's account, within its budget, never in its way."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import redis

from app.domain import BackendCall, Chunk, NormalizedPrompt, RouteDecision, RouteTerms, Unit
from app.errors import BackendUnreachable
from app.learn.records import Compared, Routed, decode
from app.learn.shadow import MOST_AT_ONCE
from app.store.keys import Keys
from tests.api.conftest import Serve
from tests.fakes_backends import as_called
from tests.harness import PRICES, Running, eventually, spent_of, tier

SHADOW: dict[str, Any] = {"routing": {"shadow": 1.0}, "cache": {"semantic": False}}


class ToSmall:
    """A fake router that gives everything to the first tier and knows what each could do."""

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: Any) -> RouteDecision:
        return RouteDecision("small", 0.2, "fake", ("large",), {"small": 0.8, "large": 0.9})


@dataclass
class Large:
    """A fake of the best tier: says `text` after `wait_s`, or raises `error`. Counts and keeps the calls."""

    text: str = "a large answer"
    wait_s: float = 0.0
    error: Exception | None = None
    name: str = "large/echo"
    calls: list[BackendCall] = field(default_factory=list)
    active: int = 0
    peak: int = 0

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        self.calls.append(call)
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            await asyncio.sleep(self.wait_s)
            if self.error:
                raise self.error
            message = {"role": "assistant", "content": self.text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
            body = {"id": "x", "object": "chat.completion", "model": "l", "choices": [choice], "usage": usage}
            yield as_called(call, [body])
        finally:
            self.active -= 1

    async def ready(self) -> bool:
        return True


@dataclass
class Learner:
    """A gateway, its fake best tier, and a look into its Redis."""

    running: Running
    large: Large
    admin: "redis.Redis"

    def ask(self, text: str = "one two", *, stream: bool = False, **said: str) -> httpx.Response:
        """One request; `said` are LeanServe's headers."""
        headers = {f"x-leanserve-{name}": value for name, value in said.items()}
        body = {"model": "auto", "messages": [{"role": "user", "content": text}], "stream": stream}
        return httpx.post(f"{self.running.url}/v1/chat/completions", json=body, headers=headers, timeout=30)

    def idle(self) -> bool:
        """Whether no shadow is under way."""
        return eventually(lambda: self.running.gateway._shadows._running == 0, 10)

    def compared(self, name: str, tenant: str = "default") -> Compared | None:
        """What a shadow found."""
        found = self.admin.hget(f"{Keys().learn(tenant)}record:{name}", "c:shadow")
        return decode(found, Compared)  # type: ignore[arg-type]

    def spans(self, name: str = "leanserve.shadow") -> list[Any]:
        """The finished spans of this name."""
        return [span for span in self.running.spans.get_finished_spans() if span.name == name]


@pytest.fixture
def learner(serve: Serve, clean_redis: str) -> Any:
    """Open one with the policy and the best tier that a test wants."""
    with redis.Redis.from_url(clean_redis) as admin:

        def opened(large: Large | None = None, policy: dict[str, Any] | None = None, **options: Any) -> Learner:
            large = large or Large()
            running = serve(
                policy={**SHADOW, **(policy or {})}, backends={"large/echo": large}, router=ToSmall(), **options
            )
            return Learner(running, large, admin)

        yield opened


def name_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.headers["x-leanserve-request-id"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_best_tier_is_asked_behind_the_answer_and_compared(learner: Any, stream: bool) -> None:
    """The client got the cheaper tier's answer, with its cost alone; the record knows the rest."""
    shop: Learner = learner()
    answer = shop.ask(stream=stream)
    name = name_of(answer)
    assert answer.headers["x-leanserve-tier"] == "small"
    assert "a large answer" not in answer.text
    assert eventually(lambda: shop.compared(name) is not None)
    assert shop.compared(name) == Compared("small", "large", "different")
    [call] = shop.large.calls
    assert (call.request_id, call.stream) == (f"{name}-shadow", True)  # so that a budget can end it
    record = decode(shop.admin.hget(f"{Keys().learn('default')}record:{name}", "r"), Routed)  # type: ignore[arg-type]
    assert record is not None
    assert (record.tier, record.score) == ("small", 0.2)


def test_the_same_answer_agrees(learner: Any) -> None:
    """Case and what ends it aside."""
    said = learner().ask(cache="no-store").json()["choices"][0]["message"]["content"]
    shop: Learner = learner(Large(text=said.upper() + "."))
    name = name_of(shop.ask())
    assert eventually(lambda: shop.compared(name) is not None)
    assert shop.compared(name) == Compared("small", "large", "same")


def test_nothing_is_asked_without_a_share(learner: Any) -> None:
    """The default."""
    shop: Learner = learner(policy={"routing": {}})
    for number in range(5):
        shop.ask(f"number {number}")
    assert shop.idle()
    assert shop.large.calls == []


def test_a_shadow_has_a_span_of_its_own_below_the_requests(learner: Any) -> None:
    """Marked, with its attempt, whose cost is on it; and it is no request: neither counted nor logged as one."""
    shop: Learner = learner()
    shop.ask()
    assert eventually(lambda: len(shop.spans()) == 1)
    [span], [request] = shop.spans(), shop.spans("chat auto")
    [mine] = shop.spans("chat echo-large")
    assert span.parent.span_id == request.context.span_id
    assert mine.parent.span_id == span.context.span_id
    assert span.attributes["leanserve.shadow"] is mine.attributes["leanserve.shadow"] is True
    assert span.attributes["leanserve.shadow.likeness"] == "different"
    assert mine.attributes["leanserve.cost.micro_usd"] == 7 * 10 + 5 * 20
    assert "leanserve.shadow" not in request.attributes
    text = httpx.get(f"{shop.running.url}/metrics").text
    requests = [line for line in text.splitlines() if line.startswith("leanserve_requests_total{")]
    assert [line.split()[-1] for line in requests] == ["1.0"]
    assert 'leanserve_cost_usd_total{feature="",replica="test",tenant="default",tier="large"}' in text


def test_a_shadow_is_never_in_the_cache(learner: Any) -> None:
    """What is replayed is what the client got."""
    shop: Learner = learner()
    first = shop.ask("tell me of rain").json()["choices"]
    assert shop.idle()
    assert eventually(lambda: shop.ask("tell me of rain").headers["x-leanserve-cache"] == "exact")
    again = shop.ask("tell me of rain")
    assert (again.headers["x-leanserve-tier"], again.json()["choices"]) == ("small", first)
    assert shop.idle()
    assert len(shop.large.calls) == len(shop.spans("chat echo-small"))  # none for a hit


def test_a_slow_best_tier_delays_nobody_and_few_wait_for_it(learner: Any) -> None:
    """So many at once in a replica; the rest go without."""
    shop: Learner = learner(Large(wait_s=4))
    began = time.perf_counter()
    for number in range(3 * MOST_AT_ONCE):
        name_of(shop.ask(f"number {number}", stream=bool(number % 2)))
    assert time.perf_counter() - began < 4
    assert shop.large.peak == len(shop.large.calls) == MOST_AT_ONCE
    assert shop.idle()
    shop.ask("one more")
    assert shop.idle()
    assert len(shop.large.calls) == MOST_AT_ONCE + 1


def test_a_budget_is_never_exceeded_by_shadows(learner: Any) -> None:
    """Reserved like any call: what the budget refuses has no shadow, and requests are answered as long as they fit."""
    limit = 1_500
    budgets = [{"usd": str(limit / 1e6), "window": "total"}]
    shop: Learner = learner(policy={"budgets": budgets})
    answers = [shop.ask(f"number {number} of all that is asked") for number in range(12)]
    assert shop.idle()
    spent = spent_of(shop.running, Unit.MICRO_USD)
    own = [float(answer.headers["x-leanserve-cost-usd"]) * 1e6 for answer in answers if answer.status_code == 200]
    assert 0 < len(shop.large.calls) < 12
    shadows = sum(span.attributes["leanserve.cost.micro_usd"] for span in shop.spans("chat echo-large"))
    assert sum(own) + shadows == pytest.approx(spent)
    assert spent <= limit


def test_a_best_tier_in_trouble_is_left_alone(learner: Any) -> None:
    """Its fault reaches nobody; with its breaker open it is not asked, not even as a probe that others need."""
    large = Large(error=BackendUnreachable("gone"))
    shop: Learner = learner(large, policy={"attempts": {"breaker_failures": 2, "breaker_reset_s": 0.01}})
    for number in range(6):
        name_of(shop.ask(f"number {number}"))
        assert shop.idle()
    assert len(large.calls) == 2


def test_a_shadow_survives_a_client_that_leaves(learner: Any) -> None:
    """It began behind a complete answer: who goes then takes nothing with them."""
    shop: Learner = learner(Large(wait_s=0.5))
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with httpx.stream("POST", f"{shop.running.url}/v1/chat/completions", json=body) as response:
        name = response.headers["x-leanserve-request-id"]
        assert eventually(lambda: len(shop.large.calls) == 1)
    assert eventually(lambda: shop.compared(name) is not None)


def test_an_answer_that_was_cut_is_not_compared(learner: Any) -> None:
    """`max_tokens` ended it: neither answer says all it would."""
    shop: Learner = learner()
    body = {"model": "auto", "messages": [{"role": "user", "content": "a b c d"}], "max_tokens": 2}
    httpx.post(f"{shop.running.url}/v1/chat/completions", json=body)
    assert shop.idle()
    assert shop.large.calls == []


def test_a_feature_has_a_share_of_its_own(learner: Any) -> None:
    """Learned on one feature, another pays nothing."""
    features = {"faq": {"routing": {"shadow": 1.0}}}
    shop: Learner = learner(policy={"routing": {"shadow": 0.0}, "features": features})
    shop.ask("one")
    name = name_of(shop.ask("two", feature="faq"))
    assert eventually(lambda: shop.compared(name) is not None)
    assert len(shop.large.calls) == 1


def test_the_test_prices_are_what_the_sums_above_say() -> None:
    """12 tokens of the fake best tier cost 170 micro-dollars."""
    assert int(PRICES["large"]["input"]) * 7 + int(PRICES["large"]["output"]) * 5 == 170
    assert tier("large")["name"] == "large"
