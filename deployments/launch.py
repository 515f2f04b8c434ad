"""`python -m deployments.launch CONFIG`: a Ray of one's own on this machine, with one application on it.

It starts a local Ray head (on loopback, but for the statistics ports that Ray Serve opens for HAProxy), deploys the
file, prints `READY <address>` when `/ready` says so, and ends everything that it started on SIGTERM or SIGINT. A Ray
that runs already on the machine is neither used nor stopped.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil
from pydantic import ValidationError

from app.access.start import keys_of
from app.config.load import ServeFile, load
from app.errors import ConfigError
from app.store.client import DEFAULT_REDIS_URL
from deployments import haproxy, ports
from deployments.followed import FollowedFile

if TYPE_CHECKING:
    from ray.serve.schema import ServeDeploySchema

FLAGS = ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED")
POLL_S = 0.5
LOOK_S = 0.03
"""Between looks at the file of a running configuration, two for each change: a limit that is lowered in it is in force
within a second."""
DRAINING_S = "2"
"""How long an ingress replica that is to end may still be found: our one proxy is on the same machine, and hears in
moments. Ray's 30 s are for load balancers of clouds; with them every Ctrl-C took `POLITE_S`, and then the knife."""
CLEAR_TRIES = 10
POLITE_S = 12
"""For Serve to drain and end its replicas; what is left then is killed."""


def main() -> int:
    """Run until told to stop. Exit code 1 when the deployment failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--home", type=Path, default=Path(".leanserve"))
    arguments = parser.parse_args()
    try:
        return _run(arguments.config, arguments.home.absolute())
    except ConfigError as error:
        return _failed(error)


def _failed(error: ConfigError) -> int:
    print(f"FAILED {error}", file=sys.stderr, flush=True)
    return 1


def _run(config: Path, home: Path) -> int:
    file, stop = load(config), threading.Event()
    _refuse_taken_port(file)
    asyncio.run(keys_of(file, os.environ, os.environ.get("REDIS_URL", DEFAULT_REDIS_URL)))
    session = Path(tempfile.mkdtemp(prefix="leanserve-"))  # short: Ray's socket paths have 107 characters
    _prepare(home, session)
    code = 1
    try:
        _stop_on_signals(stop)
        _start_ray(session)
        _stop_on_signals(stop)  # again: Ray puts a handler of its own, which would leave the rest running
        _watch(config, file, stop)
        code = 0
    except ConfigError as error:
        code = _failed(error)  # before the end, which may take this process with it
    finally:
        late = _end()
        _clear(session)
        if late:
            os._exit(code)  # Ray's own threads would wait for the dead
    return code


def _clear(session: Path) -> None:
    """Ray's last processes still write when they are told to end."""
    for _ in range(CLEAR_TRIES):
        shutil.rmtree(session, ignore_errors=True)
        if not session.exists():
            return
        time.sleep(POLL_S)


def _prepare(home: Path, session: Path) -> None:
    """Environment of the cluster to be; before Ray is imported, for it reads its flags then.

    Ports are fixed by default: the second cluster of a machine would not start, or its proxy would send our requests to
    the other's replicas, and so past our budgets.
    """
    for flag in FLAGS:
        if os.environ.setdefault(flag, "1") != "1":
            print(f"warning: {flag} is off: expect some 8 ms more a hop", file=sys.stderr)
    defaults = {
        haproxy.VARIABLE: str(haproxy.command_in(session)),
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        **ports.of_cluster(),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": DRAINING_S,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    os.environ.update({**defaults, **os.environ, "LEANSERVE_HOME": str(home)})
    print(f"METRICS on the ports from {os.environ['RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT']} on", flush=True)


def _start_ray(session: Path) -> None:
    import ray  # noqa: PLC0415 - after the flags

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        namespace="serve",
        _node_ip_address="127.0.0.2",  # Ray takes 127.0.0.1 for "find my outer address"; this one stays inside
        _temp_dir=str(session / "ray"),
    )
    print(f"LOGS {session / 'ray' / 'session_latest' / 'logs' / 'serve'}", flush=True)


