"""The engine's own confidence: asked for, read, hidden."""

import math
from typing import Any

import pytest

from app.cascade.confidence import FLOOR, UNKNOWN, Confidence, asked, hidden, tells
from app.config.gateway import TierSpec
from app.domain import Chunk
from tests.fakes_answers import answer, body, choice, streamed
from tests.fakes_backends import chat, completion


def least(*chunks: Chunk) -> float | None:
    confidence = Confidence()
    confidence.feed(chunks)
    return confidence.least


def test_it_is_the_geometric_mean_of_all_tokens() -> None:
    """Whole or in pieces: exp of the mean log-probability."""
    assert least(*answer(p=(0.9, 0.4))) == pytest.approx(math.sqrt(0.9 * 0.4))
    pieces = [chunk for batch in streamed("a", "b", "c", p=0.5) for chunk in batch]
    assert least(*pieces) == pytest.approx(0.5)


def test_of_several_choices_the_least_counts() -> None:
    """One unsure choice makes an unsure answer."""
    assert least(body(choice(p=(0.9,)), choice(p=(0.2, 0.2)), choice())) == pytest.approx(0.2)


def test_nothing_told_is_nothing_known() -> None:
    """Upstreams leave the field out, null it, or fill it with anything."""
    assert least(*answer()) is None
    odd: list[Any] = [None, [], {}, {"content": None}, {"content": [None, {}]}, {"content": [{"logprob": "x"}]}]
    assert least(*({"choices": [{"logprobs": each}]} for each in odd), {"usage": {}}) is None
    assert least({"choices": [{"logprobs": {"token_logprobs": [None, float("nan"), UNKNOWN]}}]}) is None


def test_text_completions_keep_theirs_elsewhere() -> None:
    """`token_logprobs`, in a list."""
    told = {"tokens": ["a", "b"], "token_logprobs": [math.log(0.5), math.log(0.5)], "top_logprobs": [None, None]}
    assert least({"choices": [{"index": 0, "text": "ab", "logprobs": told}]}) == pytest.approx(0.5)


def test_one_forced_token_does_not_drown_the_rest() -> None:
    """What a grammar forces may have next to no probability: it counts no less than the floor."""
    told = {"token_logprobs": [-500.0] + [0.0] * 99}
    assert least({"choices": [{"index": 0, "logprobs": told}]}) == pytest.approx(math.exp(FLOOR / 100))


def test_only_the_chosen_tokens_are_asked_for() -> None:
    """The least that each endpoint knows; what a client wants for itself stays."""
    assert asked(chat()).payload["logprobs"] is True
    assert asked(chat()).payload["top_logprobs"] == 0
    assert asked(completion()).payload["logprobs"] == 0
    for own in (chat(logprobs=True, top_logprobs=5), completion(logprobs=3), completion(echo=True)):
        assert asked(own) is own
    assert asked(chat(logprobs=False)).payload["logprobs"] is True


def test_only_who_knows_the_wish_is_asked() -> None:
    """An upstream may refuse a request for a field that the client never sent."""
    upstream = {"kind": "openai", "base_url": "http://u/v1", "model": "m"}
    backends = [
        {"kind": "vllm"},
        upstream,
        {**upstream, "provider": "vllm"},
        {**upstream, "logprobs": True},
        {"kind": "echo"},
    ]
    sizes = {"context_tokens": 10, "max_output_tokens": 5}
    tier = TierSpec.model_validate({"name": "t", "model": "m", **sizes, "backends": backends})
    names = ["t/vllm", "t/openai", "t/openai-2", "t/openai-3", "t/echo", "t/other"]
    assert [tells(tier, name) for name in names] == [True, False, True, True, True, False]


def test_hidden_chunks_look_as_if_nobody_had_asked() -> None:
    """The field is null, the chunk that came is untouched."""
    [told] = answer(p=(0.5,))
    [shown] = hidden([told])
    assert shown == answer()[0]
    assert told["choices"][0]["logprobs"]
