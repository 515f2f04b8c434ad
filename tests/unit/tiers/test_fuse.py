"""The fuse of one stream against books in memory: what it hands on, when it reads, where it ends."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from app.config.gateway import EchoBackend as Spec
from app.domain import Amounts, Chunk, Grant
from app.errors import StoreUnavailable
from app.tiers.echo import EchoBackend
from app.tiers.fuse import LATER_S, Fuse, Fuses
from tests.fakes_backends import chat

PATIENCE_S = 3.0


@dataclass
class FakeBooks:
    """What a reservation holds, all attempts together: at each look the next, the last for ever."""

    holds: list[int | StoreUnavailable | None]
    looks: int = 0
    told: list[tuple[int, int]] = field(default_factory=list)
    faults: int = 0

    async def made(self, tenant: str, reservation_id: str, attempt: int, output_tokens: int) -> None:
        assert (tenant, reservation_id) == ("acme", "r1")
        self.faults -= 1
        if self.faults >= 0:
            raise StoreUnavailable("away")
        self.told.append((attempt, output_tokens))

    async def granted(self, tenant: str, reservation_id: str) -> Amounts | None:
        assert (tenant, reservation_id) == ("acme", "r1")
        held = self.holds[min(self.looks, len(self.holds) - 1)]
        self.looks += 1
        if isinstance(held, StoreUnavailable):
            raise held
        return None if held is None else Amounts(output_tokens=held)


@dataclass
class FakeEngine:
    """Makes a token a step for each choice, as far as it is told to where it `obeys`; counts what it made."""

    tokens: int
    choices: int = 1
    batch: int = 1
    ends: dict[int, int] = field(default_factory=dict)
    made: int = 0
    closed: bool = False

    async def run(self, fuse: Fuse | None, *, obeys: bool) -> AsyncGenerator[list[Chunk], None]:
        batch: list[Chunk] = []
        try:
            for step in range(1, self.tokens + 1):
                if obeys and fuse and step > fuse.each:
                    raise AssertionError("asked for a token that was not granted")
                for index in range(self.choices):
                    last = self.ends.get(index, self.tokens)
                    if step <= last:
                        self.made += 1
                        batch.append(token(index, "stop" if step == last else None))
                if len(batch) >= self.batch or step == self.tokens:
                    yield batch
                    batch = []
                await asyncio.sleep(0)
        finally:
            self.closed = True


def token(index: int = 0, ends: str | None = None) -> Chunk:
    return {"choices": [{"index": index, "delta": {"content": "x"}, "finish_reason": ends}]}


def grant(tokens: int, *, before: int = 0, most: int = 1000, choices: int = 1) -> Grant:
    return Grant("r1", "acme", before, tokens, most, choices, patience_s=PATIENCE_S)


@dataclass
class Bench:
    """A fuse whose waits cost nothing."""

    granted: Grant
    books: FakeBooks
    held: bool = True
    waited: float = 0.0

    async def _sleep(self, seconds: float) -> None:
        self.waited += seconds
        await asyncio.sleep(0)

    def fuse(self) -> Fuse:
        return Fuse(self.granted, self.books, held=self.held, sleep=self._sleep)

    async def run(self, engine: FakeEngine, *, obeys: bool = True) -> list[Chunk]:
        """What comes through."""
        fuse = self.fuse()
        return [chunk async for batch in fuse.run(engine.run(fuse, obeys=obeys)) for chunk in batch]


def is_whole(chunks: list[Chunk]) -> bool:
    return bool(chunks[-1]["choices"][0]["finish_reason"])


async def test_what_is_granted_whole_is_never_looked_up() -> None:
    """An answer far below its grant costs no reading."""
    bench, engine = Bench(grant(100), FakeBooks([100])), FakeEngine(20)
    assert is_whole(await bench.run(engine))
    assert bench.books.looks == 0


async def test_the_stream_ends_at_its_grant_and_the_engine_with_it() -> None:
    """Not one token more is made, after a wait for more that is bounded."""
    bench, engine = Bench(grant(40), FakeBooks([40])), FakeEngine(100)
    chunks = await bench.run(engine)
    assert (len(chunks), engine.made, engine.closed) == (40, 40, True)
    assert not is_whole(chunks)
    assert PATIENCE_S <= bench.waited < PATIENCE_S + 0.3


async def test_it_goes_on_as_the_reservation_grows() -> None:
    """The books say ever more before it is needed: nothing waits, and each stretch costs a look or few."""
    bench, engine = Bench(grant(64), FakeBooks([192, 448, 900])), FakeEngine(500)
    assert is_whole(await bench.run(engine))
    assert bench.waited == 0
    assert bench.books.looks <= 6


async def test_a_grant_that_comes_late_is_waited_for() -> None:
    """The engine is held meanwhile and goes on then."""
    bench, engine = Bench(grant(8), FakeBooks([8, 8, 8, 8, 50])), FakeEngine(30)
    assert len(await bench.run(engine)) == 30
    assert bench.waited > 0


async def test_what_earlier_attempts_used_is_not_this_ones() -> None:
    """The books hold the total of all attempts: 30 of these 50 went before."""
    bench, engine = Bench(grant(8, before=30), FakeBooks([50])), FakeEngine(100)
    assert len(await bench.run(engine)) == 20
    assert engine.made == 20


async def test_a_closed_reservation_ends_the_stream_at_once() -> None:
    """Settled, or reclaimed from a replica that died: nobody waits."""
    bench, engine = Bench(grant(40), FakeBooks([None])), FakeEngine(100)
    assert len(await bench.run(engine)) < 40
    assert engine.closed
    assert bench.waited == 0


async def test_books_that_are_away_are_not_asked_for_ever() -> None:
    """What is known to be granted is all there is."""
    bench, engine = Bench(grant(40), FakeBooks([StoreUnavailable()])), FakeEngine(100)
    assert len(await bench.run(engine)) == engine.made == 40


async def test_an_engine_that_cannot_be_held_is_ended_without_a_wait() -> None:
    """What it made beyond the grant, here the rest of a batch, nobody gets."""
    bench, engine = Bench(grant(40), FakeBooks([40]), held=False), FakeEngine(100, batch=7)
    assert len(await bench.run(engine, obeys=False)) == 40
    assert engine.closed
    assert bench.waited == 0


async def test_choices_share_the_grant() -> None:
    """Three of 50 tokens have 16 each; of one that ends early the others get the rest."""
    bench, engine = Bench(grant(50, choices=3), FakeBooks([50])), FakeEngine(100, choices=3)
    assert len(await bench.run(engine)) == engine.made == 48
    early = FakeEngine(100, choices=3, ends={1: 4})
    assert len(await Bench(grant(50, choices=3), FakeBooks([50])).run(early)) == early.made == 4 + 23 + 23


async def test_an_answer_that_ends_with_its_grant_is_whole() -> None:
    """Nobody waits for more tokens of an answer that has none, nor where the engine's own maximum is reached."""
    bench, engine = Bench(grant(40), FakeBooks([40])), FakeEngine(40)
    assert is_whole(await bench.run(engine))
    assert bench.waited == 0
    bench, engine = Bench(grant(10, most=25), FakeBooks([25])), FakeEngine(25)
    assert is_whole(await bench.run(engine))
    assert bench.waited == 0


