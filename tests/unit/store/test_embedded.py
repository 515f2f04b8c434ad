import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from app.errors import ConfigError
from app.store.embedded import EmbeddedRedis, address_of, answers, free_port


def test_it_is_durable_before_it_answers_and_listens_on_loopback_only(redis_url: str) -> None:
    """The settings that budgets rest on are those of the running server."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        settings = client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["save"] == ""
    assert settings["protected-mode"] == "yes"
    assert settings["bind"] == "127.0.0.1"


def test_it_has_vector_sets(clean_redis: str) -> None:
    """The semantic index needs VADD and VSIM."""
    with redis.Redis.from_url(clean_redis) as client:
        client.execute_command("VADD", "index", "VALUES", 3, 1, 0, 0, "east")
        client.execute_command("VADD", "index", "VALUES", 3, 0, 1, 0, "north")
        found = client.execute_command("VSIM", "index", "VALUES", 3, 1, 0.1, 0, "COUNT", 1)
    assert found == [b"east"]


def test_clean_redis_is_empty(clean_redis: str) -> None:
    """Nothing of another test is left."""
    with redis.Redis.from_url(clean_redis) as client:
        assert client.dbsize() == 0


def test_a_killed_server_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL right after an answer loses nothing."""
    server = EmbeddedRedis(tmp_path).start()
    with redis.Redis.from_url(server.url) as client:
        client.set("spent", 42)
        os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with server, redis.Redis.from_url(server.url) as client:
        assert client.get("spent") == b"42"


def test_who_does_not_know_its_port_finds_it_by_its_data(tmp_path: Path) -> None:
    """As a command on the same machine; not before it runs, not once it was stopped or killed."""
    assert address_of(tmp_path) is None
    with EmbeddedRedis(tmp_path) as server:
        assert address_of(tmp_path) == server.url
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        assert address_of(tmp_path) is None
        assert server.revive()
        assert address_of(tmp_path) == server.url
    assert address_of(tmp_path) is None


def test_stop_stops_it_and_twice_is_harmless(tmp_path: Path) -> None:
    """After `stop` nothing listens, and the process is reaped."""
    server = EmbeddedRedis(tmp_path).start()
    port, pid = int(server.url.rsplit(":", 1)[1].split("/")[0]), server.pid
    server.stop()
    server.stop()
    assert not answers(port, pid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_frozen_server_is_killed_after_the_grace(tmp_path: Path) -> None:
    """A server that heeds no SIGTERM does not keep us."""
    server = EmbeddedRedis(tmp_path, stop_grace_s=0.2).start()
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_second_server_on_the_directory_is_refused(tmp_path: Path) -> None:
    """Two servers would write one append-only file; the message names the directory, and the first goes on."""
    with EmbeddedRedis(tmp_path) as first:
        with pytest.raises(ConfigError, match=r"another embedded Redis is running on"):
            EmbeddedRedis(tmp_path).start()
        with redis.Redis.from_url(first.url) as client:
            assert client.ping()


def test_a_strangers_server_on_the_port_is_not_taken_for_ours(tmp_path: Path) -> None:
    """A taken port is an error, not somebody else's data."""
    port = free_port()
    with EmbeddedRedis(tmp_path / "theirs", port=port), pytest.raises(ConfigError, match="did not start"):
        EmbeddedRedis(tmp_path / "ours", port=port).start()


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """The wait is bounded and the child is gone afterwards."""
    mute = tmp_path / "mute"
    mute.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    mute.chmod(0o700)
    began = time.monotonic()
    with pytest.raises(ConfigError, match="did not start"):
        EmbeddedRedis(tmp_path / "data", binary=mute, start_timeout_s=0.3).start()
    assert time.monotonic() - began < 5


def test_a_missing_binary_is_a_clear_error(tmp_path: Path) -> None:
    """The reason is in the message."""
    with pytest.raises(ConfigError, match="cannot be started"):
        EmbeddedRedis(tmp_path, binary=tmp_path / "absent").start()


PARENT = """
import sys, time, pathlib
from app.store.embedded import EmbeddedRedis
print(EmbeddedRedis(pathlib.Path(sys.argv[1])).start().pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL of the parent leaves no server behind, and the directory is free again."""
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=root)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
        parent.wait()
    wait_for_end(pid)
    with EmbeddedRedis(tmp_path) as again:
        assert again.pid != pid


def wait_for_end(pid: int) -> None:
    """Until `pid` is gone or a zombie that somebody else has to reap."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still alive")


def test_answers_is_false_where_nothing_or_something_else_listens() -> None:
    """A closed port, and a server that hangs up, are both "no"."""
    assert not answers(free_port(), 1)
    with socket.create_server(("127.0.0.1", 0)) as rude:
        threading.Thread(target=hang_up, args=(rude,), daemon=True).start()
        assert not answers(int(rude.getsockname()[1]), 1)


def hang_up(server: socket.socket) -> None:
    server.accept()[0].close()


def test_a_server_that_was_killed_is_revived_with_its_data(tmp_path: Path) -> None:
    """Same port, same data: who uses the address goes on. One that runs is left alone."""
    with EmbeddedRedis(tmp_path) as server:
        assert not server.revive()
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        os.kill(server.pid, signal.SIGKILL)
        assert wait_for(server.revive)
        with redis.Redis.from_url(server.url) as client:
            assert client.get("key") == b"value"


def wait_for(condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true within five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
