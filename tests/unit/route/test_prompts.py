"""Routing prompts from lines, as `leanserve route prompts` does."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli.route import route_app
from app.domain import Judgement
from app.embed.batching import Encode
from app.errors import ConfigError, InvalidRequest
from app.route.complexity import ComplexityRouter
from app.route.prompts import Offline, route_file, route_prompts
from app.route.setting import TIERS, read_setting
from tests.fakes import FakeEmbedder, FakeHead

CONFIGS = Path(__file__).parents[3] / "configs"


def fake_encode(texts: list[str]) -> list[bytes]:
    return [FakeEmbedder().vector(text) for text in texts]


def by_words(text: str) -> Judgement:
    """Hard where it says so."""
    return Judgement(0.9, (0.2, 0.5, 0.9)) if "hard" in text else Judgement(0.1, (0.9, 0.95, 0.99))


def routed(
    lines: list[str], names: str = TIERS, config: Path | None = None, policy: Path | None = None
) -> list[dict[str, Any]]:
    return list(route_prompts(lines, offline(names, config, policy)))


def offline(names: str = TIERS, config: Path | None = None, policy: Path | None = None) -> Offline:
    setting = read_setting(names.split(","), config, policy)
    return Offline(fake_encode, ComplexityRouter(FakeHead(by_words)), setting)


def line(**asked: Any) -> str:
    return json.dumps(asked)


def test_each_line_has_its_decision_in_order() -> None:
    """More lines than one batch, blank ones among them."""
    lines = [line(prompt=f"hard {i}" if i % 3 else f"easy {i}") for i in range(150)]
    decisions = routed([*lines[:70], "\n", *lines[70:], "  "])
    assert [decision["tier"] for decision in decisions] == ["large" if i % 3 else "small" for i in range(150)]


def test_a_decision_is_what_the_graph_would_say_and_no_prompt() -> None:
    """Prompts are not copied around."""
    assert routed([line(prompt="Say hello")]) == [
        {
            "score": 0.1,
            "tier": "small",
            "p": {"small": pytest.approx(0.9), "medium": pytest.approx(0.95), "large": pytest.approx(0.99)},
            "uncertain": False,
            "reason": "below the threshold of small",
        }
    ]


def test_a_file_may_be_its_own_output(tmp_path: Path) -> None:
    """It is read before it is replaced; bytes that are no UTF-8 are passed over as before."""
    (path := tmp_path / "prompts.jsonl").write_bytes(line(prompt="hard").encode() + b'\n{"prompt": "easy \xff"}\n')
    route_file(path, path, offline())
    assert [json.loads(each)["tier"] for each in path.read_text().splitlines()] == ["large", "small"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_bad_line_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    """Not even what was decided before it; the fault names file and line."""
    (source := tmp_path / "in").write_text("\n".join([line(prompt="hard")] * 100) + "\nno json\n")
    (output := tmp_path / "out").write_text("before")
    with pytest.raises(InvalidRequest, match="in: line 101 is not a JSON object"):
        route_file(source, output, offline())
    assert output.read_text() == "before"


def test_a_pipe_is_written_to_as_it_goes(tmp_path: Path) -> None:
    """As /dev/stdout is: it cannot be replaced."""
    (source := tmp_path / "in").write_text(line(prompt="hard"))
    with (tmp_path / "out").open("w+") as stream:
        route_file(source, Path(f"/dev/fd/{stream.fileno()}"), offline())
        stream.seek(0)
        assert json.loads(stream.read())["tier"] == "large"


@pytest.mark.parametrize("prompt", ["", " \n\t"])
def test_an_empty_prompt_is_not_a_cheap_one(prompt: str) -> None:
    """As in the gateway, which embeds no empty text."""
    [decision] = routed([line(prompt=prompt)])
    assert (decision["tier"], decision["reason"], decision["uncertain"]) == ("large", "not sure: empty prompt", True)


def test_a_conversation_is_judged_by_its_last_user_message() -> None:
    """`messages` stand instead of a prompt, `system` beside it."""
    user = [{"role": "user", "content": "hard"}, {"role": "assistant", "content": "x"}]
    decisions = routed(
        [
            line(messages=[*user, {"role": "user", "content": "easy"}]),
            line(prompt="easy", system="hard things only"),
            line(messages=[{"role": "user", "content": [{"type": "text", "text": "hard"}]}]),
        ]
    )
    assert [decision["tier"] for decision in decisions] == ["small", "small", "large"]


@pytest.mark.parametrize(
    "broken",
    [
        "no json",
        "[]",
        '"text"',
        '{"text": "a"}',
        '{"prompt": 3}',
        "null",
        '{"messages": []}',
        '{"messages": {"role": "user"}}',
        '{"prompt": "a", "system": 3}',
        "[" * 100_000,
    ],
    ids=range(10),
)
def test_a_line_that_is_no_prompt_is_named(broken: str) -> None:
    """The line's number, and nothing of its content."""
    with pytest.raises(InvalidRequest, match=r"^line 2 is not a JSON object with a string .prompt. or a list"):
        routed([line(prompt="a"), broken])


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([1], "messages.0"),
        ([{"content": "secret"}], "messages.0.role"),
        ([{"role": "alien", "content": "secret"}], "messages.0.role"),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": 5}], "messages.1.content"),
        ([{"role": "user", "content": {"text": "secret"}}], "messages.0.content"),
        ([{"role": "user", "content": ["secret"]}], "messages.0.content"),
    ],
)
def test_messages_that_the_api_would_refuse_are_refused(messages: list[Any], where: str) -> None:
    """Said where, not taken for an empty prompt, and nothing of them is told."""
    with pytest.raises(InvalidRequest, match=rf"^line 2: {where}") as refused:
        routed([line(prompt="a"), line(messages=messages)])
    assert "secret" not in refused.value.message


