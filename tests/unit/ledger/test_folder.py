"""Where spools lie: every replica of one ledger in one folder, those of another ledger elsewhere."""

from pathlib import Path

from app.config.gateway import StoreSpec
from app.ledger.folder import NAMELESS, ledger_name, writable
from app.store.client import Store, open_store
from app.store.embedded import free_port


async def test_all_replicas_of_one_ledger_know_its_name(store: Store, clean_redis: str) -> None:
    """Whoever comes first gives it; with another prefix it is another ledger."""
    first = await ledger_name(store)
    assert len(first) == 32
    for prefix, same in (("leanserve", True), ("other", False)):
        again = await open_store(clean_redis, StoreSpec(timeout_s=5, prefix=prefix))
        assert (await ledger_name(again) == first) is same
        await again.close()


async def test_without_a_redis_it_has_none() -> None:
    """And nothing fails."""
    store = await open_store(f"redis://127.0.0.1:{free_port()}/0", StoreSpec(timeout_s=0.2))
    assert await ledger_name(store) == NAMELESS
    await store.close()


def test_a_folder_that_cannot_be_made_is_another_one(tmp_path: Path) -> None:
    """Below a file there are no folders."""
    (tmp_path / "file").write_text("")
    assert writable(tmp_path / "spool") == tmp_path / "spool"
    other = writable(tmp_path / "file" / "spool")
    assert other.is_dir()
    assert other != tmp_path / "file" / "spool"
