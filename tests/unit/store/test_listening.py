import asyncio
import socket
import time

import pytest

from app.store.listening import GRACE_S, one_timeout, reply_within


async def test_silence_ends_in_time() -> None:
    """Nothing said within the time-out is a TimeoutError, hardly later."""
    began = time.perf_counter()
    with pytest.raises(TimeoutError):
        async with reply_within(0.05):
            await asyncio.Event().wait()
    assert 0.05 <= time.perf_counter() - began + 0.001 < 2


async def test_an_answer_ends_the_wait() -> None:
    """Who was answered is not disturbed later."""
    async with reply_within(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02 + GRACE_S)


async def test_a_reply_that_a_busy_loop_has_not_read_is_heard() -> None:
    """The loop was busy until after the time-out, the reply came long before: it counts."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)

    async def ask() -> bytes:
        async with reply_within(0.02):
            return await reader.read(1)

    asked = asyncio.create_task(ask())
    await asyncio.sleep(0)
    theirs.send(b"x")
    time.sleep(0.05)  # noqa: ASYNC251 - a loop that is held up is what this is about
    assert await asked == b"x"
    writer.close()
    theirs.close()


async def test_a_caller_that_leaves_is_no_timeout() -> None:
    """A cancellation from outside stays one."""

    async def wait() -> None:
        async with reply_within(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_waits_of_a_block_share_one_timeout() -> None:
    """However many they are, they end together; after the block each wait has its own again."""
    began = time.perf_counter()
    with one_timeout(0.1):
        async with reply_within(0.1):
            await asyncio.sleep(0.06)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with reply_within(0.1):
                    await asyncio.Event().wait()
    assert 0.1 <= time.perf_counter() - began + 0.001 < 0.25
    async with reply_within(0.5):
        await asyncio.sleep(0.15)


async def test_a_block_within_a_block_is_not_more_patient() -> None:
    """The earliest end counts."""
    with one_timeout(0.02), one_timeout(5), pytest.raises(TimeoutError):
        async with reply_within(5):
            await asyncio.Event().wait()
