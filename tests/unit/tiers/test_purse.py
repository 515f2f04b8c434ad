"""What attempts cost, and who covers them."""

import asyncio

import pytest

from app.config.gateway import TierSpec
from app.config.policy import AttemptPolicy
from app.domain import Usage
from app.errors import AnswerStopped, BackendLost, BackendUnreachable, StoreUnavailable
from app.journey import AttemptRecord
from app.tiers.attempts import Attempts
from tests.fakes_backends import ScriptedBackend, Step, calls, journey, observer, text, tier

QUICK = AttemptPolicy(first_token_timeout_s=0.02)
GONE = BackendUnreachable("gone")


def forever() -> object:
    return asyncio.sleep(3600)


def backend(name: str, *script: Step) -> ScriptedBackend:
    return ScriptedBackend(name, [script])


async def test_an_attempt_that_timed_out_pays_what_was_sent() -> None:
    """Its engine has read the input, though it said nothing: the second attempt's is paid beside it."""
    frozen, good = backend("small/a", forever), backend("small/b", [text("ok")])
    records: list[AttemptRecord] = []
    run_ = Attempts([tier("small", frozen, good)]).run(
        journey("small", attempts=QUICK), calls(input_tokens=40), observer(records)
    )
    assert [batch async for batch in run_] == [[text("ok")]]
    assert [record.usage for record in records] == [Usage(40, 0, 0), Usage(0, 0, 1)]


class Narrow:
    """A fake purse: it covers `covered` attempts, and grants two tokens to each."""

    def __init__(self, covered: int, says: int | None = 5) -> None:
        self.covered, self.says = covered, says
        self.asked: list[str] = []

    async def begin(self, spec: TierSpec, backend: str) -> None:
        self.asked.append(backend)
        if len(self.asked) > self.covered:
            raise StoreUnavailable("no")

    def most(self) -> int:
        return 2

    def risked(self) -> Usage:
        return Usage(40, 0, 2)

    async def made(self, *, soon: bool = False) -> int | None:
        return self.says


async def test_an_attempt_that_is_not_covered_is_not_made() -> None:
    """Each is asked for before it begins; without cover nobody else is tried, and no backend is to blame."""
    gone, other = backend("small/a", GONE), backend("small/b", [text("no")])
    purse, records = Narrow(1), list[AttemptRecord]()
    with pytest.raises(StoreUnavailable):
        await anext(
            Attempts([tier("small", gone, other)]).run(journey("small"), calls(), observer(records), purse=purse)
        )
    assert purse.asked == ["small/a", "small/b"]
    assert (len(gone.calls), other.calls) == (1, [])
    assert records[1].usage == Usage()


async def test_who_leaves_pays_what_the_engine_had_made_by_then() -> None:
    """What was under way to a client that left was made, though never shown; not more than was granted."""
    records: list[AttemptRecord] = []
    words = backend("small/a", *([text(word)] for word in "abcd"))
    run_ = Attempts([tier("small", words)]).run(journey("small"), calls(), observer(records), purse=Narrow(1))
    await anext(run_)
    await run_.aclose()
    assert (records[0].usage.output_tokens, records[0].cause) == (2, "client_left")
    assert not records[0].estimated


async def test_what_an_engine_does_not_say_is_told_as_an_estimate() -> None:
    """What the client saw is the least that it made, and what was sent is about what it read."""
    records: list[AttemptRecord] = []
    words = backend("small/a", *([text(word)] for word in "abcd"))
    silent, sent = Narrow(1, says=None), calls(input_tokens=40)
    run_ = Attempts([tier("small", words)]).run(journey("small"), sent, observer(records), purse=silent)
    await anext(run_)
    await run_.aclose()
    assert (records[0].usage, records[0].estimated) == (Usage(40, 0, 1), True)


@pytest.mark.parametrize(
    ("seen", "says", "tokens", "estimated"), [(1, None, 1, True), (1, 2, 2, False), (2, None, 2, False)]
)
async def test_an_answer_that_is_stopped_costs_what_its_engine_made(
    seen: int, says: int | None, tokens: int, estimated: bool
) -> None:
    """It may have been ahead of what came: it says so, unless it was held at a grant that was used up."""
    records: list[AttemptRecord] = []
    attempts = Attempts([tier("small", backend("small/a", *([text(word)] for word in "abcd")))])
    patience, limited = attempts.patience(AttemptPolicy()), Narrow(1, says)
    run_ = attempts.run(journey("small"), calls(), observer(records), patience=patience, purse=limited)
    for _ in range(seen):
        await anext(run_)
    patience.stop(StoreUnavailable("stopped"))
    with pytest.raises(AnswerStopped):
        await anext(run_)
    assert (records[0].usage.output_tokens, records[0].estimated) == (tokens, estimated)


class Slow(Narrow):
    """Its engine takes its time to say what it made."""

    async def made(self, *, soon: bool = False) -> int | None:
        await asyncio.sleep(0.05)
        return 2


async def test_who_is_cut_off_twice_hears_the_engine_all_the_same() -> None:
    """The client leaves, and then its connection is closed from the other side too."""
    records: list[AttemptRecord] = []
    words = backend("small/a", *([text(word)] for word in "abcd"))
    run_ = Attempts([tier("small", words)]).run(journey("small"), calls(), observer(records), purse=Slow(1))
    await anext(run_)
    leaving = asyncio.ensure_future(run_.aclose())
    await asyncio.sleep(0.01)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (records[0].usage.output_tokens, records[0].cause) == (2, "client_left")


async def test_what_an_engine_made_beyond_its_grant_is_not_paid() -> None:
    """Nobody was given it."""
    records: list[AttemptRecord] = []
    words = backend("small/a", *([text(word)] for word in "abcd"))
    run_ = Attempts([tier("small", words)]).run(journey("small"), calls(), observer(records), purse=Narrow(1))
    assert len([batch async for batch in run_]) == 4
    assert records[0].usage.output_tokens == 2


@pytest.mark.parametrize("shown", [0, 1])
async def test_a_backend_that_died_with_its_call_costs_all_that_it_was_granted(shown: int) -> None:
    """It may have made all of it, whatever came through; one that was never reached made nothing."""
    records: list[AttemptRecord] = []
    dying = backend("small/a", *([text("a")] for _ in range(shown)), BackendLost("dead"))
    run_ = Attempts([tier("small", backend("small/b", GONE), dying)]).run(
        journey("small"), calls(), observer(records), purse=Narrow(2)
    )
    with pytest.raises(BackendLost):
        [batch async for batch in run_]
    assert [record.usage for record in records] == [Usage(), Usage(40, 0, 2)]


async def test_without_limits_only_what_was_seen_of_a_dead_backend_is_told() -> None:
    """There is no grant to go by."""
    records: list[AttemptRecord] = []
    dying = backend("small/a", [text("a")], BackendLost("dead"))
    with pytest.raises(BackendLost):
        [batch async for batch in Attempts([tier("small", dying)]).run(journey("small"), calls(), observer(records))]
    assert records[0].usage == Usage(0, 0, 1)
