"""`/admin`: keys, limits and the kill switch over HTTP."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import ADMIN, Serve, issue
from tests.harness import Running, eventually


class Admin:
    """A client of `/admin` with one key."""

    def __init__(self, running: Running, key: str) -> None:
        self._http = httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {key}"}, timeout=30)

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        """The JSON of the answer, which must have this status."""
        answer = self._http.request(method, f"/admin{path}", json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json())


@pytest.fixture
def boss(strict: Running) -> Admin:
    """The operator."""
    return Admin(strict, ADMIN["authorization"].removeprefix("Bearer "))


@pytest.fixture
def acme(strict: Running) -> Admin:
    """An admin of `acme`."""
    return Admin(strict, issue(strict, admin=True, name="head")["key"])


def test_a_keys_life(boss: Admin) -> None:
    """Issued, seen without its text, changed, rotated, disabled, enabled, deleted."""
    new = boss("POST", "/keys", {"name": "app", "tenant": "acme", "models": ["small"], "expires_in_s": 3600})
    assert new["key"].startswith(f"ls-{new['id']}-")
    path = f"/keys/{new['id']}"
    seen = boss("GET", path)
    assert seen == {name: value for name, value in new.items() if name != "key"}
    assert (seen["prefix"], seen["models"], seen["source"]) == (f"ls-{new['id']}-…", ["small"], "stored")
    assert new["key"] not in str(boss("GET", "/keys"))
    changed = boss("PUT", path, {"name": "app 2", "features": ["faq"], "expires_at": "2040-01-01T00:00:00+01:00"})
    assert (changed["models"], changed["features"]) == (None, ["faq"])
    assert changed["expires_at"] == "2039-12-31T23:00:00Z"
    rotated = boss("POST", f"{path}/rotate", {"grace_s": 60})
    assert boss("GET", path)["replaced_by"] == rotated["id"]
    assert rotated["features"] == ["faq"]
    path = f"/keys/{rotated['id']}"
    for verb, disabled in (("disable", True), ("disable", True), ("enable", False), ("enable", False)):
        assert boss("POST", f"{path}/{verb}")["disabled"] is disabled
    assert boss("DELETE", path) == {"id": rotated["id"], "object": "key", "deleted": True}
    assert boss("DELETE", path, status=404)["error"]["code"] == "not_found"


def test_a_rotated_key_stays_under_its_limits(strict: Running, boss: Admin) -> None:
    """Whoever rotates it each month need not set them anew, and nobody steps around them so."""
    old = boss("POST", "/keys", {"name": "app", "tenant": "acme"})
    boss("POST", "/budgets", {"tenant": "acme", "key": old["id"], "requests": 1})
    body = {"model": "small", "messages": [{"role": "user", "content": "one"}]}

    def status(key: str) -> int:
        headers = {"authorization": f"Bearer {key}", "x-leanserve-cache": "no-cache"}
        return httpx.post(f"{strict.url}/v1/chat/completions", json=body, headers=headers).status_code

    assert eventually(lambda: status(old["key"]) == 429)
    new = boss("POST", f"/keys/{old['id']}/rotate", {"grace_s": 60})
    assert status(new["key"]) == 429


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 129},
        {"name": "a\nb"},
        {"name": "app", "nmae": "app"},
        {"name": "app", "models": ["none-such"]},
        {"name": "app", "models": "small"},
        {"name": "app", "models": [1]},
        {"name": "app", "features": [""]},
        {"name": "app", "admin": "yes"},
        {"name": "app", "expires_in_s": -1},
        {"name": "app", "expires_in_s": 1e300},
        {"name": "app", "expires_at": "2040-01-01T00:00:00"},
        {"name": "app", "expires_at": "soon"},
        {"name": "app", "expires_at": "2040-01-01T00:00:00Z", "expires_in_s": 1},
        {"name": "app", "tenant": "*"},
        {"name": "app", "tenant": "x" * 129},
        {"name": "app", "sha256": "0" * 64},
        [],
        "x",
    ],
)
def test_a_wrong_body_issues_nothing(boss: Admin, body: Any) -> None:
    """400 in OpenAI's format."""
    before = boss("GET", "/keys")
    assert boss("POST", "/keys", body, status=400)["error"]["type"] == "invalid_request_error"
    assert boss("GET", "/keys") == before


def test_a_tenants_admin_keeps_to_its_tenant(strict: Running, boss: Admin, acme: Admin) -> None:
    """Its own keys it issues and changes; others' do not exist, and no body names another tenant."""
    theirs = boss("POST", "/keys", {"name": "theirs", "tenant": "rival"})
    mine = acme("POST", "/keys", {"name": "mine"})
    assert mine["tenant"] == "acme"
    acme("POST", "/keys", {"name": "x", "tenant": "rival"}, status=403)
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/rotate", {}),
        ("POST", "/disable", None),
        ("POST", "/enable", None),
    ):
        acme(method, f"/keys/{theirs['id']}{path}", body, status=404)
    tenants = {key["tenant"] for key in acme("GET", "/keys?tenant=rival")["data"]}
    assert tenants == {"acme"}
    assert {key["tenant"] for key in boss("GET", "/keys?tenant=rival")["data"]} == {"rival"}
    answer = httpx.get(f"{strict.url}/admin/keys", headers={**acme._http.headers, "x-leanserve-tenant": "rival"})
    assert answer.status_code == 403


