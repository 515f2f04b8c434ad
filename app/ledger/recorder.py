"""Keeps the record of every request of a replica: in its spool at once, in Redis soon, behind the clients' backs."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from app.config.recording import RecordingPolicy
from app.errors import StoreUnavailable
from app.journey import AttemptRecord, Journey
from app.ledger.making import begun_of, entry_of, planned_entry, record_of, sent_entry
from app.ledger.posting import AT_ONCE, Entry, Posting
from app.ledger.record import Against, Anatomy, AttemptEntry, LedgerRecord
from app.ledger.spool import Numbered, Spool
from app.observe.recording import Ended

logger = logging.getLogger("leanserve.ledger")

DELAY_S = 0.05
"""Records wait so long for others, as the notes of the caches do."""
LONGEST_PAUSE_S = 2.0
"""Between tries while Redis is away."""
DRAIN_S = 5.0
MOST_WAITING = 512
MOST_WAITING_BYTES = 16 * 2**20
"""Requests, and bodies, that wait to be described; what comes while so many do is not."""
MOST_DESCRIBED = 20_000
"""Descriptions of records that were not sent yet, while Redis is away: 10 MB."""

Describe = Callable[[Journey, LedgerRecord], tuple[Anatomy, Against]]
"""What a request is made of, and what it would have cost. May take milliseconds; runs in a thread."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    journey: Journey
    record: LedgerRecord


