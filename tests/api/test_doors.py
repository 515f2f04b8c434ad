"""Nothing under `/v1` or `/admin` is reached around the keys."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from openai import OpenAI

from app.access.configured import LOCAL_TEXT
from app.access.key import digest, new_id, new_text
from app.api.guard import is_nearby
from app.errors import ConfigError
from tests.api.conftest import ADMIN, BOSS, Serve, issue
from tests.harness import Running, eventually

OPEN = {"/health", "/ready", "/metrics", "/console", "/console/x"}
"""The console's page holds nothing: what it shows it asks of `/admin`, with a key."""


def routes(running: Running) -> Iterator[tuple[str, str]]:
    """Method and path of every route, its parameters filled in."""
    for route in running.app.routes:
        assert isinstance(route, APIRoute), route
        path = route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}:path}}", "x").replace(f"{{{name}}}", "x")
        yield from ((method, path) for method in route.methods)


def test_every_route_wants_a_key(strict: Running) -> None:
    """All routes there are: without a key, with a wrong, an expired, a disabled one, and two at once."""
    expired = issue(strict, expires_in_s=0.05)["key"]
    time.sleep(0.1)
    off = issue(strict)
    assert httpx.post(f"{strict.url}/admin/keys/{off['id']}/disable", headers=ADMIN).status_code == 200
    shown: list[list[tuple[str, str]]] = [
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer wrong")],
        [("authorization", f"Basic {BOSS}")],
        [("authorization", f"Bearer {LOCAL_TEXT}")],
        [("authorization", f"Bearer {expired}")],
        [("authorization", f"Bearer {off['key']}")],
        [("authorization", f"Bearer {new_text(new_id())}")],
        [("authorization", f"Bearer {new_text(off['id'])}")],
        [("authorization", f"Bearer {BOSS}"), ("authorization", "Bearer sk-acme")],
        [("x-api-key", BOSS), ("api-key", BOSS)],
    ]
    asked = 0
    with httpx.Client(base_url=strict.url) as client:
        for method, path in routes(strict):
            for headers in shown if path not in OPEN else shown[:1]:
                answer = client.request(method, path, headers=headers, params={"key": BOSS, "api_key": BOSS})
                if path in OPEN:
                    assert answer.status_code in ({308, 404} if path.startswith("/console") else {200})
                    continue
                asked += 1
                assert answer.status_code == 401, (method, path, headers)
                assert answer.json()["error"]["code"] == "invalid_api_key"
                assert answer.headers["www-authenticate"] == "Bearer"
    assert asked > 20 * len(shown)


def test_every_admin_route_wants_an_admins_key(strict: Running) -> None:
    """A right key without the right is 403, before anything is read or done."""
    limited = issue(strict, features=["faq"], models=["small"])["key"]
    with httpx.Client(base_url=strict.url) as client:
        for method, path in routes(strict):
            if path.startswith("/admin"):
                for key in ("sk-acme", limited):
                    answer = client.request(method, path, headers={"authorization": f"Bearer {key}"})
                    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), (method, path)


def test_every_route_is_below_v1_or_admin_or_open(strict: Running) -> None:
    """A new endpoint elsewhere would be reached without a key."""
    paths = {path for _, path in routes(strict)}
    assert paths > OPEN
    assert all(path.startswith(("/v1/", "/admin/")) for path in paths - OPEN)


@pytest.mark.parametrize(
    "path", ["//v1/models", "/v1//models", "/V1/models", "/v1/../v1/models", "/health/../v1/models"]
)
def test_no_spelling_of_a_path_steps_around_the_door(strict: Running, path: str) -> None:
    """Raw, as no client library would send it."""
    host, port = strict.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        said = b""
        while part := line.recv(65_536):
            said += part
    assert said.split()[1] in {b"401", b"404"}
    assert b"echo-small" not in said


def test_a_body_is_not_read_for_strangers(strict: Running) -> None:
    """Who shows no key cannot make us take two megabytes, nor parse them."""
    answer = httpx.post(f"{strict.url}/v1/chat/completions", content=b"[" * 1_900_000)
    assert answer.status_code == 401


