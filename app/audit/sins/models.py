"""One model for all: clients that name a dear model for what the router would have sent to a cheaper tier."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from app.audit.case import Case, Lines, total
from app.audit.change import for_features
from app.audit.finding import Change, Place
from app.audit.notes import Noted
from app.audit.sins.sin import Look
from app.audit.terms import Terms


class OneModelForAll:
    """Needs `routed`, the router's word on a request that named its model."""

    name: ClassVar[str] = "one_model_for_all"
    title: ClassVar[str] = "One model for all"
    rule: ClassVar[str] = (
        "Of requests that named a model or tier and were answered by it: the difference to what the same tokens cost "
        "at the cheapest backend of the tier that the router, under the feature's policy, would have sent them to. "
        "Counted where the router was sure, and where it would have sent a fifth or more of the feature's named "
        "requests to a cheaper tier: below that, naming the model is a choice."
    )
    assumed: ClassVar[str] = (
        "That the cheaper tier's answer is as long. The certain part is the expected saving by the router's own "
        "P(good enough), a cheap answer that is not good enough being asked for again of the dear tier."
    )
    unit: ClassVar[str] = "requests"
    least_ratio: ClassVar[float] = 0.2
    by_cause: ClassVar[bool] = False

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def looks(self, noted: Noted) -> Iterable[Look]:
        """Every answer of a named model of which the router's word is known."""
        case = noted.case
        if case.named and case.routed and case.answered:
            cheaper = not case.uncertain and self._terms.is_cheaper(case.routed, than=case.tier)
            yield Look(f"{case.tier} > {case.routed}" if cheaper else "", part=int(cheaper))

    def fixed(self, case: Case, lines: Lines, cause: str) -> Lines:
        """All that the request needed of a dearer tier, at the cheaper one."""
        return tuple(
            self._terms.at_tier(line, case.routed)
            if line.own and self._terms.is_cheaper(case.routed, than=line.tier)
            else line
            for line in lines
        )

    def sure(self, case: Case, saved: int) -> int:
        """Nothing where nobody knows P."""
        if case.p is None or case.estimated:
            return 0
        cheap = total(case.lines) - saved
        return max(0, int(case.p * saved - (1 - case.p) * cheap))

    def change(self, places: Sequence[Place], days: float) -> Change:
        """A named model is a ceiling, and the router decides below it."""
        advice = "Let the app ask for the model `auto`."
        return Change(for_features(places, {"routing": {"named": "ceiling"}}), advice=advice)
