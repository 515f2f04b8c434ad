"""The launcher refuses what it cannot serve, in one line, before anything starts."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml

from tests.serve.conftest import ROOT, document


def launch(config: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher to its end."""
    command = [sys.executable, "-m", "deployments.launch", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run(
        command, env=environment, cwd=config.parent, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_bind_for_others_without_a_key_is_refused(tmp_path: Path) -> None:
    """Said in one line, before Ray is started; an unreachable Redis holds no keys."""
    found = document()
    found["http_options"]["host"] = "0.0.0.0"
    config = tmp_path / "open.yaml"
    config.write_text(yaml.safe_dump(found))
    ended = launch(config, REDIS_URL="redis://127.0.0.1:1/0")
    assert ended.returncode == 1
    assert "FAILED nobody could enter" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """A stranger on the port would look like us."""
    found = document()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", found["http_options"]["port"]))
        stranger.listen()
        config = tmp_path / "taken.yaml"
        config.write_text(yaml.safe_dump(found))
        ended = launch(config)
    assert ended.returncode == 1
    assert "FAILED something listens" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_configuration_is_refused(tmp_path: Path) -> None:
    """The file, the place in it and the reason; no traceback."""
    found = document()
    found["applications"][0]["args"]["tiers"][0]["colour"] = "red"
    config = tmp_path / "wrong.yaml"
    config.write_text(yaml.safe_dump(found))
    ended = launch(config)
    assert ended.returncode == 1
    assert "wrong.yaml: args.tiers.0.colour" in ended.stderr
    assert "Traceback" not in ended.stderr
