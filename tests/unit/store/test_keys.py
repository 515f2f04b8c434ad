import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ConfigError
from app.store.keys import Keys, escape

KEYS = Keys("leanserve")
LIARS = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="{}:*?[]%~\\\n ab", max_size=12),
    st.text(min_size=190, max_size=230, alphabet="ab%é"),
    st.sampled_from(["", "%", "%%", "acme", "acme}:budget", "{acme}", "a:b", "\ud800"]),
)
BUILDERS: dict[str, Callable[..., str]] = {
    "entry": KEYS.entry,
    "vectors": KEYS.vectors,
    "cache_counts": KEYS.cache_counts,
    "served": KEYS.served,
    "session_tier": KEYS.session_tier,
    "reservation": KEYS.reservation,
    "open": KEYS.open,
    "counters": lambda tenant, _: KEYS.counters(tenant),
    "stops": lambda tenant, _: KEYS.stops(tenant),
    "common": lambda _, holder: KEYS.tenants(holder),
}


def hash_tag(key: str) -> str:
    """What a Redis Cluster hashes of a key (Redis Cluster specification, "Hash tags")."""
    opening = key.find("{")
    closing = key.find("}", opening + 1)
    return key[opening + 1 : closing] if opening >= 0 and closing > opening + 1 else key


@given(LIARS, LIARS)
def test_escape_is_injective(one: str, other: str) -> None:
    """Two names are one escaped name only if they are one name."""
    assert (escape(one) == escape(other)) == (one == other)


@given(LIARS)
def test_an_escaped_name_is_harmless(name: str) -> None:
    """No braces, colons, blanks, control or glob characters, never empty, never long."""
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]{1,200}", escape(name))


@pytest.mark.parametrize("name", ["x" * 201, "é" * 100])
def test_a_hashed_name_is_no_name_that_a_client_can_write(name: str) -> None:
    """The hash of a long name, sent as a name, is another name."""
    assert escape(name).startswith("%%")
    assert escape(escape(name)) != escape(name)


@given(*[st.tuples(st.sampled_from(sorted(BUILDERS)), LIARS, LIARS)] * 2)
def test_keys_are_injective(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """Whatever tenants call themselves and their things, two things never share a key."""
    read = {"stops": slice(0, 2), "counters": slice(0, 2), "common": slice(0, 3, 2)}
    same = one[0] == other[0] and one[read.get(one[0], slice(3))] == other[read.get(one[0], slice(3))]
    assert (BUILDERS[one[0]](*one[1:]) == BUILDERS[other[0]](*other[1:])) == same


@given(LIARS, LIARS)
def test_what_is_common_is_nobodys(tenant: str, name: str) -> None:
    """It is in one slot, which no tenant's name leads to."""
    common = [KEYS.every_stop(), KEYS.revision("stops"), KEYS.beats(), KEYS.looks(), KEYS.tenants(name)]
    assert {hash_tag(key) for key in common} == {"*"}
    assert hash_tag(KEYS.counters(tenant)) != "*"


@given(LIARS, LIARS)
def test_a_tenant_has_one_slot_and_no_other_tenant_names_it(tenant: str, name: str) -> None:
    """All keys of a tenant hash by its escaped name alone, so that a script sees one slot."""
    keys = [
        KEYS.entry(tenant, name),
        KEYS.cache(tenant),
        KEYS.vectors(tenant, name),
        KEYS.cache_counts(tenant, name),
        KEYS.served(tenant, name),
        KEYS.counters(tenant),
        KEYS.reservation(tenant, name),
        KEYS.open(tenant, name),
        KEYS.stops(tenant),
    ]
    assert {hash_tag(key) for key in keys} == {escape(tenant)}


@pytest.mark.parametrize("prefix", ["", "a{b}", "{x", ":x", "a b", "a\n"])
def test_a_prefix_may_not_hide_the_hash_tag(prefix: str) -> None:
    """A prefix with braces would put all tenants into one slot, or one tenant into many."""
    with pytest.raises(ConfigError):
        Keys(prefix)
