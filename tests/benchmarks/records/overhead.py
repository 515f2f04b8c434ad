"""What watching costs: requests that are recorded, traced and counted, beside the same on an ingress that does none.

Both ingresses are on one Ray Serve and call the same light stages and the same tiers, whose echoes take no time; they
take turns, and the one that goes first alternates. What is measured has the machine's every core at work: the records'
way to Redis, Redis itself and the sending of spans are in it.
"""

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from app.process import descendants
from tests.benchmarks.client import Client, Refused
from tests.benchmarks.latency import CHAT, HIT, prompts
from tests.benchmarks.processes import cpu_seconds, named
from tests.benchmarks.records.spans import Received
from tests.benchmarks.stand import ROOT, Stand, say
from tests.benchmarks.summary import Row, median_interval, spread
from tests.ports import free_port

RATIO, ADDED_MS = 0.95, 0.5
CALLERS = 16
WARM_UP = 50
SECONDS = 4.0
SIDES = {"on": "", "off": "/dark"}
SERVED = {"on": "leanserve", "off": "dark"}
FRESH = {"x-leanserve-cache": "no-store, no-cache"}

_seeds = count(1_000)


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request, each with other words where it is a miss."""

    name: str
    model: str
    headers: Mapping[str, str]
    fixed: bytes = b""

    def bodies(self) -> Iterator[bytes]:
        """Without end, and never the same twice, unless they are meant to be."""
        for text in prompts(next(_seeds)):
            message = {"role": "user", "content": text}
            yield self.fixed or json.dumps({"model": self.model, "messages": [message], "temperature": 0}).encode()


LOADS = (
    Load("misses through every stage", "auto", {}),
    Load("misses of a named tier, no caches", "small", FRESH),
    Load("exact hits", "auto", {}, fixed=json.dumps(HIT).encode()),
)


@dataclass(slots=True)
class Measured:
    """Of one load, by side: requests a second, the ingress' milliseconds of CPU for each, by round; seconds of each."""

    rates: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})
    cpu_ms: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})
    seconds: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})


def document() -> dict[str, Any]:
    """`ci.yaml` with echoes that take no time, on a free port, nothing limited."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "ci.yaml").read_text())
    found["http_options"]["port"] = free_port()
    application = found["applications"][0]
    for tier in application["args"]["tiers"]:
        tier["backends"][0] |= {"time_to_first_token_ms": 0, "time_per_token_ms": 0}
    application["deployments"][0]["user_config"]["budgets"] = []
    return found


def measure(stand: Stand, received: Received, rounds: int, requests: int) -> Iterator[Row]:
    """Two rows for each load: throughput over so many rounds, and the time of so many requests, each alone."""
    for load in LOADS:
        say(load.name)
        yield from _rows(load, _measured(stand, load, rounds, requests), received)


def _measured(stand: Stand, load: Load, rounds: int, requests: int) -> Measured:
    found = Measured()
    pids = {side: named(f"ray::ServeReplica:{app}:Ingress", descendants(os.getpid())) for side, app in SERVED.items()}
    clients = {side: [Client(stand.url + prefix) for _ in range(CALLERS)] for side, prefix in SIDES.items()}
    _alone(load, {side: some[0] for side, some in clients.items()}, WARM_UP)
    for number in range(rounds + 1):
        for side in list(SIDES)[:: -1 if number % 2 else 1]:
            done, seconds, cpu_s = _round(load, clients[side], pids[side])
            if number:
                found.rates[side].append(done / seconds)
                found.cpu_ms[side].append(cpu_s / done * 1e3)
        say(f"round {number} of {rounds}: " + ", ".join(f"{s} {r[-1]:.0f}/s" for s, r in found.rates.items() if r))
    found.seconds = _alone(load, {side: some[0] for side, some in clients.items()}, requests)
    for client in (each for some in clients.values() for each in some):
        client.close()
    return found


def _round(load: Load, clients: list[Client], pid: int) -> tuple[int, float, float]:
    """All callers at once, each with one request at a time: how many were answered, in how long; the ingress' CPU."""
    process = Path(f"/proc/{pid}")
    began, before = time.perf_counter(), cpu_seconds(process)
    until = began + SECONDS
    with ThreadPoolExecutor(len(clients)) as pool:
        done = sum(pool.map(lambda client: _call(load, client, until), clients))
    return done, time.perf_counter() - began, cpu_seconds(process) - before


def _call(load: Load, client: Client, until: float) -> int:
    done, bodies = 0, load.bodies()
    while time.perf_counter() < until:
        client.post(CHAT, next(bodies), load.headers)
        done += 1
    return done


def _alone(load: Load, clients: Mapping[str, Client], requests: int) -> dict[str, list[float]]:
    """In pairs whose order is by lot."""
    chosen, bodies = random.Random(7), load.bodies()
    seconds: dict[str, list[float]] = {side: [] for side in clients}
    for _ in range(requests):
        with suppress(Refused):
            taken = {s: clients[s].post(CHAT, next(bodies), load.headers) for s in chosen.sample(list(clients), 2)}
            for side, reply in taken.items():
                seconds[side].append(reply.seconds)
    return seconds


def _rows(load: Load, found: Measured, received: Received) -> Iterator[Row]:
    yield _throughput(load, found, received)
    yield _latency(load, found)


def _throughput(load: Load, found: Measured, received: Received) -> Row:
    ratios = [on / off for on, off in zip(found.rates["on"], found.rates["off"], strict=True)]
    pairs, (low, high) = spread(ratios), median_interval(ratios)
    cpu = {side: spread(each) for side, each in found.cpu_ms.items()}
    return Row(
        f"{load.name}: all on ≥ {RATIO} × the throughput of all off",
        spread(found.rates["off"]).show("/s", 0),
        spread(found.rates["on"]).show("/s", 0),
        f"{pairs.p50:.3f} ×",
        pairs.p50 >= RATIO,
        {"rates": found.rates, "cpu_ms": found.cpu_ms},
        (
            f"{load.name}: {pairs.n} rounds of {SECONDS:g} s with {CALLERS} callers in turns, the median ratio with "
            f"95% confidence {low:.3f} to {high:.3f}; CPU of the ingress for a request: on {cpu['on'].show('ms', 2)}, "
            f"off {cpu['off'].show('ms', 2)}; {received.spans} spans came by then",
        ),
        sure=not low <= RATIO <= high,
    )


def _latency(load: Load, found: Measured) -> Row:
    times = {side: spread(each, 1e3) for side, each in found.seconds.items()}
    pairs = [(on - off) * 1e3 for on, off in zip(found.seconds["on"], found.seconds["off"], strict=True)]
    low, high = median_interval(pairs)
    added = times["on"].p50 - times["off"].p50
    return Row(
        f"{load.name}, one caller: all on ≤ +{ADDED_MS:g} ms p50",
        times["off"].show("ms", 2),
        times["on"].show("ms", 2),
        f"{added:+.2f} ms",
        added <= ADDED_MS,
        {"pairs": spread(pairs), **times},
        (
            f"{load.name}, one caller: {len(pairs)} pairs, the median of their differences {spread(pairs).p50:+.2f} "
            f"ms, with 95% confidence {low:+.2f} to {high:+.2f} ms",
        ),
        sure=not low <= ADDED_MS <= high,
    )
