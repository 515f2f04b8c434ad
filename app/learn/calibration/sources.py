"""Where evidence comes from: a file, or a tenant's records in Redis."""

from collections.abc import Callable, Sequence
from pathlib import Path

from app.config.gateway import StoreSpec
from app.domain import Judgement, TierTerms
from app.learn.calibration.evidence import Evidence, of_records
from app.learn.calibration.lines import Judge, of_rows, read_rows
from app.learn.reading import labelled
from app.store.client import open_store
from app.trial.lines import lines_of

TIMEOUT_S = 10.0
"""Of one command: nobody waits for an answer but the one who started this."""


def of_file(source: Path, tiers: Sequence[TierTerms], open_judge: Callable[[], Judge]) -> Evidence:
    """The evidence in a file of outcomes; the judge is opened only for one with prompts.

    Raises InvalidRequest, naming file and line, and ConfigError for a file that cannot be read.
    """
    with lines_of(source) as lines:
        rows = read_rows(lines, [tier.name for tier in tiers])
    judge = open_judge() if any(row.prompt for row in rows) else _nothing
    return of_rows(rows, tiers, judge)


def _nothing(_prompts: Sequence[str]) -> list[Judgement]:
    return []


async def of_tenant(url: str, prefix: str, tenant: str, feature: str | None, kind: str | None) -> Evidence:
    """The evidence in a tenant's records; of one feature, and of outcomes of one type, or of all.

    Raises StoreUnavailable, and ConfigError for an address that is none.
    """
    store = await open_store(url, StoreSpec(timeout_s=TIMEOUT_S, prefix=prefix))
    try:
        return of_records([each async for each in labelled(store, tenant, feature)], kind)
    finally:
        await store.close()
