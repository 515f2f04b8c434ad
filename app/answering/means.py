"""What answering needs of a replica."""

from collections.abc import Callable
from dataclasses import dataclass

from app.budget.live import Live
from app.budget.queue import ThrottleQueue
from app.errors import LeanServeError
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
