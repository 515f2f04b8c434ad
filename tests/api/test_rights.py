"""What a key may do, and headers that lie."""

import json
import socket
from typing import Any

import httpx
import pytest

from tests.api.conftest import BOSS, Serve, issue
from tests.harness import Running, eventually

ASK = [{"role": "user", "content": "tell me of rain"}]
CHAT = "/v1/chat/completions"
NO_NUMBERS: list[dict[str, Any]] = [
    {"max_tokens": -1},
    {"max_tokens": 0},
    {"max_tokens": -(10**30)},
    {"max_tokens": 1.5},
    {"max_tokens": True},
    {"n": 0},
    {"n": -3},
    {"n": 10**9},
    {"temperature": -1},
    {"temperature": 1e308},
    {"max_completion_tokens": -1},
]


def post(running: Running, key: str, path: str = CHAT, body: Any = None, **headers: Any) -> Any:
    said = {"model": "small", "messages": ASK, **(body or {})}
    return httpx.post(
        f"{running.url}{path}",
        json={name: value for name, value in said.items() if value is not None},
        headers={"authorization": f"Bearer {key}", "x-leanserve-cache": "no-cache, no-store", **headers},
        timeout=30,
    )


def spent_by(running: Running) -> list[dict[str, Any]]:
    """The attributes of every request that began."""
    spans = running.spans.get_finished_spans()
    return [dict(span.attributes or {}) for span in spans if "leanserve.tenant" in (span.attributes or {})]


def test_auto_goes_to_allowed_tiers_only(strict: Running) -> None:
    """A hard prompt too; the reason is told; and who may use all is routed as ever."""
    hard = {"model": "auto", "messages": [{"role": "user", "content": "hard question"}]}
    key = issue(strict, models=["small"])["key"]
    answer = post(strict, key, body=hard)
    assert (answer.status_code, answer.headers["x-leanserve-tier"]) == (200, "small")
    assert post(strict, "sk-acme", body=hard).headers["x-leanserve-tier"] == "large"
    told = post(strict, key, "/v1/route", hard).json()
    assert told["tier"] == "small"
    assert [(tier["name"], tier["excluded"]) for tier in told["tiers"]] == [("small", None), ("large", "key")]


def test_what_a_limited_key_was_answered_is_not_given_to_others(strict: Running) -> None:
    """The cheap tier answered because of the key, not because it was good enough."""
    hard = {"model": "auto", "messages": [{"role": "user", "content": "a hard one"}]}
    key = issue(strict, models=["small"])["key"]
    cached = {"x-leanserve-cache": "max-age=60"}
    assert post(strict, key, body=hard, **cached).headers["x-leanserve-tier"] == "small"
    assert eventually(lambda: post(strict, key, body=hard, **cached).headers["x-leanserve-cache"] == "exact")
    assert post(strict, "sk-acme", body=hard, **cached).headers["x-leanserve-tier"] == "large"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "large"}, 403),
        ({"model": "echo-large"}, 403),
        ({"model": "none-such"}, 404),
        ({"model": "small"}, 200),
        ({"model": "echo-small"}, 200),
        ({"model": "auto"}, 200),
    ],
)
def test_models_that_a_key_may_not_name(strict: Running, body: dict[str, Any], status: int) -> None:
    """403 for what is there, 404 for what is not, in OpenAI's format."""
    answer = post(strict, issue(strict, models=["small"])["key"], body=body)
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["error"]["param"] == "model"


