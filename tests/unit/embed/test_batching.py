"""Who shares a batch, and what one caller's fate does to the others."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.embed.batching import BULK_BATCH, MOST_PASSED, MicroBatcher


class GatedEncoder:
    """A blocking encode that waits for `gate` and keeps the batches it saw; "bad" makes it raise."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.batches: list[list[str]] = []

    def __call__(self, texts: list[str]) -> list[bytes]:
        self.batches.append(texts)
        assert self.gate.wait(10)
        if "bad" in texts:
            raise ValueError("bad batch")
        return [text.encode() for text in texts]


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


async def started(encoder: GatedEncoder) -> None:
    """Until the first batch is being computed."""
    while not encoder.batches:
        await asyncio.sleep(0.001)


async def test_the_first_starts_at_once_and_the_rest_form_the_next_batch(executor: ThreadPoolExecutor) -> None:
    """No artificial wait, and concurrent requests share a batch."""
    encoder = GatedEncoder()
    batcher = MicroBatcher(encoder, 64, executor)
    first = asyncio.create_task(batcher.run(["a"]))
    await started(encoder)
    rest = [asyncio.create_task(batcher.run([text])) for text in ("b", "c", "d")]
    await asyncio.sleep(0)
    encoder.gate.set()
    assert await first == [b"a"]
    assert await asyncio.gather(*rest) == [[b"b"], [b"c"], [b"d"]]
    assert encoder.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_is_never_larger_than_the_maximum(executor: ThreadPoolExecutor) -> None:
    """One caller with many texts is split, and still gets them in order."""
    encoder = GatedEncoder()
    encoder.gate.set()
    texts = [str(i) for i in range(10)]
    assert await MicroBatcher(encoder, 4, executor).run(texts) == [text.encode() for text in texts]
    assert [len(batch) for batch in encoder.batches] == [4, 4, 2]


async def test_a_request_never_waits_behind_bulk(executor: ThreadPoolExecutor) -> None:
    """What came after a thousand texts of bulk is next, behind the few that are being computed."""
    encoder = GatedEncoder()
    batcher = MicroBatcher(encoder, 64, executor)
    bulk = asyncio.create_task(batcher.run([str(i) for i in range(1000)], bulk=True))
    await started(encoder)
    asked = [asyncio.create_task(batcher.run([text])) for text in ("a", "b")]
    await asyncio.sleep(0)
    encoder.gate.set()
    assert await asyncio.gather(*asked) == [[b"a"], [b"b"]]
    assert [len(batch) for batch in encoder.batches[:2]] == [BULK_BATCH, 2]
    assert await bulk == [str(i).encode() for i in range(1000)]


async def test_bulk_is_never_starved(executor: ThreadPoolExecutor) -> None:
    """However many requests come, bulk has its turn after so many batches of theirs."""
    encoder = GatedEncoder()
    batcher = MicroBatcher(encoder, 1, executor)
    first = asyncio.create_task(batcher.run(["first"]))
    await started(encoder)
    many = asyncio.create_task(batcher.run(["asked"] * 3 * MOST_PASSED))
    bulk = asyncio.create_task(batcher.run(["bulk"] * 2, bulk=True))
    await asyncio.sleep(0)
    encoder.gate.set()
    await asyncio.gather(first, many, bulk)
    order = [text for [text] in encoder.batches[1:]]
    assert order == ([*["asked"] * MOST_PASSED, "bulk"] * 2) + ["asked"] * MOST_PASSED


async def test_bulk_that_was_given_up_is_dropped(executor: ThreadPoolExecutor) -> None:
    """A caller of bulk that leaves costs nobody anything, and what waits behind it is computed."""
    encoder = GatedEncoder()
    batcher = MicroBatcher(encoder, 64, executor)
    computing = asyncio.create_task(batcher.run(["a"]))
    await started(encoder)
    gone = asyncio.create_task(batcher.run(["gone"] * 9, bulk=True))
    await asyncio.sleep(0)
    gone.cancel()
    encoder.gate.set()
    assert await computing == [b"a"]
    assert await batcher.run(["stays"], bulk=True) == [b"stays"]
    assert encoder.batches == [["a"], ["stays"]]


async def test_a_cancelled_caller_costs_the_others_nothing(executor: ThreadPoolExecutor) -> None:
    """Whether its text was computing or waiting, the others are answered; waiting texts are dropped."""
    encoder = GatedEncoder()
    batcher = MicroBatcher(encoder, 64, executor)
    computing = asyncio.create_task(batcher.run(["gone while computing"]))
    await started(encoder)
    waiting = asyncio.create_task(batcher.run(["gone while waiting"]))
    other = asyncio.create_task(batcher.run(["stays"]))
    await asyncio.sleep(0)
    computing.cancel()
    waiting.cancel()
    encoder.gate.set()
    assert await other == [b"stays"]
    assert encoder.batches[1:] == [["stays"]]


async def test_a_fault_reaches_the_callers_of_its_batch_and_nobody_else(executor: ThreadPoolExecutor) -> None:
    """The batches before and after it are answered."""
    encoder = GatedEncoder()
    batcher = MicroBatcher(encoder, 64, executor)
    before = asyncio.create_task(batcher.run(["fine"]))
    await started(encoder)
    struck = [asyncio.create_task(batcher.run(texts)) for texts in (["bad"], ["neighbour", "another"])]
    await asyncio.sleep(0)
    encoder.gate.set()
    assert await before == [b"fine"]
    faults = await asyncio.gather(*struck, return_exceptions=True)
    assert [str(fault) for fault in faults] == ["bad batch", "bad batch"]
    assert await batcher.run(["after"]) == [b"after"]


async def test_the_event_loop_goes_on_while_a_batch_is_computed(executor: ThreadPoolExecutor) -> None:
    """A blocked encode blocks its own thread only."""
    encoder = GatedEncoder()
    task = asyncio.create_task(MicroBatcher(encoder, 64, executor).run(["a"]))
    await started(encoder)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    encoder.gate.set()
    assert await task == [b"a"]


async def test_no_texts_are_no_vectors(executor: ThreadPoolExecutor) -> None:
    """An empty call computes nothing."""
    encoder = GatedEncoder()
    assert await MicroBatcher(encoder, 64, executor).run([]) == []
    assert encoder.batches == []


def test_one_batcher_serves_one_event_loop_after_another(executor: ThreadPoolExecutor) -> None:
    """A loop that ended leaves nothing behind that the next one waits for."""
    encoder = GatedEncoder()
    encoder.gate.set()
    batcher = MicroBatcher(encoder, 64, executor)
    assert asyncio.run(batcher.run(["a"])) == [b"a"]
    assert asyncio.run(batcher.run(["b"])) == [b"b"]
