"""A request's account against a ledger in memory: what is held, what is shown, where it ends."""

import asyncio
from typing import Any

import pytest

from app.budget.account import Account
from app.budget.holding import WORD_S, Holder, Need
from app.config.budgets import SpendingPolicy
from app.domain import (
    Amounts,
    BudgetExceeded,
    Caller,
    Chunk,
    Grant,
    Limit,
    MicroUsd,
    Scope,
    ScopeStopped,
    Unit,
    Usage,
)
from app.errors import AnswerStopped, BudgetRefused, SpendingStopped, StoreUnavailable
from tests.fakes import FakeBudgetLedger

CALLER = Caller("acme", feature="faq")
SPENDING = SpendingPolicy(first_stretch=8, longest_stretch=32, wait_for_store_s=0.3, wait_for_held_s=0.3)


def limit(amount: int, unit: Unit = Unit.TOKENS) -> Limit:
    return Limit(Scope("acme"), unit, amount)


def price(put_in: int, put_out: int) -> MicroUsd:
    return MicroUsd(put_in + 2 * put_out)


def need(output: int = 100, **options: Any) -> Need:
    return Need(10, output, price, **options)


class Bench:
    """An account, its ledger, and what its ended attempts cost."""

    def __init__(self, *limits: Limit, spending: SpendingPolicy = SPENDING) -> None:
        self.ledger = FakeBudgetLedger()
        self.limits = list(limits)
        self.spent = Amounts()
        self.shown = 0
        holder = Holder("r", CALLER, spending, lambda: self.limits, lambda: self.spent)
        self.account = Account(self.ledger, holder)

    async def stream(self, tokens: int, *, batch: int = 1, told_input: int = 0) -> int:
        """Pass `tokens` one by one in batches; how many came through."""
        before = self.shown
        for begin in range(0, tokens, batch):
            chunks = [chunk(at + 1, told_input) for at in range(begin, min(begin + batch, tokens))]
            async for part in self.account.passed(chunks):
                self.shown += len(part)
            await asyncio.sleep(0)
        return self.shown - before


def chunk(output: int, told_input: int = 0) -> Chunk:
    usage = {"prompt_tokens": told_input, "completion_tokens": output} if told_input else None
    return {"choices": [{"index": 0, "delta": {"content": "x"}}], **({"usage": usage} if usage else {})}


async def test_admission_holds_the_input_and_one_stretch() -> None:
    """Not the worst case: 10 + 8 tokens of 110."""
    bench = Bench(limit(1000))
    assert await bench.account.open(need()) is None
    assert bench.ledger.held == Amounts(10, 8, MicroUsd(26), 1, 1)


async def test_the_hold_grows_ahead_of_need_by_stretches_that_double() -> None:
    """Half a stretch before its end the next is held: 8, then 16 more, then 32."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    await bench.stream(3)
    assert bench.ledger.held.output_tokens == 8
    await bench.stream(4)
    assert bench.ledger.held.output_tokens == 8 + 16
    await bench.stream(16)
    assert bench.ledger.held.output_tokens == 8 + 16 + 32
    assert await bench.stream(77) == 77
    assert bench.ledger.held.output_tokens == 100


@pytest.mark.parametrize("batch", [1, 7, 64])
async def test_an_answer_ends_at_the_last_token_that_fits(batch: int) -> None:
    """All that is left is used, and not one more is shown, however the chunks come."""
    bench = Bench(limit(10 + 37))
    await bench.account.open(need())
    with pytest.raises(AnswerStopped) as caught:
        await bench.stream(100, batch=batch)
    assert bench.shown == 37
    assert isinstance(caught.value.why, BudgetRefused)
    assert bench.account.granted == 37


async def test_an_engine_that_ignores_its_maximum_is_ended() -> None:
    """A hundred were asked for, and held."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    with pytest.raises(AnswerStopped, match="beyond its maximum"):
        await bench.stream(200)


async def test_money_ends_an_answer_at_the_last_token_that_it_buys() -> None:
    """10 for the input, 2 for each token: 55 micro-dollars buy 22."""
    bench = Bench(limit(55, Unit.MICRO_USD))
    await bench.account.open(need())
    with pytest.raises(AnswerStopped):
        await bench.stream(100)
    assert bench.account.granted == 22


async def test_what_does_not_fit_at_all_is_refused_and_changes_nothing() -> None:
    """Ten tokens are the input alone."""
    bench = Bench(limit(10))
    refusal = await bench.account.open(need())
    assert isinstance(refusal, BudgetExceeded)
    assert bench.ledger.held == Amounts()
    await bench.account.settle(Amounts())
    assert bench.ledger.settled == []


