"""A request is as eligible for the cache as the strictest of its parts."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cache.eligibility import Ruling, identify, judge
from app.config.policy import CachePolicy, Eligibility, Policy
from app.domain import Caller, GatewayRequest
from app.prompt.keys import KeyMaker

ACME = Caller("acme")
ASK = [{"role": "user", "content": "What is the capital of France?"}]
TOOL = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s"}}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"}}],
}


def chat(caller: Caller = ACME, **payload: Any) -> GatewayRequest:
    return GatewayRequest("r1", "chat", {"model": "auto", "messages": ASK, **payload}, caller)


def completion(**payload: Any) -> GatewayRequest:
    return GatewayRequest("r1", "text_completion", {"model": "auto", **payload})


def asked(*contents: Any, **payload: Any) -> GatewayRequest:
    return chat(messages=[{"role": "user", "content": content} for content in contents], **payload)


def cache(**policy: Any) -> CachePolicy:
    return CachePolicy.model_validate(policy)


@pytest.mark.parametrize(
    "request_",
    [
        chat(),
        chat(temperature=1.0, n=1, logprobs=False, tools=[], response_format={"type": "text"}, seed=None),
        chat(temperature=0, top_p=0.5, max_tokens=5, stop=["x"], stream=True, user="u"),
        chat(messages=[{"role": "system", "content": "Today is Monday. What is my name?"}, *ASK]),
        completion(prompt="Once upon a time"),
        asked([{"type": "text", "text": "what is in it?"}, {"type": "image_url", "image_url": {"url": "x"}}]),
    ],
)
def test_plain_requests_may_be_compared_by_meaning(request_: GatewayRequest) -> None:
    """Nothing speaks against them; what the system prompt says is not asked."""
    assert judge(request_, cache()) == Ruling("semantic")


@pytest.mark.parametrize(
    ("request_", "ruling"),
    [
        (chat(temperature=1.01), Ruling("no", "temperature")),
        (chat(n=2), Ruling("no", "n")),
        (chat(logprobs=True), Ruling("no", "logprobs")),
        (completion(prompt="a", logprobs=0), Ruling("no", "logprobs")),
        (chat(prompt_logprobs=1), Ruling("no", "logprobs")),
        (chat(seed=0), Ruling("exact", "seed")),
        (chat(tools=[TOOL]), Ruling("exact", "tools")),
        (chat(functions=[{"name": "f"}]), Ruling("exact", "tools")),
        (chat(messages=[*ASK, CALL, {"role": "tool", "tool_call_id": "1", "content": "4"}]), Ruling("exact", "tools")),
        (chat(response_format=SCHEMA), Ruling("exact", "structured_output")),
        (chat(response_format={"type": "json_object"}), Ruling("exact", "structured_output")),
        (chat(guided_choice=["a", "b"]), Ruling("exact", "structured_output")),
        (asked("a", "b", "c", "d", "e"), Ruling("exact", "conversation")),
        (asked("What time is it?"), Ruling("no", "about_now")),
        (asked([{"type": "text", "text": "what time is it"}]), Ruling("no", "about_now")),
        (asked("How is the weather in Rome?", "and in Berlin?"), Ruling("no", "about_now")),
        (chat(web_search_options={}), Ruling("no", "about_now")),
        (completion(prompt="what time is it"), Ruling("no", "about_now")),
        (completion(prompt=["hello", "what time is it"]), Ruling("no", "about_now")),
        (asked("Where is my order?"), Ruling("no", "about_asker")),
        (completion(prompt=[1, 2, 3]), Ruling("no", "unreadable")),
        (completion(prompt=[[1], [2]]), Ruling("no", "unreadable")),
        (completion(prompt=["a", "b", "c", "d", "what time is it"]), Ruling("no", "unreadable")),
        (chat(seed=1, n=2), Ruling("no", "n")),
        (asked("what time is it", seed=1, tools=[TOOL]), Ruling("no", "about_now")),
    ],
)  # fmt: skip
def test_the_strictest_part_rules_and_is_named(request_: GatewayRequest, ruling: Ruling) -> None:
    """By the default policy."""
    assert judge(request_, cache()) == ruling


@pytest.mark.parametrize("level", ["no", "exact", "semantic"])
@pytest.mark.parametrize(
    ("rule", "request_"),
    [
        ("seed", chat(seed=1)),
        ("tools", chat(tools=[TOOL])),
        ("structured_output", chat(response_format=SCHEMA)),
        ("about_now", asked("what time is it")),
        ("about_asker", asked("where is my order")),
    ],
)
def test_the_policy_says_how_far(rule: str, request_: GatewayRequest, level: Eligibility) -> None:
    """Every rule of `eligibility` can be loosened and tightened."""
    ruling = judge(request_, cache(eligibility={rule: level}))
    assert ruling == Ruling(level, "" if level == "semantic" else rule)


def test_temperature_and_length_have_their_own_bounds() -> None:
    """A request that names no temperature has OpenAI's default of 1."""
    cool = cache(eligibility={"max_temperature": 0.5})
    assert judge(chat(temperature=0.5), cool).level == "semantic"
    assert judge(chat(), cool) == judge(chat(temperature=None), cool) == Ruling("no", "temperature")
    assert judge(asked("a", "b"), cache(eligibility={"max_messages": 1})) == Ruling("exact", "conversation")


