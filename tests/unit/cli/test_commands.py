import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.root import cli

ROOT = Path(__file__).parents[3]

CONFIG = """
applications:
  - name: leanserve
    import_path: deployments.graph:build
    args:
      tiers:
        - name: small
          model: some-model
          context_tokens: 100
          max_output_tokens: 10
          backends: [{kind: echo}]
    deployments:
      - name: Ingress
        user_config: {version: 7, prices: {small: {input: 1, output: 2}}}
"""


def test_importing_the_cli_is_light() -> None:
    """`leanserve --help` must not load torch, ray, transformers or the hub's client."""
    heavy = ["torch", "ray", "transformers", "huggingface_hub", "numpy", "vllm"]
    script = f"import sys, app.cli.root; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_config_check_accepts_a_valid_file_and_says_what_is_in_it(tmp_path: Path) -> None:
    """Tiers and policy version are named."""
    path = tmp_path / "ok.yaml"
    path.write_text(CONFIG)
    result = CliRunner().invoke(cli, ["config", "check", str(path)])
    assert result.exit_code == 0
    assert "small (some-model)" in result.output
    assert "policy version 7" in result.output


def test_config_check_tells_what_comes_to_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A hedge that no tier can make is valid, and does nothing."""
    path = tmp_path / "hedged.yaml"
    path.write_text(CONFIG.replace("{version: 7,", "{version: 7, attempts: {hedge: {after_s: 2}},"))
    result = CliRunner().invoke(cli, ["config", "check", str(path)])
    assert result.exit_code == 0, result.output
    assert "no tier has a second backend" in caplog.text


def test_a_broken_configuration_is_one_line_and_status_1(tmp_path: Path) -> None:
    """No traceback: the file, the place and the reason."""
    path = tmp_path / "broken.yaml"
    path.write_text(CONFIG.replace("context_tokens", "contxt_tokens"))
    script = "import sys; from app.cli import main; sys.argv = ['leanserve', *sys.argv[1:]]; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "config", "check", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "contxt_tokens" in done.stderr
    assert "Traceback" not in done.stderr


def test_models_list_names_every_model_and_its_licence(tmp_path: Path) -> None:
    """An empty home says that nothing was pulled."""
    result = CliRunner().invoke(cli, ["models", "list", "--home", str(tmp_path)])
    assert result.exit_code == 0
    assert "SmolLM2-135M-Instruct" in result.output
    assert "not pulled; on the hub as Qwen/Qwen2.5-Coder-0.5B-Instruct" in result.output
    assert result.output.count("Apache-2.0") == 3


def test_pulling_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    """A typo is answered with the catalog."""
    result = CliRunner().invoke(cli, ["models", "pull", "no-such-model", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "SmolLM2-135M-Instruct" in str(result.exception)
