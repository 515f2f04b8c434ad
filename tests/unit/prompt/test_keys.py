import time
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.gateway import EmbedderSpec
from app.config.policy import (
    CachePolicy,
    FeaturePolicy,
    NormalizerPolicy,
    Policy,
    StampRule,
)
from app.config.prices import Price
from app.config.routing import RoutingPolicy
from app.domain import GatewayRequest, PromptKeys
from app.prompt.keys import KeyMaker

MAKER = KeyMaker("minilm")
POLICY = Policy()
SYSTEM = {"role": "system", "content": "Be brief."}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def chat(*messages: Any, **parameters: Any) -> GatewayRequest:
    return GatewayRequest("r1", "chat", {"model": "auto", "messages": list(messages), **parameters})


def completion(prompt: Any, **parameters: Any) -> GatewayRequest:
    return GatewayRequest("r1", "text_completion", {"model": "auto", "prompt": prompt, **parameters})


def keys(request: GatewayRequest, policy: Policy = POLICY) -> PromptKeys:
    return MAKER.keys(request, policy)


BASE = keys(chat(SYSTEM, user("hi there")))


@pytest.mark.parametrize(
    "request_",
    [
        chat(SYSTEM, user("hi   there\n")),
        chat(SYSTEM, user("Hi there")),
        chat({"role": "system", "content": " Be  brief.\r\n"}, user("hi there")),
        chat(SYSTEM, user([{"type": "text", "text": "hi there"}])),
        chat({**SYSTEM, "name": None}, user("hi there")),
        *[
            chat(SYSTEM, user("hi there"), **{name: value})
            for name, value in {
                "stream": True,
                "stream_options": {"include_usage": True},
                "user": "u",
                "metadata": {"a": "b"},
                "store": True,
                "safety_identifier": "s",
                "prompt_cache_key": "k",
                "service_tier": "flex",
                "temperature": None,
            }.items()
        ],
    ],
)
def test_what_does_not_change_the_answer_is_not_in_the_keys(request_: GatewayRequest) -> None:
    """White space, the form of the content, delivery, labels and parameters set to null leave both keys alone."""
    assert keys(request_) == BASE


@pytest.mark.parametrize(
    "request_",
    [
        chat(SYSTEM, user("hi there"), temperature=0),
        chat(SYSTEM, user("hi there"), logprobs=True),
        chat(SYSTEM, user("hi there"), logprobs=1),
        chat(SYSTEM, user("hi there"), seed=1),
        chat(SYSTEM, user("hi there"), max_tokens=5),
        chat(SYSTEM, user("hi there"), some_new_knob="x"),
        chat(SYSTEM, user("hi there"), model="small"),
        chat(SYSTEM, user("hi there"), tools=[{"type": "function", "function": {"name": "f"}}]),
        chat(SYSTEM, user("hi there"), response_format={"type": "json_object"}),
        chat(user("hi there")),
        chat({"role": "system", "content": "be brief."}, user("hi there")),
        chat({"role": "developer", "content": "Be brief."}, user("hi there")),
        chat(SYSTEM, user("a"), {"role": "assistant", "content": "b"}, user("hi there")),
        chat(SYSTEM, {**user("hi there"), "name": "ann"}),
        chat(SYSTEM, user([{"type": "text", "text": "hi there"}, {"type": "image_url", "image_url": {"url": "x"}}])),
    ],
)
def test_everything_else_is_in_the_context_key(request_: GatewayRequest) -> None:
    """Whatever could change the answer parts the contexts, so that no neighbour is looked for across it."""
    assert keys(request_).context_key != BASE.context_key
    assert keys(request_).canonical_key != BASE.canonical_key


def test_the_last_user_message_is_only_in_the_canonical_key() -> None:
    """Another question in the same context shares the context key, and nothing else."""
    other = keys(chat(SYSTEM, user("hi you")))
    assert other.context_key == BASE.context_key
    assert other.canonical_key != BASE.canonical_key


def test_numbers_are_equal_by_value_and_no_boolean_is_one() -> None:
    """0 is 0.0; true is not 1."""
    assert keys(chat(user("x"), temperature=0)) == keys(chat(user("x"), temperature=0.0))
    assert keys(chat(user("x"), n=1)) != keys(chat(user("x"), n=True))
    assert keys(chat(user("x"), temperature=0.1)) != keys(chat(user("x"), temperature=0.10000001))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab":,{', max_size=3), inner, max_size=3),
    max_leaves=6,
)


