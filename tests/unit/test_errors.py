"""The error tree: every error survives a hop, and every one has OpenAI's shape."""

import pickle
from typing import Any

import pytest

from app import errors
from app.domain import BudgetExceeded, Limit, Period, Scope, ScopeStopped, Unit, Window

EXCEEDED = BudgetExceeded(Limit(Scope("acme", (("feature", "faq"),)), Unit.TOKENS, 100), 10, 20, 3600.0)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "BudgetRefused": (EXCEEDED,),
    "SpendingStopped": (ScopeStopped(Scope("acme"), "runaway"),),
    "AnswerStopped": (errors.BudgetRefused(EXCEEDED),),
    "HedgeLost": (12,),
    "BackendRejected": ("too long", 413, "messages"),
}


def every_error() -> list[errors.LeanServeError]:
    """One of each class of the tree."""
    found: list[errors.LeanServeError] = []
    waiting: list[type[errors.LeanServeError]] = [errors.LeanServeError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.append(kind(*ARGUMENTS.get(kind.__name__, ("a message", "a param"))))
    return found


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_every_error_pickles(error: errors.LeanServeError) -> None:
    """Class, status, body and Retry-After are the same on the other side of a hop."""
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert (other.http_status, other.body(), other.retry_after_s) == (
        error.http_status,
        error.body(),
        error.retry_after_s,
    )


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_every_error_has_openais_shape(error: errors.LeanServeError) -> None:
    """`message`, `type`, `param` and `code`, of a refusal the limit too, and a status that is one of an error."""
    assert set(error.body()["error"]) - {"limit"} == {"message", "type", "param", "code"}
    assert 400 <= error.http_status < 600


def test_every_error_is_drawn() -> None:
    """The tree at the head of the module names every class of it."""
    for error in every_error():
        assert type(error).__name__ in (errors.__doc__ or "")


def test_retry_after_only_where_a_retry_can_help() -> None:
    """A request larger than the whole limit, or a limit that never resets, is told no time."""
    limit = EXCEEDED.limit
    assert errors.BudgetRefused(EXCEEDED).retry_after_s == 3601
    assert errors.BudgetRefused(BudgetExceeded(limit, 10, 101, 3600.0)).retry_after_s is None
    assert errors.BudgetRefused(BudgetExceeded(limit, 10, 20, None)).retry_after_s is None


@pytest.mark.parametrize(
    ("unit", "amount", "said"),
    [
        (Unit.MICRO_USD, 5_000_000, "may spend 5.000000 USD per day; 0.000010 USD left, at least 0.000020 USD needed"),
        (Unit.CONCURRENT, 2, "may have 2 requests under way; 10 left, 20 needed"),
        (Unit.TOKENS, 100, "may spend 100 tokens per day; 10 left, at least 20 needed"),
    ],
)
def test_a_refusal_speaks_of_what_was_limited(unit: Unit, amount: int, said: str) -> None:
    """In the words and the money that the limit was written in."""
    limit = Limit(Scope("acme"), unit, amount, Window(Period.DAY))
    assert said in errors.BudgetRefused(BudgetExceeded(limit, 10, 20, None)).message


def test_an_answer_that_a_lowered_limit_ended_needed_nothing_more() -> None:
    limit = Limit(Scope("acme"), Unit.TOKENS, 100, Window(Period.DAY))
    assert errors.BudgetRefused(BudgetExceeded(limit, 0, 0, None)).message.endswith("per day; 0 left")


@pytest.mark.parametrize(("reason", "because"), [("a loop", ": a loop"), ("operator: ", ": operator"), ("", "")])
def test_a_stop_says_why_as_far_as_it_is_known(reason: str, because: str) -> None:
    """An operator who gave no reason is one all the same."""
    stopped = errors.SpendingStopped(ScopeStopped(Scope("acme"), reason))
    assert stopped.message == f"tenant=acme was stopped{because}"
