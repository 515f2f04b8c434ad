"""What an admin does with issued keys."""

import asyncio
from dataclasses import replace

import pytest

from app.access.configured import Entrance
from app.access.desk import Issued, KeyDesk, KeyTerms
from app.access.key import ANY_TENANT, Rights
from app.access.ring import KeyRing
from app.access.stored import StoredKeys
from app.budget.stops import RedisStops
from app.domain import Scope
from app.errors import InvalidRequest, NotFound, Unauthorized
from app.store.client import Store

TERMS = KeyTerms("app", Rights(models=("small",), features=("faq",)), None)


class Office:
    """A desk and a ring of two replicas, on one clock."""

    def __init__(self, store: Store) -> None:
        self.now = 1_000.0
        self.stops = RedisStops(store)
        self.stored, self._elsewhere = StoredKeys(store), StoredKeys(store)
        self.desk = KeyDesk(self.stored, self.stops, clock=lambda: self.now)
        self._ring = KeyRing(Entrance(), self._elsewhere, clock=lambda: self.now)

    async def opens(self, new: Issued) -> bool:
        """Whether the other replica lets it in, after its next look."""
        await self._elsewhere.table.refresh()
        try:
            return (await self._ring.admit(new.text, nearby=False)).id == new.key.id
        except Unauthorized:
            return False

    async def stopped(self, new: Issued) -> str | None:
        """Why the key's scope is stopped."""
        scope = Scope(new.key.tenant, (("key", new.key.id),))
        return {each.scope: each.reason for each in await self.stops.stops(new.key.tenant)}.get(scope)


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


async def test_what_is_stored_is_no_key(office: Office, store: Store) -> None:
    """Who reads Redis cannot enter with what stands there."""
    new = await office.desk.issue("acme", TERMS)
    rows = await store.command("HGETALL", store.keys.issued_keys())
    assert new.text.encode() not in b"".join(rows.values())
    assert new.text.rsplit("-", maxsplit=1)[-1].encode() not in b"".join(rows.values())
    assert new.key.prefix == f"ls-{new.key.id}-…"
    assert new.text.startswith(f"ls-{new.key.id}-")


async def test_disabled_at_once_and_enabled_again(office: Office) -> None:
    """New requests are refused, and the ledger's stop ends what is under way; both come back."""
    new = await office.desk.issue("acme", TERMS)
    assert await office.opens(new)
    for _ in range(2):  # a second time changes nothing
        assert (await office.desk.disable(new.key.id, "acme")).disabled
        assert not await office.opens(new)
        assert await office.stopped(new) == "key disabled"
    assert not (await office.desk.enable(new.key.id, "acme")).disabled
    assert await office.opens(new)
    assert await office.stopped(new) is None


async def test_the_replica_that_was_asked_knows_at_once(office: Office) -> None:
    """Without another look: who disables a key and tries it may meet the same replica."""
    new = await office.desk.issue("acme", TERMS)
    await office.stored.table.refresh()
    await office.desk.disable(new.key.id, "acme")
    assert (known := office.stored.get(new.key.id))
    assert known.disabled
    await office.desk.delete(new.key.id, "acme")
    assert office.stored.get(new.key.id) is None


async def test_enabling_lifts_no_stop_that_was_asked_for(office: Office) -> None:
    """Somebody stopped the scope for a reason of his own, before or after."""
    new = await office.desk.issue("acme", TERMS)
    await office.stops.stop(Scope("acme", (("key", new.key.id),)), "operator: abuse")
    await office.desk.disable(new.key.id, "acme")
    await office.desk.enable(new.key.id, "acme")
    assert await office.stopped(new) == "operator: abuse"


async def test_rotation_gives_the_old_key_its_grace(office: Office) -> None:
    """Both work until it is over; rights, name and expiry are the new one's too."""
    old = await office.desk.issue("acme", replace(TERMS, expires=5_000.0))
    new = await office.desk.rotate(old.key.id, "acme", grace_s=60)
    assert (new.key.rights, new.key.name, new.key.expires) == (TERMS.rights, "app", 5_000.0)
    assert await office.opens(old)
    assert await office.opens(new)
    office.now += 60
    assert not await office.opens(old)
    assert await office.opens(new)
    assert (await office.desk.show(old.key.id, "acme")).replaced_by == new.key.id
    with pytest.raises(InvalidRequest, match=new.key.id):
        await office.desk.rotate(old.key.id, "acme", grace_s=60)


async def test_a_rotated_key_knows_whom_it_took_over_from(office: Office) -> None:
    """All of the line, the first of them first: their limits are its own."""
    old = await office.desk.issue("acme", TERMS)
    new = await office.desk.rotate(old.key.id, "acme", grace_s=60)
    newest = await office.desk.rotate(new.key.id, "acme", grace_s=60)
    assert (await office.desk.show(newest.key.id, "acme")).former == (old.key.id, new.key.id)


async def test_rotation_without_grace_stops_the_old_key(office: Office) -> None:
    """It leaked: nothing that it began goes on."""
    old = await office.desk.issue("acme", TERMS)
    new = await office.desk.rotate(old.key.id, "acme", grace_s=0)
    assert not await office.opens(old)
    assert await office.stopped(old) == "key replaced"
    assert await office.opens(new)


async def test_of_two_rotations_at_once_one_counts(office: Office, store: Store) -> None:
    """The loser leaves no key behind."""
    old = await office.desk.issue("acme", TERMS)
    others = [KeyDesk(StoredKeys(store), office.stops) for _ in range(4)]
    done = await asyncio.gather(*(each.rotate(old.key.id, "acme") for each in others), return_exceptions=True)
    won = [each for each in done if isinstance(each, Issued)]
    assert len(won) == 1
    assert {key.id for key in await office.desk.all("acme")} == {old.key.id, won[0].key.id}


async def test_a_deleted_key_is_gone_and_its_scope_stays_stopped(office: Office) -> None:
    """Its id is never used again, so that the stop hurts nobody."""
    new = await office.desk.issue("acme", TERMS)
    await office.desk.delete(new.key.id, "acme")
    assert not await office.opens(new)
    assert await office.stopped(new) == "key deleted"
    with pytest.raises(NotFound):
        await office.desk.show(new.key.id, "acme")


async def test_another_tenants_key_does_not_exist(office: Office) -> None:
    """Neither to be seen nor to be changed; the operator sees all."""
    new = await office.desk.issue("acme", TERMS)
    desk = office.desk
    for call in (desk.show, desk.disable, desk.enable, desk.delete, desk.rotate):
        with pytest.raises(NotFound):
            await call(new.key.id, "rival")
    with pytest.raises(NotFound):
        await desk.update(new.key.id, "rival", TERMS)
    assert await desk.all("rival") == []
    assert [key.id for key in await desk.all(ANY_TENANT)] == [new.key.id]
    assert await office.opens(new)


async def test_changes_at_once_lose_nothing(office: Office, store: Store) -> None:
    """One renames while another disables: both are done."""
    new = await office.desk.issue("acme", TERMS)
    other = KeyDesk(StoredKeys(store), office.stops)
    await asyncio.gather(
        office.desk.update(new.key.id, "acme", replace(TERMS, name="renamed")), other.disable(new.key.id, "acme")
    )
    found = await office.desk.show(new.key.id, "acme")
    assert (found.name, found.disabled) == ("renamed", True)


async def test_a_key_of_all_tenants_is_not_issued(office: Office) -> None:
    """The operator's key is the environment's: who reads Redis cannot make one either."""
    with pytest.raises(InvalidRequest):
        await office.desk.issue(ANY_TENANT, TERMS)
