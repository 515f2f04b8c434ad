"""What a client says of a step, and what is left of a session that was stopped: a tier without asking the router."""

from dataclasses import replace

from app.domain import RouteDecision, RouteTerms, StepKind
from app.route.constraints import Situation

ROUTINE, CRITICAL = "routine step", "critical step"


def loosened(situation: Situation, kind: StepKind, downgrade: str) -> Situation:
    """What of a situation counts: a step that shall be cheap may go below its session's tier, which stays where it is;
    a critical one is refused by its budget rather than answered by a lesser tier."""
    if downgrade or kind == "routine":
        return replace(situation, session_tier="")
    return replace(situation, budget_left=None) if kind == "critical" else situation


def hinted(terms: RouteTerms, kind: StepKind, downgrade: str) -> RouteDecision | None:
    """The decision, where one of the two makes it; `downgrade` says why only the cheapest allowed tier may serve.

    A routine step begins there and has the others to fall back on; a critical one goes to the best allowed tier.
    """
    names = [tier.name for tier in terms.tiers]
    if downgrade:
        return RouteDecision(names[0], None, downgrade)
    if kind == "routine":
        return RouteDecision(names[0], None, ROUTINE + _kept_out(terms, 0), tuple(names[1:]))
    return RouteDecision(names[-1], None, CRITICAL + _kept_out(terms, -1)) if kind else None


def _kept_out(terms: RouteTerms, place: int) -> str:
    """The constraint that keeps out the tier that would be taken without any."""
    excluded = terms.excluded.get(terms.everything[place].name)
    return f"; excluded: {excluded}" if excluded else ""
