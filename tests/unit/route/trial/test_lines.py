"""Files of labelled prompts."""

import json
import re

import pytest

from app.errors import InvalidRequest
from app.route.trial.lines import LabelledPrompt, labelled_prompts

BOTH = {"small": 0, "large": 1}


def line(**fields: object) -> bytes:
    return json.dumps({"prompt": "Hi", "scores": BOTH, **fields}).encode()


def test_a_line_is_a_prompt_with_scores_and_perhaps_costs_and_a_domain() -> None:
    """Blank lines and other fields are passed over; null is nothing."""
    plain, named = labelled_prompts([line(costs=None, domain=None), b"\n", line(prompt="é\u2028", domain=7, other=1)])
    assert plain == LabelledPrompt("Hi", {"small": 0.0, "large": 1.0}, None, "all")
    assert (named.prompt, named.domain) == ("é\u2028", "7")
    [priced] = labelled_prompts([line(costs={"large": 0.01, "small": 0})])
    assert priced.costs == {"small": 0.0, "large": 0.01}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"no json", "line 2 is not a JSON object"),
        (b'{"scores": {"small": 0, "large": 1}}', 'line 2 has no string "prompt"'),
        (line(prompt=3), 'line 2 has no string "prompt"'),
        (line(scores=None), 'line 2: "scores" is not an object of numbers by tier'),
        (line(scores=[0, 1]), 'line 2: "scores" is not an object of numbers by tier'),
        (line(scores={"small": 0}), 'line 2: "scores" names fewer than two tiers'),
        (line(scores={"small": 0, "large": 1.5}), "line 2: \"scores\" of 'large' is not a number from 0 to 1"),
        (line(scores={"small": "1", "large": 1}), "line 2: \"scores\" of 'small' is not a number from 0 to 1"),
        (line(scores={"small": float("nan"), "large": 1}), "is not a number from 0 to 1"),
        (line(scores={"small": 0, "huge": 1}), 'line 2: "scores" are of other tiers than in the first line'),
        (line(costs={"small": 0, "large": -1}), "\"costs\" of 'large' is not a number from 0 to 1,000,000"),
        (line(costs={"small": 0, "large": 10**400}), "\"costs\" of 'large' is not a number from 0 to 1,000,000"),
        (line(costs={"small": 0}), 'line 2: "costs" are of other tiers than "scores"'),
        (line(costs=dict(BOTH)), 'line 2: all lines have "costs", or none'),
    ],
)
def test_a_line_that_is_none_is_named(bad: bytes, why: str) -> None:
    """The line's number and the fault."""
    with pytest.raises(InvalidRequest, match=re.escape(why)):
        list(labelled_prompts([line(), bad]))
