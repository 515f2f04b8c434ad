"""A file that changes under a running application; on whole graphs that is in `test_graph` and the benchmarks."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config.load import load
from app.errors import ConfigError
from deployments.followed import FollowedFile
from tests.serve.conftest import document

SOME_LATER_NS = 10**9


class FakeCluster:
    """What was done to it, in order."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []
        self.deaf = False

    def check(self, document: dict[str, Any]) -> None:
        if document["http_options"].get("colour"):
            raise ConfigError("no colours")

    def deploy(self, document: dict[str, Any]) -> None:
        self.done.append(("deployed", document["applications"][0]["deployments"][0]["user_config"]["version"]))

    def sleep(self, seconds: float) -> None:
        self.done.append(("slept", seconds))

    def tell(self, policy: dict[str, Any], since: float) -> None:
        if self.deaf:
            raise TimeoutError
        self.done.append(("told", policy.get("version")))
        self.since = since


class Case:
    """A file under a cluster."""

    def __init__(self, folder: Path) -> None:
        self.path, self.cluster = folder / "some.yaml", FakeCluster()
        self.found = document()
        self.write()
        self.file = FollowedFile(self.path, load(self.path), self.cluster, sleep=self.cluster.sleep)
        self.file.begin()
        self.cluster.done.clear()

    @property
    def policy(self) -> dict[str, Any]:
        policy: dict[str, Any] = self.found["applications"][0]["deployments"][0]["user_config"]
        return policy

    def look(self) -> None:
        """Twice: at the first time it may be half written."""
        for _ in range(2):
            self.file.look()

    def write(self) -> None:
        """Later than before, whatever the resolution of the file system's clock is."""
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_text(yaml.safe_dump(self.found))
        if before:
            os.utime(self.path, ns=(before + SOME_LATER_NS, before + SOME_LATER_NS))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_new_policy_is_told_before_it_is_deployed(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """Once each; and nothing without a change."""
    case.look()
    assert case.cluster.done == []
    case.policy["version"] = "2"
    case.write()
    for _ in range(2):
        case.look()
    assert case.cluster.done == [("told", "2"), ("deployed", "2")]
    assert case.cluster.since > 1_700_000_000
    assert "RELOADED" in capsys.readouterr().out


def test_a_policy_that_comes_with_another_graph_does_not_wait_for_it(case: Case) -> None:
    """That takes half a minute, and the limits of who streams meanwhile may be lower: they end before it begins."""
    case.policy["version"] = "2"
    case.found["applications"][0]["args"]["tiers"][0]["context_tokens"] = 1234
    case.write()
    case.look()
    assert case.cluster.done == [("told", "2"), ("slept", 1.0), ("deployed", "2")]


def test_a_policy_that_fits_its_own_graph_only_is_not_told(case: Case) -> None:
    """It names what the graph of now has not."""
    first = case.found["applications"][0]["args"]["tiers"][0]
    case.policy["version"] = "2"
    case.policy["prices"]["other"] = case.policy["prices"].pop(first["name"])
    first["name"] = "other"
    case.write()
    case.look()
    assert case.cluster.done == [("deployed", "2")]


@pytest.mark.parametrize("wrong", ["policy", "document", "yaml", "gone"])
def test_what_cannot_be_served_changes_nothing(case: Case, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither where we see it, nor where only Ray Serve does; mended, it is taken."""
    if wrong == "policy":
        case.policy["colour"] = "red"
    else:
        case.found["http_options"]["colour"] = "red"
    case.write()
    if wrong == "yaml":
        case.path.write_text("{")
    elif wrong == "gone":
        case.path.unlink()
    case.look()
    assert case.cluster.done == []
    assert "KEPT the configuration that runs" in capsys.readouterr().err
    case.policy.pop("colour", None)
    case.found["http_options"].pop("colour", None)
    case.policy["version"] = "3"
    case.write()
    case.look()
    assert case.cluster.done == [("told", "3"), ("deployed", "3")]


def test_replicas_that_do_not_listen_get_it_from_ray_serve(case: Case) -> None:
    """Later, and the log says so."""
    case.cluster.deaf = True
    case.file.meet()
    case.policy["version"] = "2"
    case.write()
    case.look()
    assert case.cluster.done == [("deployed", "2")]


def test_a_file_that_is_half_written_lifts_no_limit(case: Case) -> None:
    """What is there so far is a valid policy, with nothing of what stands behind it."""
    case.policy["version"] = "2"
    case.write()
    case.file.look()
    case.policy["version"] = "3"
    case.write()
    case.look()
    assert case.cluster.done == [("told", "3"), ("deployed", "3")]


def test_a_file_that_changes_twice_in_one_tick_of_its_clock_is_read_again(case: Case) -> None:
    """Emptied and written: the first look finds nothing that could be served, the next finds the same time."""
    case.path.write_text("")
    case.look()
    at = case.path.stat().st_mtime_ns
    case.policy["version"] = "2"
    case.path.write_text(yaml.safe_dump(case.found))
    os.utime(case.path, ns=(at, at))
    case.look()
    assert case.cluster.done == [("told", "2"), ("deployed", "2")]
