"""`/v1/cache/*` over HTTP: invalidation, feedback, statistics."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Serve
from tests.fakes import FakeVerifier
from tests.harness import Running, eventually
from tests.unit.cache.shelves import vector

KEYS = "acme:one,rival:two"


class OneDirection:
    """A fake Embedder that finds all texts alike: the verifier has to decide."""

    async def embed(self, texts: list[str], *, bulk: bool = False) -> list[bytes]:
        return [vector(1.0) for _ in texts]


class Client:
    """A tenant's client."""

    def __init__(self, running: Running, key: str = "one") -> None:
        self._http = httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {key}"}, timeout=30)

    def ask(self, text: str, **headers: str) -> httpx.Response:
        body = {"model": "small", "messages": [{"role": "user", "content": text}]}
        response = self._http.post("/v1/chat/completions", json=body, headers=headers)
        assert response.status_code == 200
        return response

    def cached(self, text: str, **headers: str) -> str:
        """How it was answered."""
        return self.ask(text, **headers).headers["x-leanserve-cache"]

    def keep(self, text: str, **headers: str) -> None:
        """Ask until the answer is stored, which happens behind the first one."""
        self.ask(text, **headers)
        assert eventually(lambda: self.cached(text, **headers) == "exact")

    def post(self, path: str, body: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else None
        return self._http.post(path, content=content, json=None if content is not None else body)

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def entries(self) -> int:
        return int(self.get("/v1/cache/stats").json()["entries"])


@pytest.fixture
def running(serve: Serve) -> Running:
    """All texts are neighbours; those that differ in case alone are the same."""
    return serve(keys=KEYS, embedder=OneDirection(), verifier=FakeVerifier())


@pytest.fixture
def acme(running: Running) -> Client:
    return Client(running)


@pytest.fixture
def rival(running: Running) -> Client:
    return Client(running, "two")


def test_invalidation_by_all_that_is_named(acme: Client, rival: Client) -> None:
    """Dry first, then in earnest; nothing of another tenant."""
    for client in (acme, rival):
        client.keep("what is a loan", **{"x-leanserve-feature": "faq", "x-leanserve-cache-tags": "money, help"})
        client.keep("what is a card", **{"x-leanserve-feature": "faq", "x-leanserve-cache-tags": "help"})
        client.keep("what is a tree", **{"x-leanserve-feature": "park"})
    body = {"feature": "faq", "tag": "money", "dry_run": True}
    dry = acme.post("/v1/cache/invalidate", body).json()
    assert (dry["object"], dry["count"], dry["dry_run"], len(dry["entry_ids"])) == ("cache.invalidation", 1, True, 1)
    assert acme.entries() == 3
    assert acme.post("/v1/cache/invalidate", {**body, "dry_run": False}).json()["entry_ids"] == dry["entry_ids"]
    assert acme.cached("what is a card", **{"x-leanserve-feature": "faq"}) == "exact"
    assert acme.entries() == 2
    assert acme.post("/v1/cache/invalidate", {"older_than_s": 3_600}).json()["count"] == 0
    assert acme.post("/v1/cache/invalidate", {"all": True}).json()["count"] == 2
    assert (acme.entries(), rival.entries()) == (0, 3)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        {},
        {"dry_run": False},
        {"all": False},
        {"all": "true"},
        {"feature": 7},
        {"featur": "faq", "all": True},
        {"older_than_s": -1},
        {"older_than_s": "1"},
        {"all": True, "tenant": "rival"},
        {"tag": "x" * 129},
        {"all": True, "dry_run": "yes"},
    ],
)
def test_bad_bodies_change_nothing(acme: Client, body: Any) -> None:
    """OpenAI's error format, status 400."""
    acme.keep("what is a loan")
    answer = acme.post("/v1/cache/invalidate", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert acme.entries() == 1


def test_an_entry_is_named_by_the_header_of_its_hit(acme: Client, rival: Client) -> None:
    """Its id means nothing to another tenant."""
    acme.keep("what is a loan")
    entry_id = acme.ask("what is a loan").headers["x-leanserve-cache-entry"]
    assert rival.post("/v1/cache/invalidate", {"entry_id": entry_id}).json()["count"] == 0
    assert acme.post("/v1/cache/invalidate", {"entry_id": entry_id}).json()["entry_ids"] == [entry_id]
    assert acme.entries() == 0


def test_a_wrong_hit_is_reported_and_never_served_again(acme: Client) -> None:
    """At once after the answer, by the id of the request; twice is once; the pair can be read."""
    acme.keep("what is a loan")
    hit = acme.ask("what is a LOAN")
    assert hit.headers["x-leanserve-cache"] == "semantic"
    report = {"request_id": hit.headers["x-leanserve-request-id"], "correct": False, "comment": "shouted"}
    first = acme.post("/v1/cache/feedback", report)
    assert first.status_code == 200
    assert first.json() == {
        "object": "cache.feedback",
        "entry_id": hit.headers["x-leanserve-cache-entry"],
        "correct": False,
        "recorded": True,
    }
    assert acme.post("/v1/cache/feedback", report).json()["recorded"] is False
    assert acme.entries() == 0
    assert acme.cached("what is a LOAN") == "miss"
    pairs = acme.get("/v1/cache/feedback").json()
    assert pairs["has_more"] is False
    [pair] = pairs["data"]
    assert (pair["a"], pair["b"], pair["label"], pair["p_same"]) == ("what is a loan", "what is a LOAN", 0, 1.0)
    assert pair["comment"] == "shouted"


def test_streams_are_reported_as_well(acme: Client) -> None:
    """The record is there once the stream has ended."""
    acme.keep("what is a loan")
    body = {"model": "small", "stream": True, "messages": [{"role": "user", "content": "what is a LOAN"}]}
    hit = acme.post("/v1/chat/completions", body)
    assert hit.headers["x-leanserve-cache"] == "semantic"
    report = {"request_id": hit.headers["x-leanserve-request-id"], "correct": True}
    assert acme.post("/v1/cache/feedback", report).json()["recorded"] is True
    assert acme.entries() == 1


def test_what_is_unknown_is_404(acme: Client, rival: Client) -> None:
    """In OpenAI's format; another tenant's ids are unknown."""
    acme.keep("what is a loan")
    hit = acme.ask("what is a LOAN")
    mine = {
        "request_id": hit.headers["x-leanserve-request-id"],
        "entry_id": hit.headers["x-leanserve-cache-entry"],
    }
    for name, value in mine.items():
        answer = rival.post("/v1/cache/feedback", {name: value, "correct": False})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
        assert answer.json()["error"]["param"] == name
    assert acme.post("/v1/cache/feedback", {"request_id": "req-0", "correct": False}).status_code == 404
    assert acme.entries() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"correct": False},
        {"request_id": "r"},
        {"request_id": "r", "entry_id": "e", "correct": False},
        {"request_id": "r", "correct": "no"},
        {"request_id": "r", "correct": False, "comment": "x" * 501},
        {"request_id": "", "correct": False},
        {"request_id": "r" * 129, "correct": False},
        {"request_id": "r", "correct": False, "more": 1},
    ],
)
def test_bad_reports_are_refused(acme: Client, body: Any) -> None:
    """Status 400."""
    assert acme.post("/v1/cache/feedback", body).status_code == 400


