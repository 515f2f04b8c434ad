"""The steps of sessions: leave to take one, or why not; and what it came to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import msgspec

from app.agents.fingerprint import Fingerprint, fingerprint
from app.agents.limits import session_limits
from app.agents.loops import find_loop
from app.agents.records import Barred, Begun, Member, SessionRecord, SessionRecords, Taken
from app.agents.stops import Stop, in_force, looped, too_deep, too_long, used_up
from app.config.agents import SessionPolicy
from app.config.policy import Policy
from app.domain import AUTO_MODEL, DEEPEST, LARGE_BODY_BYTES, Caller, Kin, SessionStep
from app.errors import BudgetRefused, InvalidRequest, LeanServeError, SessionTaken, StoreUnavailable
from app.journey import Journey
from app.learn.records import is_answered
from app.store.client import Store

logger = logging.getLogger("leanserve.agents")

Sleep = Callable[[float], Awaitable[None]]
Timed = Callable[[str], AbstractContextManager[None]]
"""Watches a stage of this name."""
Halt = tuple[Stop, SessionPolicy]
"""Why a step may not be taken, and the policy of the session that says so."""

SESSION, PARENT = "x-leanserve-session", "x-leanserve-parent-session"
DELAYS_S = (0.25, 1, 4, 15)
"""Between tries to book a step: a Redis that restarts is back by then."""


class Sessions:
    """What the gateway asks before it routes a step, and tells when it is over.

    Where a session's policy limits it, a step waits for `store` as the ledger does, and fails with it. Else it waits no
    longer than a lookup of the cache (`light`), and goes on without: a loop that nobody sees for a moment is no harm.
    """

    def __init__(
        self, store: Store, light: Store, *, records: SessionRecords | None = None, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._store, self._light = store, light
        self._records = records or SessionRecords()
        self._sleep = sleep

    async def begin(self, journey: Journey, canonical_key: str, policy: Policy, timed: Timed) -> None:
        """Set `journey.step`, where the request names a session. `policy` is the whole one, of no feature.

        Raises `SessionStopped`, `SessionTaken`, `InvalidRequest` for a session that was begun elsewhere, and
        `StoreUnavailable` where a limited session cannot be looked up.
        """
        step = journey.request.step
        if step.parent and step.parent == journey.request.caller.session:
            raise InvalidRequest(f"{PARENT}: a session cannot be begun by itself", PARENT)
        if journey.request.caller.session:
            with timed("session"):
                found = await _fingerprint(journey, canonical_key)
                journey.did = (found.call + found.outcome).hex()
                halt = self._judge(await self._begin(journey, found), found, policy)
        elif step.parent:
            raise InvalidRequest(f"{PARENT}: name the session that it began as well, in {SESSION}", PARENT)
        else:
            halt = _halt(too_deep(step.depth, journey.policy.sessions), journey.policy.sessions)
        if halt:
            await self._act(journey, *halt)

    async def ended(self, journey: Journey) -> None:
        """Book the step, once. A store that is away is asked again for a while; then it is told to the log."""
        if not (journey.step and journey.step.lineage):
            return
        for delay_s in (*DELAYS_S, None):
            try:
                await self._records.ended(self._store, journey.request, taken(journey), journey.short)
            except StoreUnavailable:
                if delay_s is not None:
                    await self._sleep(delay_s)
            else:
                return
        logger.error("request=%s is missing in its session's totals: the store is away", journey.request.id)

    async def look(self, caller: Caller) -> SessionRecord | None:
        """The record of the session that `caller` names. Raises `StoreUnavailable`."""
        return await self._records.look(self._store, caller.tenant, caller.session)

    async def _begin(self, journey: Journey, found: Fingerprint) -> Begun | None:
        """None where nobody can tell, and nothing needs to be told; only the request's own limits count then."""
        request, rules = journey.request, journey.policy.sessions
        store = self._store if rules.limits_much else self._light
        try:
            begun = await self._records.begin(store, request, found, idle_s=rules.idle_s, steps=rules.loops.steps)
        except StoreUnavailable:
            if rules.limits_much and not journey.policy.spending.fail_open.tokens:
                raise
            logger.warning("request=%s is a step of a session that cannot be looked up", request.id)
            journey.step = SessionStep((Kin(request.caller.session, request.caller.feature),))
            return None
        if isinstance(begun, Barred):
            raise _barred(begun, journey)
        journey.step = SessionStep(tuple(Kin(each.name, each.feature) for each in begun.lineage))
        return begun

    def _judge(self, begun: Begun | None, found: Fingerprint, policy: Policy) -> Halt | None:
        if begun is None:
            return None
        own = policy.for_feature(begun.lineage[0].feature).sessions
        for member in begun.lineage:
            rules = policy.for_feature(member.feature).sessions
            if stop := _stopped(member, begun.lineage[0].name, rules):
                return stop, rules
        if stop := too_deep(begun.depth, own):
            return stop, own
        loop = find_loop(begun.history, own.loops)
        return (looped(begun.lineage[0].name, loop, found.tools, own.loops), own) if loop else None

    async def _act(self, journey: Journey, stop: Stop, rules: SessionPolicy) -> None:
        """Refuse the step, or let it go on with the cheapest tier. Who named a model, or says it is critical, wants no
        other: it is refused. A loop is remembered."""
        if stop.is_loop and journey.step and journey.step.lineage:
            await self._remember(journey, stop)
        asked = journey.request
        if rules.on_stop == "reject" or asked.model != AUTO_MODEL or asked.step.kind == "critical":
            raise stop.error()
        journey.step = SessionStep(journey.step.lineage if journey.step else (), stop.reason)

    async def _remember(self, journey: Journey, stop: Stop) -> None:
        try:
            await self._records.stop(self._light, journey.request, msgspec.json.encode(stop))
        except StoreUnavailable:
            logger.warning("request=%s stops its session, which is not remembered", journey.request.id)


