"""Describes requests that are over for their records: what the prompt is made of, what less of LeanServe had cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.config.gateway import TierSpec
from app.domain import Usage
from app.journey import Journey
from app.ledger.against import against_of
from app.ledger.anatomy import anatomy_of
from app.ledger.record import Against, Anatomy, LedgerRecord

if TYPE_CHECKING:
    from app.prompt.counting.counter import InputCounter


class Describing:
    """The recorder's `Describe`, for these `tiers`. Use it in a thread: a huge prompt takes milliseconds.

    With a `counter` the parts are counted by the tiers' own tokenizers, 124 MB of memory for two models; without, they
    are estimated and scaled to what the engine told: within 3 tokens a part of a prompt with documents.
    """

    def __init__(self, tiers: Sequence[TierSpec], counter: "InputCounter | None" = None) -> None:
        self._tiers, self._counter = tiers, counter

    def __call__(self, journey: Journey, record: LedgerRecord) -> tuple[Anatomy, Against]:
        """Of a hit no engine read anything: its parts are 0."""
        answering = None if journey.hit else journey.answering
        usage = answering.usage if answering else Usage()
        counter = self._counter.texts(answering.tier) if self._counter and answering else None
        answer = said_in(journey.body()) if journey.body and answering else None
        anatomy = anatomy_of(journey.request.payload, answer, usage, counter)
        return anatomy, against_of(journey, self._tiers, record.decided)


def said_in(body: Mapping[str, Any]) -> str | None:
    """The text of all choices of an answer; None where there is none."""
    choices = body.get("choices") or ()
    texts = [choice.get("text") or (choice.get("message") or {}).get("content") for choice in choices]
    said = [text for text in texts if isinstance(text, str) and text]
    return "\n".join(said) or None
