"""Tokens a second of real vLLM through LeanServe beside the bare vLLM server, eight streams at once."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from app.process import descendants
from tests.benchmarks.client import Client
from tests.benchmarks.latency import CHAT, prompts
from tests.benchmarks.processes import computing, cpu_seconds, named
from tests.benchmarks.stand import Stand, bare_server, say
from tests.benchmarks.summary import Row, median_interval, spread

STREAMS = 8
TOKENS = 64
ROUNDS = 7
GOAL = 0.95
WORKER = "VLLM::Worker"


def throughput(stand: Stand, folder: Path) -> Row:
    """Both servers are up; they take turns, and the one that goes first alternates."""
    ours = named(WORKER, descendants(os.getpid()))
    with bare_server(stand, folder) as (url, pid):
        theirs = named(WORKER, descendants(pid))
        idle = _idle(ours, theirs)
        rates = _alternate({"bare": (url, stand.tier["model"]), "leanserve": (stand.url, "auto")})
        workers = {"leanserve": computing(ours), "bare": computing(theirs)}
    reference, measured = spread(rates["bare"]), spread(rates["leanserve"])
    ratio = measured.p50 / reference.p50
    ratios = [a / b for a, b in zip(rates["leanserve"], rates["bare"], strict=True)]
    pairs, (low, high) = spread(ratios), median_interval(ratios)
    return Row(
        f"throughput, {STREAMS} streams: ≥ {GOAL} × bare vLLM server",
        reference.show("tokens/s"),
        measured.show("tokens/s"),
        f"{ratio:.3f} ×",
        ratio >= GOAL,
        {"reference": reference, "measured": measured, "pairs": pairs, "rates": rates, "workers": workers},
        (
            f"throughput: {ROUNDS} rounds each of {STREAMS} × {TOKENS} tokens, ratio in pairs {pairs.show('×', 3)}",
            f"throughput: engine workers of LeanServe {workers['leanserve']}, bare {workers['bare']}; "
            f"both idle they took {idle:.1%} of a core",
        ),
        sure=not low <= GOAL <= high,
    )


def _alternate(servers: dict[str, tuple[str, str]]) -> dict[str, list[float]]:
    """Tokens a second by server and round, after one round that warms up."""
    rates: dict[str, list[float]] = {name: [] for name in servers}
    texts = prompts(11)
    for round_ in range(ROUNDS + 1):
        order = list(servers.items())[:: -1 if round_ % 2 else 1]
        for name, (url, model) in order:
            rate = _rate(url, model, [next(texts) for _ in range(STREAMS)])
            rates[name] += [rate] if round_ else []
            say(f"throughput: round {round_} of {ROUNDS}, {name}: {rate:.1f} tokens/s")
    return rates


def _rate(url: str, model: str, texts: list[str]) -> float:
    """All streams at once, from the first request to the last token."""
    with ThreadPoolExecutor(len(texts)) as pool:
        started = time.perf_counter()
        tokens = sum(pool.map(lambda text: _tokens(url, model, text), texts))
        seconds = time.perf_counter() - started
    assert tokens == len(texts) * TOKENS, f"{tokens} tokens came: something was cached or cut"
    return tokens / seconds


def _tokens(url: str, model: str, text: str) -> int:
    request: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": TOKENS,
        "temperature": 0,
        "ignore_eos": True,
    }
    client = Client(url)
    try:
        answer = client.stream(CHAT, request)
    finally:
        client.close()
    assert answer.headers.get("x-leanserve-cache", "miss") == "miss"
    return answer.output_tokens


def _idle(*workers: int) -> float:
    """The share of one core that idle engines take."""
    before, seconds = _worked(workers), 3.0
    time.sleep(seconds)
    return (_worked(workers) - before) / seconds


def _worked(pids: tuple[int, ...]) -> float:
    return sum(cpu_seconds(Path(f"/proc/{pid}")) for pid in pids)
