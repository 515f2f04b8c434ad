"""Alerts fire on what they should warn of, and on nothing else: judged by Prometheus' own tool."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

CASES = Path(__file__).with_name("alerts.yaml")


def promtool() -> str:
    """The tool, where this machine has it."""
    return shutil.which("promtool") or pytest.skip("promtool is not installed (it comes with Prometheus)")


def test_each_alert_fires_when_it_should() -> None:
    """Series that must fire it, with the text that a person reads, and series that must not."""
    done = subprocess.run([promtool(), "test", "rules", CASES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_its_case() -> None:
    """One that fires."""
    cases = yaml.safe_load(CASES.read_text())
    fired = {case["alertname"] for test in cases["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    (rules,) = (CASES.parent / path for path in cases["rule_files"])
    assert fired == set(re.findall(r"- alert: (\w+)", rules.read_text()))
