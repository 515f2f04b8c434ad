"""The record of each session in Redis: one hash, forgotten when it was idle for long. Names become keys here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.agents.fingerprint import BYTES, Fingerprint
from app.domain import DEEPEST, BudgetExceeded, GatewayRequest
from app.store.client import Store
from app.store.keys import escape
from app.store.scripts import Arg, Script, lua, scripts_of

WAIT_US = 10 * 1_000_000
"""Who lets so much time pass after an answer waits for something: what it does then is polling, no tight loop."""
AWAY_US = 300 * 1_000_000
"""After so much it is a new beginning: what runs every five minutes is a timetable."""
FIELDS = 4
"""Of each session of a lineage, as `step.lua` gives them."""


@dataclass(frozen=True, slots=True)
class SessionScripts:
    """The Lua of this room, ready to run."""

    step: Script
    ended: Script
    stop: Script
    look: Script

    @classmethod
    def load(cls, time_lua: str | None = None) -> "SessionScripts":
        """Read the files beside this one. `time_lua` replaces the clock: Lua that defines `now_us()`."""
        prelude = time_lua or lua("app.budget", "time"), lua(__package__, "record")
        return cls(*scripts_of(__package__, ("step", "ended", "stop", "look"), *prelude))


@dataclass(frozen=True, slots=True)
class Member:
    """One session of a lineage: the feature that began it, seconds since its first step, what stopped it or nothing."""

    name: str
    feature: str
    seconds: float
    stop: bytes


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that may be taken as far as the records go. `history` as `find_loop` reads it; the session comes first."""

    depth: int
    history: bytes
    lineage: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Barred:
    """A step that is none: the session `name` is another's; or the session was begun by `name`, or by none, already;
    or `name` sessions stand above it. Nothing was changed."""

    why: Literal["foreign", "moved", "deep"]
    name: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step came to; `void`: it failed and cost nothing, so that trying again is no repetition of it."""

    tier: str = ""
    steps: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0
    void: bool = False


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """All that is kept. Times are seconds since 1970, by the clock of Redis; `parent` is empty for a first session."""

    now_s: float
    parent: str
    fields: dict[str, bytes]

    def text(self, name: str) -> str:
        """One field."""
        return self.fields.get(name, b"").decode()

    def number(self, name: str) -> int:
        """One field that counts."""
        return int(self.fields.get(name, b"0"))

    def seconds(self, name: str) -> float:
        """One field that is a time."""
        return self.number(name) / 1_000_000

    def short(self) -> tuple[str, int]:
        """Unit and need of the last step that a limit of the session refused, if none got through since."""
        unit, _, needed = self.text("short").partition(" ")
        return unit, int(needed or 0)

    def tiers(self) -> dict[str, int]:
        """Answers by tier."""
        return {name[2:]: int(value) for name, value in self.fields.items() if name.startswith("t:")}


class SessionRecords:
    """The scripts, each one round trip. Raises `StoreUnavailable`."""

    def __init__(self, scripts: SessionScripts | None = None) -> None:
        self._scripts = scripts or SessionScripts.load()

    async def begin(
        self, store: Store, request: GatewayRequest, found: Fingerprint, *, idle_s: int, steps: int
    ) -> Begun | Barred:
        """A step begins. The record keeps the digests of the last `steps`, and itself for `idle_s` from now."""
        caller, parent = request.caller, request.step.parent
        who: list[Arg] = [escape(caller.session), caller.session, caller.user, caller.team, caller.feature]
        above: list[Arg] = [escape(parent) if parent else "", parent, request.step.depth]
        kept: list[Arg] = [found.call, found.outcome, idle_s, steps, DEEPEST, WAIT_US, AWAY_US]
        answer = await self._run(store, self._scripts.step, caller.tenant, [*who, request.id, *above, *kept])
        return _begun(answer)

    async def ended(
        self, store: Store, request: GatewayRequest, taken: Taken, short: BudgetExceeded | None = None
    ) -> bool:
        """Book a step on its session and on all above it, once; False where it was booked, or nobody saw it begin.

        `short`: what a limit of one of them had no room for. It is kept with that one until a step gets through.
        """
        amounts = [taken.steps, taken.cached, taken.input_tokens, taken.output_tokens, taken.micro_usd]
        args: list[Arg] = [escape(request.caller.session), request.id, int(taken.void), BYTES, taken.tier, *amounts]
        return bool(await self._run(store, self._scripts.ended, request.caller.tenant, [*args, *_refused(short)]))

    async def stop(self, store: Store, request: GatewayRequest, stop: bytes) -> None:
        """Remember what stopped the session; the first stays."""
        await self._run(store, self._scripts.stop, request.caller.tenant, [escape(request.caller.session), stop])

    async def look(self, store: Store, tenant: str, name: str) -> SessionRecord | None:
        """The record, if there is one."""
        answer = await self._run(store, self._scripts.look, tenant, [escape(name)])
        if not answer:
            return None
        now, parent, fields = answer
        pairs = zip(fields[::2], fields[1::2], strict=True)
        return SessionRecord(int(now) / 1_000_000, parent.decode(), {key.decode(): value for key, value in pairs})

    async def _run(self, store: Store, script: Script, tenant: str, args: Sequence[Arg]) -> Any:
        return await store.script(script, [store.keys.agents(tenant)], args)


def _refused(short: BudgetExceeded | None) -> Sequence[Arg]:
    """Whose limit, and what `SessionRecord.short` reads."""
    if short is None:
        return "", ""
    return escape(dict(short.limit.scope.parts)["session"]), f"{short.limit.unit} {short.requested}"


def _begun(answer: Sequence[Any]) -> Begun | Barred:
    kind, *rest = answer
    if kind != b"ok":
        return Barred(kind.decode(), rest[0].decode() if isinstance(rest[0], bytes) else str(rest[0]))
    now, depth, history, *fields = rest
    members = (fields[at : at + FIELDS] for at in range(0, len(fields), FIELDS))
    lineage = tuple(
        Member(name.decode(), feature.decode(), (int(now) - int(started)) / 1_000_000, stop)
        for name, feature, started, stop in members
    )
    return Begun(int(depth), history, lineage)
