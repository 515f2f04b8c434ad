"""`leanserve up`: models, Redis and Ray Serve on this machine, until Ctrl-C."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from app.access.configured import LOCAL
from app.access.start import keys_of
from app.budget.signature import WEBHOOK_SECRET, webhook_key
from app.cli.child import LOGS, METRICS, ChildDied, Launch, ServingChild
from app.cli.progress import pull_all
from app.cli.welcome import Ticker, welcome
from app.config.catalog import load_catalog
from app.config.gateway import EmbedderSpec, GatewayConfig
from app.config.load import load
from app.ledger.folder import spool_folder
from app.ledger.leftover import sweep_leftover
from app.store.embedded import EmbeddedRedis

LOG_TAIL = 30
DEFAULT_ENV = {
    # the lean request path of Ray Serve; read when Ray starts
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # Ray sets one OpenMP thread for an actor of less than a CPU: engines then compute on one core
    "OMP_NUM_THREADS": str(os.cpu_count() or 1),
    "TOKENIZERS_PARALLELISM": "false",
    # nothing is told to anyone
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "PYTHONUNBUFFERED": "1",
}
"""Set where the caller's environment says nothing else."""


def up(config: Path, home: Path, environ: Mapping[str, str], *, console: Console | None = None) -> int:
    """Serve `config` until a signal; the exit status. Raises ConfigError and ModelFilesError before anything runs."""
    console = console or Console()
    home = home.resolve()
    file = load(config)
    check_head(file.gateway.embedder)
    webhook_key(environ.get(WEBHOOK_SECRET, ""))  # refused now, not minutes later by a replica
    argv = [sys.executable, "-m", "deployments.launch", str(config.resolve()), "--home", str(home)]
    with ExitStack() as stack:
        stack.enter_context(signals_interrupt())
        redis = None if environ.get("REDIS_URL") else stack.enter_context(EmbeddedRedis(home / "redis"))
        env = child_env(environ, home, redis.url if redis else environ["REDIS_URL"])
        keys = asyncio.run(keys_of(file, environ, env["REDIS_URL"]))
        if models := models_to_pull(file.gateway):
            pull_all(models, home, console)
        try:
            return serve(Launch(argv, env, home / "logs" / "serve.log"), console, redis, local=LOCAL in keys)
        finally:
            spools = spool_folder(env, home)
            asyncio.run(sweep_leftover(spools, env["REDIS_URL"], file.gateway.store, file.policy.recording))


def check_head(embedder: EmbedderSpec) -> None:
    """Raises `ConfigError` at once, not minutes later from a replica."""
    # numpy and the weights, only to see that they are there
    from app.route.heads import check_embedder, load_head  # noqa: PLC0415

    check_embedder(embedder)
    load_head()


def models_to_pull(gateway: GatewayConfig) -> list[str]:
    """The catalog's models among those that a vLLM backend serves; others are left to the engine and the hub."""
    catalog = load_catalog()
    served = [tier.model for tier in gateway.tiers if any(spec.kind == "vllm" for spec in tier.backends)]
    return [model for model in dict.fromkeys(served) if model in catalog]


def child_env(environ: Mapping[str, str], home: Path, redis_url: str) -> dict[str, str]:
    """The whole environment of the serving process."""
    return {**DEFAULT_ENV, **environ, "REDIS_URL": redis_url, "LEANSERVE_HOME": str(home)}


def serve(launch: Launch, console: Console, redis: EmbeddedRedis | None = None, *, local: bool = True) -> int:
    """Run `launch` until a signal: 0, or until it ends by itself: 1, with the end of its log.

    `redis` is kept alive; `local` says that the local key opens.
    """
    child = ServingChild(launch)
    try:
        with child:
            console.print(f"Starting; log: {launch.log}", highlight=False, soft_wrap=True)
            with console.status("starting") as status:
                address = child.wait_ready(Ticker(status.update, time.monotonic))
            logs = [str(launch.log), *child.said(LOGS)]
            console.print(
                welcome(address, logs, child.said(METRICS), local=local), markup=False, highlight=False, soft_wrap=True
            )
            child.wait(Attendant(child, redis, console))
    except ChildDied as died:
        console.print(f"[bold red]{died.reason}[/]; the end of {launch.log}:", soft_wrap=True)
        console.print("\n".join(child.log_lines()[-LOG_TAIL:]), markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
    return 0


class Attendant:
    """Looks around once a second: revives Redis, and shows what became of a saved configuration."""

    def __init__(self, child: ServingChild, redis: EmbeddedRedis | None, console: Console) -> None:
        self._child, self._redis, self._console = child, redis, console
        self._told = 0

    def __call__(self) -> None:
        """One look."""
        if self._redis and self._redis.revive():
            self._child.spare(self._redis.pid)  # else Ctrl-C waits for it, kills it, and no record is booked any more
            self._console.print("Redis had ended and runs again; what it had acknowledged is on its disk")
        news = [line for line in self._child.log_lines() if line.startswith(("KEPT ", "RELOADED "))]
        for line in news[self._told :]:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._told = len(news)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once: what follows cannot disturb the stopping."""
    heeded = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in heeded}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
