"""`x-leanserve-cache` and `x-leanserve-cache-tags` as `CacheControl`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.api.cache_control import DIRECTIVES, MAX_TAGS, TAGS, cache_control_of
from app.domain import CacheControl
from app.errors import InvalidRequest


def said(*lines: str, name: str = DIRECTIVES) -> CacheControl:
    """What the header says, in as many lines."""
    return cache_control_of(Headers(raw=[(name.encode(), line.encode("latin-1")) for line in lines]))


@pytest.mark.parametrize(
    ("value", "control"),
    [
        ("", CacheControl()),
        (" , ,", CacheControl()),
        ("no-store", CacheControl(write=False)),
        ("no-cache", CacheControl(read=False)),
        ("only-if-cached", CacheControl(only_if_cached=True)),
        ("max-age=60", CacheControl(max_age_s=60)),
        ("max-age=0", CacheControl(max_age_s=0)),
        ("max-age=9999999999999999999", CacheControl(max_age_s=9_999_999_999_999_999_999)),
        ("No-Store,NO-CACHE", CacheControl(read=False, write=False)),
        ("  no-store , max-age=5 ,only-if-cached", CacheControl(True, False, True, 5)),
        ("no-store, no-store, max-age=5, MAX-AGE=05", CacheControl(write=False, max_age_s=5)),
        ("no-cache, max-age=5", CacheControl(read=False, max_age_s=5)),
    ],
)
def test_every_combination_of_directives(value: str, control: CacheControl) -> None:
    """Any order, any case, empty members, the same twice."""
    assert said(value) == control


def test_lines_of_a_header_are_one_list() -> None:
    """HTTP lets a list come in several lines (RFC 9110, section 5.3)."""
    assert said("no-store", "max-age=5") == CacheControl(write=False, max_age_s=5)


@pytest.mark.parametrize(
    "value",
    [
        "no-stor",
        "nocache",
        "private",
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "max-age=five",
        'max-age="5"',
        "max-age = 5",
        "max-age=²",
        "max-age=" + "9" * 20,
        "no-cache=1",
        "no-store no-cache",
        "max-age=5, max-age=6",
        "only-if-cached, no-cache",
    ],
)
def test_what_is_not_understood_is_refused(value: str) -> None:
    """Unknown, malformed or contradictory: 400 that names the header."""
    with pytest.raises(InvalidRequest) as refused:
        said(value)
    assert refused.value.http_status == 400
    assert refused.value.param == DIRECTIVES


def test_tags() -> None:
    """Each once, in order, apart from what the directives say."""
    assert said(" b, a,,b ", name=TAGS) == CacheControl(tags=("b", "a"))
    assert said("x" * 128, name=TAGS).tags == ("x" * 128,)
    assert said(",".join(map(str, range(MAX_TAGS))), name=TAGS).tags == tuple(map(str, range(MAX_TAGS)))


@pytest.mark.parametrize("value", ["x" * 129, "a,\x07", ",".join(map(str, range(MAX_TAGS + 1)))])
def test_tags_that_are_none(value: str) -> None:
    """Too long, not printable, too many."""
    with pytest.raises(InvalidRequest) as refused:
        said(value, name=TAGS)
    assert refused.value.param == TAGS


PARTS = st.sampled_from(
    ["no-store", "no-cache", "only-if-cached", "max-age=1", "max-age=2", "MAX-AGE=1", "", " ", "x", "="]
)


@given(st.lists(PARTS, max_size=5), st.permutations(range(5)))
def test_the_order_never_matters(parts: list[str], order: list[int]) -> None:
    """Two headers of the same members mean the same, or are both refused."""

    def meaning(members: list[str]) -> CacheControl | None:
        try:
            return said(",".join(members))
        except InvalidRequest:
            return None

    shuffled = [parts[place] for place in order if place < len(parts)]
    assert meaning(parts) == meaning(shuffled)
    assert meaning([*parts, *parts]) == meaning(parts)
