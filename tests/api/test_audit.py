"""`GET /admin/audit` as an admin sees it."""

import time

import httpx
import pytest

from tests.api.conftest import ADMIN, issue
from tests.harness import Running
from tests.unit.audit.booked import book, moved, since_start
from tests.unit.audit.traffic import Traffic, firehose


@pytest.fixture
def acme(strict: Running) -> dict[str, str]:
    """An admin's headers; yesterday's traffic of its tenant holds one sin."""
    traffic = Traffic(1)
    firehose(traffic)
    book(strict.redis_url, moved(traffic.records, since_start(time.time() - 10)))
    return {"authorization": f"Bearer {issue(strict, admin=True, name='head')['key']}"}


def ask(running: Running, headers: dict[str, str], **query: str) -> httpx.Response:
    """The raw answer."""
    return httpx.get(f"{running.url}/admin/audit", params=query, headers=headers, timeout=60)


def test_the_audit_of_a_tenant(strict: Running, acme: dict[str, str]) -> None:
    """The sin, by the prices and the policy that are served now."""
    found = ask(strict, acme).json()
    assert (found["object"], found["tenant"], found["requests"], found["truncated"]) == ("audit", "acme", 300, False)
    [finding] = found["findings"]
    assert finding["sin"] == "retrieval_firehose"
    assert found["compound_usd"] == finding["compound_usd"] == finding["usd"]
    assert float(found["spent_usd"]) > float(finding["usd"]) > float(finding["certain_usd"]) > 0
    assert [place["feature"] for place in finding["places"]] == ["wiki"]
    assert "feature: wiki" in finding["change"]["policy"]


def test_the_window_and_the_bound(strict: Running, acme: dict[str, str]) -> None:
    """What lies outside is not read; where the bound ends it, that is told."""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    assert ask(strict, acme, since=soon, until="2099-01-01T00:00:00Z").status_code == 400
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    assert ask(strict, acme, since=soon, until=later).json()["requests"] == 0
    some = ask(strict, acme, limit="100").json()
    assert (some["requests"], some["truncated"]) == (100, True)
    assert some["until"] < ask(strict, acme).json()["until"]


def test_each_tenant_sees_its_own(strict: Running, acme: dict[str, str]) -> None:
    """The operator any; nobody without an admin's key any."""
    rival = {"authorization": f"Bearer {issue(strict, admin=True, name='head', tenant='rival')['key']}"}
    assert ask(strict, rival).json()["requests"] == 0
    assert ask(strict, rival, tenant="acme").json()["tenant"] == "rival"
    assert ask(strict, ADMIN, tenant="acme").json()["requests"] == 300
    assert ask(strict, ADMIN).json()["tenant"] == "default"
    assert ask(strict, {"authorization": "Bearer sk-acme"}).status_code == 403
    assert ask(strict, {}).status_code == 401
    narrow = issue(strict, admin=True, name="narrow", features=["faq"])["key"]
    assert ask(strict, {"authorization": f"Bearer {narrow}"}).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "50001"),
        ("limit", "1e3"),
        ("limit", ""),
        ("limit", "٣"),
        ("since", "yesterday"),
        ("since", "2026-01-01T00:00:00"),
        ("since", "0001-01-01T00:00:00+23:59"),
        ("until", "2026-01-01"),
    ],
)
def test_what_is_no_window_is_refused(strict: Running, acme: dict[str, str], name: str, value: str) -> None:
    """With its name, in OpenAI's format."""
    answer = ask(strict, acme, **{name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name
