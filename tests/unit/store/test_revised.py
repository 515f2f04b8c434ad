"""A small table that every replica keeps whole."""

import asyncio
import logging

import pytest

from app.config.gateway import StoreSpec
from app.errors import StoreUnavailable
from app.store.client import Store, open_store
from app.store.embedded import EmbeddedRedis
from app.store.revised import RevisedTable, first_read


def table_of(store: Store) -> RevisedTable[int]:
    return RevisedTable(store, store.keys.issued_keys(), "keys", int)


async def test_a_change_elsewhere_is_seen_and_no_change_reads_nothing(store: Store) -> None:
    """The revision alone is asked for while it stands still."""
    one, other = table_of(store), table_of(store)
    assert not one.known
    assert await one.refresh()
    assert one.known
    assert await other.swap("a", b"", b"1")
    assert await one.refresh()
    before = one.rows
    assert before == {"a": 1}
    assert not await one.refresh()
    assert one.rows is before


async def test_a_swap_needs_what_is_there(store: Store) -> None:
    """Added once, replaced by who knows it, taken away by who knows it."""
    table = table_of(store)
    assert await table.swap("a", b"", b"1")
    assert not await table.swap("a", b"", b"2")
    assert not await table.swap("a", b"2", b"3")
    assert await table.get("a") == (1, b"1")
    assert await table.swap("a", b"1", b"2")
    assert await table.swap("a", b"2", b"")
    assert await table.get("a") == (None, b"")


async def test_who_asks_sees_what_was_written_before(store: Store) -> None:
    """Also while another reading is under way, that began earlier; and many at once share readings."""
    table, other = table_of(store), table_of(store)
    for number in range(20):
        reading = asyncio.ensure_future(table.refresh())
        await asyncio.sleep(0)
        await other.swap(f"row-{number}", b"", b"1")
        await asyncio.gather(*(table.refresh() for _ in range(10)))
        assert f"row-{number}" in table.rows
        await reading


async def test_a_row_that_cannot_be_read_hides_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It is told to the log, without its text."""
    table = table_of(store)
    await table.swap("broken", b"", b"secret")
    await table.swap("good", b"", b"1")
    with caplog.at_level(logging.ERROR):
        await table.refresh()
    assert table.rows == {"good": 1}
    assert "broken" in caplog.text
    assert "secret" not in caplog.text


async def test_a_redis_that_forgot_everything_is_believed(store: Store) -> None:
    """Its revision went back: what it does not know is gone."""
    table = table_of(store)
    await table.swap("a", b"", b"1")
    await table.refresh()
    await store.command("FLUSHALL")
    assert await table.refresh()
    assert table.rows == {}


async def test_while_the_store_is_away_what_was_known_stays(own: EmbeddedRedis) -> None:
    """Reading raises, a first reading is no error."""
    store = await open_store(own.url, StoreSpec(timeout_s=5))
    table = table_of(store)
    await table.swap("a", b"", b"1")
    await table.refresh()
    await asyncio.to_thread(own.stop)
    with pytest.raises(StoreUnavailable):
        await table.refresh()
    await first_read(table)
    assert table.rows == {"a": 1}
    await store.close()
