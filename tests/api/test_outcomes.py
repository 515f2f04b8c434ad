"""`POST /v1/outcomes` over real HTTP, two replicas on one Redis."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.key import digest
from app.config.gateway import StoreSpec
from app.ledger.reading import LedgerReader, named
from app.store.client import open_store
from app.store.embedded import EmbeddedRedis, free_port
from tests.api.conftest import Serve
from tests.harness import Running, Setup, eventually, serving

PINNED: dict[str, dict[str, str]] = {
    "ann": {"user": "ann"},
    "bob": {"user": "bob"},
    "sales": {"team": "sales"},
    "app": {},
}


def ask(running: Running, text: str = "hello", **headers: str) -> httpx.Response:
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{running.url}/v1/chat/completions", json=body, headers=headers, timeout=30)


def tell(running: Running, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(f"{running.url}/v1/outcomes", json=body, headers=headers, timeout=30)


def request_id(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.headers["x-leanserve-request-id"]


def test_an_outcome_is_taken_once_by_any_replica(serve: Serve) -> None:
    """Told at once, at another replica than the one that answered; then told again."""
    one, other = serve(), serve()
    name = request_id(ask(one))
    told = tell(other, {"request_id": name, "type": "solved", "success": True, "value": 3})
    assert told.status_code == 200, told.text
    wanted = {"object": "outcome", "request_id": name, "type": "solved", "success": True, "value": 3.0}
    assert told.json() == {**wanted, "recorded": True, "routed": True, "booked": True}
    assert tell(one, {"request_id": name, "type": "solved", "success": True, "value": 3}).json()["recorded"] is False
    assert tell(one, {"request_id": name, "type": "solved", "success": False}).json()["recorded"] is True


def test_a_cached_answer_and_a_named_tier_say_that_nothing_was_routed(serve: Serve) -> None:
    """No error for an app that reports all of its requests."""
    running = serve()
    first = ask(running, "what is rain")
    for _ in range(50):
        again = ask(running, "what is rain")
        if again.headers["x-leanserve-cache"] == "exact":
            break
        time.sleep(0.05)
    assert again.headers["x-leanserve-cache"] == "exact"
    assert tell(running, {"request_id": request_id(first), "success": True}).json()["routed"] is True
    assert tell(running, {"request_id": request_id(again), "success": True}).json()["routed"] is False


def test_another_tenants_request_is_unknown(serve: Serve) -> None:
    """404 in OpenAI's form, as for one that never was; a wrong key is no tenant at all."""
    running = serve(keys="acme:one,other:two")
    name = request_id(ask(running, authorization="Bearer one"))
    stolen = tell(running, {"request_id": name, "success": False}, authorization="Bearer two")
    never = tell(running, {"request_id": "req-0", "success": False}, authorization="Bearer two")
    assert stolen.status_code == never.status_code == 404
    assert stolen.json() == never.json()
    assert stolen.json()["error"] | {"message": ""} == {
        "message": "",
        "type": "invalid_request_error",
        "param": "request_id",
        "code": "not_found",
    }
    assert tell(running, {"request_id": name, "success": False}).status_code == 401
    assert tell(running, {"request_id": name, "success": True}, authorization="Bearer one").json()["recorded"] is True


GOOD = {"request_id": "req-1", "success": True}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({**GOOD, "sucess": True}, "sucess"),
        ({**GOOD, "session_id": "s"}, "session_id"),
        ({"success": True}, "request_id"),
        ({"request_id": "req-1"}, "success"),
        ({**GOOD, "success": 1}, "success"),
        ({**GOOD, "success": "true"}, "success"),
        ({**GOOD, "success": None}, "success"),
        ({**GOOD, "request_id": 7}, "request_id"),
        ({**GOOD, "request_id": ""}, "request_id"),
        ({**GOOD, "request_id": "x" * 129}, "request_id"),
        ({**GOOD, "type": "a b"}, "type"),
        ({**GOOD, "type": "x" * 65}, "type"),
        ({**GOOD, "type": "tick\n"}, "type"),
        ({**GOOD, "type": None}, "type"),
        ({**GOOD, "value": "3"}, "value"),
        ({**GOOD, "value": True}, "value"),
        ({**GOOD, "value": 1e10}, "value"),
        ({**GOOD, "value": 10**400}, "value"),
        ([GOOD], None),
        ("text", None),
        (None, None),
    ],
)
def test_hostile_bodies_are_refused(running: Running, body: Any, param: str | None) -> None:
    """400 that names the field: a misspelt name is not passed over."""
    refused = tell(running, body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["param"] == param


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"request_id":"\\ud800","success":true}', b"[" * 100_000])
def test_what_is_no_json_is_refused(running: Running, content: bytes) -> None:
    """And a lone surrogate is nobody's id."""
    refused = httpx.post(f"{running.url}/v1/outcomes", content=content)
    assert refused.status_code in {400, 404}, refused.text
    assert refused.json()["error"]["type"] == "invalid_request_error"


