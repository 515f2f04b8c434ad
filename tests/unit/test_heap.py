"""The heap of a process that serves, in a process of its own: what is settled stays so."""

import subprocess
import sys

SETTLED = """
import gc, weakref
from app.heap import settle_heap

class Node: pass

lost, kept = Node(), Node()
lost.itself = lost
gone = weakref.ref(lost)
del lost
assert any(each is kept for each in gc.get_objects())
settle_heap()
assert gone() is None, "garbage was kept for good"
assert not any(each is kept for each in gc.get_objects()), "what lives on is searched"
later = Node()
later.itself = later
gone = weakref.ref(later)
del later
gc.collect()
assert gone() is None, "nothing is collected any more"
assert gc.isenabled()
"""


def test_what_lives_on_is_searched_no_more_and_garbage_still_goes() -> None:
    """What was garbage before, too: it is not frozen."""
    subprocess.run([sys.executable, "-c", SETTLED], check=True, timeout=60)


WARM = """
import asyncio, gc
from deployments import assembly

async def ready(): return True
asyncio.run(assembly._warm({"part": ready}))
assert gc.get_freeze_count() > 10_000
"""


def test_an_ingress_that_is_warm_has_settled() -> None:
    """Once every part has answered, not before: what the first calls load belongs to it."""
    subprocess.run([sys.executable, "-c", WARM], check=True, timeout=120)