def test_statistics_of_the_tenant(acme: Client, rival: Client) -> None:
    """The shelf and the rate by kind; what was saved is what the answers had cost."""
    acme.keep("what is a loan", **{"x-leanserve-feature": "faq"})
    acme.ask("what is a LOAN")

    def counted() -> dict[str, Any]:
        found: dict[str, Any] = acme.get("/v1/cache/stats?days=2").json()
        return found

    assert eventually(lambda: counted()["totals"].get("semantic") == 1)
    found = counted()
    assert (found["object"], found["tenant"], found["entries"]) == ("cache.stats", "acme", 1)
    assert found["features"] == [{"feature": "faq", "entries": 1}]
    assert found["bytes"] > 100
    assert (found["totals"]["stored"], found["totals"]["miss"]) == (1, 1)
    assert found["totals"]["saved_micro_usd"] > 0
    assert 0 < found["hit_rate"]["semantic"] < found["hit_rate"]["all"] < 1
    assert len(found["days"]) == 2
    assert rival.get("/v1/cache/stats").json()["totals"] == {}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cache/stats?days=0",
        "/v1/cache/stats?days=41",
        "/v1/cache/stats?days=x",
        "/v1/cache/feedback?limit=0",
        "/v1/cache/feedback?limit=1e3",
        "/v1/cache/feedback?after=x",
        "/v1/cache/feedback?after=1",
        "/v1/cache/feedback?after=1-%C2%B2",
    ],
)
def test_bad_queries_are_refused(acme: Client, path: str) -> None:
    """Status 400, naming the parameter."""
    answer = acme.get(path)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in path


@pytest.mark.parametrize("path", ["invalidate", "feedback", "stats"])
def test_nobody_enters_without_a_key(running: Running, path: str) -> None:
    """Nor with a key of another tenant than the one that is named."""
    for headers, status in (
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer one", "x-leanserve-tenant": "rival"}, 403),
    ):
        method = "GET" if path == "stats" else "POST"
        answer = httpx.request(method, f"{running.url}/v1/cache/{path}", headers=headers)
        assert answer.status_code == status


def test_the_local_key_takes_the_named_tenant(serve: Serve) -> None:
    """On loopback, a tenant is whoever says so; each has entries of its own."""
    url = serve().url
    for name in ("one", "two"):
        body = {"model": "small", "messages": [{"role": "user", "content": "hello there"}]}
        httpx.post(f"{url}/v1/chat/completions", json=body, headers={"x-leanserve-tenant": name})

    def entries(name: str) -> int:
        return int(httpx.get(f"{url}/v1/cache/stats", headers={"x-leanserve-tenant": name}).json()["entries"])

    assert eventually(lambda: entries("one") == entries("two") == 1)
    httpx.post(f"{url}/v1/cache/invalidate", json={"all": True}, headers={"x-leanserve-tenant": "one"})
    assert (entries("one"), entries("two"), entries("default")) == (0, 1, 0)
