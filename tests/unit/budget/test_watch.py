"""What a replica hears of, and whom it stops for it."""

import asyncio

from app.budget.leases import Revisions
from app.budget.live import Live
from app.budget.watch import PERIOD_S, Watch, Watched
from app.domain import Caller, Scope, ScopeStopped

ANN = Caller("acme", feature="faq", user="ann", key="k1")


class FakeRedis:
    """Leases and stops in memory; `read` notes what was re-read."""

    def __init__(self) -> None:
        self.revisions = Revisions(0, 0, 0)
        self.found: list[ScopeStopped] = []
        self.read: list[str] = []
        self.beats: list[str] = []
        self.policy: object = "first"

    async def beat(self, holder: str) -> Revisions:
        self.beats.append(holder)
        return self.revisions

    async def stops(self) -> list[ScopeStopped]:
        self.read.append("stops")
        return self.found

    async def keys(self) -> None:
        self.read.append("keys")

    async def budgets(self) -> None:
        self.read.append("budgets")


class CountingLive(Live):
    """Counts its rechecks."""

    rechecks = 0

    async def recheck(self, stopped_of: object) -> None:
        self.rechecks += 1


def watching() -> tuple[FakeRedis, CountingLive, Watch]:
    redis, live = FakeRedis(), CountingLive()
    return redis, live, Watch(redis, "me", live, Watched(redis.stops, redis.keys, redis.budgets, lambda: redis.policy))


async def test_everything_is_read_once_and_then_only_what_changed() -> None:
    """A look at what did not change costs one script."""
    redis, live, watch = watching()
    await watch.look()
    await watch.look()
    assert redis.read == ["stops", "keys", "budgets"]
    assert redis.beats == ["me", "me"]
    assert live.rechecks == 1
    redis.revisions = Revisions(0, 1, 0)
    await watch.look()
    assert redis.read[3:] == ["keys"]
    assert live.rechecks == 2


async def test_a_new_policy_rechecks_the_answers_under_way() -> None:
    """A limit may be lower in it."""
    redis, live, watch = watching()
    await watch.look()
    redis.policy = "second"
    await watch.look()
    assert live.rechecks == 2


async def test_who_is_woken_looks_at_once() -> None:
    """From a thread too: Ray Serve tells of a new policy where it likes. Before it runs there is nothing to wake."""
    redis, live, watch = watching()
    watch.wake()
    running = asyncio.create_task(watch.run())
    while not live.rechecks:
        await asyncio.sleep(0)
    redis.policy = "second"
    async with asyncio.timeout(PERIOD_S / 2):
        await asyncio.to_thread(watch.wake)
        while live.rechecks < 2:
            await asyncio.sleep(0.001)
    running.cancel()


async def test_a_stop_binds_its_tenant_and_every_part_of_a_caller() -> None:
    """Tenant, feature, user, key, and the user of a feature; nobody else's."""
    stops = [
        Scope("acme"),
        Scope("acme", (("feature", "faq"),)),
        Scope("acme", (("user", "ann"),)),
        Scope("acme", (("key", "k1"),)),
        Scope("acme", (("feature", "faq"), ("user", "ann"))),
    ]
    for number, scope in enumerate(stops, 1):
        redis, _, watch = watching()
        redis.found, redis.revisions = [ScopeStopped(scope, "why")], Revisions(number, 0, 0)
        await watch.look()
        assert watch.stopped(ANN) == ScopeStopped(scope, "why")
        assert watch.stopped(Caller("other", feature="faq", user="ann", key="k1")) is None
    redis, _, watch = watching()
    redis.found = [ScopeStopped(Scope("acme", (("feature", "faq"), ("user", "bob"))))]
    await watch.look()
    assert watch.stopped(ANN) is None
