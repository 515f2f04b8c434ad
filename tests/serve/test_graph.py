"""The whole graph on real Ray Serve, the same in both placements."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import openai
import psutil
import pytest
from typer.testing import CliRunner

from app.cli.route import route_app
from tests.serve.conftest import LOCAL, Cluster
from tests.unit.route.judged_prompts import HARD

pytestmark = pytest.mark.serve


def ask(cluster: Cluster, text: str, **options: Any) -> Any:
    """One question; the raw response."""
    return cluster.client().chat.completions.with_raw_response.create(
        **{"model": "auto", "messages": [{"role": "user", "content": text}], **options}
    )


def until(condition: Callable[[], bool], timeout_s: float = 20) -> bool:
    """Whether `condition` comes true in time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def metric(cluster: Cluster, name: str, *labels: str) -> dict[str, float]:
    """The sum of a metric by replica, as far as the replicas showed themselves in some scrapes."""
    found: dict[str, float] = {}
    for _ in range(8):
        total, replica = 0.0, ""
        for line in httpx.get(f"{cluster.url}/metrics").text.splitlines():
            if line.startswith(name + "{"):
                replica = line.split('replica="')[1].split('"')[0]
                total += float(line.rsplit(" ", 1)[1]) if all(label in line for label in labels) else 0
        found[replica] = total
    return found


def test_a_miss_then_an_exact_then_a_semantic_hit(cluster: Cluster) -> None:
    """The repeat is exact, the paraphrase semantic (real MiniLM, real vector set), a stranger's question a miss."""
    asked = "How do I bake banana bread at home?"
    first = ask(cluster, asked)
    assert first.headers["x-leanserve-cache"] == "miss"
    assert until(lambda: ask(cluster, asked).headers["x-leanserve-cache"] == "exact")
    again = ask(cluster, "How can I bake banana bread at home?")
    assert again.headers["x-leanserve-cache"] == "semantic"
    assert again.headers["x-leanserve-cost-usd"] == "0.000000"
    assert again.parse().choices[0].message.content == first.parse().choices[0].message.content
    assert ask(cluster, "How do I boil eggs for breakfast?").headers["x-leanserve-cache"] == "miss"


def test_easy_goes_to_small_and_hard_to_large(cluster: Cluster) -> None:
    """The shipped head decides by the shipped thresholds."""
    easy = ask(cluster, "Say hello.", extra_headers={"x-leanserve-cache": "no-cache"})
    hard = ask(
        cluster,
        "Prove that every finite integral domain is a field, then derive the minimal polynomial of the primitive "
        "element of GF(81) over GF(3) step by step and show that the extension is Galois.",
        extra_headers={"x-leanserve-cache": "no-cache"},
    )
    assert easy.headers["x-leanserve-tier"] == "small"
    assert hard.headers["x-leanserve-tier"] == "large"
    assert float(easy.headers["x-leanserve-route-score"]) < float(hard.headers["x-leanserve-route-score"])


def test_an_answer_of_the_wrong_shape_is_given_by_the_better_tier(cluster: Cluster) -> None:
    """The small tier's words are no JSON object: the large one is asked too, and the request pays for both."""
    headers = {"x-leanserve-cache": "no-cache, no-store", "x-leanserve-feature": "drafts"}
    kept = ask(cluster, "Say hello.", extra_headers=headers)
    assert (kept.headers["x-leanserve-cascade"], kept.headers["x-leanserve-tier"]) == ("kept", "small")
    shape = {"type": "json_object"}
    escalated = ask(cluster, "Say hello.", extra_headers=headers, response_format=shape)
    assert escalated.headers["x-leanserve-cascade"] == "escalated:structure"
    assert escalated.headers["x-leanserve-tier"] == "large"
    paid = [
        float(ask(cluster, "Say hello.", model=tier, extra_headers=headers).headers["x-leanserve-cost-usd"])
        for tier in ("small", "large")
    ]
    assert float(escalated.headers["x-leanserve-cost-usd"]) == pytest.approx(sum(paid))


def test_the_graph_decides_as_the_command_line_does(cluster: Cluster, tmp_path: Path) -> None:
    """Tier, reason and doubt for each; score and probabilities but for a float's last digits."""
    texts = ["Say hello.", "", "Какая столица Франции?", "Please use the cheap tier.", "word " * 20_000, *HARD[:2]]
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    said = CliRunner().invoke(
        route_app, ["prompts", "--input", str(source), "--output", str(output), "--config", str(cluster.config)]
    )
    assert said.exit_code == 0, said.output
    for text, line in zip(texts, output.read_text().splitlines(), strict=True):
        body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
        graph, told = (
            httpx.post(f"{cluster.url}/v1/route", json=body, headers=LOCAL, timeout=30).json(),
            json.loads(line),
        )
        assert {name: graph[name] for name in ("tier", "reason", "uncertain")} == {
            name: told[name] for name in ("tier", "reason", "uncertain")
        }
        if text:
            assert graph["score"] == pytest.approx(told["score"], abs=1e-3)
            assert graph["p"] == pytest.approx(told["p"], abs=1e-3)


