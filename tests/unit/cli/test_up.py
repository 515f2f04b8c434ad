import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis
from rich.console import Console

from app.cli.child import ChildDied, Launch, ServingChild
from app.cli.up import Attendant, child_env, models_to_pull, serve, up
from app.cli.welcome import Ticker, welcome
from app.config.gateway import GatewayConfig
from app.errors import ConfigError
from app.store.embedded import EmbeddedRedis

ROOT = Path(__file__).parents[3]


def launch(tmp_path: Path, script: str, *, ready_timeout_s: float = 20, grace_s: float = 5) -> Launch:
    argv = [sys.executable, "-u", "-c", script]
    return Launch(argv, dict(os.environ), tmp_path / "logs" / "serve.log", ready_timeout_s, grace_s, sweep_s=0.3)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_dead(pids: Sequence[int]) -> None:
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process outlived its parent"
        time.sleep(0.02)


def test_a_ready_child_gives_its_address_and_is_stopped_with_sigterm(tmp_path: Path) -> None:
    """The address is what the READY line says, and the child has its chance to clean up."""
    script = f"""
import signal, sys, time, pathlib
def end(*_):
    pathlib.Path({str(tmp_path)!r}, "cleaned").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("warming up"); print("READY http://127.0.0.1:8123"); time.sleep(60)
"""
    heard: list[str] = []
    with ServingChild(launch(tmp_path, script)) as child:
        assert child.wait_ready(heard.append) == "http://127.0.0.1:8123"
    assert (tmp_path / "cleaned").exists()


def test_a_child_that_dies_fails_with_the_end_of_its_log(tmp_path: Path) -> None:
    """Exit status 1, and the last 30 lines, not the first ones."""
    out = io.StringIO()
    status = serve(
        launch(tmp_path, "[print(f'line-{i}') for i in range(100)]; raise SystemExit(3)"), Console(file=out, width=200)
    )
    assert status == 1
    assert "ended with status 3" in out.getvalue()
    assert "line-99" in out.getvalue()
    assert "line-69\n" not in out.getvalue()


def test_a_child_that_is_never_ready_is_given_up_and_stopped(tmp_path: Path) -> None:
    """The wait is bounded."""
    child = ServingChild(launch(tmp_path, "import os, time; print(os.getpid()); time.sleep(60)", ready_timeout_s=0.5))
    with child, pytest.raises(ChildDied, match="not ready after"):
        child.wait_ready(lambda line: None)
    wait_until_dead([int(child.log_lines()[0])])


