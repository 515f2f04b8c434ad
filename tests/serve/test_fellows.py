"""A replica that is brought a new policy, and those that it tells; on whole graphs that is in `test_graph`."""

import asyncio
from typing import Any

import pytest

from app.config.policy import Policy
from app.errors import ConfigError
from deployments.fellows import Fellows

OLD, NEW, NEWER = ({"version": name} for name in ("old", "new", "newer"))


class Replica:
    """What is in force on it, and what it told."""

    def __init__(self, late_s: float = 10.0) -> None:
        self.taken: list[str] = []
        self.told: list[tuple[dict[str, Any], float]] = []
        self.fellows = Fellows(self._take, self._tell, late_s=late_s)

    def _take(self, policy: Policy) -> None:
        if policy.version == "refused":
            raise ConfigError("not here")
        self.taken.append(policy.version)

    async def _tell(self, user_config: dict[str, Any], since: float) -> None:
        self.told.append((user_config, since))


async def begun(late_s: float = 10.0) -> Replica:
    """On the old policy."""
    replica = Replica(late_s)
    replica.fellows.brought(OLD)
    await asyncio.sleep(0)
    assert (replica.taken, replica.told.pop()) == (["old"], ({}, 0.0))
    return replica


async def test_who_is_brought_a_new_policy_tells_it_and_who_heard_it_does_not() -> None:
    """Ray Serve brings it to the second one too, later."""
    first, second = await begun(), await begun()
    first.fellows.brought(NEW)
    await asyncio.sleep(0)
    ((told, since),) = first.told
    for replica in (first, second):
        replica.fellows.heard(told, since)
    second.fellows.brought(NEW)
    await asyncio.sleep(0)
    assert (first.taken, second.taken, second.told) == (["old", "new"], ["old", "new"], [])


async def test_what_is_heard_late_changes_nothing() -> None:
    """Two changes at once, told out of order."""
    first, second = await begun(), await begun()
    first.fellows.brought(NEW)
    first.fellows.brought(NEWER)
    await asyncio.sleep(0)
    for told, since in reversed(first.told):
        second.fellows.heard(told, since)
    assert second.taken == ["old", "newer"]


async def test_back_to_the_old_one() -> None:
    """Ray Serve may never bring a change to the second one, and then has nothing to take back: it is told."""
    first, second = await begun(), await begun()
    for policy in (NEW, OLD):
        first.fellows.brought(policy)
        await asyncio.sleep(0)
        second.fellows.heard(*first.told[-1])
    assert second.taken == ["old", "new", "old"]


async def test_what_ray_serve_brings_late_lifts_no_limit_again() -> None:
    """Two changes within the time that it takes for one: the second was told, then it brings the first."""
    replica = await begun()
    replica.fellows.heard(NEW, 2.0**40)
    replica.fellows.heard(NEWER, 2.0**40 + 1)
    for policy in (NEW, NEWER):
        replica.fellows.brought(policy)
        await asyncio.sleep(0)
    assert (replica.taken[-1], replica.told) == ("newer", [])
    replica.fellows.brought(NEW)
    await asyncio.sleep(0)
    assert (replica.taken[-1], len(replica.told)) == ("new", 1)


async def test_the_last_word_is_ray_serves() -> None:
    """What it brings late, and nothing else behind it, is what it has: new replicas begin with that."""
    replica = await begun(0.01)
    replica.fellows.heard(NEW, 2.0**40)
    replica.fellows.heard(NEWER, 2.0**40 + 1)
    replica.fellows.brought(NEW)
    await asyncio.sleep(0.05)
    assert (replica.taken, [told for told, _ in replica.told]) == (["old", "new", "newer", "new"], [NEW])


async def test_who_tells_is_newer_than_what_it_heard_whatever_the_clocks_say() -> None:
    """The clock of the launcher's node, or of another replica's, may be ahead: else nobody would heed."""
    replica = await begun()
    replica.fellows.heard(NEW, 2.0**40)
    replica.fellows.brought(NEWER)
    await asyncio.sleep(0)
    ((told, since),) = replica.told
    assert told == NEWER
    assert since > 2.0**40


async def test_a_policy_that_is_refused_is_not_told() -> None:
    """It is not in force anywhere, and the old one stays comparable with what comes next."""
    first, second = await begun(), await begun()
    with pytest.raises(ConfigError):
        first.fellows.brought({"version": "refused"})
    with pytest.raises(ConfigError):
        second.fellows.heard({"version": "refused"}, 2.0**40)
    first.fellows.brought(OLD)
    await asyncio.sleep(0)
    assert first.told == []


async def test_who_cannot_tell_serves_on(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what follows from it."""

    async def fails(_config: dict[str, Any], _since: float) -> None:
        raise ConnectionError

    taken: list[Policy] = []
    fellows = Fellows(taken.append, fails)
    for policy in (OLD, NEW):
        fellows.brought(policy)
    await asyncio.sleep(0.01)
    assert [policy.version for policy in taken] == ["old", "new"]
    assert "from Ray Serve only" in caplog.text
