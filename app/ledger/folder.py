"""Where spools lie on a node: one folder for each ledger, so that none is booked in another one's Redis."""

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from app.errors import StoreUnavailable
from app.store.client import Store

logger = logging.getLogger("leanserve.ledger")

NAMELESS = "nameless"
"""The folder of spools begun while no Redis could say which ledger they are for: whoever sweeps takes them."""


def spool_folder(environ: Mapping[str, str], home: Path) -> Path:
    """`LEANSERVE_SPOOL`, else `spool` below the home."""
    return Path(environ.get("LEANSERVE_SPOOL") or home / "spool").absolute()


async def ledger_name(store: Store) -> str:
    """The name of the store's ledger, given by whoever asks first; `NAMELESS` while the store is away."""
    key = store.keys.ledger_name()
    try:
        await store.command("SETNX", key, uuid4().hex)
        return str((await store.command("GET", key)).decode())
    except StoreUnavailable:
        return NAMELESS


def writable(base: Path) -> Path:
    """`base`, made if need be; where that cannot be written, a folder for temporary files that can be."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        if os.access(base, os.W_OK | os.X_OK):
            return base
    except OSError:
        pass  # said below
    other = Path(tempfile.gettempdir()) / f"leanserve-spool-{os.getuid()}"
    logger.warning("%s cannot be written: records of requests are spooled in %s", base, other)
    other.mkdir(mode=0o700, parents=True, exist_ok=True)
    return other
