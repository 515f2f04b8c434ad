"""Which requests get a shadow call."""

from typing import Any

import pytest

from app.learn.shadow import best_tier, is_sampled, place, shadow_of
from tests.unit.learn.made import attempt, ended

ALL: dict[str, Any] = {"routing": {"shadow": 1.0}}


def test_the_share_is_kept_and_the_same_request_is_always_the_same() -> None:
    """By the hash of the id: no state, no randomness, the same in every replica."""
    places = [place(f"req-{number}") for number in range(20_000)]
    assert places == [place(f"req-{number}") for number in range(20_000)]
    assert all(0 <= each < 1 for each in places)
    assert sum(each < 0.02 for each in places) / len(places) == pytest.approx(0.02, abs=0.004)


def test_nothing_is_sampled_unless_the_policy_says_so() -> None:
    """The default share is 0, and a feature may have its own."""
    assert not is_sampled(ended())
    own = {"routing": {"shadow": 0.0}, "features": {"faq": {"routing": {"shadow": 1.0}}}}
    journey = ended(policy=own)
    assert not is_sampled(journey)
    journey.policy = journey.policy.for_feature("faq")
    assert is_sampled(journey)


def test_only_a_cheaper_tiers_own_whole_answer_is_compared() -> None:
    """Not the best tier's, an escalated one, the client's choice, what nobody was sure of, several choices, a fault."""
    assert is_sampled(ended(policy=ALL))
    assert not is_sampled(ended(policy=ALL, fallbacks=()))
    assert not is_sampled(ended(policy=ALL, attempts=(attempt("small"), attempt("large"))))
    assert not is_sampled(ended(policy=ALL, score=None))
    assert not is_sampled(ended(policy=ALL, uncertain=True))
    assert not is_sampled(ended(policy=ALL, payload={"model": "auto", "n": 2}))
    journey = ended(policy=ALL)
    journey.error = "backend_error"
    assert not is_sampled(journey)


def test_a_shadow_is_the_same_request_to_the_best_allowed_tier() -> None:
    """Not streamed, under an id of its own, on the same account, never falling back."""
    journey = ended(policy=ALL, fallbacks=("medium", "large"), payload={"model": "auto", "stream": True, "top_p": 0.5})
    shadow = shadow_of(journey)
    assert best_tier(journey) == "large"
    assert shadow.decision is not None
    assert shadow.decision.tiers == ("large",)
    assert (shadow.request.id, shadow.request.caller) == ("req-1-shadow", journey.request.caller)
    assert (shadow.request.payload["stream"], shadow.request.payload["top_p"]) == (False, 0.5)
