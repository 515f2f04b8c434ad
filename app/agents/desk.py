"""What became of a session: what it spent, what is left of each of its limits, whether it was stopped and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.agents.limits import session_limits
from app.agents.records import SessionRecord
from app.agents.sessions import Sessions
from app.agents.stops import Stop, gone, in_force, too_long
from app.budget.ledger import Booked
from app.budget.limits import limits_for, smallest
from app.config.agents import SessionPolicy
from app.config.policy import Policy
from app.domain import Caller, Kin, Limit, Period, Unit
from app.errors import NotFound


class Books(Protocol):
    """Who knows what is spent."""

    async def booked(self, tenant: str, limits: Sequence[Limit]) -> Sequence[Booked]:
        """What is spent and held under each limit, now."""
        ...


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session, with what the sessions below it spent; `booked` is of each hard limit, by the ledger.

    `totals` are steps, tokens and micro-USD. `seconds_left` is None where `max_seconds` is.
    """

    record: SessionRecord
    totals: Mapping[Unit, int]
    booked: tuple[Booked, ...]
    max_seconds: float | None
    seconds_left: float | None
    stop: Stop | None


class SessionDesk:
    """Reads sessions for those whose they are."""

    def __init__(self, sessions: Sessions, books: Books) -> None:
        self._sessions, self._books = sessions, books

    async def view(self, caller: Caller, policy: Policy) -> SessionView:
        """The session that `caller` names. Raises `NotFound`, also for another's, and `StoreUnavailable`."""
        record = await self._sessions.look(caller)
        if record is None or (record.text("user"), record.text("team")) != (caller.user, caller.team):
            raise NotFound(f"no session {caller.session!r}", "session")
        feature = record.text("feature")
        rules, limits = policy.for_feature(feature).sessions, _limits(caller, Kin(caller.session, feature), policy)
        booked = tuple(await self._books.booked(caller.tenant, limits)) if limits else ()
        seconds = record.now_s - record.seconds("started")
        seconds_left = None if rules.max_seconds is None else max(0.0, rules.max_seconds - seconds)
        stop = _stop(record, seconds, booked, rules)
        return SessionView(record, _totals(record, booked), booked, rules.max_seconds, seconds_left, stop)


def _limits(caller: Caller, kin: Kin, policy: Policy) -> list[Limit]:
    """The session's own, and what the budgets say of it."""
    named = [each for each in limits_for(caller, policy.budgets) if ("session", kin.name) in each.scope.parts]
    return smallest([*session_limits(caller.tenant, [kin], policy), *named])


def _totals(record: SessionRecord, booked: Sequence[Booked]) -> dict[Unit, int]:
    """As the record has them, or the books where those know of more: of what a dead replica held."""
    tokens = record.number("input_tokens") + record.number("output_tokens")
    totals = {Unit.REQUESTS: record.number("steps"), Unit.TOKENS: tokens, Unit.MICRO_USD: record.number("micro_usd")}
    for each in booked:
        unit = each.limit.unit
        if unit in totals and _is_own(each.limit):
            totals[unit] = max(totals[unit], each.spent)
    return totals


def _is_own(limit: Limit) -> bool:
    """As the session policy writes them: of the session alone, in total."""
    return len(limit.scope.parts) == 1 and limit.window.period is Period.TOTAL


def _stop(record: SessionRecord, seconds: float, booked: Sequence[Booked], rules: SessionPolicy) -> Stop | None:
    name = record.text("name")
    stored = in_force(record.fields.get("stop", b""), rules) or too_long(name, name, seconds, rules)
    return stored or next((stop for each in booked if (stop := _used_up(each, record))), None)


def _used_up(booked: Booked, record: SessionRecord) -> Stop | None:
    """Nothing is left of a limit, or less than the last step needed that it refused."""
    limit, (unit, needed) = booked.limit, record.short()
    if booked.spent >= limit.amount:
        return gone(limit)
    if unit == limit.unit and _is_own(limit) and booked.left < needed:
        return gone(limit, booked.left, needed)
    return None