async def test_an_answer_that_cannot_grow_is_held_whole_or_refused() -> None:
    """Ten and a hundred, or nothing."""
    assert isinstance(await Bench(limit(109)).account.open(need(whole=True)), BudgetExceeded)
    bench = Bench(limit(110))
    assert await bench.account.open(need(whole=True)) is None
    assert bench.ledger.held.tokens == 110


async def test_input_held_in_vain_is_given_back_with_the_first_chunk() -> None:
    """The bound was 10,000; the engine says 12."""
    bench = Bench(limit(20_000))
    await bench.account.open(Need(10_000, 100, price))
    await bench.stream(1, told_input=12)
    await asyncio.sleep(0)
    assert bench.ledger.held.input_tokens == 12


async def test_attempts_share_the_account() -> None:
    """What a first attempt spent stays held when the next begins, at the next one's price."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    await bench.account.cover(price, stream=True)
    await bench.stream(5)
    bench.spent = Amounts(10, 5, MicroUsd(20))
    await bench.account.cover(lambda put_in, put_out: MicroUsd(10 * (put_in + put_out)), stream=True)
    assert bench.ledger.held.input_tokens == 20
    assert bench.ledger.held.output_tokens >= 5 + 8
    assert bench.ledger.held.micro_usd >= 20 + 10 * 18


async def test_an_attempt_that_is_not_covered_is_not_made() -> None:
    """The first attempt timed out and cost its input: no second one fits."""
    bench = Bench(limit(20))
    await bench.account.open(need())
    bench.spent = Amounts(10, 0, MicroUsd(10))
    with pytest.raises(BudgetRefused):
        await bench.account.cover(price, stream=True)


async def test_a_stop_is_heard_at_the_next_extension_and_at_a_recheck() -> None:
    """The kill switch."""
    bench = Bench()
    await bench.account.open(need())
    assert await bench.account.recheck() is None
    bench.ledger.stopped = ScopeStopped(Scope("acme"), "runaway")
    assert await bench.account.recheck() == bench.ledger.stopped
    with pytest.raises(AnswerStopped) as caught:
        await bench.stream(100)
    assert isinstance(caught.value.why, SpendingStopped)
    assert bench.account.granted == 8


async def test_a_lowered_limit_is_seen_by_a_recheck() -> None:
    """What is held is more than what is allowed now."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.limits = [limit(5)]
    assert isinstance(await bench.account.recheck(), BudgetExceeded)


async def test_an_answer_waits_a_moment_for_what_others_hold() -> None:
    """They give most of it back. Where they do not, it ends with what it has."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.ledger.others, bench.ledger.patience = 990, 2
    assert await bench.stream(50) == 50
    bench.ledger.others, bench.ledger.patience = 990, 1000
    with pytest.raises(AnswerStopped) as caught:
        await bench.stream(50)
    assert isinstance(caught.value.why, BudgetRefused)


async def test_a_store_that_comes_back_in_time_ends_nothing() -> None:
    """An extension that failed is asked for again before the grant is used up."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.ledger.faults = 2
    assert await bench.stream(50) == 50


async def test_a_store_that_stays_away_ends_the_answer_with_what_was_granted() -> None:
    """Nothing is shown that was not granted."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.ledger.faults = 1000
    with pytest.raises(AnswerStopped) as caught:
        await bench.stream(50)
    assert isinstance(caught.value.why, StoreUnavailable)
    assert bench.account.granted == 8


async def test_settling_books_what_was_spent_and_never_more_than_was_held() -> None:
    """An engine that lies about its tokens overspends nothing."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    await bench.account.settle(Amounts(10, 500, MicroUsd(5000), 1))
    assert bench.ledger.settled == [Amounts(10, 8, MicroUsd(26), 1)]


async def test_an_answer_that_ends_with_its_last_granted_token_is_whole() -> None:
    """Nothing more is asked for, and nothing was stopped: the engine says that it is done."""
    bench = Bench(limit(10 + 8))
    await bench.account.open(need())
    last = chunk(8)
    last["choices"][0]["finish_reason"] = "stop"
    shown = [part async for part in bench.account.passed([*map(chunk, range(1, 8)), last])]
    assert sum(map(len, shown)) == 8


async def test_several_choices_share_a_stretch_for_each() -> None:
    """Three answers of up to 100 tokens: 24 to begin with, at least one for each."""
    bench = Bench(limit(1000))
    await bench.account.open(need(300, choices=3))
    assert bench.ledger.held.output_tokens == 24
    assert isinstance(await Bench(limit(12)).account.open(need(300, choices=3)), BudgetExceeded)


