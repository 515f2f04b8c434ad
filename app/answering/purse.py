"""An account, as the attempts that it pays see it."""

from dataclasses import dataclass

from app.budget.account import Account
from app.config.gateway import TierSpec
from app.cost.prices import PriceSheet
from app.domain import Usage


@dataclass(frozen=True, slots=True)
class AccountPurse:
    """The Purse of `app/tiers/purse.py` on an account; `stream` says how backends answer."""

    account: Account
    prices: PriceSheet
    stream: bool

    async def begin(self, spec: TierSpec, backend: str) -> None:
        """At the price of the very backend."""
        await self.account.cover(
            lambda put_in, put_out: self.prices.most(spec.name, backend, put_in, put_out), stream=self.stream
        )

    def most(self) -> int:
        """As granted by now."""
        return self.account.granted

    def risked(self) -> Usage:
        """All that is held for it."""
        return self.account.risked

    async def made(self, *, soon: bool = False) -> int | None:
        """As its engine's fuse says."""
        return await self.account.made(soon=soon)
