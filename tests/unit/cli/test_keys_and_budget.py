"""`leanserve keys …` and `leanserve budget …` on a real Redis."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.access.key import digest
from app.cli.durations import seconds
from app.cli.root import cli
from app.cli.state import redis_of
from app.errors import LeanServeError
from app.store.embedded import EmbeddedRedis, address_of


class Shell:
    """Runs commands on one Redis."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, *words: str) -> Result:
        """What came of it."""
        return CliRunner().invoke(cli, list(words), env={"REDIS_URL": self._url, "COLUMNS": "200"})

    def json(self, *words: str) -> object:
        """The JSON that it printed."""
        done = self(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def shell(clean_redis: str) -> Shell:
    return Shell(clean_redis)


def test_a_key_is_printed_once_and_listed_without_its_text(shell: Shell, clean_redis: str) -> None:
    """Only the key is on stdout: `KEY=$(leanserve keys issue …)`."""
    done = shell("keys", "issue", "--name", "app", "--tenant", "acme", "--models", "small", "--expires-in", "30d")
    assert done.exit_code == 0, done.output
    text = done.stdout.strip()
    name = text.split("-")[1]
    listed = shell("keys", "list").stdout
    assert name in listed
    assert "…" not in listed
    assert "models=small" in listed
    assert text not in listed + shell("keys", "show", name).stdout
    assert digest(text) not in listed
    assert f"ls-{name}-…" in shell("keys", "show", name).stdout
    assert [key["tenant"] for key in shell.json("keys", "list")] == ["acme"]  # type: ignore[attr-defined]
    assert shell.json("keys", "list", "--tenant", "rival") == []


def test_the_names_of_a_key_are_checked_by_a_file(shell: Shell) -> None:
    """Without one nobody knows what is served: that is said. A key for a tier that there is not is not issued."""
    config = str(Path(__file__).parents[3] / "configs" / "ci.yaml")
    issue = ("keys", "issue", "--name", "app", "--models")
    wrong = shell(*issue, "smal", "--config", config)
    assert isinstance(wrong.exception, LeanServeError)
    assert "'smal'" in str(wrong.exception)
    assert shell.json("keys", "list") == []
    assert "not checked" in shell(*issue, "smal").stderr
    done = shell(*issue, "small", "--features", "nosuch", "--config", config)
    assert "names no feature 'nosuch'" in done.stderr
    assert done.stdout.startswith("ls-")
    assert "not" not in shell("keys", "issue", "--name", "app", "--json").stderr.replace("not shown again", "")


def test_a_key_is_rotated_disabled_enabled_and_deleted(shell: Shell) -> None:
    """Each in one command; the second deletion is an error in one line."""
    name = shell("keys", "issue", "--name", "app").stdout.split("-")[1]
    new = shell("keys", "rotate", name, "--grace", "15m").stdout.split("-")[1]
    assert "retires" in shell("keys", "list").stdout
    assert shell("keys", "disable", new).exit_code == 0
    assert "is disabled" in shell("keys", "list").stdout
    assert "tenant=default,key=" in json.dumps(shell.json("budget", "show", f"tenant=default,key={new}"))
    assert shell("keys", "enable", new).exit_code == 0
    assert shell("keys", "delete", new).exit_code == 0
    again = shell("keys", "delete", new)
    assert again.exit_code == 1
    assert isinstance(again.exception, LeanServeError)


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "issue", "--name", ""),
        ("keys", "issue", "--name", "x" * 200),
        ("keys", "issue", "--name", "app", "--tenant", "*"),
        ("keys", "issue", "--name", "app", "--expires-in", "soon"),
        ("budget", "set"),
        ("budget", "set", "--tokens", "1", "--window", "year"),
        ("budget", "set", "--usd", "many"),
        ("budget", "set", "--tokens", "1", "--id", "a b"),
        ("budget", "show", "acme"),
        ("budget", "stop", "tenant=acme,team=a,user=b"),
    ],
)
def test_what_is_wrong_changes_nothing(shell: Shell, words: tuple[str, ...]) -> None:
    """An error, not a key nor a limit."""
    assert shell(*words).exit_code != 0
    assert shell.json("keys", "list") == []
    assert shell.json("budget", "list") == []


def test_a_limit_is_set_shown_and_deleted(shell: Shell) -> None:
    """By id: the same again replaces it."""
    for tokens in ("50", "100"):
        done = shell("budget", "set", "--id", "faq", "--tenant", "acme", "--feature", "faq", "--tokens", tokens)
        assert done.exit_code == 0, done.output
    assert "tenant=acme,feature=faq" in shell("budget", "list").stdout
    [limit] = shell.json("budget", "show", "tenant=acme,feature=faq")["limits"]  # type: ignore[index]
    assert (limit["amount"], limit["remaining"]) == (100, 100)
    assert "100" in shell("budget", "show", "tenant=acme,feature=faq").stdout
    assert shell("budget", "delete", "faq").exit_code == 0
    assert shell.json("budget", "list") == []


def test_the_limits_of_a_file_are_shown_beside(shell: Shell) -> None:
    """They are not in Redis: the file says them."""
    config = str(Path(__file__).parents[3] / "configs" / "ci.yaml")
    assert "(policy)" in shell("budget", "list", "--config", config).stdout
    [limit] = shell.json("budget", "show", "tenant=limited", "--config", config)["limits"]  # type: ignore[index]
    assert limit["amount"] == 300


def test_a_scope_is_stopped_and_let_go(shell: Shell) -> None:
    """By the operator: no tenant's admin lifts it."""
    assert shell("budget", "stop", "tenant=acme,user=ann", "--reason", "a loop").exit_code == 0
    assert "operator: a loop" in shell("budget", "show", "tenant=acme,user=ann").stdout
    assert shell("budget", "resume", "tenant=acme,user=ann").exit_code == 0
    assert shell.json("budget", "show", "tenant=acme,user=ann")["stopped"] is False  # type: ignore[index]


@pytest.mark.parametrize(("text", "found"), [("0", 0), ("90", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)])
def test_durations(text: str, found: float) -> None:
    """As people write them."""
    assert seconds(text) == found


def test_the_embedded_redis_is_found_or_started(tmp_path: Path) -> None:
    """That of a running `leanserve up`; and before the first one, its data are the same."""
    home, directory = tmp_path, tmp_path / "redis"
    assert address_of(directory) is None
    with redis_of(None, home) as own:
        assert address_of(directory) == own
    assert address_of(directory) is None
    with EmbeddedRedis(directory) as server, redis_of(None, home) as found:
        assert found == server.url
    with redis_of("redis://named", home) as named:
        assert named == "redis://named"
