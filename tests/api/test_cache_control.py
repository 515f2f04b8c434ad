"""What a client may say of the cache: the real client, real HTTP, real Redis."""

import httpx
import openai
import pytest

from tests.api.shop import QUESTION, OpenShop, Shop
from tests.harness import eventually


def test_no_store_leaves_nothing(shop: Shop) -> None:
    """It still reads what others left."""
    assert shop.result(cache="no-store") == "miss"
    assert shop.idle()
    assert shop.entries() == []
    shop.keep()
    assert shop.result(cache="no-store") == "exact"


def test_no_cache_reads_nothing(shop: Shop) -> None:
    """It is a bypass by the client's own wish, and what it gets is kept for others."""
    shop.keep(cache="no-cache")
    raw = shop.ask(cache="no-cache")
    assert (raw.headers["x-leanserve-cache"], raw.headers["x-leanserve-cache-reason"]) == ("bypass", "no-cache")
    assert shop.result() == "exact"
    assert shop.calls == 2


def test_only_if_cached_hits(near: Shop) -> None:
    """By the very same words, and by their meaning."""
    near.keep()
    assert near.result(cache="only-if-cached") == "exact"
    assert near.result("Speak about rain", cache="ONLY-IF-CACHED") == "semantic"


@pytest.mark.parametrize("text", [QUESTION, "what time is it?", "what does `f()` do?"])
def test_only_if_cached_never_calls_a_model(open_shop: OpenShop, text: str) -> None:
    """504 `cache_miss`: nothing is called, reserved or spent; the official client does not even try again."""
    shop = open_shop(policy={"budgets": [{"tokens": 100_000, "window": "total"}]})
    patient = shop.client.with_options(max_retries=2)
    with pytest.raises(openai.InternalServerError) as refused:
        patient.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": text}],
            extra_headers={"x-leanserve-cache": "only-if-cached"},
        )
    assert refused.value.status_code == 504
    assert refused.value.code == "cache_miss"
    assert shop.calls == 0
    assert list(shop.admin.scan_iter("*budget:scope*")) == []
    assert len(shop.spans(refused.value.response.headers["x-leanserve-cache"])) == 1


def test_max_age_refuses_older_entries(shop: Shop) -> None:
    """By the second; what is younger still answers."""
    shop.keep()
    assert shop.result(cache="max-age=60") == "exact"
    assert shop.result(cache="max-age=0") == "miss"
    with pytest.raises(openai.InternalServerError):
        shop.ask(cache="max-age=0, only-if-cached")


def test_max_age_is_for_meaning_too(near: Shop) -> None:
    """An entry that is too old for the client is no candidate."""
    near.keep()
    assert near.result("Speak about rain", cache="max-age=60, no-store") == "semantic"
    assert near.result("Speak about rain", cache="max-age=0, no-store") == "miss"


def test_the_time_to_live_is_the_feature_that_asks(open_shop: OpenShop) -> None:
    """A feature of short-lived answers takes no old one of another's, whatever `max-age` allows."""
    shop = open_shop(policy={"features": {"ticker": {"cache": {"ttl_s": 1}}}})
    shop.keep()
    ticker = {"x-leanserve-feature": "ticker"}
    assert eventually(lambda: shop.result(cache="max-age=1000, no-store", headers=ticker) == "miss", timeout_s=3)
    assert shop.result(cache="max-age=1000") == "exact"


def test_hits_do_not_extend_an_entrys_life(shop: Shop) -> None:
    """Its time to live in Redis only ever falls."""
    shop.keep()
    [key] = shop.entries()
    left = [shop.admin.pttl(key)]
    for _ in range(3):
        assert shop.result() == "exact"
        left.append(shop.admin.pttl(key))
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1] > 0


@pytest.mark.parametrize(
    "said", ["no-stor", "max-age", "max-age=-1", "only-if-cached, no-cache", "max-age=1, max-age=2"]
)
def test_what_is_not_understood_is_a_400(shop: Shop, said: str) -> None:
    """In OpenAI's format, naming the header; nothing was called."""
    with pytest.raises(openai.BadRequestError) as refused:
        shop.ask(cache=said)
    assert refused.value.param == "x-leanserve-cache"
    assert refused.value.type == "invalid_request_error"
    assert shop.calls == 0


def test_tags_that_are_too_many_are_a_400(shop: Shop) -> None:
    """Eight are enough."""
    with pytest.raises(openai.BadRequestError) as refused:
        shop.ask(headers={"x-leanserve-cache-tags": ",".join("abcdefghi")})
    assert refused.value.param == "x-leanserve-cache-tags"


def test_lines_of_the_header_are_one_list(shop: Shop) -> None:
    """A proxy may split it."""
    lines = [("x-leanserve-cache", "no-store"), ("x-leanserve-cache", "only-if-cached")]
    body = {"model": "small", "messages": [{"role": "user", "content": QUESTION}]}
    assert httpx.post(f"{shop.running.url}/v1/chat/completions", json=body, headers=lines).status_code == 504
