"""Many at once against a limit that admits a third of what they want."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.budgets.books import Reckoning, open_books, reckon, rule
from tests.benchmarks.budgets.crowd import LOCAL, Crowd
from tests.benchmarks.budgets.graph import FAST, FAST_ECHO, TWICE, Graph
from tests.benchmarks.budgets.plans import Ask, plan, wanted
from tests.benchmarks.summary import Row

SHARE = 3
UNUSED = 0.02
LEAVERS = 0.1


@dataclass(frozen=True, slots=True)
class Scene:
    """One load. `action` is what the limit does with who does not fit, `leavers` the share of streams that hang up.

    The limit is `room` times one `share`-th of what they want. Of the tier `twice` many are hedged, as far as it
    has room. An engine that is outrun before its first token may have read the prompt or not: its input is booked, so
    that the books may say more than the engines.
    """

    tenant: str
    seed: int
    action: str = "reject"
    leavers: float = 0.0
    tier: str = FAST
    share: int = SHARE
    room: int = 1

    def asks(self, clients: int) -> list[Ask]:
        """Always the same ones."""
        return plan(self.seed, clients, FAST_ECHO, leavers=self.leavers)

    def limit(self, clients: int) -> int:
        """In tokens."""
        return self.room * wanted(self.asks(clients)) // self.share


SCENES = (
    Scene("overrun", 5),
    Scene("waiting", 6, "throttle"),
    Scene("leaving", 7, leavers=LEAVERS),
    Scene("hedged", 8, leavers=LEAVERS, tier=TWICE, share=1),
)


def rules(clients: int, scenes: Sequence[Scene] = SCENES) -> list[dict[str, object]]:
    """For the policy."""
    return [{**rule(each.tenant, each.limit(clients)), "on_limit": each.action} for each in scenes]


async def load(graph: Graph, scene: Scene, clients: int) -> Reckoning:
    """All of them at once, and the books afterwards."""
    forget(graph.journal)
    crowd = Crowd(graph.url, scene.tier, {**LOCAL, "x-leanserve-tenant": scene.tenant})
    answers = await crowd.run(scene.asks(clients))
    async with open_books(graph.redis.url, scene.tenant, scene.limit(clients)) as books:
        await books.settled()
        return await reckon(books, answers, graph.journal)


def forget(journal: Path) -> None:
    """What engines produced for others. Their files stay open, so they are emptied, not removed."""
    for file in journal.glob("*"):
        file.write_text("")


def rows(scene: Scene, found: Reckoning) -> list[Row]:
    """Against the goals."""
    limit = found.limit
    name = f"{sum(found.statuses.values()):,} at once, {_said(scene)}"
    ends = ", ".join(f"{number} {kind}" for kind, number in found.statuses.items())
    found_rows = [
        Row(
            f"{name}: 0 tokens beyond a limit of a {'third' if scene.share == SHARE else 'whole'}",
            f"{limit:,} of {found.wanted:,}",
            f"books {found.booked:,}, clients {found.told:,}, engines {found.made:,}",
            f"{found.overrun:+,}",
            found.overrun <= 0,
            asdict(found),
            (f"{name}: {ends}; {len(found.unequal)} usages differ from what engines made",),
        ),
        Row(
            f"… of the limit unused though wanted: ≤ {UNUSED:.0%}",
            f"{limit:,}",
            f"{limit - found.booked:,}",
            f"{found.unused:.2%}",
            found.unused <= UNUSED,
            {},
        ),
        Row(
            "… engines beyond books: 0; delivered beyond what was granted: 0",
            f"{found.made:,}",
            f"{found.booked:,}",
            f"{found.apart:+,}; {found.beyond}",
            (found.apart <= 0 if scene.tier == TWICE else found.apart == 0) and found.beyond == 0,
            {},
        ),
    ]
    # where there is enough for all, what is left says nothing of the limit
    return found_rows if scene.share == SHARE else [found_rows[0], found_rows[2]]


def _said(scene: Scene) -> str:
    hedged = "hedged, " if scene.tier == TWICE else ""
    left = f"{scene.leavers:.0%} of the streams left" if scene.leavers else f"limit that does {scene.action}"
    return hedged + left
