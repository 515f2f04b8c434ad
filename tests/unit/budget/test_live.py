"""Answers under way that are ended from outside: cleanly where they can be, at once where they cannot."""

import asyncio
from collections.abc import Awaitable, Sequence

from app.budget.account import Account
from app.budget.holding import Holder, Need
from app.budget.live import MANY, Live
from app.config.budgets import SpendingPolicy
from app.config.policy import AttemptPolicy
from app.domain import Amounts, BudgetExceeded, Caller, Limit, MicroUsd, Period, Scope, ScopeStopped, Window
from app.errors import AnswerStopped, SpendingStopped, StoreUnavailable
from app.tiers.patience import Patience
from tests.fakes import FakeBudgetLedger
from tests.fakes_backends import FakeClock
from tests.unit.budget.bench import limit

STOPPED = ScopeStopped(Scope("acme"), "runaway")


def nobody(_caller: Caller) -> ScopeStopped | None:
    """Nothing is stopped."""
    return None


class Answer:
    """One answer under way: it waits for an engine that says nothing, then, cut or ended, takes note of it."""

    def __init__(self, live: Live, tenant: str = "acme", limits: Sequence[Limit] = ()) -> None:
        self.ledger = FakeBudgetLedger()
        self.live = live
        self.ended = ""
        self.reading = asyncio.Event()
        holder = Holder("r", Caller(tenant), SpendingPolicy(), lambda: limits, Amounts)
        self.account = Account(self.ledger, holder)
        self.patience = Patience(AttemptPolicy(), FakeClock())

    async def open(self) -> None:
        need = Need(10, 100, lambda put_in, put_out: MicroUsd(put_in + put_out))
        assert await self.account.open(need) is None

    async def engine(self) -> None:
        """Wait for its next chunk."""
        await self._run(self._waiting())

    async def client(self) -> None:
        """Wait until the client has read."""
        await self._run(self.reading.wait())

    async def _waiting(self) -> None:
        async with self.patience.waiting("next"):
            await asyncio.Event().wait()

    async def _run(self, work: Awaitable[object]) -> None:
        await self.open()
        try:
            async with self.live.watching(self.account, self.patience):
                await work
            self.ended = "whole"
        except AnswerStopped as stopped:
            self.ended = stopped.why.code
        except asyncio.CancelledError:
            self.ended = "cut"
            raise


async def started(answer: Answer, *, reads: bool = True) -> "asyncio.Task[None]":
    task = asyncio.create_task(answer.engine() if reads else answer.client())
    while not len(answer.live):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    return task


async def test_an_answer_that_waits_for_its_engine_ends_cleanly() -> None:
    """It hears why, in the middle of its wait, and is not cut."""
    live = Live(grace_s=0.05)
    answer = Answer(live)
    task = await started(answer)
    answer.ledger.stopped = STOPPED
    await live.recheck(nobody)
    await task
    assert (answer.ended, len(live)) == ("scope_stopped", 0)


async def test_a_stop_that_is_known_needs_no_ledger() -> None:
    """What the watch has read is enough: a Redis that went away since lets nothing go on."""
    live = Live(grace_s=0.05)
    answer = Answer(live)
    task = await started(answer)
    answer.ledger.faults = 9
    await live.recheck(lambda caller: STOPPED if caller.tenant == "acme" else None)
    await task
    assert answer.ended == "scope_stopped"
    assert answer.ledger.faults == 9


async def test_who_does_not_read_is_cut_after_the_grace() -> None:
    """It cannot be told anything; and what is ended later waits for nothing more."""
    live = Live(grace_s=0.1)
    answer = Answer(live)
    task = await started(answer, reads=False)
    answer.ledger.stopped = STOPPED
    began = asyncio.get_running_loop().time()
    await live.recheck(nobody)
    await asyncio.gather(task, return_exceptions=True)
    assert asyncio.get_running_loop().time() - began >= 0.1
    assert (answer.ended, task.cancelled(), len(live)) == ("cut", True, 0)
    assert isinstance(answer.patience.stopped, SpendingStopped)


async def test_who_reads_within_the_grace_is_not_cut() -> None:
    """Its end is its own."""
    live = Live(grace_s=0.2)
    answer = Answer(live)
    task = await started(answer, reads=False)
    answer.ledger.stopped = STOPPED
    asyncio.get_running_loop().call_later(0.05, answer.reading.set)
    await live.recheck(nobody)
    await task
    assert answer.ended == "whole"


async def test_others_go_on() -> None:
    """Another tenant's answer, one whose budget cannot be asked, and one whose check fails by a bug of ours."""
    live = Live(grace_s=0.01)
    mine, other, away, odd = (Answer(live, tenant) for tenant in ("acme", "other", "away", "odd"))
    tasks = [await started(each) for each in (mine, other, away, odd)]
    mine.ledger.stopped = STOPPED
    away.ledger.faults = 1

    def stopped_of(caller: Caller) -> ScopeStopped | None:
        if caller.tenant == "odd":
            raise ZeroDivisionError
        return None

    await live.recheck(stopped_of)
    await asyncio.sleep(0.01)
    assert [each.ended for each in (mine, other, away, odd)] == ["scope_stopped", "", "", ""]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_many_in_an_overspent_limit_are_not_asked_for_one_by_one() -> None:
    """One question says of all that nothing fits; who is not bound by that limit goes on."""
    lowered, other = limit(500), limit(500, window=Window(Period.MINUTE))
    asked: list[tuple[str, Sequence[Limit]]] = []

    async def overspent(tenant: str, limits: Sequence[Limit]) -> list[BudgetExceeded]:
        asked.append((tenant, limits))
        return [BudgetExceeded(lowered, 0, 0, None)]

    live = Live(overspent, grace_s=0.01)
    bound = [Answer(live, limits=[other, lowered]) for _ in range(MANY)]
    free = Answer(live, limits=[other])
    tasks = [await started(each) for each in (*bound, free)]
    for each in bound:
        each.ledger.faults = 1
    await live.recheck(nobody)
    await asyncio.gather(*tasks[:-1])
    assert {(each.ended, each.ledger.faults) for each in bound} == {("budget_exceeded", 1)}
    assert (asked, free.ended) == ([("acme", [other, lowered])], "")
    tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_where_nobody_knows_what_is_overspent_each_is_asked_for() -> None:
    """The store is away for that one question, or something is wrong with it."""
    for fault in (StoreUnavailable("away"), ZeroDivisionError()):

        async def overspent(_tenant: str, _limits: Sequence[Limit], fault: Exception = fault) -> list[BudgetExceeded]:
            raise fault

        live = Live(overspent, grace_s=0.01)
        answers = [Answer(live) for _ in range(MANY)]
        tasks = [await started(each) for each in answers]
        for each in answers:
            each.ledger.stopped = STOPPED
        await live.recheck(nobody)
        await asyncio.gather(*tasks)
        assert {each.ended for each in answers} == {"scope_stopped"}


async def test_an_answer_that_holds_nothing_is_not_asked_for() -> None:
    """Before its grant there is nothing to check."""
    answer = Answer(Live())
    answer.ledger.stopped = STOPPED
    assert await answer.account.recheck() is None
