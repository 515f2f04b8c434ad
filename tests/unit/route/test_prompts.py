"""Routing prompts from lines, as `leanserve route prompts` does."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.route import route_app
from app.config.policy import RoutingPolicy
from app.embed.batching import Encode
from app.errors import InvalidRequest
from app.route.head import ComplexityHead
from app.route.prompts import score_prompts
from tests.fakes import FakeEmbedder


def fake_encode(texts: list[str]) -> list[bytes]:
    return [FakeEmbedder().vector(text) for text in texts]


def scored(lines: list[str]) -> list[dict[str, object]]:
    head = ComplexityHead.load()
    return list(
        score_prompts(lines, encode=fake_encode, head=head, policy=RoutingPolicy(), tiers=("small", "medium", "large"))
    )


def test_each_line_has_its_decision_in_order() -> None:
    """More lines than one batch, a blank one among them."""
    lines = [json.dumps({"prompt": f"prompt {i}"}) for i in range(150)]
    assert len(scored([*lines, "\n"])) == 150
    assert scored(lines)[149] == scored(lines[149:])[0]


def test_a_decision_is_score_tier_and_reason_and_no_prompt() -> None:
    """Prompts are not copied around."""
    [decision] = scored(['{"prompt": ""}'])
    assert set(decision) == {"score", "tier", "reason"}
    assert (decision["tier"], decision["reason"]) == ("large", "not sure: empty prompt")


@pytest.mark.parametrize("line", ["no json", "[]", '"text"', '{"text": "a"}', '{"prompt": 3}', "null"])
def test_a_line_that_is_no_prompt_is_named(line: str) -> None:
    """The line's number, and nothing of its content."""
    with pytest.raises(InvalidRequest, match=r'^line 2 is not a JSON object with a string "prompt"$'):
        scored(['{"prompt": "a"}', line])


def test_the_command_writes_a_decision_a_line(tmp_path: Path, encode: Encode) -> None:
    """Real embedder, real head, no server."""
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"prompt": "Say hello"}\n{"prompt": ""}\n', encoding="utf-8")
    result = CliRunner().invoke(route_app, ["prompts", "--input", str(source), "--output", str(output)])
    assert result.exit_code == 0, result.output
    decisions = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [decision["tier"] for decision in decisions] == ["small", "large"]


def test_training_without_data_is_told(tmp_path: Path) -> None:
    """The message names the files that were looked for."""
    result = CliRunner().invoke(route_app, ["train", "--data", str(tmp_path), "--output", str(tmp_path)])
    assert result.exit_code != 0
    assert "routellm_mmlu" in str(result.exception)
