"""One prompt stored, another asked: the cache's decision without a cache."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from app.cache.pairs import BATCH, AskedPair, Judged
from app.config.policy import CachePolicy, Policy
from app.domain import CacheHit, GatewayRequest, NormalizedPrompt
from app.prompt.keys import KeyMaker
from app.store.client import Store
from tests.fakes import FakePairVerifier
from tests.unit.cache.judging import calls, encode, judge
from tests.unit.cache.shelves import ACME, Caches

A = "How do I open a savings account with the bank?"
B = "How can I open a savings account with the bank?"
FOUR = tuple({"role": role, "content": "Hm."} for role in ("user", "assistant") * 2)
"""Messages; the prompt is the fifth."""


def one(a: str, b: str, **options: Any) -> Judged:
    context = options.pop("context", ())
    [judged] = judge(**options).judge([AskedPair(a, b, context)])
    return judged


def certain(_stored: str, _asked: str) -> float:
    return 0.99


@pytest.mark.parametrize("b", [A, f"  {A} ", "how do I open a savings account  with the bank?"])
def test_the_same_request_is_an_exact_hit(b: str) -> None:
    """White space and the first capital aside; nobody is asked, and all is certain."""
    judging = judge()
    assert judging.judge([AskedPair(A, b)]) == [Judged(True, 1.0, 1.0, "the same request")]
    assert calls(judging) == []


def test_code_asked_again_is_the_same_request() -> None:
    """What has no neighbours still has itself."""
    code = "Explain:\n```python\nprint(1)\n```"
    assert one(code, code).hit


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("What time is it?", "What time is it?", "about_now"),
        ("Where is my order?", "Where is my order?", "about_asker"),
        ("Where is the order?", "Where is my order?", "about_asker"),
        ("What is the weather like today?", "What is the weather like?", "about_now"),
        ("First line.\nSecond line", "First line.\nSecond lines", "several lines"),
        ("What does `x = 1` do?", "What does `x = 2` do?", "code"),
        ("a " * 800 + "b", "a " * 800 + "c", "too long"),
        ("", "What is this?", "no text"),
    ],
)
def test_what_may_not_be_compared_is_no_hit_and_says_why(a: str, b: str, reason: str) -> None:
    """Eligibility first, then what a text must be; the verifier's opinion does not count."""
    judged = one(a, b, p_same=certain)
    assert (judged.hit, judged.p_same, judged.reason, judged.verified) == (False, 0.0, reason, False)
    assert 0 <= judged.similarity <= 1


def test_a_long_conversation_is_answered_for_the_very_same_request_only() -> None:
    """Five messages are more than the policy compares by meaning."""
    assert one(A, B, context=FOUR, p_same=certain).reason == "conversation"
    assert one(A, A, context=FOUR).hit
    assert one(A, B, context=FOUR[:2], p_same=certain).hit


def test_a_tool_in_the_context_forbids_meaning() -> None:
    """As in a live request."""
    called = ({"role": "user", "content": "Hm."}, {"role": "tool", "tool_call_id": "1", "content": "7"})
    assert one(A, B, context=called, p_same=certain).reason == "tools"


def test_what_is_not_similar_does_not_reach_the_verifier() -> None:
    """It could not be a candidate."""
    judging = judge(certain)
    [judged] = judging.judge([AskedPair(A, "Which animal sleeps longest?")])
    assert (judged.hit, judged.p_same, judged.reason) == (False, 0.0, "not similar")
    assert judged.similarity < CachePolicy().min_similarity
    assert calls(judging) == []


@pytest.mark.parametrize(("p", "hit"), [(0.8, True), (0.81, True), (0.7999, False), (0.0, False), (math.nan, False)])
def test_the_verifier_decides_at_its_operating_point(p: float, hit: bool) -> None:
    """At or above it; what is not a number is no hit. The canonical texts are asked about, stored before asked."""
    judging = judge(lambda *_: p, point=0.8)
    [judged] = judging.judge([AskedPair(A, f" {B}")])
    assert (judged.hit, judged.reason, judged.verified) == (hit, "fake", True)
    assert 0.7 < judged.similarity < 1
    assert calls(judging) == [[("how do I open a savings account with the bank?", B.replace("How", "how"))]]


def test_the_users_own_point_and_plain_threshold_hold() -> None:
    """`min_p_same` stands for the shipped point; with `threshold` the verifier is not asked."""
    own = Policy(cache=CachePolicy(min_p_same=0.995))
    assert not one(A, B, p_same=certain, policy=own).hit
    plain = judge(lambda *_: 0.0, policy=Policy(cache=CachePolicy(threshold=0.8)))
    [judged] = plain.judge([AskedPair(A, B)])
    assert (judged.hit, judged.p_same, judged.reason) == (True, None, "threshold")
    assert calls(plain) == []


def test_with_the_scope_user_both_prompts_are_one_users() -> None:
    """Then what is about the asker may be answered."""
    policy = Policy(cache=CachePolicy(scope="user"))
    assert one("Where is my order?", "Where is my order?", policy=policy).hit


def test_many_pairs_are_judged_in_order_and_by_the_batch() -> None:
    """However long each is; no more than a batch is read ahead."""
    taken = []

    def pairs() -> Iterator[AskedPair]:
        for number in range(2 * BATCH + 1):
            taken.append(number)
            words = " the" * (number % 7)
            yield AskedPair(f"{A}{words} {number}", f"{B}{words} {number}")

    judging = judge(lambda stored, _: int(stored.split()[-1]) / 1000)
    found = judging.run(pairs())
    first = next(found)
    assert len(taken) == BATCH
    assert [judged.p_same for judged in [first, *found]] == [number / 1000 for number in range(2 * BATCH + 1)]


@pytest.mark.parametrize("p", [0.3, 0.79, 0.8, 0.95])
async def test_the_decision_is_that_of_the_live_cache(store: Store, p: float) -> None:
    """The same pair through Redis: hit or miss, probability and reason are the same."""
    verifier = FakePairVerifier(lambda *_: p, point=0.8)
    caches, maker = Caches(store, verifier=verifier), KeyMaker("", verifier="fake")
    judging = judge(lambda *_: p, point=0.8)

    def prompt(text: str) -> NormalizedPrompt:
        request = GatewayRequest("r", "chat", {"model": "auto", "messages": [{"role": "user", "content": text}]})
        keys, canonical = maker.read(request, Policy())
        return NormalizedPrompt(canonical, keys, 3, encode([canonical])[0])

    await caches.keep(prompt(A), policy=CachePolicy())
    live = await caches.ask(prompt(B), ACME, CachePolicy())
    [judged] = judging.judge([AskedPair(A, B)])
    assert judged.hit == isinstance(live, CacheHit)
    assert (judged.p_same, judged.reason) == (live.p_same, live.reason)
    assert judged.similarity == pytest.approx(live.similarity, abs=0.02)
