"""`GET /admin/audit` as an admin sees it."""

import time

import httpx
import pytest

from app.domain import Usage
from app.journey import Journey
from app.ledger.anatomy import anatomy_of
from app.ledger.record import Against, Anatomy, LedgerRecord
from tests.api.conftest import ADMIN, Serve, issue
from tests.harness import Running, eventually, tier
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
    assert ask(strict, acme, since="60d").status_code == 400
    assert ask(strict, acme, since="60d", until="30d").json()["requests"] == 0
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 7 * 86_400))
    assert ask(strict, acme, since=day).json()["requests"] == ask(strict, acme, since="7d").json()["requests"] == 300
    some = ask(strict, acme, limit="100").json()
    assert (some["requests"], some["truncated"]) == (100, True)
    assert some["until"] < ask(strict, acme).json()["until"]


def test_each_tenant_sees_its_own(strict: Running, acme: dict[str, str]) -> None:
    """The operator any; nobody without an admin's key any."""
    rival = {"authorization": f"Bearer {issue(strict, admin=True, name='head', tenant='rival')['key']}"}
    assert ask(strict, rival).json()["requests"] == 0
    assert ask(strict, rival, tenant="acme").status_code == 403
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
        ("since", "2999-01-01"),
        ("since", "0001-01-01T00:00:00+23:59"),
        ("until", "soon"),
        ("most", "5"),
    ],
)
def test_what_is_no_window_is_refused(strict: Running, acme: dict[str, str], name: str, value: str) -> None:
    """With its name, in OpenAI's format."""
    answer = ask(strict, acme, **{name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name


def test_what_is_served_is_what_is_audited(serve: Serve) -> None:
    """From requests to findings: a client that names the large model for what is easy, an agent in a loop, a feature
    that keeps no answers, one that is asked for a word and says sixty."""
    policy = {
        "routing": {"appraise": 1.0},
        "sessions": {"loops": {"repeats": 0, "cycles": 0, "polls": 0}},
        "features": {"help": {"cache": {"exact": False, "semantic": False}}},
    }
    tiers = [tier("small", tokens=60), tier("large", tokens=8, time_per_token_ms=5)]
    running = serve(policy=policy, config={"tiers": tiers}, describe=described)
    for place in range(25):
        chat(running, "auto", f"Is {place} even? Answer yes or no.", feature="votes")
        chat(running, "auto", "Where is my parcel, please", feature="help", user=f"u{place}")
    for place in range(30):
        chat(running, "large", f"easy {place}", feature="mail")
    for _ in range(30):
        chat(running, "auto", "again", feature="robot", session="s", cache="no-store, no-cache")
    headers = {"authorization": "Bearer local"}
    assert eventually(lambda: ask(running, headers).json()["requests"] == 110, 20)
    found = ask(running, headers).json()
    assert found["unasked_usd"] == "0.000000"
    assert {finding["sin"] for finding in found["findings"]} == {
        "agent_loops",
        "context_amnesia",
        "one_model_for_all",
        "verbose_output",
    }
    shown = {finding["sin"]: finding["places"] for finding in found["findings"]}
    assert [place["feature"] for place in shown["agent_loops"]] == ["robot"]
    assert shown["agent_loops"][0]["requests"] == 28
    assert [(place["feature"], place["cause"]) for place in shown["one_model_for_all"]] == [("mail", "large > small")]
    assert shown["one_model_for_all"][0]["requests"] == 30
    amnesia, verbose = shown["context_amnesia"], shown["verbose_output"]
    assert [(place["feature"], place["cause"], place["requests"]) for place in amnesia] == [("help", "policy", 24)]
    assert [(place["feature"], place["requests"]) for place in verbose] == [("votes", 25)]


def described(journey: Journey, record: LedgerRecord) -> tuple[Anatomy, Against]:
    """As the recorder is to be told, by the estimate of tokens."""
    answer = next((each for each in record.attempts if each.role == "answer"), None)
    usage = Usage(answer.input_tokens, answer.cached_tokens, answer.output_tokens) if answer else Usage()
    return anatomy_of(journey.request.payload, None, usage), record.against


def chat(running: Running, model: str, text: str, **headers: str) -> None:
    """One answered request."""
    said = {f"x-leanserve-{name}": value for name, value in headers.items()}
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body, headers=said, timeout=30)
    assert answer.status_code == 200, answer.text