def test_a_key_of_the_policy_opens_and_another_policy_closes(serve: Serve) -> None:
    """`keys:` in the file, by the hash alone."""
    rules = [{"name": "app", "tenant": "acme", "sha256": digest("secret"), "models": ["small"]}]
    running = serve(policy={"keys": rules}, strict=True)
    client = OpenAI(base_url=f"{running.url}/v1", api_key="secret", max_retries=0)
    assert [model.id for model in client.models.list()] == ["auto", "small", "echo-small"]
    assert httpx.get(f"{running.url}/v1/models", headers={"authorization": "Bearer local"}).status_code == 401
    running.doors.ring.configure(())
    assert httpx.get(f"{running.url}/v1/models", headers={"authorization": "Bearer secret"}).status_code == 401


def test_without_keys_the_local_one_is_needed_and_works(serve: Serve) -> None:
    """On loopback: no key is still no entry; `local` is an admin of every tenant."""
    running = serve(strict=True)
    assert httpx.get(f"{running.url}/v1/models").status_code == 401
    local = {"authorization": f"Bearer {LOCAL_TEXT}"}
    assert httpx.get(f"{running.url}/v1/models", headers=local).status_code == 200
    assert httpx.get(f"{running.url}/admin/keys", headers=local).json()["data"][0]["source"] == "local"


@pytest.mark.parametrize("name", ["x-forwarded-for", "Forwarded", "X-Real-IP"])
def test_the_local_key_is_not_for_who_is_spoken_for(serve: Serve, name: str) -> None:
    """A proxy on this machine passes on what comes from anywhere."""
    running = serve(strict=True)
    headers = {"authorization": f"Bearer {LOCAL_TEXT}", name: "203.0.113.7"}
    answer = httpx.get(f"{running.url}/v1/models", headers=headers)
    assert answer.status_code == 401
    assert "loopback" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("[::1]", 200),
        ("app.localhost", 200),
        ("evil.example", 401),
        ("[", 401),
        ("localhost.evil.example:80", 401),
    ],
)
def test_the_local_key_is_not_for_a_page_whose_name_leads_here(serve: Serve, host: str, status: int) -> None:
    """A browser on this machine sends what any page asks it to, under the page's own name."""
    running = serve(strict=True)
    headers = {"authorization": f"Bearer {LOCAL_TEXT}", "host": host}
    assert httpx.get(f"{running.url}/admin/keys", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("client", "server", "found"),
    [
        (("127.0.0.1", 5), ("127.0.0.1", 80), True),
        (("::1", 5), ("::1", 80), True),
        (("10.0.0.5", 5), ("10.0.0.5", 80), True),
        (("10.0.0.6", 5), ("10.0.0.5", 80), False),
        (("10.0.0.6", 5), None, False),
        (None, ("127.0.0.1", 80), False),
        (("", 0), ("127.0.0.1", 80), False),
    ],
)
def test_nearby_is_this_machine(client: Any, server: Any, found: bool) -> None:
    """Ray's replicas listen on all interfaces: who asks them directly shows its own address."""
    assert is_nearby({"type": "http", "headers": [], "client": client, "server": server}) is found


def test_without_keys_another_bind_does_not_start(serve: Serve) -> None:
    """The gateway says so before it serves anything."""
    from tests.harness import Setup

    with pytest.raises(ConfigError):
        Setup("redis://unused", http_host="0.0.0.0").entrance().keys((), issued=False)


def test_an_issued_key_opens_at_once_and_is_refused_within_a_moment_of_its_end(strict: Running) -> None:
    """Issued, used, disabled by somebody else's hand, enabled again."""
    new = issue(strict)
    client = OpenAI(base_url=f"{strict.url}/v1", api_key=new["key"], max_retries=0)
    assert client.models.list().data

    def status() -> int:
        return httpx.get(f"{strict.url}/v1/models", headers={"authorization": f"Bearer {new['key']}"}).status_code

    httpx.post(f"{strict.url}/admin/keys/{new['id']}/disable", headers=ADMIN)
    began = time.monotonic()
    assert eventually(lambda: status() == 401)
    assert time.monotonic() - began < 2
    httpx.post(f"{strict.url}/admin/keys/{new['id']}/enable", headers=ADMIN)
    assert eventually(lambda: status() == 200)


def test_the_openai_client_understands_the_refusals(strict: Running) -> None:
    """401 and 403 are its own exceptions."""
    import openai

    ask: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
    limited = OpenAI(base_url=f"{strict.url}/v1", api_key=issue(strict, models=["small"])["key"], max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=f"{strict.url}/v1", api_key="wrong", max_retries=0).models.list()
    with pytest.raises(openai.PermissionDeniedError, match="large"):
        limited.chat.completions.create(model="large", **ask)
    assert limited.chat.completions.create(model="small", **ask).model == "echo-small"
