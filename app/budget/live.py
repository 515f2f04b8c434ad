"""The answers under way in one replica, so that they can be ended when nobody asks for more."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.budget.account import Account
from app.domain import BudgetExceeded, Caller, Limit, ScopeStopped
from app.errors import StoreUnavailable, refused
from app.tiers.patience import Patience

logger = logging.getLogger("leanserve.budget")

StoppedOf = Callable[[Caller], ScopeStopped | None]
"""What stops a caller."""
Overspent = Callable[[str, Sequence[Limit]], Awaitable[Sequence[BudgetExceeded]]]
"""Which limits of a tenant are beyond what they allow by what is spent alone. Raises `StoreUnavailable`."""
MANY = 8
"""Answers for which one question more is worth it."""

GRACE_S = 0.4
"""For a clean end. A client that does not read cannot be told anything: its connection is cut then."""


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    account: Account
    patience: Patience
    task: "asyncio.Task[object] | None"


class Live:
    """Use it on one event loop."""

    def __init__(self, overspent: Overspent | None = None, *, grace_s: float = GRACE_S) -> None:
        self._answers: set[_Answer] = set()
        self._overspent = overspent
        self._grace_s = grace_s

    def __len__(self) -> int:
        """How many answers are under way."""
        return len(self._answers)

    @asynccontextmanager
    async def watching(
        self, account: Account, patience: Patience, reader: "asyncio.Task[object] | None" = None
    ) -> AsyncGenerator[None, None]:
        """The block makes an answer on `account`; `patience.stop` is how it is ended.

        `reader` hands it to the client, and is cancelled where the client does not read: the present task without it.
        """
        answer = _Answer(account, patience, reader or asyncio.current_task())
        self._answers.add(answer)
        try:
            yield
        finally:
            self._answers.discard(answer)

    async def recheck(self, stopped_of: StoppedOf) -> None:
        """End the answers of stopped scopes, and those that the limits of now do not hold. Never raises."""
        answers = list(self._answers)
        over = await self._over(answers) if self._overspent and len(answers) >= MANY else {}
        found = await asyncio.gather(*(self._stopped(answer, stopped_of, over) for answer in answers))
        stopped = [answer for answer in found if answer]
        if stopped:
            await asyncio.sleep(self._grace_s)
        for answer in stopped:
            if answer in self._answers and answer.task:
                answer.task.cancel()

    async def _over(self, answers: Sequence[_Answer]) -> dict[Limit, BudgetExceeded]:
        """One question for each tenant, in the place of one for each answer: a limit is lowered for many at once."""
        assert self._overspent
        limits = defaultdict[str, dict[Limit, None]](dict)
        try:
            for holder in (answer.account.holder for answer in answers):
                limits[holder.caller.tenant].update(dict.fromkeys(holder.limits()))
            found = [await self._overspent(tenant, list(each)) for tenant, each in limits.items()]
        except StoreUnavailable:
            return {}
        except Exception:
            logger.exception("limits could not be checked together")
            return {}
        return {refusal.limit: refusal for each in found for refusal in each}

    async def _stopped(
        self, answer: _Answer, stopped_of: StoppedOf, over: Mapping[Limit, BudgetExceeded]
    ) -> _Answer | None:
        try:
            refusal = stopped_of(answer.account.holder.caller) or await answer.account.recheck(over)
        except StoreUnavailable:
            return None  # its next extension asks again
        except Exception:
            logger.exception("an answer under way could not be checked")
            return None
        if refusal is None:
            return None
        answer.patience.stop(refused(refusal))
        return answer