def test_configured_keys_are_shown_and_changed_elsewhere(boss: Admin) -> None:
    """Their source is said; none of their text."""
    listed = boss("GET", "/keys")["data"]
    assert [(key["source"], key["tenant"], key["prefix"]) for key in listed] == [
        ("environment", "acme", None),
        ("environment", "rival", None),
        ("environment", "*", None),
    ]
    assert "environment" in boss("POST", f"/keys/{listed[0]['id']}/disable", status=400)["error"]["message"]
    assert "sk-acme" not in str(listed)


def test_a_budgets_life(serve: Serve, boss: Admin) -> None:
    """Added, listed, replaced twice alike, deleted once."""
    new = boss("POST", "/budgets", {"tenant": "acme", "feature": "*", "usd": "2.5", "window": "hour"})
    assert (new["usd"], new["window"], new["on_limit"]) == ("2.5", "hour", "reject")
    for _ in range(2):
        put = boss("PUT", f"/budgets/{new['id']}", {"tenant": "acme", "tokens": 10, "timezone": "Europe/Berlin"})
    assert (put["id"], put["tokens"], "usd" in put) == (new["id"], 10, False)
    assert boss("PUT", "/budgets/mine", {"requests": 5})["tenant"] == "*"
    assert [each["id"] for each in boss("GET", "/budgets")["data"]] == sorted([new["id"], "mine"])
    boss("DELETE", "/budgets/mine")
    boss("DELETE", "/budgets/mine", status=404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tokens": -1},
        {"tokens": 2**53},
        {"tokens": 10**30},
        {"tokens": 1.5},
        {"tokens": "many"},
        {"usd": "NaN"},
        {"usd": "-0.01"},
        {"usd": "1e400"},
        {"tokens": 1, "window": "year"},
        {"tokens": 1, "window": "total", "sliding": True},
        {"tokens": 1, "timezone": "Mars/Olympus"},
        {"tokens": 1, "timezone": "../../etc/passwd"},
        {"tokens": 1, "feature": "x" * 129},
        {"tokens": 1, "user": "a\u202eb"},
        {"tokens": 1, "tenant": "a\nb"},
        {"tokens": 1, "warn_at": [0]},
        {"tokens": 1, "scope": "tenant"},
    ],
)
def test_a_wrong_budget_limits_nothing(boss: Admin, body: dict[str, Any]) -> None:
    """400, naming the field, and nothing is stored."""
    assert boss("POST", "/budgets", body, status=400)["error"]["type"] == "invalid_request_error"
    assert boss("PUT", "/budgets/mine", body, status=400)
    assert boss("GET", "/budgets")["data"] == []


@pytest.mark.parametrize("name", ["a b", "x" * 65, "%2e%2e%2fx", "ü"])
def test_a_budgets_id_is_plain(boss: Admin, name: str) -> None:
    """Letters, digits and `_ . -`."""
    answer = boss._http.put(f"/admin/budgets/{name}", json={"tokens": 1})
    assert answer.status_code in {400, 404}
    assert boss("GET", "/budgets")["data"] == []


def test_a_tenants_admin_lifts_no_limit_of_the_operator(boss: Admin, acme: Admin) -> None:
    """Nor sees those of others; its own it adds and takes away."""
    hard = boss("POST", "/budgets", {"tenant": "acme", "tokens": 10})
    boss("POST", "/budgets", {"tenant": "rival", "tokens": 10})
    for method, body in (("PUT", {"tokens": 10**9}), ("DELETE", None)):
        assert acme(method, f"/budgets/{hard['id']}", body, status=403)["error"]["code"] == "forbidden"
    acme("POST", "/budgets", {"tenant": "*", "tokens": 1}, status=403)
    mine = acme("POST", "/budgets", {"feature": "faq", "tokens": 5})
    assert (mine["tenant"], mine["by"]) == ("acme", "tenant")
    assert {each["tenant"] for each in acme("GET", "/budgets?tenant=rival")["data"]} == {"acme"}
    acme("DELETE", f"/budgets/{mine['id']}")