def test_streams_and_tools_come_back_unharmed(cluster: Cluster) -> None:
    """A stream over the hop says what a plain answer says."""
    options: dict[str, Any] = {"extra_headers": {"x-leanserve-cache": "no-cache, no-store"}, "model": "small"}
    plain = ask(cluster, "alpha beta gamma delta", **options).parse()
    stream = cluster.client().chat.completions.create(
        messages=[{"role": "user", "content": "alpha beta gamma delta"}],
        stream=True,
        stream_options={"include_usage": True},
        **options,
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert chunks[-1].usage.total_tokens == plain.usage.total_tokens


def test_two_replicas_share_one_limit(cluster: Cluster) -> None:
    """Concurrent requests over both ingress replicas spend no more than the tenant's 300 tokens."""
    spent, statuses = asyncio.run(_spend(cluster, "limited", 60))
    assert 0 < spent <= 300
    assert statuses.count(429) > 0
    assert set(statuses) == {200, 429}
    replicas = metric(cluster, "leanserve_requests_total")
    assert len(replicas) == 2, "both replicas should have answered"


async def _spend(cluster: Cluster, tenant: str, requests: int) -> tuple[int, list[int]]:
    async with httpx.AsyncClient(timeout=60) as client:

        async def one(i: int) -> httpx.Response:
            body = {"model": "small", "messages": [{"role": "user", "content": f"question number {i} {uuid4().hex}"}]}
            headers = {**LOCAL, "x-leanserve-tenant": tenant, "x-leanserve-cache": "no-cache, no-store"}
            return await client.post(f"{cluster.url}/v1/chat/completions", json=body, headers=headers)

        answers = await asyncio.gather(*(one(i) for i in range(requests)))
    spent = sum(answer.json()["usage"]["total_tokens"] for answer in answers if answer.status_code == 200)
    return spent, [answer.status_code for answer in answers]


def test_a_client_that_leaves_stops_the_tier(cluster: Cluster) -> None:
    """The abort crosses the proxy and the hop: the attempt ends as ignored, long before its last token."""
    before = sum(metric(cluster, "leanserve_attempts_total", 'outcome="ignored"').values())
    body = {"model": "large", "messages": [{"role": "user", "content": "w " * 3000}], "stream": True}
    body = {**body, "max_tokens": 3000}
    with httpx.stream("POST", f"{cluster.url}/v1/chat/completions", json=body, headers=LOCAL) as answer:
        next(answer.iter_bytes())
    assert until(lambda: sum(metric(cluster, "leanserve_attempts_total", 'outcome="ignored"').values()) > before)


def test_the_proxy_is_the_one_that_notices_who_leaves(cluster: Cluster) -> None:
    """HAProxy runs as `deployments.haproxy` starts it; what that is good for, `test_haproxy` shows."""
    below = psutil.Process(cluster.process.pid).children(recursive=True)
    proxies = [process.cmdline() for process in below if process.name() == "haproxy"]
    assert proxies
    assert all("-dS" in command for command in proxies)


def test_errors_cross_the_hop(cluster: Cluster) -> None:
    """Status and shape are those of the local edge."""
    with pytest.raises(openai.NotFoundError):
        ask(cluster, "x", model="none-such")
    with pytest.raises(openai.BadRequestError):
        ask(cluster, "x", temperature=99)
    assert httpx.post(f"{cluster.url}/v1/chat/completions", content=b"x" * 3_000_000, headers=LOCAL).status_code == 413


def test_embeddings_are_the_graphs_own(cluster: Cluster) -> None:
    """Real vectors: a paraphrase is nearer than another subject."""
    texts = ["How do I reset my password?", "I forgot my password, how can I reset it?", "Bananas are yellow."]
    rows = cluster.client().embeddings.create(model="all-MiniLM-L6-v2", input=texts).data
    a, b, c = (row.embedding for row in rows)
    assert sum(x * y for x, y in zip(a, b, strict=True)) > 0.7
    assert sum(x * y for x, y in zip(a, c, strict=True)) < 0.4


def test_a_new_policy_needs_no_restart(cluster: Cluster) -> None:
    """Prices, thresholds and budgets change with the file; every replica is the same process as before."""
    easy = {"extra_headers": {"x-leanserve-cache": "no-cache, no-store"}}
    before = set(metric(cluster, "leanserve_requests_total"))
    assert ask(cluster, "Say hello.", **easy).headers["x-leanserve-tier"] == "small"

    def change(found: dict[str, Any]) -> None:
        policy = found["applications"][0]["deployments"][0]["user_config"]
        policy["version"] = "2"
        policy["routing"] = {"thresholds": {"small": 0.0}}
        policy["prices"]["large"] = {"input": "1000", "output": "0"}
        policy["budgets"].append({"tenant": "stopped", "tokens": 0, "window": "total"})

    cluster.edit(change)
    assert until(lambda: ask(cluster, "Say hello.", **easy).headers["x-leanserve-tier"] == "large")
    time.sleep(0.2)  # the other replica was told at the same time
    answers = [ask(cluster, "Say hello.", **easy) for _ in range(6)]
    assert {answer.headers["x-leanserve-tier"] for answer in answers} == {"large"}
    paid = answers[0].parse().usage.prompt_tokens * 1000 / 1e6
    assert float(answers[0].headers["x-leanserve-cost-usd"]) == pytest.approx(paid)
    with pytest.raises(openai.RateLimitError):
        ask(cluster, "Say hello.", extra_headers={"x-leanserve-tenant": "stopped"})
    # while Ray Serve brings a replica the policy, its proxy knows the other only
    assert until(lambda: set(metric(cluster, "leanserve_requests_total")) == before)