class Recorder:
    """The Recording of a replica. Use it on one event loop. `run` sends until it is cancelled, `close` what is left.

    `dropped` is called for each record that finds no room, which is told to the log once until there is some again.
    `clock` is seconds since 1970.
    """

    def __init__(
        self,
        spool: Spool,
        posting: Posting,
        *,
        describe: Describe | None = None,
        dropped: Callable[[], None] = lambda: None,
        replica: str = "",
        delay_s: float = DELAY_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spool, self._posting, self._describe = spool, posting, describe
        self._dropped, self._replica = dropped, replica
        self._delay_s, self._clock = delay_s, clock
        self._enabled, self._full = True, False
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._described: dict[int, tuple[Anatomy, Against]] = {}
        self._sending = asyncio.Lock()
        self._wake = asyncio.Event()

    def reconfigure(self, policy: RecordingPolicy) -> None:
        """For requests from now on."""
        self._enabled = policy.enabled
        self._posting.policy = policy

    def planned(self, journey: Journey, tier: str, *, shadow: bool = False) -> None:
        """See `Recording`."""
        if self._enabled:
            self._quietly(self._planned, journey, tier, shadow)

    def began(self, journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> None:
        """See `Recording`."""
        if self._enabled:
            self._quietly(self._began, journey, attempt, shadow)

    def attempted(self, journey: Journey, attempt: AttemptRecord, *, shadow: bool = False) -> None:
        """See `Recording`."""
        if self._enabled:
            self._quietly(self._attempted, journey, attempt, shadow)

    def ended(self, journey: Journey, end: Ended) -> None:
        """See `Recording`."""
        if self._enabled:
            self._quietly(self._ended, journey, end)

    async def run(self) -> None:
        """Send what comes."""
        pause_s = self._delay_s
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(pause_s)
            try:
                await self.flush()
                pause_s = self._delay_s
            except StoreUnavailable:
                self._wake.set()
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except Exception:
                logger.exception("records were not sent")
                self._wake.set()
                pause_s = LONGEST_PAUSE_S

    async def flush(self) -> None:
        """Describe and send what there is now, not what comes meanwhile. Raises StoreUnavailable."""
        async with self._sending:
            last, reached = self._spool.number, 0
            while reached < last:
                await self._describe_some()
                below = self._waiting[0].number if self._waiting else None
                some = self._spool.read(AT_ONCE, below)
                if not some:
                    return
                await self._send(some)
                reached = some[-1].number

    async def _send(self, some: Sequence[Numbered]) -> None:
        entries = [entry for numbered in some if (entry := self._entry(numbered))]
        await self._posting.post(self._spool.name, entries)
        self._spool.sent()
        for numbered in some:
            self._described.pop(numbered.number, None)

    async def close(self, within_s: float = DRAIN_S) -> None:
        """Send what is left, and give the spool free: what is not sent in time another replica sweeps."""
        try:
            async with asyncio.timeout(within_s):
                await self.flush()
        except (StoreUnavailable, TimeoutError):
            logger.warning("bytes=%s of records wait for another replica", self._spool.waiting_bytes)
        self._enabled = False
        self._spool.close()

    def _quietly(self, work: Callable[..., None], *args: object) -> None:
        """A record may be lost, a request never."""
        try:
            work(*args)
        except Exception:
            logger.exception("a request was not recorded")
            self._drop()

    def _planned(self, journey: Journey, tier: str, shadow: bool) -> None:
        self._begin(journey, len(journey.attempts), planned_entry(journey, tier, shadow=shadow))

    def _began(self, journey: Journey, attempt: AttemptRecord, shadow: bool) -> None:
        self._begin(journey, _place(journey, attempt), sent_entry(journey, attempt, shadow=shadow))

    def _begin(self, journey: Journey, place: int, entry: AttemptEntry) -> None:
        """A request for which there is no room begins with its next attempt, if it does: only its end is missed."""
        name = journey.request.id
        if self._spool.knows(name):
            self._spool.attempt(name, _encode((place, entry)))
            return
        record = begun_of(journey, self._clock(), self._replica)
        self._spool.begin(name, _encode(msgspec.structs.replace(record, attempts=(*record.attempts[:place], entry))))

    def _attempted(self, journey: Journey, attempt: AttemptRecord, shadow: bool) -> None:
        entry = entry_of(journey, attempt, shadow)
        self._spool.attempt(journey.request.id, _encode((_place(journey, attempt), entry)))

    def _ended(self, journey: Journey, end: Ended) -> None:
        if end.shadow and not journey.attempts:
            self._spool.forget(journey.request.id)
            return
        record = record_of(journey, end, self._clock(), self._replica)
        number = self._spool.append(journey.request.id, _encode(record))
        if number is None:
            self._drop()
            return
        self._full = False
        if self._describe and not end.shadow and self._has_room(journey):
            self._waiting.append(_Waiting(number, journey, record))
            self._waiting_bytes += journey.request.body_bytes
        self._wake.set()

    def _drop(self) -> None:
        if not self._full:
            logger.warning("records of requests are lost: the spool is full or cannot be written")
        self._full = True
        self._dropped()

    def _has_room(self, journey: Journey) -> bool:
        fits = self._waiting_bytes + journey.request.body_bytes <= MOST_WAITING_BYTES
        return fits and len(self._waiting) < MOST_WAITING and len(self._described) < MOST_DESCRIBED

    async def _describe_some(self) -> None:
        if not self._waiting or not self._describe:
            return
        some = list(self._waiting)[:AT_ONCE]
        found = await asyncio.to_thread(_all, self._describe, some)
        for each in some:
            self._waiting.popleft()
            self._waiting_bytes -= each.journey.request.body_bytes
        self._described.update(found)

    def _entry(self, numbered: Numbered) -> Entry | None:
        record = read_record(numbered.payload)
        if record is None:
            return None
        if (described := self._described.get(numbered.number)) is None:
            return Entry(numbered.number, record, numbered.payload)
        anatomy, against = described
        return Entry.of(numbered.number, msgspec.structs.replace(record, anatomy=anatomy, against=against))


_DECODER = msgspec.msgpack.Decoder(LedgerRecord)
_encode = msgspec.msgpack.Encoder().encode


def _place(journey: Journey, attempt: AttemptRecord) -> int:
    return next(place for place, each in enumerate(journey.attempts) if each is attempt)


def read_record(payload: bytes) -> LedgerRecord | None:
    """None, and a line in the log, for what is no record of this version."""
    try:
        return _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        logger.warning("a record cannot be read: bytes=%s", len(payload))
        return None


def _all(describe: Describe, some: Sequence[_Waiting]) -> dict[int, tuple[Anatomy, Against]]:
    """What cannot be described stays without."""
    found = {}
    for each in some:
        try:
            found[each.number] = describe(each.journey, each.record)
        except Exception:
            logger.exception("request=%s was not described", each.record.id)
    return found
