"""`GET /v1/sessions/{id}`: what a session spent, what is left to it, whether it was stopped. For its own user alone."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request

from app.agents.desk import SessionDesk, SessionView
from app.agents.stops import rule_of
from app.api.callers import caller_of
from app.api.names import checked_name
from app.budget.ledger import Booked
from app.domain import MicroUsd, Unit
from app.gateway import Gateway
from app.observe.logline import dollars


class SessionRoutes:
    """Sessions of the key's tenant, of the user and the team that the headers name, or that the key is pinned to."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._desk = SessionDesk(gateway.stages.agents, gateway.stages.treasury.books)
        self.router = APIRouter()
        self.router.add_api_route("/v1/sessions/{name:path}", self.read, methods=["GET"])

    async def read(self, request: Request, name: str) -> dict[str, Any]:
        """404 for what is another user's, another team's or another tenant's, as for what is not there."""
        caller = replace(caller_of(request, {}), session=checked_name("session", name))
        return told(await self._desk.view(caller, self._gateway.policy))


def told(view: SessionView) -> dict[str, Any]:
    """Times are seconds since 1970; what it spent is with the sessions below it."""
    record = view.record
    clock = {"rule": "max_seconds", "amount": view.max_seconds, "left": view.seconds_left}
    return {
        "object": "session",
        "id": record.text("name"),
        "parent": record.parent or None,
        "depth": record.number("depth"),
        "feature": record.text("feature"),
        "user": record.text("user"),
        "started_at": record.seconds("started"),
        "last_step_at": record.seconds("last"),
        "steps": view.totals[Unit.REQUESTS],
        "cached": record.number("cached"),
        "spend": {
            "input_tokens": record.number("input_tokens"),
            "output_tokens": record.number("output_tokens"),
            "tokens": view.totals[Unit.TOKENS],
            "usd": dollars(MicroUsd(view.totals[Unit.MICRO_USD])),
        },
        "tiers": record.tiers(),
        "limits": [*map(limit, view.booked), *([clock] if view.max_seconds is not None else [])],
        "stopped": {"rule": view.stop.rule, "message": view.stop.message} if view.stop else None,
    }


def limit(booked: Booked) -> dict[str, Any]:
    """One hard limit. What requests under way hold is neither spent nor left."""
    found = booked.limit
    numbers = {"amount": found.amount, "spent": booked.spent, "held": booked.held, "left": booked.left}
    shown = {name: dollars(MicroUsd(number)) for name, number in numbers.items()}
    names = {"rule": rule_of(found), "scope": str(found.scope), "window": str(found.window)}
    return names | (shown if found.unit is Unit.MICRO_USD else numbers)
