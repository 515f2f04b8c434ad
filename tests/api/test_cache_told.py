"""What a client and its operator are told of a hit: the real client, real HTTP, real Redis."""

from tests.api.shop import Shop


def test_an_exact_hit_tells_which_entry_and_how_old(shop: Shop) -> None:
    """In headers, in the body and in the span."""
    shop.keep()
    raw = shop.ask()
    headers = raw.headers
    assert headers["x-leanserve-cache"] == "exact"
    assert headers["x-leanserve-cache-entry"] in shop.entries()[0].decode()
    assert (headers["x-leanserve-cache-similarity"], headers["x-leanserve-cache-probability"]) == ("1.0000", "1.0000")
    assert 0 <= int(headers["x-leanserve-cache-age"]) < 60
    assert raw.parse().model_dump()["leanserve"]["cache"] == "exact"
    span = shop.spans("exact")[-1]
    assert span["leanserve.cache.entry"] == headers["x-leanserve-cache-entry"]
    assert span["leanserve.cache.eligibility"] == "semantic"
    assert span["leanserve.cache.age"] >= 0


def test_a_semantic_hit_tells_why(near: Shop) -> None:
    """Similarity, probability and the verifier's reason; the engine is not asked."""
    near.keep("Tell me of rain")
    headers = near.ask("Speak about rain").headers
    assert headers["x-leanserve-cache"] == "semantic"
    assert float(headers["x-leanserve-cache-similarity"]) > 0.98
    assert headers["x-leanserve-cache-probability"] == "0.9870"
    assert headers["x-leanserve-cache-reason"] == "fake"
    assert near.calls == 1
    span = near.spans("semantic")[-1]
    assert span["leanserve.cache.probability"] == 0.987
    assert span["leanserve.cache.reason"] == "fake"


def test_a_refused_neighbour_is_for_the_operator(near: Shop) -> None:
    """The span says that one was refused and how alike it was; the client is told of a miss only."""
    near.keep("Tell me of rain")
    headers = near.ask("Tell me of snow").headers
    assert headers["x-leanserve-cache"] == "miss"
    assert not [name for name in headers if name.startswith("x-leanserve-cache-")]
    span = [found for found in near.spans("miss") if "leanserve.cache.probability" in found][-1]
    assert span["leanserve.cache.probability"] == 0.2
    assert span["leanserve.cache.reason"]


def test_a_replayed_stream_has_the_same_headers(shop: Shop) -> None:
    """They go out before the first chunk."""
    shop.keep()
    headers = shop.ask(stream=True).headers
    assert headers["x-leanserve-cache"] == "exact"
    assert headers["x-leanserve-cache-entry"]
