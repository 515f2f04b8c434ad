"""Journeys without a gateway, told to a recorder as a request's trace tells them."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.config.policy import Policy
from app.config.prices import Price
from app.cost.prices import PriceSheet
from app.domain import Caller, GatewayRequest, RouteDecision, Usage
from app.domain.request_id import new_request_id
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.ledger.posting import Posting
from app.ledger.recorder import Recorder
from app.ledger.spool import Spool
from app.observe.recording import Ended
from app.store.client import Store

PRICES = PriceSheet(
    {"small": Price(input=Decimal(1), output=Decimal(2)), "large": Price(input=Decimal(10), output=Decimal(20))}
)


def journey(name: str = "", tenant: str = "acme", **caller: Any) -> Journey:
    """A request that the router gave to `small`, of about 7 tokens."""
    payload = {"model": "auto", "messages": [{"role": "user", "content": "SECRET"}]}
    who = Caller(tenant, **{"feature": "faq", "user": "ann", **caller})
    made = Journey(GatewayRequest(name or new_request_id(), "chat", payload, who), Policy(), PRICES)
    made.decision, made.decided, made.input_estimate = RouteDecision("small", 0.1, "easy", ("large",)), "small", 7
    made.cache = "miss"
    return made


def begin(recorder: Recorder, of: Journey, tier: str = "small") -> AttemptRecord:
    """An attempt begins."""
    attempt = AttemptRecord(tier, f"{tier}/echo", f"echo-{tier}")
    of.attempts.append(attempt)
    recorder.began(of, attempt)
    return attempt


def end(
    recorder: Recorder, of: Journey, attempt: AttemptRecord, *, cause: str = "", usage: Usage | None = None
) -> None:
    """An attempt is over: it failed where there is a cause."""
    attempt.outcome = AttemptOutcome.FAILED if cause else AttemptOutcome.SUCCESS
    attempt.cause, attempt.usage = cause, usage or Usage(10, 0, 5)
    attempt.cost = PRICES.cost(attempt.tier, attempt.backend, attempt.usage)
    recorder.attempted(of, attempt)


def ended(cause: str = "") -> Ended:
    """The request is over."""
    outcome = AttemptOutcome.FAILED if cause else AttemptOutcome.SUCCESS
    return Ended(outcome, cause, 0.02, 0.01, "trace")


def whole(recorder: Recorder, **said: Any) -> Journey:
    """A request from its beginning to its end: 10 and 5 tokens, 20 micro-dollars."""
    made = journey(**said)
    end(recorder, made, begin(recorder, made))
    recorder.ended(made, ended())
    return made


def recorder_of(store: Store, folder: Path, **options: Any) -> Recorder:
    """One that sends when the test says so."""
    spool: Callable[..., Spool] = options.pop("spool", Spool)
    return Recorder(spool(folder), Posting(store), **{"replica": "r1", **options})