def test_a_frozen_redis_slows_no_answer_by_its_records(tmp_path: Path) -> None:
    """Requests go on, outcomes are told to come again; when it is back, both work."""
    with EmbeddedRedis(tmp_path, port=free_port()) as own:
        config = {"store": {"timeout_s": 0.3, "cache_timeout_s": 0.3}}
        with serving(Setup(own.url, config=config)) as running:
            known = request_id(ask(running))
            tell(running, {"request_id": known, "success": True})
            os.kill(own.pid, signal.SIGSTOP)
            try:
                for number in range(4):  # the store's breaker is open by then
                    ask(running, f"warm {number}")
                began = time.perf_counter()
                answers = [ask(running, f"frozen {number}") for number in range(20)]
                took = time.perf_counter() - began
                refused = tell(running, {"request_id": known, "success": False})
            finally:
                os.kill(own.pid, signal.SIGCONT)
            assert [answer.status_code for answer in answers] == [200] * 20
            assert took < 20 * 0.15 + 2 * 0.3  # a probe of the breaker a second
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            for _ in range(50):
                if tell(running, {"request_id": known, "success": False}).status_code == 200:
                    break
                time.sleep(0.1)
            assert tell(running, {"request_id": known, "success": False}).json()["recorded"] is False
            assert tell(running, {"request_id": request_id(ask(running, "after")), "success": True}).status_code == 200


def test_an_outcome_of_a_session_is_told_with_what_its_steps_cost(serve: Serve) -> None:
    """By its id; another tenant's is unknown, and so is one that never was."""
    running = serve(keys="acme:one,other:two")
    one = {"authorization": "Bearer one"}
    steps = [ask(running, f"step {number}", **one, **{"x-leanserve-session": "s-1"}) for number in range(3)]
    cost = sum(round(float(step.headers["x-leanserve-cost-usd"]) * 1e6) for step in steps)
    body = {"session_id": "s-1", "type": "done", "success": True}
    assert eventually(lambda: tell(running, body, **one).json().get("booked") is True)
    assert tell(running, body, authorization="Bearer two").status_code == 404
    assert eventually(lambda: tell(running, body, **one).status_code == 200 and told_cost(running) == cost)


def test_who_is_one_user_tells_nothing_of_anothers_session(serve: Serve) -> None:
    """Its name can be guessed; whoever may see the whole tenant tells of each."""
    rules = [{"name": name, "tenant": "acme", "sha256": digest(name), **pin} for name, pin in PINNED.items()]
    running = serve(policy={"keys": rules}, strict=True)
    headers = {name: {"authorization": f"Bearer {name}"} for name in PINNED}
    assert ask(running, **headers["ann"], **{"x-leanserve-session": "s-1"}).status_code == 200
    body = {"session_id": "s-1", "type": "done", "success": True}
    assert eventually(lambda: tell(running, body, **headers["ann"]).status_code == 200)
    assert [tell(running, body, **headers[name]).status_code for name in ("bob", "sales", "app")] == [404, 404, 200]


def told_cost(running: Running) -> int:
    """What all outcomes of `acme` cost today."""

    async def read() -> int:
        store = await open_store(running.redis_url, StoreSpec(timeout_s=5))
        cells = await LedgerReader(store).cells("acme", "outcome", time.time() - 60, time.time() + 1)
        await store.close()
        return named(cells.by()[()])["outcome_micro_usd"] if cells.values else -1

    return asyncio.run(read())
