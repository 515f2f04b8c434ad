"""How a piece of work ended, told from what was raised."""

import asyncio
from typing import NamedTuple

from opentelemetry.trace import Span, StatusCode

from app.errors import LeanServeError
from app.journey import AttemptOutcome

CLIENT_LEFT = "client_left"


class Ending(NamedTuple):
    """`cause` is empty for success, `client_left`, or the code of an error."""

    outcome: AttemptOutcome
    cause: str


def ending(error: BaseException | None) -> Ending:
    """A closed generator or a cancelled task means that the client left: nobody's fault."""
    if error is None:
        return Ending(AttemptOutcome.SUCCESS, "")
    if isinstance(error, GeneratorExit | asyncio.CancelledError):
        return Ending(AttemptOutcome.IGNORED, CLIENT_LEFT)
    return Ending(AttemptOutcome.FAILED, error.code if isinstance(error, LeanServeError) else LeanServeError.code)


def mark(span: Span, end: Ending) -> None:
    """Set `error.type` and the error status of a failure; without a description, which could quote a prompt."""
    if end.outcome is AttemptOutcome.FAILED:
        span.set_attribute("error.type", end.cause)
        span.set_status(StatusCode.ERROR)
