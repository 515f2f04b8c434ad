"""Files of outcomes."""

import json
from typing import Any

import pytest

from app.config.policy import NormalizerPolicy, Policy
from app.domain import GatewayRequest, Judgement
from app.errors import InvalidRequest
from app.learn.calibration.evidence import Both, Judged
from app.learn.calibration.lines import Judge, judging, of_rows, read_rows
from app.prompt.keys import KeyMaker
from app.route.setting import named_tiers
from tests.fakes import FakeHead

TIERS = named_tiers("small,medium,large")
NAMES = [tier.name for tier in TIERS]


def lines(*rows: Any) -> list[bytes]:
    return [json.dumps(row).encode() + b"\n" for row in rows]


def head(text: str) -> Judgement:
    """A fake: hard prompts, and one that it doubts."""
    doubt = "not English" if "¿" in text else ""
    return Judgement(0.8 if "hard" in text else 0.1, (0.5, 0.7, 0.9), doubt)


def judge() -> Judge:
    return judging(FakeHead(head), lambda texts: [b""] * len(texts), Policy())


def test_rows_with_a_chance_need_no_head() -> None:
    """`success` as JSON's or as a number; blank lines are passed over."""
    rows = read_rows(
        [*lines({"tier": "small", "p": 0.4, "success": True}), b"\n", *lines({"tier": "large", "p": 1, "success": 0})],
        NAMES,
    )
    found = of_rows(rows, TIERS, lambda prompts: [])
    assert found.judged == [Judged("small", 0.4, good=True), Judged("large", 1.0, good=False)]
    assert found.both == []


def test_prompts_are_scored_by_the_head_at_each_tiers_capability() -> None:
    """Once each; those that it doubts are left out. A prompt on several tiers tells of both."""
    rows = read_rows(
        lines(
            {"prompt": "easy", "tier": "small", "success": True},
            {"prompt": "easy", "tier": "large", "success": True},
            {"prompt": "hard", "tier": "small", "success": False},
            {"prompt": "hard", "tier": "medium", "success": False},
            {"prompt": "hard", "tier": "large", "success": True},
            {"prompt": "¿", "tier": "small", "success": True},
            {"prompt": "alone", "tier": "small", "success": True},
        ),
        NAMES,
    )
    fake = FakeHead(head)
    found = of_rows(rows, TIERS, judging(fake, lambda texts: [b""] * len(texts), Policy()))
    assert fake.calls == ["easy", "hard", "¿", "alone"]
    assert [round(each.p, 6) for each in found.judged] == [0.5, 0.9, 0.5, 0.7, 0.9, 0.5]
    assert found.both == [
        Both("small", 0.1, cheap=True, best=True),
        Both("small", 0.8, cheap=False, best=True),
        Both("medium", 0.8, cheap=False, best=True),
    ]
    assert found.left_out["prompts that the head cannot judge"] == 1


@pytest.mark.parametrize(
    ("policy", "text"),
    [(Policy(), "how do I Sort?"), (Policy(normalizer=NormalizerPolicy(case="fold")), "how do I sort?")],
)
def test_prompts_are_read_as_the_gateway_reads_them(policy: Policy, text: str) -> None:
    """Embedded and scored is the canonical text, by the policy's own normalizer."""
    fake, seen = FakeHead(head), []

    def encode(texts: list[str]) -> list[bytes]:
        seen.extend(texts)
        return [b""] * len(texts)

    prompt = "  How do I  Sort? \n"
    request = GatewayRequest("r", "chat", {"model": "auto", "messages": [{"role": "user", "content": prompt}]})
    _, canonical = KeyMaker("any").read(request, policy)
    judging(fake, encode, policy)([prompt])
    assert fake.calls == seen == [canonical]
    assert " ".join(canonical.split()) == text


def test_lines_of_one_id_are_one_request() -> None:
    """With its score; an id does not meet a prompt of the same words."""
    rows = read_rows(
        lines(
            {"id": 7, "tier": "small", "p": 0.4, "score": 0.3, "success": 0},
            {"id": 7, "tier": "large", "p": 0.9, "score": 0.3, "success": 1},
            {"id": "8", "tier": "large", "p": 0.9, "score": 0.3, "success": 1},
            {"prompt": "8", "tier": "small", "success": 1},
        ),
        NAMES,
    )
    assert of_rows(rows, TIERS, judge()).both == [Both("small", 0.3, cheap=False, best=True)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"tier": "huge", "p": 0.5, "success": True}, '"tier" is none of'),
        ({"tier": ["small"], "p": 0.5, "success": True}, '"tier" is none of'),
        ({"tier": "small", "p": 0.5}, '"success"'),
        ({"tier": "small", "p": 0.5, "success": 2}, '"success"'),
        ({"tier": "small", "p": 0.5, "success": "yes"}, '"success"'),
        ({"tier": "small", "success": True}, '"p"'),
        ({"tier": "small", "p": 1.5, "success": True}, '"p"'),
        ({"tier": "small", "p": True, "success": True}, '"p"'),
        ({"tier": "small", "p": float("nan"), "success": True}, '"p"'),
        ({"tier": "small", "prompt": 7, "success": True}, '"p"'),
        ({"tier": "small", "p": 0.5, "success": True, "score": 7}, '"score"'),
        ([1], "JSON object"),
    ],
)
def test_a_line_that_is_none_is_named(row: Any, told: str) -> None:
    """By its number."""
    good = {"tier": "small", "p": 0.5, "success": True}
    with pytest.raises(InvalidRequest, match="line 2") as error:
        read_rows(lines(good, row), NAMES)
    assert told in error.value.message