async def test_who_watches_is_told_of_every_change() -> None:
    """At first what is granted, then what was granted since."""
    bench, engine = Bench(grant(20), FakeBooks([30])), FakeEngine(100)
    fuse, told = bench.fuse(), list[int]()
    fuse.watch(told.append)
    _ = [batch async for batch in fuse.run(engine.run(fuse, obeys=True))]
    assert told == [20, 30]


@pytest.mark.parametrize(("least", "held", "told"), [(2, [100], True), (9, [None], False), (9, [100], True)])
async def test_what_was_made_of_a_stream_that_is_cut_is_told(
    least: int, held: list[int | StoreUnavailable | None], told: bool
) -> None:
    """Though the store is away at first. One that ends by itself has told already whoever closed the books since."""
    books = FakeBooks(held, faults=1)
    echo = EchoBackend(Spec(kind="echo", tokens=9, time_to_first_token_ms=0, time_per_token_ms=9), "small/echo")
    call = replace(chat(stream=True), grant=replace(grant(100), attempt=3))
    batches, seen = Fuses(lambda: books).guarded(call, partial(echo.send, call)), 0
    async for batch in batches:
        seen += sum(bool(choice["delta"].get("content")) for chunk in batch for choice in chunk["choices"])
        if least <= seen < 9:
            break
    await batches.aclose()
    await asyncio.sleep(LATER_S + 0.2)
    assert books.told == ([(3, seen)] if told else [])


async def test_without_a_grant_there_are_no_books() -> None:
    """No limit binds the caller, or the answer comes whole: neither fuse nor Redis."""

    def refuse() -> FakeBooks:
        raise AssertionError("opened")

    echo = EchoBackend(Spec(kind="echo", tokens=3, time_to_first_token_ms=0, time_per_token_ms=0), "small/echo")
    fuses = Fuses(refuse)
    for call in (chat(stream=True), chat()):
        assert [batch async for batch in fuses.guarded(call, partial(echo.send, call))]


@pytest.mark.parametrize("pace", [0, 0.2])
async def test_the_echo_makes_no_token_more(pace: float) -> None:
    """However many tokens are due at once."""
    echo = EchoBackend(Spec(kind="echo", tokens=300, time_to_first_token_ms=0, time_per_token_ms=pace), "small/echo")
    bench = Bench(grant(70), FakeBooks([70, 150]))
    fuse = bench.fuse()
    batches = [batch async for batch in fuse.run(echo.send(chat(stream=True), fuse))]
    assert echo.stats().produced == 150
    assert echo.stats().aborted == 1
    assert sum(bool(chunk["choices"][0]["delta"].get("content")) for batch in batches for chunk in batch) == 150
