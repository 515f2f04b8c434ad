"""Which key is this, and does it open?"""

import hmac
import inspect
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from app.access.configured import LOCAL_TEXT, NO_KEYS, Entrance, environment_keys, is_loopback
from app.access.key import ANY_TENANT, Key, Rights, digest, issued_id, new_id, new_text
from app.access.ring import KeyRing
from app.access.stored import StoredKeys
from app.config.gateway import StoreSpec
from app.config.keys import KeyRule
from app.errors import ConfigError, StoreUnavailable, Unauthorized
from app.store.client import Store, open_store
from app.store.embedded import EmbeddedRedis

NOW = 1_000_000.0


class Counting:
    """`hmac.compare_digest`, counted."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def __call__(self, one: str, other: str) -> bool:
        self.calls.append((one, other))
        return hmac.compare_digest(one, other)


def issued(**changes: object) -> tuple[Key, str]:
    """A key and its text."""
    name = new_id()
    text = new_text(name)
    return Key(name, "acme", "a key", digest(text), created=NOW, **changes), text  # type: ignore[arg-type]


async def ring_of(store: Store, *keys: Key, entrance: Entrance | None = None, **options: object) -> KeyRing:
    """A ring that knows these issued keys."""
    stored = StoredKeys(store)
    for key in keys:
        await stored.add(key)
    await stored.table.refresh()
    return KeyRing(entrance or Entrance(), stored, clock=lambda: NOW, **options)  # type: ignore[arg-type]


async def test_an_issued_key_opens_and_any_other_text_does_not(store: Store) -> None:
    """One letter more, less or other is another text; so is another secret under the same id."""
    key, text = issued()
    ring = await ring_of(store, key)
    assert await ring.admit(text, nearby=False) == key
    others = (new_text(key.id), f"ls-{key.id}-", "ls", "", "\udcff", "x" * 99999)
    for wrong in (text[:-1], text + "a", text.upper(), *others):
        with pytest.raises(Unauthorized):
            await ring.admit(wrong, nearby=True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"disabled": True}, "is disabled"),
        ({"expires": NOW}, "has expired"),
        ({"replaced_by": "other", "retires": NOW}, "was replaced"),
    ],
)
async def test_a_key_that_ended_opens_nothing_and_its_holder_is_told_why(
    store: Store, changes: dict[str, object], told: str
) -> None:
    """The very second that it ends in is over."""
    key, text = issued(**changes)
    ring = await ring_of(store, key)
    with pytest.raises(Unauthorized, match=told):
        await ring.admit(text, nearby=True)


async def test_a_key_opens_until_its_last_second(store: Store) -> None:
    """Expiry and grace are moments, not days."""
    key, text = issued(expires=NOW + 0.001, retires=NOW + 0.001, replaced_by="other")
    assert (await (await ring_of(store, key)).admit(text, nearby=False)).id == key.id


async def test_comparisons_tell_nothing_by_their_time(store: Store) -> None:
    """Known id, unknown id and no id cost the same comparisons, each of two whole digests, the right one included."""
    entrance = Entrance(tuple(environment_keys({"LEANSERVE_API_KEYS": "a:one,b:two"})))
    key, text = issued()
    compare = Counting()
    ring = await ring_of(store, key, entrance=entrance, compare=compare)
    counts = []
    for said in (text, new_text(key.id), new_text(new_id()), "one", "two", "nothing"):
        compare.calls.clear()
        with suppress(Unauthorized):
            await ring.admit(said, nearby=False)
        counts.append(len(compare.calls))
        assert {len(each) for call in compare.calls for each in call} == {64}
    asked_redis = counts.pop(2)  # an id that nobody knows is looked for once more
    assert set(counts) == {3}
    assert asked_redis == 6


def test_the_default_comparison_is_the_libraries_own() -> None:
    """Not `==`, which stops at the first difference."""
    assert inspect.signature(KeyRing).parameters["compare"].default is hmac.compare_digest


async def test_a_key_issued_elsewhere_opens_at_once(store: Store) -> None:
    """Another replica issued it a moment ago: nobody waits for the next look."""
    ring = await ring_of(store)
    key, text = issued()
    await StoredKeys(store).add(key)
    assert (await ring.admit(text, nearby=False)).id == key.id


async def test_a_key_disabled_elsewhere_opens_nothing_after_a_look(store: Store) -> None:
    """The change is seen by its revision alone."""
    key, text = issued()
    ring = await ring_of(store, key)
    other = StoredKeys(store)
    await other.change(key.id, lambda key: Key(key.id, key.tenant, key.name, key.digest, disabled=True))
    assert await ring._stored.table.refresh()
    with pytest.raises(Unauthorized):
        await ring.admit(text, nearby=False)


async def test_without_redis_known_keys_open_and_unknown_ids_are_not_judged(tmp_path: Path) -> None:
    """A 401 would be a lie: the key may be right."""
    key, text = issued()
    entrance = Entrance(tuple(environment_keys({"LEANSERVE_API_KEYS": "a:one"})))
    with EmbeddedRedis(tmp_path) as server:
        store = await open_store(server.url, StoreSpec(timeout_s=5))
        ring = await ring_of(store, key, entrance=entrance)
    assert (await ring.admit(text, nearby=False)).id == key.id
    assert (await ring.admit("one", nearby=False)).tenant == "a"
    with pytest.raises(Unauthorized):
        await ring.admit("two", nearby=False)
    with pytest.raises(StoreUnavailable):
        await ring.admit(new_text(new_id()), nearby=False)
    await store.close()


def test_every_text_names_its_id_and_no_two_are_alike() -> None:
    """What is shown of a key finds it; secrets have 256 bits."""
    texts = [new_text(new_id()) for _ in range(200)]
    assert len({issued_id(text) for text in texts}) == 200
    assert all(len(text) == 3 + 12 + 1 + 43 for text in texts)
    assert issued_id("ls-SHOUTING1234-" + "a" * 43) == ""


async def test_the_local_key_opens_only_nearby_and_only_without_any_other(store: Store) -> None:
    """It is an admin's of every tenant: a configured key takes its place."""
    ring = await ring_of(store, entrance=Entrance(loopback=True))
    ring.configure(())
    local = await ring.admit(LOCAL_TEXT, nearby=True)
    assert (local.tenant, local.rights.admin, local.operator) == (ANY_TENANT, True, True)
    with pytest.raises(Unauthorized, match="loopback only"):
        await ring.admit(LOCAL_TEXT, nearby=False)
    ring.configure([KeyRule(name="app", sha256=digest("secret"))])
    with pytest.raises(Unauthorized):
        await ring.admit(LOCAL_TEXT, nearby=True)
    assert (await ring.admit("secret", nearby=False)).tenant == "default"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "example.com", ""])