def test_a_child_that_ignores_sigterm_is_killed_with_its_group(tmp_path: Path) -> None:
    """After the grace nothing that the child started in its session is left."""
    script = """
import signal, subprocess, sys, os, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), grandchild.pid); print("READY http://x"); time.sleep(60)
"""
    with ServingChild(launch(tmp_path, script, grace_s=0.3)) as child:
        child.wait_ready(lambda line: None)
        pids = [int(word) for word in child.log_lines()[0].split()]
    wait_until_dead(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
def test_orphans_in_sessions_of_their_own_are_swept(tmp_path: Path) -> None:
    """A child that dies without cleaning up leaves no engine behind, and what we had before is spared."""
    script = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
engine = subprocess.Popen(sleep, start_new_session=True)
print(engine.pid); print("READY http://x"); time.sleep(60)
"""
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with ServingChild(launch(tmp_path, script)) as child:
        child.wait_ready(lambda line: None)
        engine = int(child.log_lines()[0])
        assert alive(engine)
    wait_until_dead([engine])
    assert ours.poll() is None
    ours.kill()
    ours.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
def test_a_redis_that_was_revived_outlives_the_child(tmp_path: Path) -> None:
    """It is not the child's: records are still booked in it when the child has ended."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        with ServingChild(launch(tmp_path, "print('READY http://x'); import time; time.sleep(60)")) as child:
            child.wait_ready(lambda line: None)
            os.kill(killed := server.pid, signal.SIGKILL)
            attendant = Attendant(child, server, Console(file=io.StringIO()))
            while server.pid == killed:  # its threads are still ending
                attendant()
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    """A restart after a crash does not take the evidence away."""
    for word in ("first", "second"):
        with ServingChild(launch(tmp_path, f"print('READY {word}'); import time; time.sleep(60)")) as child:
            child.wait_ready(lambda line: None)
    assert (tmp_path / "logs" / "serve.log.1").read_text() == "READY first\n"
    assert (tmp_path / "logs" / "serve.log").read_text() == "READY second\n"


DRIVER = """
import os, sys, pathlib
from contextlib import ExitStack
from rich.console import Console
from app.cli.child import Launch
from app.cli.up import serve, signals_interrupt, child_env
from app.store.embedded import EmbeddedRedis
home = pathlib.Path(sys.argv[1])
with ExitStack() as stack:
    stack.enter_context(signals_interrupt())
    server = stack.enter_context(EmbeddedRedis(home / "redis"))
    env = child_env(os.environ, home, server.url)
    argv = [sys.executable, "-u", "-c", sys.argv[2]]
    status = serve(Launch(argv, env, home / "serve.log", 20, 5), Console())
print("exit", status, flush=True)
"""

FAKE_SERVER = """
import os, time
print("pid", os.getpid()); print("redis", os.environ["REDIS_URL"]); print("READY http://127.0.0.1:8123")
time.sleep(60)
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_child_and_redis_and_exits_with_0(tmp_path: Path, signum: signal.Signals) -> None:
    """Ctrl-C and SIGTERM leave neither a serving process nor a Redis, and a second signal disturbs nothing."""
    driver, said = start_driver(tmp_path)
    driver.send_signal(signum)
    driver.send_signal(signum)
    out, _ = driver.communicate(timeout=20)
    assert "exit 0" in out
    wait_until_dead([int(said["pid"])])
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(said["redis"]) as client:
        client.ping()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_sigkill_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not even a killed `leanserve up` leaves a serving process or a Redis."""
    driver, said = start_driver(tmp_path)
    driver.kill()
    driver.communicate(timeout=20)
    wait_until_dead([int(said["pid"])])


def start_driver(home: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """A process that serves the fake server, once it said it is ready; and what the fake server said."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(home), FAKE_SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    while "Ctrl-C stops it" not in (line := driver.stdout.readline()):
        assert line, "the driver ended before it was ready"
    said = dict(line.split(" ", 1) for line in (home / "serve.log").read_text().splitlines())
    return driver, said


def test_ready_is_found_only_at_the_beginning_of_a_line(tmp_path: Path) -> None:
    """A worker's log that mentions READY is not the launcher's word."""
    script = """
import time
print("(pid=1) READY http://no"); print("not READY http://no"); print("READYnot http://no")
print("LOGS /some/where"); print("READY http://yes"); time.sleep(60)
"""
    with ServingChild(launch(tmp_path, script)) as child:
        assert child.wait_ready(lambda line: None) == "http://yes"
        assert child.said("LOGS") == ["/some/where"]


def test_the_environment_keeps_the_callers_word_and_names_redis_and_home(tmp_path: Path) -> None:
    """The lean path's flags are on unless somebody switched them off; REDIS_URL and home are ours."""
    env = child_env({"RAY_SERVE_ENABLE_HA_PROXY": "0", "PATH": "p", "REDIS_URL": "old"}, tmp_path, "redis://new")
    assert env["RAY_SERVE_ENABLE_HA_PROXY"] == "0"
    assert env["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert env["PATH"] == "p"
    assert env["REDIS_URL"] == "redis://new"
    assert env["LEANSERVE_HOME"] == str(tmp_path)


def test_only_vllm_models_of_the_catalog_are_pulled() -> None:
    """An echo tier's model and a hub-only model are not ours to fetch; a shared one is fetched once."""

    def tier(name: str, model: str, backend: dict[str, str]) -> dict[str, object]:
        return {"name": name, "model": model, "context_tokens": 10, "max_output_tokens": 5, "backends": [backend]}

    gateway = GatewayConfig.model_validate(
        {
            "tiers": [
                tier("small", "SmolLM2-135M-Instruct", {"kind": "vllm"}),
                tier("medium", "Qwen2.5-Coder-0.5B-Instruct", {"kind": "echo"}),
                tier("large", "somebody/a-70b-model", {"kind": "vllm"}),
            ]
        }
    )
    assert models_to_pull(gateway) == ["SmolLM2-135M-Instruct"]


@pytest.mark.parametrize(("local", "says"), [(True, "works on loopback only"), (False, "LEANSERVE_API_KEY")])
def test_the_welcome_is_ready_to_paste(local: bool, says: str) -> None:
    """Its Python compiles, its JSON is one shell word, and it names the key, the cost header and the log."""
    text = welcome(
        "http://127.0.0.1:8000", ["/home/serve.log", "/ray/logs"], ["on the ports from 30000 on"], local=local
    )
    assert says in text
    assert ("Bearer local" in text) is local
    python = text[text.index("  from openai" if local else "  import os") : text.index("Logs:")]
    compile("\n".join(line.removeprefix("  ") for line in python.splitlines()), "snippet", "exec")
    assert "x-leanserve-cost-usd" in python
    assert "/home/serve.log\n      /ray/logs" in text
    assert """-d '{"model": "auto",""" in text


def test_the_ticker_shows_seconds_and_survives_brackets() -> None:
    """Log lines are shown as they are: `[red]` in them is text."""
    shown: list[str] = []
    times = iter([10.0, 17.0])
    Ticker(shown.append, lambda: next(times))("[/bold] oops")
    out = io.StringIO()
    Console(file=out).print(shown[0])
    assert out.getvalue().strip() == "starting, 7 s [/bold] oops"


def test_a_webhook_secret_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Not by a replica, minutes later. What is wrong with the keys is looked at next."""
    environ = {"LEANSERVE_WEBHOOK_SECRET": "topsecret", "LEANSERVE_API_KEYS": "wrong", "REDIS_URL": "redis://[::1]:1"}
    with pytest.raises(ConfigError, match="LEANSERVE_WEBHOOK_SECRET must be whsec_"):
        up(ROOT / "configs" / "ci.yaml", tmp_path, environ)
    assert list(tmp_path.iterdir()) == []