async def test_choices_that_go_on_side_by_side_leave_no_odd_token() -> None:
    """Of two, neither could make it alone: its engine waited for a second one, and nobody asked."""
    bench = Bench(limit(10 + 16 + 3))
    await bench.account.open(need(200, choices=2))
    bench.account.lend()
    pair: list[Chunk] = [{"choices": [{"index": index, "delta": {"content": "x"}}]} for index in (0, 1)]
    shown: list[Chunk] = []

    async def stream() -> None:
        while len(shown) < 100:
            async for part in bench.account.passed(pair):
                shown.extend(part)
            await asyncio.sleep(0)

    with pytest.raises(AnswerStopped) as stopped:
        await stream()
    assert isinstance(stopped.value.why, BudgetRefused)
    assert (len(shown), bench.ledger.held.output_tokens) == (16 + 2, 16 + 2)


async def test_choices_of_an_engine_that_obeys_no_grant_use_the_odd_token_too() -> None:
    """An upstream over HTTP: one of them may be ahead of the other."""
    bench = Bench(limit(10 + 16 + 3))
    await bench.account.open(need(200, choices=2))
    bench.account.lend(fused=False)
    with pytest.raises(AnswerStopped):
        await bench.stream(100)
    assert (bench.shown, bench.ledger.held.output_tokens) == (16 + 3, 16 + 3)


