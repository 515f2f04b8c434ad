"""What answering needs of a replica."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from app.budget.account import Account
from app.budget.live import Live
from app.budget.queue import ThrottleQueue
from app.errors import LeanServeError
from app.hedge.allowance import Allowance
from app.journey import Journey
from app.ports import Normalizer
from app.tiers.attempts import Attempts
from app.tiers.catalog import TierCatalog


@dataclass(frozen=True, slots=True)
class Means:
    """What answering needs of a replica, the same for all of its requests.

    `explained` puts what ended an answer into the words of the policy that did.
    """

    catalog: TierCatalog
    attempts: Attempts
    normalizer: Normalizer
    live: Live
    queue: ThrottleQueue
    explained: Callable[[LeanServeError, Journey], LeanServeError]


class Accounts(Protocol):
    """Opens accounts, and closes them."""

    def __call__(
        self, journey: Journey, *, requests: int = 1, hedge: bool = False
    ) -> AbstractAsyncContextManager[Account]:
        """As `Spending.account`."""
        ...


@dataclass(frozen=True, slots=True)
class Hedging:
    """What hedges need of a replica, the same for all of its requests."""

    accounts: Accounts
    allowance: Allowance = field(default_factory=Allowance)
