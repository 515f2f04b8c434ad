"""The same load again and again, and in the middle of it somebody is killed."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.process import kill
from tests.benchmarks.budgets.books import Books, Reckoning, open_books, reckon, rule
from tests.benchmarks.budgets.crowd import LOCAL, Crowd
from tests.benchmarks.budgets.graph import FAST, FAST_ECHO, Graph
from tests.benchmarks.budgets.overrun import SHARE, forget
from tests.benchmarks.budgets.plans import Ask, plan, wanted
from tests.benchmarks.summary import Row

TARGETS = ("ingress", "redis", "actor", "tier")
RECLAIMED_S = 10.0
REVIVED_S = 1.0
"""After so long `leanserve up` sees that its Redis has ended."""


@dataclass(frozen=True, slots=True)
class Round:
    """What became of one. `freed_s`: until nothing was held, from the kill for a dead ingress, else from the end."""

    target: str
    at: float
    killed: bool
    freed_s: float
    found: Reckoning


def asks(number: int, clients: int) -> list[Ask]:
    """Of a round."""
    return plan(1_000 + number, clients, FAST_ECHO)


def rules(rounds: int, clients: int) -> list[dict[str, object]]:
    """For the policy: a tenant for each round."""
    return [rule(_tenant(number), wanted(asks(number, clients)) // SHARE) for number in range(rounds)]


def _tenant(number: int) -> str:
    return f"chaos-{number}"


async def round_(graph: Graph, number: int, clients: int) -> Round:
    """One load with one kill, and the books afterwards."""
    forget(graph.journal)
    asked, chosen = asks(number, clients), random.Random(number)
    target, at = TARGETS[number % len(TARGETS)], chosen.uniform(0.02, 0.8)
    crowd = Crowd(graph.url, FAST, {**LOCAL, "x-leanserve-tenant": _tenant(number)})
    async with open_books(graph.redis.url, _tenant(number), wanted(asked) // SHARE) as books:
        running = asyncio.ensure_future(crowd.run(asked))
        while crowd.begun < at * clients and not running.done():
            await asyncio.sleep(0.01)
        killed = not running.done()
        freeing = asyncio.ensure_future(_killed(graph, books, target, chosen.randrange(100)))
        answers = await running
        freed_s = max(await freeing, await books.settled())
        found = await reckon(books, answers, graph.journal)
    await graph.whole()
    return Round(target, at, killed, freed_s, found)


async def _killed(graph: Graph, books: Books, target: str, choice: int) -> float:
    """Kill one, of the ingress the busiest; Redis comes back as in the product. How long a dead ingress held some."""
    pids = graph.pids(target)
    pid = await books.busiest() if target == "ingress" else 0
    pid = pid if pid in pids else pids[choice % len(pids)]
    kill(pid)
    if target == "ingress":
        return await books.left_by(pid)
    if target == "redis":
        await asyncio.sleep(REVIVED_S)
        graph.revive_redis()
    return 0.0


async def rounds(graph: Graph, number: int, clients: int) -> list[Round]:
    """All of them, one after the other."""
    found = []
    for each in range(number):
        found.append(await round_(graph, each, clients))
        print(time.strftime("%H:%M:%S"), line(each, found[-1]), flush=True)
    return found


def line(number: int, each: Round) -> str:
    """One round, for the log."""
    found = each.found
    ends = ", ".join(f"{count} {kind}" for kind, count in found.statuses.items())
    late = "" if each.killed else " (too late)"
    return (
        f"round {number}: {each.target} killed at {each.at:.0%}{late}: limit {found.limit}, booked {found.booked}, "
        f"told {found.told}, made {found.made}, apart {found.apart:+}, unequal {len(found.unequal)}, "
        f"reclaimed {sum(found.reclaimed.values())} of which made {found.made_of_reclaimed}, "
        f"freed in {each.freed_s:.1f} s, unused {found.unused:.1%}; {ends}"
    )


def rows(found: Sequence[Round]) -> list[Row]:
    """Against the goals."""
    beyond = max(each.found.overrun for each in found)
    apart = {target: [each.found.apart for each in found if each.target == target] for target in TARGETS}
    freed = max(each.freed_s for each in found)
    equal = all(number == 0 or (target == "tier" and number < 0) for target in apart for number in apart[target])
    name = f"{len(found)} rounds with SIGKILL of {', '.join(TARGETS)}"
    return [
        Row(
            f"{name}: 0 tokens beyond the limit",
            "",
            f"{sum(each.found.made for each in found):,} tokens made",
            f"{beyond:+,} in the worst round",
            beyond <= 0,
            {"rounds": [asdict(each) for each in found]},
            tuple(line(number, each) for number, each in enumerate(found)),
        ),
        Row(
            "… books equal to engines, of what was settled; what a dead engine was granted is spent",
            "engines beyond books",
            "; ".join(f"{target} {sum(numbers):+}" for target, numbers in apart.items() if numbers),
            f"{max(number for numbers in apart.values() for number in numbers):+} in the worst round",
            equal,
            {},
        ),
        Row(
            f"… what the dead held is reclaimed in ≤ {RECLAIMED_S:.0f} s",
            "",
            f"{sum(sum(each.found.reclaimed.values()) for each in found):,} tokens",
            f"{freed:.1f} s at most",
            freed <= RECLAIMED_S,
            {},
        ),
    ]
