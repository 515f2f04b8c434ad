"""What Redis holds of a flight, and what it does when asked twice, late or by the wrong one."""

import asyncio

import pytest

from app.cache.flights.board import Board, Flight, Told
from app.cache.flights.record import Record, decode_record, encode_record, is_last
from app.domain import CacheHit, Usage
from app.store.client import Store

ONE, OTHER = Flight("acme", "name", "a-1"), Flight("acme", "name", "b-2")


@pytest.fixture
def board(store: Store) -> Board:
    return Board(store, lease_s=0.2)


async def join(board: Board, flight: Flight, look: bool = True) -> str:
    return await board.join(flight, flight.token[:1], "entry", look=look)


async def test_one_leads_until_it_lands_or_its_lease_runs_out(board: Board) -> None:
    """The same token is told to everybody else; then the next one leads."""
    assert [await join(board, flight) for flight in (ONE, OTHER)] == ["a-1", "a-1"]
    assert await board.land(ONE)
    assert [await join(board, flight) for flight in (OTHER, ONE)] == ["b-2", "b-2"]
    await asyncio.sleep(0.25)
    assert await join(board, ONE) == "a-1"


async def test_telling_renews_the_lease(board: Board) -> None:
    """For as long as the leader beats, nobody else leads; it hears who follows elsewhere."""
    await join(board, ONE)
    for _ in range(4):
        await asyncio.sleep(0.1)
        assert await board.tell(ONE, 0, []) is Told.UNFOLLOWED
    assert await join(board, Flight("acme", "name", "a-3")) == "a-1"
    assert await board.tell(ONE, 0, []) is Told.UNFOLLOWED  # in the same replica
    await join(board, OTHER)
    assert await board.tell(ONE, 0, []) is Told.FOLLOWED
    await asyncio.sleep(0.1)
    await board.tell(ONE, 0, [])
    await asyncio.sleep(0.15)
    assert await board.tell(ONE, 0, []) is Told.UNFOLLOWED  # no sign for a lease
    assert await board.read(ONE, 0, 9, sign=True) == (True, [])
    assert await board.tell(ONE, 0, []) is Told.FOLLOWED


async def test_records_told_twice_are_there_once(board: Board) -> None:
    """A reply that was lost makes no answer with words twice in it, nor with a gap."""
    await join(board, ONE)
    for first, records in ((0, [b"0", b"1"]), (0, [b"0", b"1", b"2"]), (2, [b"2"]), (3, [b"3"])):
        assert await board.tell(ONE, first, records) is Told.UNFOLLOWED
    assert await board.tell(ONE, 5, [b"5"]) is Told.LOST
    assert await board.read(ONE, 1, 2, sign=False) == (True, [b"1", b"2"])
    assert await board.read(ONE, 0, 9, sign=False) == (True, [b"0", b"1", b"2", b"3"])


async def test_who_was_replaced_tells_and_lands_nothing(board: Board, store: Store) -> None:
    """A leader that comes back finds the flight another's."""
    await join(board, ONE)
    await asyncio.sleep(0.25)
    await join(board, OTHER)
    assert await board.tell(ONE, 0, [b"0"]) is Told.LOST
    assert await board.read(ONE, 0, 9, sign=True) == (False, [])
    await board.land(ONE, b"last")
    assert await join(board, ONE) == "b-2"
    assert await store.command("EXISTS", store.keys.records("acme", "a-1")) == 0


async def test_landing_waits_for_who_came_at_the_last_moment(board: Board) -> None:
    """Unless everything was told; a last word is only for who has read others."""
    await join(board, ONE)
    await join(board, OTHER)
    assert not await board.land(ONE, unless_followed=True)
    await board.tell(ONE, 0, [b"0"])
    assert await board.land(ONE, b"last")
    assert await board.read(ONE, 0, 9, sign=True) == (False, [b"0", b"last"])


async def test_an_answer_in_the_cache_needs_no_flight(board: Board, store: Store) -> None:
    """Unless it was looked at, and may not answer."""
    await store.command("SET", store.keys.entry("acme", "entry"), "there")
    assert await join(board, ONE) == ""
    assert await join(board, ONE, look=False) == "a-1"


async def test_flights_wait_for_no_disk(board: Board, store: Store) -> None:
    """They need to survive nothing: the append-only file has none of them."""

    async def written() -> int:
        info = await store.command("INFO", "persistence")
        found = (
            info
            if isinstance(info, dict)
            else dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
        )
        return int(found["aof_current_size"])

    before = await written()
    for _ in range(20):
        await join(board, ONE)
        await board.tell(ONE, 0, [b"0" * 1000])
        await board.read(ONE, 0, 9, sign=True)
        await board.land(ONE)
    assert await written() == before


HIT = CacheHit("semantic", "e", 0.9, 5.0, {"choices": []}, Usage(1, 0, 2), "small", 0.99)


@pytest.mark.parametrize(
    ("record", "last"),
    [
        (Record([{"choices": [{"delta": {"content": "ü"}}]}], tier="small"), False),
        (Record([{"choices": []}], stream=False), False),
        (Record(done=True), True),
        (Record(hit=HIT), True),
        (Record(rejected=("too long", 413, None)), True),
        (Record(), True),
    ],
)
def test_records_come_back_as_they_were(record: Record, last: bool) -> None:
    """Whatever they say, and whether more follows is seen without reading them."""
    told = encode_record(record)
    assert decode_record(told) == record
    assert is_last(told) is last


@pytest.mark.parametrize("told", [b"", b"+", b".", b"+{", b'+{"chunks":7}', b"{}", b"\xff\xfe", b'+{"hit":{}}'])
def test_foreign_bytes_are_no_record(told: bytes) -> None:
    """Neither an error nor an answer."""
    assert decode_record(told) is None