async def test_one_that_goes_on_alone_is_asked_for_alone() -> None:
    """The other has ended: nothing is odd any more."""
    bench = Bench(limit(10 + 16 + 3))
    await bench.account.open(need(200, choices=2))
    bench.account.lend()
    ended: Chunk = {"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}]}
    shown = [part async for part in bench.account.passed([ended, *map(chunk, range(1, 8))])]
    assert sum(map(len, shown)) == 8
    with pytest.raises(AnswerStopped):
        await bench.stream(20)
    assert bench.ledger.held.output_tokens == 16 + 3


async def test_input_of_one_prompt_with_several_answers_is_corrected_too() -> None:
    """The engine says what it read: hundreds of tokens beyond that were kept from others until the end."""
    bench = Bench(limit(1000))
    await bench.account.open(need(300, choices=3))
    await bench.stream(20, told_input=4)
    assert bench.ledger.held.input_tokens == 4
    other = Bench(limit(1000))
    await other.account.open(need(300, choices=3, prompts=3))
    await other.stream(20, told_input=4)
    assert other.ledger.held.input_tokens == 10


async def test_an_engine_is_lent_what_it_may_use_as_it_begins() -> None:
    """Of the attempt alone, though all is granted; nothing where it cannot be cut, or nothing limits it."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    patience_s = 0.6 + WORD_S
    assert bench.account.lend() == Grant("r", "acme", 0, 8, 100, 1, 1, patience_s)
    bench.spent = Amounts(10, 5, MicroUsd(20))
    await bench.account.open(need(choices=2))
    await bench.account.cover(price, stream=True)
    assert bench.account.lend() == Grant("r", "acme", 5, 16, 100, 2, 2, patience_s)
    await bench.account.open(need(6))
    assert bench.account.lend() == Grant("r", "acme", 5, 6, 6, 1, 3, patience_s)
    await bench.account.open(need(whole=True))
    assert bench.account.lend() is None
    free = Bench()
    await free.account.open(need())
    assert free.account.lend() is None


async def test_who_counts_no_tokens_is_not_waited_for() -> None:
    """An upstream over HTTP, or an answer that comes whole: nobody there says what was made."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    async with asyncio.timeout(0.1):
        bench.account.lend(fused=False)
        assert await bench.account.made() is None
        await bench.account.open(need(whole=True))
        bench.account.lend()
        assert await bench.account.made() is None


async def test_an_answer_that_breaks_off_at_its_fuse_says_why() -> None:
    """Refused where no more fits; else the engine did not hear of its grant. Without a fuse it is none of ours."""
    bench = Bench(limit(10 + 20))
    await bench.account.open(need())
    await bench.account.broke_off()
    bench.account.lend()
    with pytest.raises(AnswerStopped) as late:
        await bench.account.broke_off()
    assert isinstance(late.value.why, StoreUnavailable)
    with pytest.raises(AnswerStopped) as refused:
        await bench.account.broke_off()
    assert isinstance(refused.value.why, BudgetRefused)


@pytest.mark.parametrize(
    ("seen", "word", "booked"),
    [
        pytest.param(2, 6, (10 + 5, 6 + 3), id="the engine's word came too late for the record"),
        pytest.param(2, None, (10 + 5, 8 + 3), id="no word: it may have made all that it was granted"),
        pytest.param(None, 6, (10 + 5, 2 + 3), id="the record is final"),
    ],
)
async def test_an_attempt_that_another_outran_is_paid_in_full(
    seen: int | None, word: int | None, booked: tuple[int, int]
) -> None:
    """It holds no more than that at once, and what follows it on the same account adds to it, nothing twice."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.account.lend()
    if word is not None:
        bench.ledger.told[1] = word
    bench.spent = Amounts(10, 2, MicroUsd(14))
    await bench.account.rest(seen)
    assert bench.ledger.held == Amounts(10, booked[1] - 3, price(10, booked[1] - 3), 1, 1)
    await bench.account.open(need())
    bench.account.lend()
    assert bench.ledger.held.output_tokens == booked[1] - 3 + 8
    bench.spent = Amounts(15, 5, price(15, 5))
    await bench.account.settle(bench.spent)
    assert bench.ledger.settled == [Amounts(*booked, price(*booked))]


async def test_an_engine_that_let_go_while_others_held_the_rest_was_kept_out_by_the_limit() -> None:
    """What they give back comes too late for it. The next attempt's end is a matter of its own."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.account.lend()
    bench.ledger.others, bench.ledger.patience = 982, 2
    assert await bench.stream(9) == 9
    with pytest.raises(AnswerStopped) as late:
        await bench.account.broke_off()
    assert isinstance(late.value.why, BudgetRefused)
    bench.account.lend()
    with pytest.raises(AnswerStopped) as deaf:
        await bench.account.broke_off()
    assert isinstance(deaf.value.why, StoreUnavailable)


async def test_what_is_risked_is_all_that_is_held_for_the_answer() -> None:
    """And nothing where nobody limits it: an engine that dies cannot be asked what it made."""
    bench, free = Bench(limit(1000)), Bench()
    for each in (bench, free):
        await each.account.open(need())
    assert (bench.account.risked, free.account.risked) == (Usage(10, 0, 8), Usage())


@pytest.mark.parametrize("certain", [True, False])
async def test_an_extension_that_nobody_heard_of_leaves_a_doubt(certain: bool) -> None:
    """The store may have granted it, and the engine made it: only the engine's own word ends that."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.ledger.faults = 1000
    with pytest.raises(AnswerStopped):
        await bench.stream(20)
    bench.ledger.faults = 0
    await bench.account.settle(Amounts(10, 8), certain=certain)
    assert (bench.ledger.settled, bench.ledger.doubtful) == ([Amounts(10, 8)], not certain)


@pytest.mark.parametrize("made", [7, 8, 9])
async def test_an_engine_that_made_what_was_counted_ends_the_doubt(made: int) -> None:
    """It was cut off and says so: what nobody heard of, it did not use. Any other number leaves the doubt."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.account.lend()
    bench.ledger.faults, bench.ledger.told = 1000, {1: made}
    with pytest.raises(AnswerStopped):
        await bench.stream(8)
    await bench.account.settle(Amounts(10, 8), certain=False)
    assert bench.ledger.doubtful == (made != 8)


@pytest.mark.parametrize(
    ("told", "spent"), [({1: 8}, Amounts(10, 8, MicroUsd(6))), ({1: 3}, Amounts(10, 5)), ({}, Amounts(10, 5))]
)
async def test_what_an_engine_says_after_its_answer_was_stopped_is_booked(told: dict[int, int], spent: Amounts) -> None:
    """Its client did not wait for it: the books do, and take all that is held where it says nothing."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.account.lend()
    bench.ledger.told = told
    await bench.account.settle(Amounts(10, 5), certain=False, seen=5)
    assert (bench.ledger.settled, bench.ledger.doubtful) == ([spent], not told)


async def test_an_engine_that_never_says_what_it_made_is_not_waited_for() -> None:
    """An upstream over HTTP: what was seen is what is known."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.account.lend(fused=False)
    async with asyncio.timeout(0.1):
        await bench.account.settle(Amounts(10, 5), certain=False, seen=5)
    assert (bench.ledger.settled, bench.ledger.doubtful) == ([Amounts(10, 5)], False)


async def test_a_later_answer_of_the_store_ends_the_doubt() -> None:
    """What it says is held, is."""
    bench = Bench(limit(1000))
    await bench.account.open(need())
    bench.ledger.faults = 1
    await bench.stream(20)
    await bench.account.settle(Amounts(10, 20), certain=False)
    assert not bench.ledger.doubtful


async def test_who_waited_for_others_waits_for_a_store_too() -> None:
    """A time-out at the end of a long wait for what others hold ends nothing: the store has a time of its own."""
    patient = SPENDING.model_copy(update={"wait_for_store_s": 1.0, "wait_for_held_s": 1.0})
    bench = Bench(limit(60), spending=patient)
    await bench.account.open(need())
    bench.ledger.others, bench.ledger.patience = 50, 1_000
    waiting = asyncio.ensure_future(bench.stream(20))
    await asyncio.sleep(1.1)  # its tries are at 0, 0.1, 0.3, 0.7 and 1.5 s
    bench.ledger.others, bench.ledger.faults = 0, 1
    assert await waiting == 20
