"""What a response says of what is left."""

from app.api.headers import budget_headers
from app.domain import Limit, Period, Remaining, Scope, Unit, Window

PREFIX = "x-leanserve-budget-"


def left(unit: Unit, amount: int, resets_in_s: float | None) -> Remaining:
    """Of some limit of that unit."""
    return Remaining(Limit(Scope("acme"), unit, 1_000, Window(Period.DAY)), amount, resets_in_s)


def told(*found: Remaining) -> dict[str, str]:
    return {name.removeprefix(PREFIX): value for name, value in budget_headers(found).items()}


def test_the_tightest_of_each() -> None:
    """And the first of those to begin anew."""
    found = told(
        left(Unit.TOKENS, 90, 3_600),
        left(Unit.OUTPUT_TOKENS, 50, 600.2),
        left(Unit.MICRO_USD, 12, 7_200),
        left(Unit.REQUESTS, 3, 60),
        left(Unit.REQUESTS, 7, 2),
    )
    assert found == {
        "remaining-tokens": "50",
        "remaining-usd": "0.000012",
        "remaining-requests": "3",
        "reset": "60",
    }


def test_who_is_limited_in_requests_only_is_told_when_they_begin_anew() -> None:
    """A refusal too, which knows of no other limit than its own."""
    assert told(left(Unit.REQUESTS, 0, 41.5)) == {"remaining-requests": "0", "reset": "42"}


def test_what_is_under_way_is_no_matter_of_time() -> None:
    """It says nothing of what is left for later."""
    assert told(left(Unit.CONCURRENT, 1, None)) == {}
