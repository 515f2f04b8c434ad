"""`leanserve cache invalidate | stats | feedback` against a running server."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from app.cli.root import cli
from app.errors import LeanServeError
from app.store.embedded import free_port
from tests.harness import Running, Setup, eventually, serving


@pytest.fixture
def running(clean_redis: str) -> Iterator[Running]:
    """A server with a key, and one entry in it."""
    with serving(Setup(clean_redis, keys="acme:secret")) as server:
        body = {"model": "small", "messages": [{"role": "user", "content": "what is a loan"}]}
        headers = {"authorization": "Bearer secret", "x-leanserve-feature": "faq"}

        def asked() -> str:
            answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers)
            return answer.headers["x-leanserve-cache"]

        assert eventually(lambda: asked() == "exact")
        yield server


def run(running: Running, *words: str, key: str = "secret") -> Result:
    return CliRunner().invoke(cli, ["cache", *words, "--url", running.url + "/"], env={"LEANSERVE_API_KEY": key})


def test_invalidation_says_what_went(running: Running) -> None:
    """A dry run changes nothing."""
    assert run(running, "invalidate", "--feature", "other", "--dry-run").output.startswith("0 entries would go")
    dry = run(running, "invalidate", "--feature", "faq", "--older-than-s", "0", "--dry-run")
    assert dry.output.startswith("1 entries would go\n  ")
    assert run(running, "invalidate", "--all").output == dry.output.replace("would go", "are gone")
    assert run(running, "invalidate", "--all").output.startswith("0 entries are gone")


def test_invalidation_of_nothing_named_is_refused(running: Running) -> None:
    """Everything goes only by `--all`."""
    result = run(running, "invalidate", "--dry-run")
    assert result.exit_code == 1
    assert "--all" in str(result.exception)


def test_statistics_as_text_and_as_json(running: Running) -> None:
    """A page to read, or the server's own JSON."""
    assert eventually(lambda: "exact: " in run(running, "stats").output)
    text = run(running, "stats").output
    assert "tenant acme: 1 entries" in text
    assert "  faq: 1" in text
    assert "saved: $0.0000" in text
    assert json.loads(run(running, "stats", "--json", "--days", "2").output)["entries"] == 1


def test_feedback_is_written_as_pairs(running: Running, tmp_path: Path, clean_redis: str) -> None:
    """All of it, in parts that the server bounds."""
    import redis

    with redis.Redis.from_url(clean_redis) as client:
        pipe = client.pipeline()
        for number in range(1_003):
            pipe.xadd("leanserve:{acme}:cache:feedback", {"a": f"é{number}", "b": "b", "label": number % 2})
        pipe.execute()
    path = tmp_path / "pairs.jsonl"
    assert run(running, "feedback", "--output", str(path)).output.startswith("1003 pairs")
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [pair["a"] for pair in pairs] == [f"é{number}" for number in range(1_003)]
    assert pairs[1]["label"] == 1


def test_faults_are_told_in_the_servers_words(running: Running) -> None:
    """A wrong key, and no server at all."""
    wrong = run(running, "stats", key="wrong")
    assert isinstance(wrong.exception, LeanServeError)
    assert "valid API key" in str(wrong.exception)
    nobody = CliRunner().invoke(cli, ["cache", "stats", "--url", f"http://127.0.0.1:{free_port()}"])
    assert "no LeanServe answers" in str(nobody.exception)