class _Serve:
    """Ray Serve in the Ray that runs here."""

    def __init__(self) -> None:
        self._application = ""
        self._loop = asyncio.new_event_loop()  # handles of Ray Serve need one
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def check(self, document: dict[str, Any]) -> None:
        """Raise `ConfigError` for a document that Ray Serve does not take."""
        self._schema(document)

    def deploy(self, document: dict[str, Any]) -> None:
        """It does the rest behind."""
        from ray.serve._private import api  # noqa: PLC0415 - what `serve run FILE` itself calls; ray is pinned

        schema = self._schema(document)
        self._application = schema.applications[0].name
        client = api.serve_start(http_options=schema.http_options.model_dump(), proxy_location=schema.proxy_location)
        client.deploy_apps(schema, _blocking=False)

    def tell(self, policy: dict[str, Any], since: float) -> None:
        """A replica that does not take it says so in its log, and to Ray Serve later."""
        from deployments import fellows  # noqa: PLC0415 - after the flags

        told = fellows.tell_all(self._application, policy, since)
        asyncio.run_coroutine_threadsafe(told, self._loop).result(2 * fellows.TELL_S)

    def _schema(self, document: dict[str, Any]) -> "ServeDeploySchema":
        from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415 - after the flags

        try:
            return ServeDeploySchema.model_validate(document)
        except ValidationError as error:
            raise ConfigError(f"Ray Serve does not take it: {error}") from error


def _watch(path: Path, file: ServeFile, stop: threading.Event) -> None:
    """Deploy, tell when ready, and deploy again whenever the file changes into another valid one.

    Raises `ConfigError` when the first deployment fails.
    """
    followed, announced = FollowedFile(path, file, _Serve()), False
    followed.begin()
    while not stop.wait(LOOK_S if announced else POLL_S):
        if not announced and (announced := _announced(file)):
            followed.meet()
        followed.look()


def _announced(file: ServeFile) -> bool:
    """Whether it is ready, said once it is. Raises `ConfigError` when the deployment failed.

    Ready is when every replica of every deployment is up: one that joins later would make the proxy drop connections.
    The question takes 60 ms of CPU here, so it is asked once.
    """
    from ray import serve  # noqa: PLC0415 - after the flags

    applications = serve.status().applications.values()
    if failed := next((each.message for each in applications if each.status == "DEPLOY_FAILED"), ""):
        raise ConfigError(failed)
    ready = all(each.status == "RUNNING" for each in applications) and _ready(file.address)
    if ready:
        print(f"READY {file.address}", flush=True)
    return ready


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/ready", timeout=5) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end() -> bool:
    """End Serve and Ray; whether Serve was late and everything had to be killed."""
    if "ray" not in sys.modules:
        return False
    import ray  # noqa: PLC0415
    from ray import serve  # noqa: PLC0415

    started = time.monotonic()
    polite = threading.Thread(target=serve.shutdown, daemon=True)  # engines can keep it for 30 s
    polite.start()
    polite.join(POLITE_S)
    if late := polite.is_alive():
        _kill_cluster()  # ray.shutdown() would end this process at once: a thread of it still talks to Serve
    else:
        ray.shutdown()
    print(f"stopped in {time.monotonic() - started:.1f} s", flush=True)
    return late


def _kill_cluster() -> None:
    """Every process that Ray has here: all are our children's children."""
    found = psutil.Process().children(recursive=True)
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=5)


def _refuse_taken_port(file: ServeFile) -> None:
    """Else a stranger on the port would look like us."""
    host, port = file.address.removeprefix("http://").rsplit(":", 1)
    with socket.socket() as probe:
        if probe.connect_ex((host, int(port))) == 0:
            raise ConfigError(f"something listens on {file.address} already; choose another http_options.port")


def _stop_on_signals(stop: threading.Event) -> None:
    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


if __name__ == "__main__":
    sys.exit(main())
