"""What is left in spools when everything has stopped: booked before the store goes too, not at the next start."""

import asyncio
import logging
from pathlib import Path

from app.budget.grants import RedisGrants
from app.config.gateway import StoreSpec
from app.config.recording import RecordingPolicy
from app.errors import StoreUnavailable
from app.ledger.folder import NAMELESS, ledger_name
from app.ledger.lost import Sweeper
from app.ledger.posting import Posting
from app.store.client import open_record_store

logger = logging.getLogger("leanserve.ledger")

WITHIN_S = 10.0


async def sweep_leftover(spools: Path, url: str, spec: StoreSpec, policy: RecordingPolicy) -> int:
    """Book and remove the spools in the folder `spools` that nobody holds, for the store at `url`: how many.

    What cannot be booked within seconds waits for whoever starts next.
    """
    store, swept = open_record_store(url, spec), 0
    posting = Posting(store)
    posting.policy = policy
    try:
        async with asyncio.timeout(WITHIN_S):
            folders = {spools / await ledger_name(store), spools / NAMELESS}
            swept = await Sweeper(folders, posting, RedisGrants(store).noted).sweep()
    except (StoreUnavailable, TimeoutError):
        logger.warning("records in %s wait for the next start", spools)
    finally:
        await store.close()
    return swept
