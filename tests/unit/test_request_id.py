"""Ids that tell when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.request_id import new_request_id, time_of


@given(st.floats(0, 2**38))
def test_an_id_tells_when_its_request_came(now: float) -> None:
    """To the millisecond; and two of one moment differ."""
    assert time_of(new_request_id(now)) == pytest.approx(now, abs=0.001)
    assert new_request_id(now) != new_request_id(now)


@pytest.mark.parametrize("text", ["", "req-", "req-12", "req-" + "z" * 32, "chatcmpl-" + "0" * 32, "req-" + "-" * 32])
def test_other_texts_are_no_ids(text: str) -> None:
    """What a client invents is found nowhere."""
    assert time_of(text) is None
