"""What the router does around an answer, on the real thing: cascades, sessions, and what is learned from."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from typer.testing import CliRunner

from app.cli.root import cli
from app.store.keys import Keys
from tests.e2e.test_local import FRESH, HARD
from tests.serve.conftest import LOCAL, Cluster
from tests.serve.test_graph import ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EASY = "What is the capital of France?"
LARGE = {"input": 0.10, "output": 0.30}
"""US dollars per million tokens, as in local.yaml."""


def asked(cluster: Cluster, text: str, feature: str = "", session: str = "", **options: Any) -> Any:
    """One short question; the raw response."""
    headers = {**FRESH, "x-leanserve-feature": feature, "x-leanserve-session": session}
    return ask(cluster, text, extra_headers=headers, **{"max_tokens": 8, "temperature": 0, **options})


def test_an_unsure_answer_is_given_by_the_better_tier(local: Cluster) -> None:
    """By vLLM's own log-probabilities, which the client did not ask for and does not see; both answers are paid."""
    escalated = asked(local, EASY, "drafts")
    assert escalated.headers["x-leanserve-cascade"] == "escalated:confidence"
    assert escalated.headers["x-leanserve-tier"] == "large"
    answer = escalated.parse()
    assert answer.model == "Qwen2.5-Coder-0.5B-Instruct"
    assert answer.choices[0].logprobs is None
    usage = answer.usage
    second = (usage.prompt_tokens * LARGE["input"] + usage.completion_tokens * LARGE["output"]) / 1e6
    assert float(escalated.headers["x-leanserve-cost-usd"]) > second
    kept = asked(local, EASY, "trusted")
    assert (kept.headers["x-leanserve-cascade"], kept.headers["x-leanserve-tier"]) == ("kept", "small")
    assert kept.parse().choices[0].logprobs is None


@pytest.mark.parametrize(("lane", "cascade"), [("interactive", None), ("batch", "escalated:confidence")])
def test_who_reads_along_does_not_wait_for_a_judgement(local: Cluster, lane: str, cascade: str | None) -> None:
    """A stream is held back in the batch lane only, and is then the better tier's from its first word."""
    headers = {**FRESH, "x-leanserve-feature": "drafts", "x-leanserve-lane": lane}
    raw = ask(local, EASY, extra_headers=headers, stream=True, max_tokens=8, temperature=0)
    assert raw.headers.get("x-leanserve-cascade") == cascade
    chunks = list(raw.parse())
    assert {chunk.model for chunk in chunks} == {"Qwen2.5-Coder-0.5B-Instruct" if cascade else "SmolLM2-135M-Instruct"}
    assert "Paris" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_conversation_never_goes_back_to_a_cheaper_tier(local: Cluster) -> None:
    """Easy, hard, easy: the last is answered where the hard one was; another conversation begins cheap."""
    given = [asked(local, text, session="talk", max_tokens=2) for text in (EASY, HARD, EASY)]
    assert [each.headers["x-leanserve-tier"] for each in given] == ["small", "large", "large"]
    assert given[-1].headers["x-leanserve-route-reason"].endswith("excluded: session")
    assert asked(local, EASY, session="other", max_tokens=2).headers["x-leanserve-tier"] == "small"


def test_what_became_of_an_answer_is_there_to_learn_from(local: Cluster, redis_url: str, tmp_path: Path) -> None:
    """The app's outcome and the shadow's comparison stand under the request's id, where `calibrate` reads them."""
    answer = asked(local, EASY, "watched")
    name = answer.headers["x-leanserve-request-id"]
    told = httpx.post(
        f"{local.url}/v1/outcomes", json={"request_id": name, "type": "solved", "success": True}, headers=LOCAL
    )
    assert told.json()["recorded"] is True
    with redis.Redis.from_url(redis_url) as store:
        assert until(lambda: store.hexists(f"{Keys().learn('default')}record:{name}", "c:shadow"), 60)
    options = ["--tenant", "default", "--feature", "watched", "--redis-url", redis_url, "--tiers", "small,large"]
    said = CliRunner().invoke(cli, ["route", "calibrate", *options, "--output", str(tmp_path / "policy.yaml")])
    assert said.exit_code == 1
    assert "small: 1 outcomes: too little evidence" in said.stdout
    assert "threshold of small: 1 requests" in said.stdout, "known on both tiers"