def test_no_header_lifts_a_keys_tiers(strict: Running) -> None:
    """A floor above them leaves nothing, and says why."""
    key = issue(strict, models=["small"])["key"]
    answer = post(strict, key, body={"model": "auto"}, **{"x-leanserve-min-tier": "large"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "no_tier"
    assert "large: key" in answer.json()["error"]["message"]


def test_models_are_listed_and_found_by_right(strict: Running) -> None:
    """What a key may not use is not there."""
    headers = {"authorization": f"Bearer {issue(strict, models=['echo-large'])['key']}"}
    listed = httpx.get(f"{strict.url}/v1/models", headers=headers).json()["data"]
    assert [model["id"] for model in listed] == ["auto", "large", "echo-large"]
    assert httpx.get(f"{strict.url}/v1/models/large", headers=headers).status_code == 200
    assert httpx.get(f"{strict.url}/v1/models/small", headers=headers).status_code == 404


def test_the_embedder_needs_its_right(strict: Running) -> None:
    """By name, as other models."""
    body = {"model": "all-MiniLM-L6-v2", "input": "hello", "messages": None}
    assert post(strict, issue(strict, models=["small"])["key"], "/v1/embeddings", body).status_code == 403
    assert post(strict, issue(strict, models=["all-MiniLM-L6-v2"])["key"], "/v1/embeddings", body).status_code == 200


def test_features_by_right(strict: Running) -> None:
    """Another one is 403; a single one is filled in; of several one must be named."""
    one, two = (issue(strict, features=features)["key"] for features in (["faq"], ["faq", "chat"]))
    assert post(strict, one, **{"x-leanserve-feature": "billing"}).status_code == 403
    assert post(strict, one, body={"metadata": {"feature": "billing"}}).status_code == 403
    assert post(strict, two).status_code == 403
    assert post(strict, two, **{"x-leanserve-feature": "chat"}).status_code == 200
    assert post(strict, one).status_code == 200
    assert {span["leanserve.feature"] for span in spent_by(strict)} == {"chat", "faq"}


def test_a_pinned_user_is_nobody_else(strict: Running) -> None:
    """Forged in a header, in OpenAI's own field or in metadata: 403; left out, it is filled in."""
    key = issue(strict, user="ann", team="red")["key"]
    for body, headers in (
        ({"user": "bob"}, {}),
        ({}, {"x-leanserve-user": "bob"}),
        ({"metadata": {"user": "bob"}}, {}),
        ({}, {"x-leanserve-team": "blue"}),
    ):
        answer = post(strict, key, body=body, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert post(strict, key).status_code == post(strict, key, body={"user": "ann"}).status_code == 200
    assert {span["leanserve.user"] for span in spent_by(strict)} == {"ann"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/cache/invalidate"), ("GET", "/v1/cache/stats"), ("GET", "/v1/cache/feedback")],
)
def test_a_limited_key_sees_and_takes_nothing_of_the_whole_tenant(strict: Running, method: str, path: str) -> None:
    """Entries, counts and reported prompts are those of other features and users too."""
    for rights in ({"features": ["faq"]}, {"user": "ann"}, {"team": "red"}):
        headers = {"authorization": f"Bearer {issue(strict, **rights)['key']}"}
        assert httpx.request(method, f"{strict.url}{path}", headers=headers).status_code == 403


def test_another_tenant_is_not_named(strict: Running) -> None:
    """By header, by metadata, on every endpoint; `*` is no tenant to name either."""
    for said in ("rival", "*", "acme-", "ACME"):
        assert post(strict, "sk-acme", **{"x-leanserve-tenant": said}).status_code in {400, 403}
    assert post(strict, "sk-acme", body={"metadata": {"tenant": "rival"}}).status_code == 403
    for path in ("/v1/cache/stats", "/v1/cache/feedback"):
        headers = {"authorization": "Bearer sk-acme", "x-leanserve-tenant": "rival"}
        assert httpx.get(f"{strict.url}{path}", headers=headers).status_code == 403
    assert spent_by(strict) == []


def test_a_feature_or_session_of_another_tenant_is_ones_own(strict: Running) -> None:
    """Names are a tenant's: the same one elsewhere shares neither answers nor conversations."""
    cached = {"x-leanserve-cache": "max-age=60", "x-leanserve-feature": "faq", "x-leanserve-session": "s-1"}
    assert post(strict, "sk-rival", **cached).headers["x-leanserve-cache"] == "miss"
    assert eventually(lambda: post(strict, "sk-rival", **cached).headers["x-leanserve-cache"] == "exact")
    assert post(strict, "sk-acme", **cached).headers["x-leanserve-cache"] == "miss"


def test_a_session_of_another_tenant_holds_nobody_on_its_tier(serve: Serve) -> None:
    """A rival who guesses a session id changes nothing of it, and learns nothing."""
    running = serve(keys="acme:sk-acme,rival:sk-rival", strict=True)
    hard, easy = ({"model": "auto", "messages": [{"role": "user", "content": text}]} for text in ("hard", "easy"))
    session = {"x-leanserve-session": "guessed"}
    assert post(running, "sk-rival", body=hard, **session).headers["x-leanserve-tier"] == "large"
    assert eventually(lambda: post(running, "sk-rival", body=easy, **session).headers["x-leanserve-tier"] == "large")
    assert post(running, "sk-acme", body=easy, **session).headers["x-leanserve-tier"] == "small"


@pytest.mark.parametrize("value", [b"x" * 10_240, b"a\tb", b"\x80", b"\xa0", b"bell\x07", b"nul\x00"])
def test_names_that_are_none_are_refused(strict: Running, value: bytes) -> None:
    """Ten kilobytes, control characters, as no client would send them: 400, and nothing is called."""
    body = json.dumps({"model": "small", "messages": ASK}).encode()
    host, port = strict.url.removeprefix("http://").split(":")
    for name in (b"tenant", b"team", b"feature", b"user", b"session", b"lane"):
        lines = [
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer sk-acme",
            b"content-length: %d" % len(body),
            b"x-leanserve-%s: %s" % (name, value),
        ]
        with socket.create_connection((host, int(port))) as line:
            line.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            assert line.recv(65_536).split()[1] == b"400", name
    assert spent_by(strict) == []


def test_fields_that_are_no_names_are_refused(strict: Running) -> None:
    """JSON can say what a header cannot."""
    values: list[Any] = ["\x00", "a\nb", "\u202e", "\ud800", "x" * 10_240, 7, ["ann"], {"a": "b"}, True]
    for body in [said for value in values for said in ({"user": value}, {"metadata": {"feature": value}})]:
        content = json.dumps({"model": "small", "messages": ASK, **body}).encode()
        answer = httpx.post(f"{strict.url}{CHAT}", content=content, headers={"authorization": "Bearer sk-acme"})
        assert answer.status_code == 400, body
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert spent_by(strict) == []


def test_a_name_said_twice_is_refused(strict: Running) -> None:
    """A proxy appends its own: who of two would be believed?"""
    for name in ("tenant", "team", "feature", "user", "session", "lane", "min-tier"):
        lines = [("authorization", "Bearer sk-acme"), *[(f"x-leanserve-{name}", value) for value in ("acme", "acme2")]]
        answer = httpx.post(f"{strict.url}{CHAT}", json={"model": "small", "messages": ASK}, headers=lines)
        assert answer.status_code == 400
        assert "2 times" in answer.json()["error"]["message"]


def test_negative_and_huge_numbers_are_refused(strict: Running) -> None:
    """400, and nobody has paid."""
    for body in NO_NUMBERS:
        assert post(strict, "sk-acme", body=body).status_code == 400, body
    assert spent_by(strict) == []


def test_a_huge_maximum_is_no_more_than_the_tiers(strict: Running) -> None:
    """It fits, or it is refused; it never overflows."""
    for number in (2**31, 2**63, 10**30):
        assert post(strict, "sk-acme", body={"max_tokens": number}).status_code in {200, 400}


def test_the_key_is_on_whose_account(strict: Running) -> None:
    """An admin's key too pays as whoever it names."""
    assert post(strict, BOSS, **{"x-leanserve-tenant": "acme"}).status_code == 200
    assert [span["leanserve.tenant"] for span in spent_by(strict)] == ["acme"]
