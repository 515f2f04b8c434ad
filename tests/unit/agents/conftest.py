"""Sessions in a real Redis that reads the time from a key, and a gateway's way with them."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.agents.records import SessionRecords, SessionScripts
from app.agents.sessions import Sessions
from app.config.policy import Policy
from app.domain import GatewayRequest, MicroUsd, Usage
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.prompt.keys import KeyMaker
from app.store.client import Store

NOON = 4_085_035_200  # 2099-06-13 12:00:00 UTC: in the future, for Redis expires keys by its own clock
TIME_LUA = "local function now_us() return tonumber(redis.call('GET', '{test}:now')) end"
KEYS = KeyMaker("embedder")


@dataclass
class Room:
    """This room as the gateway uses it, at a time that the test sets."""

    store: Store
    policy: Policy = field(default_factory=Policy)
    sleeps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records = SessionRecords(SessionScripts.load(TIME_LUA))
        self.sessions = Sessions(self.store, self.store, records=self.records, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)

    def rules(self, features: dict[str, Any] | None = None, **sessions: Any) -> None:
        """Take a policy with these rules for sessions, and others for some features."""
        own = {name: {"sessions": rules} for name, rules in (features or {}).items()}
        self.policy = Policy.model_validate({"sessions": sessions, "features": own})

    async def at(self, seconds: float) -> None:
        """Set the clock, in seconds from noon."""
        await self.store.command("SET", "{test}:now", int((NOON + seconds) * 1_000_000))

    async def begin(self, request: GatewayRequest) -> Journey:
        """A step begins, or is refused."""
        journey = Journey(request, self.policy.for_feature(request.caller.feature))
        key = KEYS.keys(request, self.policy).canonical_key
        await self.sessions.begin(journey, key, self.policy, lambda _name: nullcontext())
        return journey

    async def take(self, request: GatewayRequest, tokens: tuple[int, int] = (10, 5), cost: int = 7) -> Journey:
        """A step that `small` answers."""
        journey = answered(await self.begin(request), tokens, cost)
        await self.sessions.ended(journey)
        return journey


def answered(journey: Journey, tokens: tuple[int, int] = (10, 5), cost: int = 7) -> Journey:
    """By `small`."""
    used = Usage(tokens[0], 0, tokens[1])
    done = AttemptRecord("small", "small/echo", "m", AttemptOutcome.SUCCESS, usage=used, cost=MicroUsd(cost))
    done.first_chunk_s = 0.1
    journey.attempts.append(done)
    return journey


@pytest.fixture
async def room(store: Store) -> Room:
    made = Room(store)
    await made.at(0)
    return made
