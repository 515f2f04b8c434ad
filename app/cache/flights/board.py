"""What replicas tell each other of their flights, in Redis: who leads, and the records that somebody asked for.

A flight is a hash with the leader's token and the moment of the last sign of a follower elsewhere; it lives as long as
its lease. Each leader has a list of records of its own, named by its token: no reader can mix two answers. A list and
no stream: a reader's position is then a plain number, and a command that was sent twice is known by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from app.store.client import Store
from app.store.scripts import Arg, Script

LEASE_S = 3.0
"""How long a leader that died holds its flight: three beats, so that a busy loop is not taken for a dead one."""
KEPT_S = 15.0
"""How long records wait for their readers, who poll at 20 Hz: several leases."""

_BRIEF = """
redis.set_repl(redis.REPL_NONE)
"""
"""Flights need to survive nothing: their writes wait for no disk (`appendfsync always`: 0.2 to 4 ms) and no replica."""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

JOIN = Script(
    _BRIEF
    + _NOW
    + """
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return '' end
local leader = redis.call('HGET', KEYS[1], 'leader')
if not leader then
  redis.call('HSET', KEYS[1], 'leader', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return ARGV[1]
end
if string.sub(leader, 1, #ARGV[2]) ~= ARGV[2] then redis.call('HSET', KEYS[1], 'followed', now) end
return leader
"""
)
"""KEYS flight, entry; ARGV token, replica, lease, whether to look for the entry. The leader's token, own or another's,
or nothing where the answer is in the cache by now. A leader in the same replica needs no sign: it sees its readers."""

TELL = Script(
    _BRIEF
    + _NOW
    + """
local leader = redis.call('HGET', KEYS[1], 'leader')
local first, told = tonumber(ARGV[4]), redis.call('LLEN', KEYS[2])
if leader and leader ~= ARGV[1] or told < first then return -1 end
if not leader then redis.call('HSET', KEYS[1], 'leader', ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = told - first + 5, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local followed = redis.call('HGET', KEYS[1], 'followed')
return followed and now - followed < tonumber(ARGV[2]) and 1 or 0
"""
)
"""KEYS flight, records; ARGV token, lease, kept, the first record's position, records. A lease that ran out unseen is
taken up again, unless records were lost. Those that are there from a call whose reply was lost are not told twice."""

READ = Script(
    _BRIEF
    + _NOW
    + """
local alive = redis.call('HGET', KEYS[1], 'leader') == ARGV[1]
if alive and ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'followed', now) end
return {alive and 1 or 0, redis.call('LRANGE', KEYS[2], ARGV[2], ARGV[3])}
"""
)
"""KEYS flight, records; ARGV token, from, to, whether to give a sign."""

LAND = Script(
    _BRIEF
    + """
if redis.call('HGET', KEYS[1], 'leader') ~= ARGV[1] then return 0 end
if ARGV[2] == '1' and redis.call('HEXISTS', KEYS[1], 'followed') == 1 then return 1 end
if ARGV[3] and redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RPUSH', KEYS[2], ARGV[3]) end
redis.call('DEL', KEYS[1])
return 0
"""
)
"""KEYS flight, records; ARGV token, whether a follower hinders, a last record for who has read others."""


@dataclass(frozen=True, slots=True)
class Flight:
    """One leader's flight: whose, for which requests (`name`), and the token that only this leader has."""

    tenant: str
    name: str
    token: str


class Told(IntEnum):
    """What a leader hears when it tells: another leads, or whether somebody elsewhere follows."""

    LOST = -1
    UNFOLLOWED = 0
    FOLLOWED = 1


class Board:
    """The flights in one Redis. Everything raises StoreUnavailable."""

    def __init__(self, store: Store, lease_s: float = LEASE_S) -> None:
        self._store = store
        self._lease_ms = int(lease_s * 1000)
        self._kept_ms = int(KEPT_S * 1000)

    async def join(self, flight: Flight, replica: str, entry_id: str, *, look: bool) -> str:
        """The token of who leads now: that of `flight` where nobody did. Empty: `look`, and the entry is there."""
        entry = self._store.keys.entry(flight.tenant, entry_id)
        keys = [self._store.keys.flight(flight.tenant, flight.name), entry]
        leader = await self._store.script(JOIN, keys, [flight.token, replica, self._lease_ms, int(look)])
        return str(leader.decode())

    async def tell(self, flight: Flight, first: int, records: Sequence[bytes]) -> Told:
        """Renew the lease, and append `records` from position `first` on."""
        args: list[Arg] = [flight.token, self._lease_ms, self._kept_ms, first, *records]
        return Told(await self._store.script(TELL, self._keys(flight), args))

    async def read(self, flight: Flight, first: int, count: int, *, sign: bool) -> tuple[bool, list[bytes]]:
        """Whether the leader lives, and up to `count` records from `first` on; `sign` tells it that it is followed."""
        args: list[Arg] = [flight.token, first, first + count - 1, int(sign)]
        alive, records = await self._store.script(READ, self._keys(flight), args)
        return bool(alive), records

    async def land(self, flight: Flight, last: bytes | None = None, *, unless_followed: bool = False) -> bool:
        """Free the flight's name, `last` told to who has read other records. False: somebody elsewhere follows."""
        args: list[Arg] = [flight.token, int(unless_followed), *([last] if last else [])]
        return not await self._store.script(LAND, self._keys(flight), args)

    def _keys(self, flight: Flight) -> list[str]:
        keys = self._store.keys
        return [keys.flight(flight.tenant, flight.name), keys.records(flight.tenant, flight.token)]
