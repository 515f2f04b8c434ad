"""What speaks against an answer, and what the policy leaves out."""

import json
from typing import Any

import pytest

from app.cascade.said import is_empty
from app.cascade.schema import Unjudgeable
from app.cascade.unsure import doubt
from app.config.routing import CascadePolicy
from app.domain import Chunk, GatewayRequest
from tests.fakes_answers import body, call, choice

REFUSED = choice("I'm sorry, but I can't help with that.")
CUT = choice("half an ans", finish="length")
OBJECT = {"type": "json_object"}


def doubted(*choices: Chunk, confidence: float | None = None, payload: Any = None, **policy: Any) -> str:
    request = GatewayRequest("r", "chat", {"model": "auto", "messages": [], **(payload or {})})
    return doubt(request, CascadePolicy(enabled=True, **policy), body(*choices), confidence)


def test_a_plain_answer_looks_sure() -> None:
    """No sign against it; a backend that tells no probabilities is no sign."""
    assert doubted(choice("Paris.")) == ""
    assert doubted(choice("Paris."), confidence=0.7) == ""
    assert doubted(choice(None, tool_calls=[call("{}")]), payload={"tools": [{"function": {"name": "f"}}]}) == ""


@pytest.mark.parametrize(
    "silent", [choice(""), choice(" \n"), choice(None), choice(None, reasoning="hm", refusal=None)]
)
def test_nothing_said(silent: Chunk) -> None:
    """Nothing, white space, thoughts alone; and no choice at all."""
    assert is_empty(silent)
    assert doubted(silent) == "empty"
    assert doubted() == "empty"


def test_each_sign_has_its_name() -> None:
    """The words of headers, spans and metrics."""
    assert doubted(REFUSED) == "refusal"
    assert doubted(CUT) == "truncated"
    assert doubted(choice("Paris."), confidence=0.69) == "confidence"
    assert doubted(choice("Paris."), payload={"response_format": OBJECT}) == "structure"


def test_any_choice_counts() -> None:
    """One of three refuses: the three are unsure."""
    assert doubted(choice("Paris."), REFUSED, choice("Rome.")) == "refusal"


def test_choices_share_the_time_of_one_judgement() -> None:
    """Each has a slow pattern that matches in time; all together have not."""
    schema = {"items": {"not": {"pattern": "^(a|aa)+$"}}}
    asked = {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}
    slow = choice(json.dumps(["a" * 20 + "!"] * 20))
    assert doubted(slow, payload=asked) == ""
    with pytest.raises(Unjudgeable):
        doubted(*[slow] * 50, payload=asked)


def test_the_policy_leaves_out() -> None:
    """Each sign has its switch."""
    assert doubted(REFUSED, refusals=False) == ""
    assert doubted(CUT, truncated=False) == ""
    assert doubted(choice("Paris."), confidence=0.1, min_confidence=0) == ""
    assert doubted(choice("Paris."), payload={"response_format": OBJECT}, structure=False) == ""


def test_an_answer_cut_where_the_client_wanted_is_whole() -> None:
    """A better model would be cut there too; broken JSON is of no use all the same."""
    assert doubted(CUT, payload={"max_tokens": 3}) == ""
    assert doubted(CUT, payload={"max_completion_tokens": 3}) == ""
    assert doubted(CUT, payload={"max_tokens": 3, "response_format": OBJECT}) == "structure"