def test_what_was_read_can_be_sent_back(serve: Serve, boss: Admin, acme: Admin) -> None:
    """A rule and a key, as GET gives them, with a change or without; of what cannot be changed nothing is."""
    said = {"tenant": "acme", "feature": "*", "usd": "2.5", "timezone": "Europe/Berlin", "warn_at": [50]}
    rule = boss("POST", "/budgets", said)
    path = f"/budgets/{rule['id']}"
    assert boss("PUT", path, boss("GET", "/budgets")["data"][0]) == rule
    assert boss("PUT", path, {**rule, "usd": "3"})["usd"] == "3"
    for name, value in (("id", "another"), ("source", "policy"), ("by", "tenant")):
        assert boss("PUT", path, {**rule, name: value}, status=400)["error"]["param"] == name
    own = acme("PUT", "/budgets/own", {"tokens": 5})
    assert acme("PUT", "/budgets/own", own) == own
    issued = boss("POST", "/keys", {"name": "app", "tenant": "acme", "models": ["small"], "expires_in_s": 3600})
    path = f"/keys/{issued['id']}"
    key = boss("GET", path)
    assert boss("PUT", path, key) == key
    assert boss("PUT", path, {**key, "user": "ann"})["user"] == "ann"
    for name, fixed in (("disabled", True), ("tenant", "rival"), ("created_at", "2020-01-01T00:00:00Z")):
        assert boss("PUT", path, {**key, name: fixed}, status=400)["error"]["param"] == name
    assert boss("GET", path) == {**key, "user": "ann"}


def test_a_feature_that_the_policy_does_not_name_is_said(serve: Serve) -> None:
    """It may be meant, for any name is a feature; a misspelt one would never open anything."""
    policy = {"features": {"faq": {}}, "budgets": [{"feature": "chat", "tokens": 10}]}
    boss = Admin(serve(policy=policy, admin_key="boss", strict=True), "boss")
    odd = boss("POST", "/keys", {"name": "app", "features": ["fqa", "faq", "chat"]})
    assert odd["warnings"] == ["the policy names no feature 'fqa': it is served as any other"]
    assert "warnings" not in boss("PUT", f"/keys/{odd['id']}", {"name": "app", "features": ["faq"]})
    wrong = boss("POST", "/keys", {"name": "app", "models": ["smal"]}, status=400)["error"]["message"]
    assert "'smal'" in wrong
    assert "small" in wrong.split("known are:")[1]


def test_a_scopes_limits_and_its_switch(serve: Serve, boss: Admin, acme: Admin) -> None:
    """Shown, stopped, listed, let go; by whoever may."""
    boss("PUT", "/budgets/u", {"tenant": "acme", "user": "*", "usd": "1.50"})
    scope = quote("tenant=acme,user=ann%40x.com", safe="=,")
    shown = acme("GET", f"/scopes/{scope}")
    [limit] = shown["limits"]
    assert (shown["scope"], shown["stopped"]) == ("tenant=acme,user=ann%40x.com", False)
    assert (limit["unit"], limit["amount"], limit["remaining_usd"]) == ("micro_usd", 1_500_000, "1.500000")
    assert (limit["spent"], limit["held"], limit["window"]) == (0, 0, "day")
    for _ in range(2):
        stopped = acme("POST", f"/scopes/{scope}/stop", {"reason": "a loop"})
    assert (stopped["stopped"], stopped["reason"]) == (True, "a loop")
    assert [each["scope"] for each in boss("GET", "/stops")["data"]] == [shown["scope"]]
    assert acme("GET", f"/scopes/{scope}")["reason"] == "a loop"
    assert acme("POST", f"/scopes/{scope}/resume")["stopped"] is False
    assert acme("GET", "/stops")["data"] == []
    assert boss("POST", "/scopes/tenant=acme/stop")["stopped"] is True
    assert acme("POST", "/scopes/tenant=acme/resume", status=403)["error"]["code"] == "forbidden"
    assert boss("GET", "/stops?tenant=rival")["data"] == []
    boss("POST", "/scopes/tenant=acme/resume")


def test_a_scope_of_another_tenant_is_forbidden(acme: Admin) -> None:
    """To see, to stop and to let go."""
    acme("GET", "/scopes/tenant=rival", status=403)
    acme("POST", "/scopes/tenant=rival/stop", {}, status=403)
    acme("POST", "/scopes/tenant=rival,user=ann/resume", status=403)


@pytest.mark.parametrize("scope", ["acme", "tenant=", "tenant=acme,planet=x", "tenant=acme,team=a,user=b"])
def test_what_cannot_be_stopped_is_refused(boss: Admin, scope: str) -> None:
    """Better than a stop that stops nothing."""
    assert boss("POST", f"/scopes/{scope}/stop", {}, status=400)["error"]["param"] == "scope"
    assert boss("GET", "/stops")["data"] == []


def test_a_key_that_would_never_work_is_not_issued(boss: Admin) -> None:
    """Expired before it was shown."""
    body = {"name": "late", "tenant": "acme", "expires_at": "2020-01-01T00:00:00Z"}
    assert boss("POST", "/keys", body, status=400)["error"]["param"] == "expires_at"