def same_json(one: Any, other: Any) -> bool:
    """Equality of JSON values, where Python would let True equal 1."""
    if isinstance(one, bool) or isinstance(other, bool) or type(one) in (str, type(None)):
        return type(one) is type(other) and bool(one == other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


@given(JSON, JSON)
def test_keys_tell_any_two_json_values_apart(one: Any, other: Any) -> None:
    """Equal keys if and only if the parameters are equal as JSON."""
    first, second = keys(chat(user("x"), extra={"v": one})), keys(chat(user("x"), extra={"v": other}))
    assert (first == second) == same_json(one, other)


def test_keys_of_values_that_only_look_alike_differ() -> None:
    """No encoding of one document runs into that of another."""
    tricky: list[Any] = [
        {"a": "b,c"},
        {"a": "b", "c": ""},
        {"a": ["b", "c"]},
        {"a": '["b","c"]'},
        '{"a":"b,c"}',
        [],
        {},
    ]
    tricky += [
        [[]],
        "",
        "[]",
        0,
        False,
        "0",
        "é",
        "e\u0301",
        "\ud800",
        "\\ud800",
        {"1": 1},
        {"1": "1"},
        [1, [2]],
        [[1], 2],
    ]
    for one, other in combinations(tricky, 2):
        assert keys(chat(user("x"), extra=one)) != keys(chat(user("x"), extra=other))


def test_parts_do_not_run_into_each_other() -> None:
    """Two text parts are not one; the order of parts and images counts."""

    def parts(*texts: str) -> list[dict[str, str]]:
        return [{"type": "text", "text": text} for text in texts]

    variants = [parts("a", "b"), parts("a\nb"), parts("ab"), parts("b", "a"), parts("a", "", "b"), parts("", "a", "b")]
    assert len({keys(chat(user(variant))).canonical_key for variant in variants}) == len(variants)


@pytest.mark.parametrize(
    "last", [{"role": "assistant", "content": "The"}, {"role": "tool", "tool_call_id": "1", "content": "4  2"}]
)
def test_nothing_is_split_off_unless_the_user_speaks_last(last: dict[str, Any]) -> None:
    """A prefill or a tool's result makes the whole conversation context: no neighbourhood, and the keys cover all."""
    found, _ = MAKER.read(chat(user("hi"), last), POLICY)
    assert found.neighbourhood == ""
    assert found != keys(chat(user("ho"), last))
    assert found != keys(chat(user("hi"), {**last, "content": "other"}))


@pytest.mark.parametrize("last", [{"role": "assistant", "content": "The"}, {"role": "tool", "content": "4"}])
def test_who_speaks_after_the_user_does_not_take_the_text_away(last: dict[str, Any]) -> None:
    """The router judges an agent's loop by what the user asked last, canonical as ever; without a user by nothing."""
    calls: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
    asked = chat(SYSTEM, user("first"), last, user([{"type": "text", "text": "What  is it?"}]), calls, last)
    assert MAKER.read(asked, POLICY)[1] == MAKER.read(chat(user("What  is it?")), POLICY)[1] == "what is it?"
    for silent in (chat(SYSTEM, last), chat(user("first"), user(None), last)):
        assert MAKER.read(silent, POLICY)[1] == ""


def test_a_tools_result_is_data() -> None:
    """White space in a tool's result counts."""

    def with_result(content: str) -> GatewayRequest:
        return chat(user("a"), {"role": "tool", "tool_call_id": "1", "content": content}, user("b"))

    assert keys(with_result("4  2")) != keys(with_result("4 2"))


def test_split_gives_the_text_as_it_came_and_the_rest() -> None:
    """Text parts are joined by a line end; the rest holds no word of them; the request is not touched."""
    request = chat(SYSTEM, user([{"type": "text", "text": "One  two"}, {"type": "text", "text": "three"}]), seed=1)
    text, rest = MAKER.split(request)
    assert text == "One  two\nthree"
    assert "two" not in str(rest)
    assert rest["seed"] == 1
    assert request.payload["messages"][1]["content"][0]["text"] == "One  two"


def test_read_gives_the_canonical_text() -> None:
    """The text to embed is the canonical one, and the keys are those of `keys`."""
    request = chat(SYSTEM, user("What  is it?"))
    assert MAKER.read(request, POLICY) == (keys(request), "what is it?")


def test_completions() -> None:
    """A prompt is text, but its key is exact; lists, token ids and echoed prompts have no text, and still count."""
    assert MAKER.read(completion("Once  upon "), POLICY)[1] == "once upon"
    assert keys(completion("Once upon ")) != keys(completion("Once upon"))
    assert keys(completion(["Once"])) == keys(completion("Once"))
    for prompt, other in ((["a", "b"], ["a", "c"]), ([1, 2], [12]), ([[1], [2]], [[1, 2]])):
        assert MAKER.read(completion(prompt), POLICY)[1] == ""
        assert keys(completion(prompt)) != keys(completion(other))
    assert MAKER.read(completion("a", echo=True), POLICY)[1] == ""
    assert keys(completion("a", echo=True)) != keys(completion("b", echo=True))


def test_vectors_of_another_arithmetic_are_never_met() -> None:
    """int8 moves a cosine by up to 0.03: a threshold that was found on one kind says nothing of the other."""
    makers = [KeyMaker(EmbedderSpec(arithmetic=each).identity) for each in ("int8", "float32")]
    contexts = [maker.keys(chat(user("hi")), POLICY).context_key for maker in makers]
    assert contexts[0] != contexts[1]


def test_the_embedder_and_the_policies_are_in_the_context() -> None:
    """Another embedder, model, verifier, policy version, other thresholds or another normalizer: another context."""
    request = chat(user("hi"))
    assert KeyMaker("other").keys(request, POLICY).context_key != keys(request).context_key
    assert KeyMaker("minilm", "other models").keys(request, POLICY).canonical_key != keys(request).canonical_key
    assert KeyMaker("minilm", verifier="v2").keys(request, POLICY).canonical_key != keys(request).canonical_key
    assert KeyMaker("minilm", "v2").keys(request, POLICY) != KeyMaker("minilm", verifier="v2").keys(request, POLICY)
    for policy in (
        Policy(version="2"),
        Policy(routing=RoutingPolicy(margin=0.1)),
        Policy(normalizer=NormalizerPolicy(case="keep")),
    ):
        assert keys(request, policy).context_key != keys(request).context_key
    for policy in (
        Policy(cache=CachePolicy(ttl_s=5)),
        Policy(routing=RoutingPolicy(shadow=0.5, session_ttl_s=5, sticky=False)),
        Policy(prices={"small": Price(input=Decimal(1), output=Decimal(2))}),
    ):
        assert keys(request, policy) == keys(request)


def test_rules_are_by_feature() -> None:
    """A rule of one feature is applied to its prompts only."""
    rule = StampRule(name="ticket", pattern=r"TICKET-\d+")
    policy = Policy(features={"help": FeaturePolicy(normalizer=NormalizerPolicy(rules=(rule,)))})
    one, other = chat(user("close TICKET-1")), chat(user("close TICKET-2"))
    assert keys(one, policy.for_feature("help")) == keys(other, policy.for_feature("help"))
    assert keys(one, policy.for_feature("shop")) != keys(other, policy.for_feature("shop"))


def test_a_stamp_of_the_context_stays_when_the_question_could_need_it() -> None:
    """What day it is stands in the system prompt's time stamp; what two and two are does not."""

    def asked(stamp: str, question: str) -> PromptKeys:
        return keys(chat({"role": "system", "content": f"Timestamp: {stamp}\nBe brief."}, user(question)))

    monday, tuesday = "2024-05-06 10:00:00", "2024-05-07 10:00:00"
    assert asked(monday, "add 2 and 2") == asked(tuesday, "add 2 and 2")
    assert asked(monday, "what day is it?") != asked(tuesday, "what day is it?")


def test_a_stamp_of_the_context_stays_when_an_earlier_question_could_need_it() -> None:
    """A tool's result comes last, and the user has asked for the day before it."""

    def called(stamp: str, question: str) -> PromptKeys:
        result = {"role": "tool", "tool_call_id": "1", "content": "ok"}
        return keys(chat({"role": "system", "content": f"Timestamp: {stamp}"}, user(question), result))

    monday, tuesday = "2024-05-06 10:00:00", "2024-05-07 10:00:00"
    assert called(monday, "add 2 and 2") == called(tuesday, "add 2 and 2")
    assert called(monday, "what day is it?") != called(tuesday, "what day is it?")


def test_a_stamp_stays_when_the_instructions_use_it() -> None:
    """Instructions that name the time stamp make it content."""
    rules = {"role": "system", "content": "Use the timestamp of the message."}
    first, second = "[2024-05-06 10:00:00] book it", "[2024-05-07 10:00:00] book it"
    assert keys(chat(user(first))) == keys(chat(user(second)))
    assert keys(chat(rules, user(first))) != keys(chat(rules, user(second)))


@pytest.mark.parametrize(
    "content", [None, 7, [], [None], ["x"], {"a": 1}, [{"type": "text"}], [{"type": "text", "text": 5}]]
)
def test_odd_content_is_no_fault(content: Any) -> None:
    """Keys never fail on a body that the engine would refuse."""
    found, text = MAKER.read(chat(None, user(content), user(content)), POLICY)
    assert len(found.canonical_key) == len(found.context_key) == 64
    assert text == ""


@pytest.mark.parametrize(
    "unit", ["The quick brown  fox. ", "a\u0301 ", "`", "'a ", '"', "<a", "A-a", "[2024-05-01 12:00] x\n", "\n", "#\t"]
)
def test_a_megabyte_is_linear(unit: str) -> None:
    """No text makes the patterns quadratic: a quadratic one takes minutes here."""
    request = chat(user("x" + unit * (1_000_000 // len(unit))))
    started = time.perf_counter()
    MAKER.read(request, Policy(normalizer=NormalizerPolicy(case="fold")))
    assert time.perf_counter() - started < 20
