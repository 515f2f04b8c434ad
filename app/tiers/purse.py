"""Who pays for attempts, as they see it."""

from typing import Protocol

from app.config.gateway import TierSpec
from app.domain import Usage

UNLIMITED = 2**53 - 1


class Purse(Protocol):
    """Covers one attempt after another."""

    async def begin(self, spec: TierSpec, backend: str) -> None:
        """An attempt at `backend` of the tier is about to be made. Raises `LeanServeError` where it is not covered."""
        ...

    def most(self) -> int:
        """The output tokens, of all choices together, that the present attempt may spend as granted by now."""
        ...

    def risked(self) -> Usage:
        """The most that the present attempt may have made by now where nobody can say; nothing where nobody counts."""
        ...

    async def made(self, *, soon: bool = False) -> int | None:
        """Output tokens that the engine of the present attempt, cut off, says it made; None where nobody says.

        `soon`: a client waits for it.
        """
        ...


class DeepPurse:
    """A Purse that never ends, for what is not limited."""

    async def begin(self, spec: TierSpec, backend: str) -> None:
        """Covered."""

    def most(self) -> int:
        """More than any answer."""
        return UNLIMITED

    def risked(self) -> Usage:
        """What was seen is all that is known."""
        return Usage()

    async def made(self, *, soon: bool = False) -> int | None:
        """What was seen is all that is known."""
        return None
