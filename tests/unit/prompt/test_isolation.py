"""Nobody meets an answer that was not made for them: whatever could make another answer right parts the keys."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.config.policy import CachePolicy, NormalizerPolicy, Policy
from app.config.routing import RoutingPolicy
from app.domain import Caller, GatewayRequest, PromptKeys
from app.prompt.keys import KeyMaker

QUESTION = "what is the capital of France?"
WORDS = st.text("abcde FGH1é😀", min_size=1, max_size=8).filter(lambda text: text.strip() == text)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-3, 3) | WORDS, lambda inner: st.lists(inner, max_size=2))


@dataclass(frozen=True)
class Asked:
    """All that identity hangs on."""

    tenant: str = "acme"
    user: str = "ann"
    scope: str = "user"
    payload: dict[str, Any] = field(default_factory=lambda: {"model": "auto"})
    context: tuple[dict[str, Any], ...] = ()
    embedder: str = "minilm"
    tiers: str = "tiers-1"
    verifier: str = "verifier-1"
    version: str = "1"
    routing: RoutingPolicy = field(default_factory=RoutingPolicy)
    normalizer: NormalizerPolicy = field(default_factory=NormalizerPolicy)

    def keys(self, question: str = QUESTION) -> PromptKeys:
        """As the gateway makes them."""
        messages = [*self.context, {"role": "user", "content": question}]
        caller = Caller(self.tenant, user=self.user)
        request = GatewayRequest("r1", "chat", {**self.payload, "messages": messages}, caller)
        cache = CachePolicy.model_validate({"scope": self.scope})
        policy = Policy(version=self.version, routing=self.routing, normalizer=self.normalizer, cache=cache)
        return KeyMaker(self.embedder, self.tiers, self.verifier).keys(request, policy)


def parameter(name: str) -> Callable[[Asked, Any], Asked]:
    return lambda asked, value: replace(asked, payload={**asked.payload, name: value})


def message(role: str) -> Callable[[Asked, Any], Asked]:
    return lambda asked, text: replace(asked, context=(*asked.context, {"role": role, "content": text}))


def attribute(name: str) -> Callable[[Asked, Any], Asked]:
    return lambda asked, value: replace(asked, **{name: value})


def history(asked: Asked, text: str) -> Asked:
    turns = ({"role": "user", "content": text}, {"role": "assistant", "content": "yes"})
    return replace(asked, context=(*asked.context, *turns))


def tool(asked: Asked, name: str) -> Asked:
    return parameter("tools")(asked, [{"type": "function", "function": {"name": name}}])


def schema(asked: Asked, name: str) -> Asked:
    return parameter("response_format")(asked, {"type": "json_schema", "json_schema": {"name": name}})


def routing(asked: Asked, threshold: float) -> Asked:
    return replace(asked, routing=RoutingPolicy(thresholds={"small": threshold}))


UNIT = st.integers(0, 100).map(lambda percent: percent / 100)
PARTS: list[tuple[str, Callable[[Asked, Any], Asked], st.SearchStrategy[Any]]] = [
    ("tenant", attribute("tenant"), WORDS),
    ("user", attribute("user"), WORDS),
    ("system prompt", message("system"), WORDS),
    ("developer prompt", message("developer"), WORDS),
    ("history", history, WORDS),
    ("tools", tool, WORDS),
    ("response format", schema, WORDS),
    ("model", parameter("model"), WORDS),
    ("temperature", parameter("temperature"), UNIT),
    ("top_p", parameter("top_p"), UNIT),
    ("seed", parameter("seed"), st.integers(0, 9)),
    ("max_tokens", parameter("max_tokens"), st.integers(1, 99)),
    ("stop", parameter("stop"), WORDS),
    ("the engine's own parameter", parameter("guided_choice"), st.lists(WORDS, max_size=3)),
    ("any parameter", parameter("whatever"), JSON),
    ("embedder", attribute("embedder"), WORDS),
    ("models", attribute("tiers"), WORDS),
    ("verifier", attribute("verifier"), WORDS),
    ("policy version", attribute("version"), WORDS),
    ("routing policy", routing, UNIT),
    (
        "normalizer policy",
        attribute("normalizer"),
        st.sampled_from([NormalizerPolicy(case=c) for c in ("keep", "fold")]),
    ),
]


def apart(one: PromptKeys, other: PromptKeys) -> bool:
    """Neither the very same request nor one that asks the same is met."""
    return one.canonical_key != other.canonical_key and one.neighbourhood != other.neighbourhood


@pytest.mark.parametrize(("name", "change", "values"), PARTS, ids=[part[0] for part in PARTS])
@given(data=st.data())
def test_a_difference_in_any_part_sets_requests_apart(
    name: str, change: Callable[[Asked, Any], Asked], values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    """Another value: another canonical key and another neighbourhood. The same value: the same."""
    one, other = data.draw(values), data.draw(values)
    assume(one != other or type(one) is not type(other))
    assert apart(change(Asked(), one).keys(), change(Asked(), other).keys())
    assert change(Asked(), one).keys() == change(Asked(), one).keys()


@given(st.sampled_from(PARTS), st.sampled_from(PARTS), st.data())
def test_no_two_parts_stand_for_each_other(one: Any, other: Any, data: st.DataObject) -> None:
    """The same word in another place is another request: no part runs into its neighbour."""
    assume(one[0] != other[0])
    values = [data.draw(part[2]) for part in (one, other)]
    assume(None not in values)  # the same as none at all
    first, second = one[1](Asked(), values[0]), other[1](Asked(), values[1])
    assume(first != second)
    assert apart(first.keys(), second.keys())


@given(WORDS, WORDS)
def test_users_share_what_their_tenant_shares(one: str, other: str) -> None:
    """With the scope `tenant` the user is no part of the keys; with `user` it is."""
    shared = [replace(Asked(scope="tenant"), user=user).keys() for user in (one, other)]
    assert shared[0] == shared[1]
    assert apart(shared[0], replace(Asked(scope="user"), user=one).keys())


@given(WORDS, WORDS)
def test_questions_of_one_context_are_neighbours(one: str, other: str) -> None:
    """The question itself is all that may differ among neighbours."""
    assert Asked().keys(f"tell me of {one}").neighbourhood == Asked().keys(f"tell me of {other}").neighbourhood != ""
