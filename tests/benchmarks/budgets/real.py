"""The same against real vLLM: streams of one model, and what its engine says that it made."""

import asyncio
import os
import random
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException

import psutil

from app.process import descendants
from tests.benchmarks.budgets.books import open_books, rule
from tests.benchmarks.budgets.crowd import LOCAL, Crowd, Got
from tests.benchmarks.budgets.graph import REAL, Graph
from tests.benchmarks.budgets.overrun import SHARE, UNUSED
from tests.benchmarks.budgets.plans import Ask
from tests.benchmarks.latency import WORDS
from tests.benchmarks.summary import Row

TENANT = "real"
LONGEST = 160
TEMPLATE_TOKENS = 40
"""About what the prompt and its template are."""
METRIC = "ray_vllm_generation_tokens_total{"
AGENTS = ("agent.py", "DashboardAgent")
"""How Ray's agents are called, before they have renamed themselves and after."""
REPORTED_S, PATIENCE_S = 11.0, 60.0
"""Ray gathers metrics every ten seconds."""


def asks(streams: int) -> list[Ask]:
    """Streams whose lengths are drawn, and which no end of sentence ends earlier."""
    chosen, words = random.Random(9), WORDS.split()
    texts = [f"Tell a story of a {chosen.choice(words)} and a {chosen.choice(words)}." for _ in range(streams)]
    lengths = [chosen.randint(16, LONGEST) for _ in texts]
    extra = {"ignore_eos": True}
    return [Ask(t, n, stream=True, told=True, max_tokens=n, extra=extra) for t, n in zip(texts, lengths, strict=True)]


def limit(streams: int) -> int:
    """A third of about what they want."""
    return sum(ask.length + TEMPLATE_TOKENS for ask in asks(streams)) // SHARE


def rules(streams: int) -> list[dict[str, object]]:
    """For the policy."""
    return [rule(TENANT, limit(streams))]


async def measure(graph: Graph, streams: int) -> list[Row]:
    """All at once, against the goals."""
    crowd = Crowd(graph.url, REAL, {**LOCAL, "x-leanserve-tenant": TENANT})
    answers = await crowd.run(asks(streams))
    async with open_books(graph.redis.url, TENANT, limit(streams)) as books:
        await books.settled()
        booked, _ = await books.booked()
    return _rows(answers, booked, limit(streams), await asyncio.to_thread(generated, graph))


def generated(graph: Graph) -> int:
    """Output tokens that the engine has counted since it was started, in Ray's own metrics, once they rest.

    Raises AssertionError where there are none: that the counter was not found is no proof of anything.
    """
    found, end = 0, time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        time.sleep(REPORTED_S)
        before, found = found, _counted(graph)
        if found and found == before:
            return found
    raise AssertionError(f"the engine's own count of tokens is {found} and does not rest")


def _counted(graph: Graph) -> int:
    """As last gathered; 0 where no agent tells."""
    lines = [line for text in _metrics(graph) for line in text.splitlines() if line.startswith(METRIC)]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


def _metrics(graph: Graph) -> Iterator[str]:
    """What the ports of Ray's agents tell."""
    for pid in descendants(os.getpid(), graph.spare):
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if any(name in " ".join(process.cmdline()[:3]) for name in AGENTS):
                for each in process.net_connections("tcp"):
                    if each.status == psutil.CONN_LISTEN:
                        yield from _told(f"http://{each.laddr.ip.replace('::', '127.0.0.2')}:{each.laddr.port}/metrics")


def _told(url: str) -> Iterator[str]:
    with (
        suppress(OSError, HTTPException),  # other ports speak other tongues
        urllib.request.urlopen(url.replace("0.0.0.0", "127.0.0.2"), timeout=5) as answer,
    ):
        yield answer.read().decode(errors="replace")


def _rows(answers: list[Got], booked: int, limit_: int, made: int) -> list[Row]:
    told, outputs = sum(each.tokens for each in answers), sum(each.usage[1] for each in answers if each.usage)
    kinds = [f"{each.status} {each.stopped or each.error or 'whole'}" for each in answers]
    ends = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    return [
        Row(
            f"{len(answers)} real vLLM streams at once: 0 tokens beyond a limit of a third",
            f"{limit_:,}",
            f"books {booked:,}, clients {told:,}",
            f"{max(booked, told) - limit_:+,}",
            max(booked, told) <= limit_,
            {"booked": booked, "told": told, "made": made},
            (f"real vLLM: {ends}",),
        ),
        Row(
            f"… of the limit unused though wanted: ≤ {UNUSED:.0%}",
            f"{limit_:,}",
            f"{limit_ - booked:,}",
            f"{(limit_ - booked) / limit_:.2%}",
            (limit_ - booked) / limit_ <= UNUSED,
            {},
        ),
        Row(
            "… output tokens that the engine made beyond what clients were told",
            f"{outputs:,}",
            f"{made:,}",
            f"{made - outputs:+,}",
            made == outputs,
            {},
        ),
    ]