def test_the_scope_user_needs_a_user() -> None:
    """Who names no user meets nothing and leaves nothing; a user's questions about themselves are like any other."""
    own = cache(scope="user")
    assert judge(chat(), own) == Ruling("no", "no_user")
    named = Caller("acme", user="ann")
    mine = [{"role": "user", "content": "Where is my order?"}]
    assert judge(chat(named, messages=mine), own) == Ruling("semantic")
    assert judge(chat(named, messages=mine), cache()) == Ruling("no", "about_asker")
    assert judge(chat(named, messages=[{"role": "user", "content": "what time is it"}]), own) == Ruling(
        "no", "about_now"
    )


def test_what_the_policy_switches_off_is_off() -> None:
    """No semantic cache: exact at most. No exact one either: nothing, for nobody would read it."""
    assert judge(chat(), cache(semantic=False)) == Ruling("exact", "policy")
    assert judge(chat(), cache(semantic=False, exact=False)) == Ruling("no", "policy")
    assert judge(chat(), cache(exact=False)) == Ruling("semantic")
    assert judge(chat(seed=1), cache(exact=False)) == Ruling("no", "seed")


@pytest.mark.parametrize(("request_", "near"), [(chat(), True), (chat(seed=1), False), (chat(n=2), False)])
def test_only_what_is_compared_by_meaning_has_a_neighbourhood(request_: GatewayRequest, *, near: bool) -> None:
    """Neither lookup nor store can pass over the ruling: there is no vector set to go to."""
    keys, text, ruling = identify(KeyMaker("minilm"), request_, Policy())
    assert bool(keys.neighbourhood) is near is (ruling.level == "semantic")
    assert text == "what is the capital of France?"


LEVELS: dict[Eligibility, int] = {"no": 0, "exact": 1, "semantic": 2}
PARTS: dict[str, Any] = {
    "temperature": 2,
    "n": 2,
    "logprobs": True,
    "seed": 1,
    "tools": [TOOL],
    "response_format": SCHEMA,
    "messages": [{"role": "user", "content": "what time is it"}],
}


@given(st.sets(st.sampled_from(sorted(PARTS))), st.sampled_from(sorted(PARTS)))
def test_one_part_more_never_makes_a_request_more_eligible(parts: set[str], more: str) -> None:
    """Whatever comes together."""
    few = judge(chat(**{name: PARTS[name] for name in parts}), cache())
    many = judge(chat(**{name: PARTS[name] for name in {*parts, more}}), cache())
    assert LEVELS[many.level] <= LEVELS[few.level]


@pytest.mark.parametrize("content", [None, 7, [], [None], ["x"], [{"type": "text"}], [{"type": "text", "text": 5}]])
def test_odd_content_is_no_fault(content: Any) -> None:
    """What the engine would refuse is ruled like anything else."""
    assert judge(asked(content), cache()).level in LEVELS


def test_a_long_conversation_is_read_in_bounded_time() -> None:
    """The last turns of it, and both ends of each."""
    request = asked(*("how much money i have " * 500 for _ in range(500)))
    started = time.process_time()
    judge(request, cache())
    assert time.process_time() - started < 0.5
