"""The records with something to learn from, read back: for `leanserve route calibrate`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from redis.asyncio import Redis

from app.learn.journal import SHADOW
from app.learn.records import Compared, Outcome, Routed, decode
from app.store.client import Store

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Learned:
    """One routed request with what became of it: outcomes by type, and the comparison with the best tier's answer."""

    routed: Routed
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    shadow: Compared | None = None


async def labelled(store: Store, tenant: str, feature: str | None = None) -> AsyncIterator[Learned]:
    """The tenant's routed requests that have an outcome or a comparison, the oldest mark first; of one feature, or all.

    What is no record of ours is passed over. Raises StoreUnavailable.
    """
    stem, start = store.keys.learn(tenant), 0
    while ids := await store.command("ZRANGE", stem + "labelled", start, start + AT_ONCE - 1):
        for fields in await store.run(partial(_records, stem, ids)):
            found = _learned(fields)
            if found and feature in {None, found.routed.feature}:
                yield found
        start += len(ids)


async def _records(stem: str, ids: Sequence[bytes], client: Redis) -> list[Any]:
    async with client.pipeline(transaction=False) as pipe:
        for request_id in ids:
            pipe.hgetall(f"{stem}record:{request_id.decode()}")
        return await pipe.execute(raise_on_error=False)


def _learned(fields: Any) -> Learned | None:
    """None for a record that ended meanwhile, and for whatever is none."""
    routed = decode(fields.get(b"r"), Routed) if isinstance(fields, dict) else None
    if routed is None:
        return None
    named = {name.decode("utf-8", "replace"): value for name, value in fields.items()}
    outcomes = {name[2:]: decode(value, Outcome) for name, value in named.items() if name.startswith("o:")}
    known = {kind: outcome for kind, outcome in outcomes.items() if outcome}
    return Learned(routed, known, decode(named.get(SHADOW), Compared))
