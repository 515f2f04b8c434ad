"""A replica that kills itself: the gateway on real Redis, with a ledger that ends the process at one moment."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from app.domain import Amounts, Caller, GatewayRequest, Limit, MicroUsd, Refusal, Reservation, RouteDecision, RouteTerms
from app.domain.request_id import new_request_id
from app.embeddings import Embeddings
from app.errors import ReservationClosed
from app.ports import Backend, BudgetLedger
from tests.fakes_answers import answer
from tests.fakes_backends import ScriptedBackend
from tests.harness import Running, Setup, open_gateway, tier

BETTER = {"cascade": {"enabled": True}}
UNSURE = "I'm sorry, but I can't help with that."
BUDGET = {"tenant": "*", "tokens": 2**40, "usd": "1000", "concurrent": 9, "window": "total"}
"""Far away. Who is counted as under way settles before its record is written."""
POOR = {**BUDGET, "usd": "0.002", "on_limit": "downgrade"}
"""Enough for any tier, until others take 1950 micro-dollars of it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A grant of `method`, or the settlement before it is booked, of a request, its shadow call or its hedge.

    Then these attempts, by role and cause, are known, the last of them at `tier`. `others` spend so many micro-dollars
    while it is routed.
    """

    method: str
    attempts: tuple[tuple[str, str], ...]
    tier: str = "small"
    decided: str = "small"
    of: Literal["request", "shadow", "hedge"] = "request"
    others: int = 0
    says: str = "2962 m"
    budget: tuple[tuple[str, Any], ...] = tuple(BUDGET.items())


MOMENTS = {
    "reserved": Moment("reserve", (("answer", "lost"),)),
    "downgraded": Moment("reserve", (("answer", "lost"),), decided="large", others=1950, budget=tuple(POOR.items())),
    "reserved for the better answer": Moment("extend", (("draft", ""), ("answer", "lost")), "large", says=UNSURE),
    "answered": Moment("settle", (("answer", ""),)),
    "reserved for the shadow": Moment("reserve", (("shadow", "lost"),), "large", of="shadow"),
    "answered by the shadow": Moment("settle", (("shadow", ""),), "large", of="shadow"),
    "reserved for the hedge": Moment("reserve", (("answer", "lost"), ("hedge", "lost")), of="hedge"),
    "answered by the hedge": Moment("settle", (("hedge", "lost"), ("answer", "")), of="hedge"),
    "reserved for an embedding": Moment("reserve", (("embedding", "lost"),), ""),
}


class Killing:
    """A BudgetLedger that dies at a moment."""

    def __init__(self, ledger: BudgetLedger, moment: Moment) -> None:
        self._ledger, self._moment = ledger, moment

    async def reserve(
        self, reservation_id: str, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """Dies of its grant."""
        await self._spend(caller, limits)
        answered = await self._ledger.reserve(reservation_id, caller, limits, amounts)
        if isinstance(answered, Reservation):
            self._at("reserve", reservation_id)
        return answered

    async def extend(
        self, reservation: Reservation, caller: Caller, limits: Sequence[Limit], amounts: Amounts
    ) -> Reservation | Refusal:
        """Dies of its grant."""
        answered = await self._ledger.extend(reservation, caller, limits, amounts)
        if isinstance(answered, Reservation):
            self._at("extend", reservation.id)
        return answered

    async def made(self, reservation: Reservation, attempt: int) -> int | None:
        """As the inner ledger."""
        return await self._ledger.made(reservation, attempt)

    async def settle(self, reservation: Reservation, spent: Amounts) -> None:
        """Dies of it before it is booked."""
        self._at("settle", reservation.id)
        await self._ledger.settle(reservation, spent)

    async def _spend(self, caller: Caller, limits: Sequence[Limit]) -> None:
        """What the others do, once."""
        spent = Amounts(micro_usd=MicroUsd(self._moment.others))
        with suppress(ReservationClosed):
            granted = await self._ledger.reserve("others", caller, limits, spent)
            assert isinstance(granted, Reservation)
            await self._ledger.settle(granted, spent)

    def _at(self, method: str, reservation_id: str) -> None:
        whose = next((each for each in ("shadow", "hedge") if reservation_id.endswith(each)), "request")
        if (method, whose) == (self._moment.method, self._moment.of):
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Decided:
    """A router that is sure of one tier, and knows what each could do."""

    tier: str

    async def route(self, prompt: object, terms: RouteTerms, policy: Any) -> RouteDecision:
        """The better one, if there is one, may fall in."""
        others = ("large",) if self.tier == "small" else ()
        return RouteDecision(self.tier, 0.2, "fake", others, {"small": 0.8, "large": 0.9})


async def main(redis_url: str, spool: str, name: str) -> None:
    """One request, and the end at the moment of that name."""
    moment = MOMENTS[name]
    says = {"small/echo": moment.says, "small/echo-2": moment.says, "large/echo": "2962"}
    backends: dict[str, Backend] = {
        backend: ScriptedBackend(backend, [[answer(text)]]) for backend, text in says.items()
    }
    routing = {"shadow": 1.0} if moment.of == "shadow" else BETTER if moment.says == UNSURE else {}
    policy = {"budgets": [dict(moment.budget)], "cache": {"semantic": False}, "routing": routing}
    if moment.of == "hedge":
        policy["attempts"] = {"hedge": {"after_s": 0.05}}
        backends["small/echo"] = ScriptedBackend("small/echo", [[lambda: asyncio.sleep(60)]])
    two: dict[str, Any] = tier("small")
    two["backends"] *= 2
    config = {"tiers": [two, tier("large")]}
    setup = Setup(redis_url, policy, config, backends, router=Decided(moment.decided), spool=spool)
    async with open_gateway(setup) as running:
        spending = running.gateway.spending
        spending.ledger = Killing(spending.ledger, moment)  # type: ignore[assignment]
        await (_embed if moment.tier == "" else _ask)(running)
        await asyncio.sleep(10)  # behind the answer


async def _ask(running: Running) -> None:
    payload = {"model": "auto", "messages": [{"role": "user", "content": "how high is the Zugspitze?"}]}
    request = GatewayRequest(new_request_id(), "chat", payload)
    async for _ in running.gateway.answer(running.gateway.begin(request)):
        pass


async def _embed(running: Running) -> None:
    embeddings = Embeddings(running.gateway, "all-MiniLM-L6-v2")
    request = GatewayRequest(new_request_id(), "embeddings", {"model": embeddings.model, "input": "words"})
    await embeddings.embed(embeddings.begin(request), ["words"])
