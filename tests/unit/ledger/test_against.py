"""Savings are told against what the same tokens would have cost; their parts sum to the whole; routing may lose."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.policy import Policy
from app.config.prices import Price
from app.cost.prices import PriceSheet
from app.domain import Amounts, CacheHit, MicroUsd, RouteDecision, SessionStep, Usage
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.ledger.against import against_of
from app.ledger.record import Against
from tests.unit.route import made

SPECS = made.specs()
USED = Usage(100, 0, 10)
"""110 micro-USD at small, 330 at medium, 1,100 at large."""


def attempt(tier: str, usage: Usage = USED, outcome: AttemptOutcome = AttemptOutcome.SUCCESS) -> AttemptRecord:
    cost = made.sheet().cost(tier, f"{tier}/echo", usage)
    return AttemptRecord(tier, f"{tier}/echo", f"m-{tier}", outcome, usage=usage, cost=cost)


def journey(*attempts: AttemptRecord, decided: str = "small", policy: Policy | None = None, **request: Any) -> Journey:
    decision = RouteDecision(decided, 0.1, "easy")
    found = Journey(made.request(**request), policy or Policy(), made.sheet(), decision=decision)
    found.attempts = list(attempts)
    return found


def hit(usage: Usage = USED) -> CacheHit:
    return CacheHit("exact", "e", 1.0, 3.0, {}, usage, "small", cost=MicroUsd(110))


def savings(found: Against, actual: int) -> tuple[int, int, int]:
    return found.nothing - found.cache, found.cache - found.routing, found.routing - actual


def test_a_cheaper_tier_is_routings_saving() -> None:
    """The same tokens at the best tier, less what they cost."""
    assert savings(against_of(journey(attempt("small")), SPECS, "small"), 110) == (0, 990, 0)


def test_a_hit_is_the_caches_saving() -> None:
    """By the tokens of the kept answer; a hit that the policy prices saves that much less."""
    found = journey()
    found.hit, found.decision = hit(), None
    assert savings(against_of(found, SPECS), 0) == (1100, 0, 0)
    found.charged = Amounts(micro_usd=MicroUsd(11))
    assert savings(against_of(found, SPECS), 11) == (1089, 0, 0)


def test_retries_drafts_and_a_dearer_fall_back_count_against_routing() -> None:
    """What the request cost is all that it cost: routing may lose."""
    twice = journey(attempt("medium", Usage(100, 0, 10), AttemptOutcome.FAILED), attempt("large"))
    assert savings(against_of(twice, SPECS, "medium"), 1430) == (0, -330, 0)
    cascade = journey(attempt("small"), attempt("large"))
    cascade.given = cascade.attempts[1]
    assert savings(against_of(cascade, SPECS, "small"), 1210) == (0, -110, 0)


def test_a_downgrade_is_the_limits_saving() -> None:
    """Medium was decided, the budget had small answer: the difference is the limit's, the rest routing's."""
    found = journey(attempt("small"))
    found.lesser = True
    assert savings(against_of(found, SPECS, "medium"), 110) == (0, 770, 220)


def test_a_stopped_session_is_spared_the_best_tier() -> None:
    """Nobody asked the router."""
    found = journey(attempt("small"))
    found.step = SessionStep((), "session: max_usd")
    assert savings(against_of(found, SPECS, "small"), 110) == (0, 0, 990)


@pytest.mark.parametrize(
    ("found", "nothing"),
    [
        (journey(attempt("small"), max_tier="medium"), 330),
        (journey(attempt("small"), policy=Policy.model_validate({"routing": {"max_tier": "medium"}})), 330),
        (journey(attempt("medium"), decided="medium", model="medium"), 330),
        (journey(attempt("medium"), decided="medium", model="m-medium"), 330),
        (journey(attempt("large"), decided="medium", model="medium"), 330),
    ],
)
def test_the_best_tier_is_the_best_that_may_serve(found: Journey, nothing: int) -> None:
    """Bounds hold without routing too, and who names a tier gets it."""
    assert against_of(found, SPECS).nothing == nothing


def test_rights_abilities_and_context_bound_it_and_budgets_do_not() -> None:
    """A key's tiers; what a request needs; what its input does not fit into. The model of a hit is not asked for."""
    only = journey(attempt("small"))
    only.request = replace(only.request, tiers=("small", "medium"))
    assert against_of(only, SPECS).nothing == 330
    plain = made.specs(made.tier("small"), made.tier("medium"), made.tier("large", supports=[]))
    asks = journey(attempt("small"), tools=[{"type": "function"}])
    assert against_of(asks, plain).nothing == 330
    short = made.specs(made.tier("small"), made.tier("medium"), made.tier("large", context_tokens=80))
    assert against_of(journey(attempt("small")), short).nothing == 330


@pytest.mark.parametrize(
    "found",
    [
        journey(),
        journey(attempt("small", Usage(100, 0, 0), AttemptOutcome.FAILED)),
        journey(attempt("small"), model="all-MiniLM-L6-v2", decided=""),
        journey(attempt("small"), min_tier="nonsense"),
    ],
)
def test_what_nobody_knows_is_not_claimed(found: Journey) -> None:
    """Refused, unanswered, embeddings, nonsense: each is what it cost."""
    assert savings(against_of(found, SPECS), found.cost) == (0, 0, 0)


def test_a_shadow_call_is_a_cost_of_routing() -> None:
    """Without routing nobody had made it."""
    assert savings(against_of(journey(attempt("large")), SPECS, shadow=True), 1100) == (0, -1100, 0)


def test_cached_tokens_are_cheaper_at_the_other_tier_too() -> None:
    """The same tokens, cached as they were, at that tier's prices."""
    half = Decimal("0.5")
    prices = {
        name: Price(input=Decimal(usd), output=Decimal(usd), cached_input=half) for name, usd in made.PRICES.items()
    }
    found = journey(attempt("small", Usage(100, 40, 10)))
    found.prices = PriceSheet(prices)
    assert against_of(found, SPECS).nothing == 60 * 10 + 20 + 10 * 10


tiers, tokens = st.sampled_from(made.TIERS), st.integers(0, 10_000)
attempts = st.lists(
    st.builds(lambda tier, *of: attempt(tier, Usage(of[0], 0, of[1])), tiers, tokens, tokens), max_size=4
)


@given(attempts, tiers, st.booleans(), st.booleans(), st.integers(0, 500))
def test_the_parts_sum_to_the_whole(
    made_of: Sequence[AttemptRecord], decided: str, is_hit: bool, lesser: bool, charged: int
) -> None:
    """Whatever happened: no part is counted twice, none is lost, and none is negative money."""
    found = journey(*made_of, decided=decided)
    found.hit, found.lesser = hit() if is_hit else None, lesser
    found.charged = Amounts(micro_usd=MicroUsd(charged if is_hit else 0))
    against = against_of(found, SPECS, decided)
    assert sum(savings(against, found.cost)) == against.nothing - found.cost
    assert min(against.nothing, against.cache, against.routing) >= 0