async def test_nobody_could_enter_is_refused(store: Store, host: str) -> None:
    """Any bind but loopback, and not a key anywhere."""
    ring = await ring_of(store, entrance=Entrance.of({}, host))
    with pytest.raises(ConfigError) as refused:
        ring.configure(())
    assert refused.value.message == NO_KEYS
    assert ring.configured == ()


async def test_one_issued_key_is_enough_to_start(store: Store) -> None:
    """`leanserve keys issue` before the first start."""
    ring = await ring_of(store, issued()[0], entrance=Entrance.of({}, "0.0.0.0"))
    ring.configure(())
    with pytest.raises(Unauthorized):
        await ring.admit(LOCAL_TEXT, nearby=True)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, found: bool) -> None:
    """A name is not looked up: it may be anybody's."""
    assert is_loopback(host) is found


@pytest.mark.parametrize("text", ["acme", "acme:", ":key", "*:key", "a:x,b:x"])
def test_a_malformed_environment_is_refused_without_telling_keys(text: str) -> None:
    """Each pair has a tenant and a key of its own, and `*` is no tenant."""
    with pytest.raises(ConfigError) as refused:
        environment_keys({"LEANSERVE_API_KEYS": text})
    assert "x" not in refused.value.message.replace("LEANSERVE", "").replace("exactly", "")


def test_the_environment_has_keys_of_tenants_and_one_of_the_operator() -> None:
    """Their ids are public and stable, and not the digests."""
    environ = {"LEANSERVE_API_KEYS": "acme:one, rival:two", "LEANSERVE_ADMIN_KEY": "boss"}
    found: Sequence[Key] = environment_keys(environ)
    assert [(key.tenant, key.rights) for key in found] == [
        ("acme", Rights()),
        ("rival", Rights()),
        (ANY_TENANT, Rights(admin=True)),
    ]
    assert [key.id for key in found] == [key.id for key in environment_keys(environ)]
    assert all(key.id not in key.digest and not key.prefix for key in found)
