"""Names that a client says in headers."""

import pytest
from starlette.datastructures import Headers

from app.api.names import said_name


@pytest.mark.parametrize(
    ("wire", "name"), [("ünïcødé ☕".encode(), "ünïcødé ☕"), ("ü".encode("latin-1"), "ü"), (b"faq", "faq")]
)
def test_a_name_is_the_same_in_a_header_as_in_the_body(wire: bytes, name: str) -> None:
    """UTF-8 where it is that; else what HTTP says a header is."""
    headers = Headers(raw=[(b"x-leanserve-feature", wire)])
    assert said_name(headers, {}, "feature") == said_name(Headers(), {"feature": name}, "feature") == name