def test_a_configurations_tiers_and_constraints_count(tmp_path: Path) -> None:
    """ci.yaml has two tiers, of 8,192 and 32,768 tokens."""
    document = yaml.safe_load((CONFIGS / "ci.yaml").read_text())
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(document))
    short, long, endless = routed(
        [line(prompt=text) for text in ("easy", "easy " * 10_000, "easy " * 200_000)], config=path
    )
    assert short["tier"] == "small"
    assert (long["tier"], long["reason"]) == ("large", "below the threshold of small; excluded: context length")
    assert endless["tier"] is None
    assert "no tier can serve this request" in endless["reason"]


def test_a_policy_file_replaces_what_it_names(tmp_path: Path) -> None:
    """Such as the one that `leanserve route calibrate` writes."""
    path = tmp_path / "policy.yaml"
    path.write_text("routing: {policy: quality, min_quality: 0.96}\n")
    [decision] = routed([line(prompt="easy")], policy=path)
    assert (decision["tier"], decision["reason"]) == ("large", "good enough")


def test_the_policy_cost_wants_prices(tmp_path: Path) -> None:
    """Named tiers have none of their own; nothing is free by mistake."""
    path = tmp_path / "policy.yaml"
    routing = "routing: {policy: cost, mean_usd_per_million: 2}\n"
    path.write_text(routing)
    with pytest.raises(ConfigError, match="prices: none for small"):
        routed([line(prompt="easy")], policy=path)
    path.write_text(routing + "prices: {small: {input: 1, output: 1}, large: {input: 9, output: 9}}\n")
    assert routed([line(prompt="easy")], "small,large", policy=path)[0]["reason"] == "best value"


@pytest.mark.parametrize("names", ["", "small,small", "Small", "a,auto"])
def test_names_that_are_no_tiers_are_refused(names: str) -> None:
    """Before a model is loaded."""
    with pytest.raises(ConfigError, match=r"^tiers: must be distinct names"):
        read_setting(names.split(","), None, None)


def test_the_command_writes_a_decision_a_line(tmp_path: Path, encode: Encode) -> None:
    """Real embedder, real head, no server."""
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"prompt": "What is the capital of France?"}\n{"prompt": ""}\n', encoding="utf-8")
    result = CliRunner().invoke(route_app, ["prompts", "--input", str(source), "--output", str(output)])
    assert result.exit_code == 0, result.output
    decisions = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [decision["tier"] for decision in decisions] == ["small", "large"]
    assert all(set(each) == {"score", "tier", "p", "uncertain", "reason"} for each in decisions)