def explained(error: LeanServeError, journey: Journey, policy: Policy) -> LeanServeError:
    """`error` in the words of the session policy, where it is a session's limit that was reached: `journey.short`."""
    lineage = journey.step.lineage if journey.step else ()
    if not isinstance(error, BudgetRefused):
        return error
    if error.exceeded.limit in session_limits(journey.request.caller.tenant, lineage, policy):
        journey.short = error.exceeded
        return used_up(error.exceeded, lineage).error()
    return error


def taken(journey: Journey) -> Taken:
    """What a journey that is over came to: what a hit was priced at, or what its attempts cost."""
    if journey.hit:
        paid = journey.charged
        return Taken(journey.tier, paid.requests, 1, paid.input_tokens, paid.output_tokens, paid.micro_usd)
    usage, cost = journey.usage, journey.cost
    void = not (is_answered(journey) or usage.total_tokens or cost)
    tier = "" if void else journey.tier
    return Taken(tier, int(bool(journey.attempts)), 0, usage.input_tokens, usage.output_tokens, cost, void)


async def _fingerprint(journey: Journey, canonical_key: str) -> Fingerprint:
    """Of a large body beside the event loop."""
    if journey.request.body_bytes > LARGE_BODY_BYTES:
        return await asyncio.to_thread(fingerprint, journey.request, canonical_key)
    return fingerprint(journey.request, canonical_key)


def _stopped(member: Member, asked: str, rules: SessionPolicy) -> Stop | None:
    """What stopped a session of the lineage before, or its clock."""
    return in_force(member.stop, rules) or too_long(member.name, asked, member.seconds, rules)


def _halt(stop: Stop | None, rules: SessionPolicy) -> Halt | None:
    return (stop, rules) if stop else None


def _barred(barred: Barred, journey: Journey) -> LeanServeError:
    session = journey.request.caller.session
    if barred.why == "foreign":
        return SessionTaken(
            f"the session {barred.name!r} belongs to another user or team: choose another name", SESSION
        )
    if barred.why == "deep":
        return InvalidRequest(f"{barred.name} sessions would stand above {session!r}; {DEEPEST} may", SESSION)
    began = f"by {barred.name!r}" if barred.name else "by itself"
    return InvalidRequest(f"{PARENT}: the session {session!r} was begun {began}; that cannot be changed", PARENT)
