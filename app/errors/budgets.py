"""What limits refuse, and what ends an answer in the middle."""

from typing import Any

from app.domain import BudgetExceeded, Limit, Period, Refusal, ScopeStopped, Unit
from app.errors.base import LeanServeError


class BudgetRefused(LeanServeError):
    """A hard limit was reached: nothing was called, nothing was spent."""

    status = 429
    type = "insufficient_quota"
    code = "budget_exceeded"

    def __init__(self, exceeded: BudgetExceeded) -> None:
        limit = exceeded.limit
        when = "" if exceeded.resets_in_s is None else f", resets in {exceeded.resets_in_s:.0f} s"
        super().__init__(
            f"budget exceeded: {limit.scope} may {_may(limit)}; {_amount(limit, exceeded.remaining)} left"
            f"{_needed(limit, exceeded.requested)}{when}"
        )
        self.exceeded = exceeded
        self.args = (exceeded,)

    def body(self) -> dict[str, Any]:
        """OpenAI's error JSON, and beside it which limit of which scope, what it left, and when it begins anew."""
        exceeded, limit = self.exceeded, self.exceeded.limit
        told = {
            "scope": str(limit.scope),
            "unit": str(limit.unit),
            "window": None if limit.unit is Unit.CONCURRENT else str(limit.window),
            "amount": limit.amount,
            "remaining": exceeded.remaining,
            "requested": exceeded.requested,
            "resets_in_s": exceeded.resets_in_s,
            "on_limit": str(limit.action),
        }
        return {"error": {**super().body()["error"], "limit": told}}

    @property
    def retry_after_s(self) -> int | None:
        """Until the window turns, or soon where others only have to end; None where a retry cannot help."""
        resets = 0.0 if self.exceeded.limit.unit is Unit.CONCURRENT else self.exceeded.resets_in_s
        if resets is None or self.exceeded.requested > self.exceeded.limit.amount:
            return None
        return int(resets) + 1


def _needed(limit: Limit, amount: int) -> str:
    """Of tokens and money the least that would begin an answer: how long it becomes nobody knows.

    An answer under way, whose limit was lowered below what is spent, needs nothing more.
    """
    exact = "" if limit.unit in {Unit.REQUESTS, Unit.CONCURRENT} else "at least "
    return f", {exact}{_amount(limit, amount)} needed" if amount else ""


def _may(limit: Limit) -> str:
    if limit.unit is Unit.CONCURRENT:
        return f"have {limit.amount} requests under way"
    unit = "" if limit.unit is Unit.MICRO_USD else f" {limit.unit}"
    when = "in all" if limit.window.period is Period.TOTAL else f"per {limit.window}"
    return f"spend {_amount(limit, limit.amount)}{unit} {when}"


def _amount(limit: Limit, amount: int) -> str:
    """Dollars as people write them."""
    return f"{amount // 1_000_000}.{amount % 1_000_000:06d} USD" if limit.unit is Unit.MICRO_USD else str(amount)


class SpendingStopped(LeanServeError):
    """A scope of the request was stopped, and nobody let it go on: nothing is called until then."""

    status = 403
    type = "insufficient_quota"
    code = "scope_stopped"

    def __init__(self, stopped: ScopeStopped) -> None:
        because = f": {reason}" if (reason := stopped.reason.rstrip(": ")) else ""  # an operator may give none
        super().__init__(f"{stopped.scope} was stopped{because}")
        self.stopped = stopped
        self.args = (stopped,)


def refused(refusal: Refusal) -> LeanServeError:
    """The error for what the ledger refused."""
    return SpendingStopped(refusal) if isinstance(refusal, ScopeStopped) else BudgetRefused(refusal)


class AnswerStopped(LeanServeError):
    """An answer under way was ended: `why` says what by. What was produced is given, with a clean end."""

    code = "answer_stopped"

    def __init__(self, why: LeanServeError) -> None:
        super().__init__(why.message)
        self.why = why
        self.args = (why,)


class HedgeLost(LeanServeError):
    """Of two attempts at once the other began first, and says that the prompt has so many tokens: 0 where it does not.

    No client is told.
    """

    code = "hedge_lost"

    def __init__(self, input_tokens: int) -> None:
        super().__init__("the other of two attempts began first")
        self.input_tokens = input_tokens
        self.args = (input_tokens,)


class ReservationClosed(LeanServeError):
    """The reservation was settled, withdrawn or reclaimed before: it holds nothing and grows no more."""

    code = "reservation_closed"


class SessionStopped(LeanServeError):
    """An agent's session may not go on; nothing was called, nothing was spent.

    403 because nobody sends that again by itself (RFC 9110, section 15.5.4), where OpenAI's clients and most agents'
    frameworks try again after a 429: trying again is what is to stop.
    """

    status = 403
    type = "session_stopped"
    code = "session_stopped"


class AgentLoop(SessionStopped):
    """The session's calls repeat: it is over."""

    code = "agent_loop"
