"""Which price holds when, and for whom."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from app.config.gateway import EchoBackend, OpenAIBackend, TierSpec
from app.config.policy import Policy
from app.config.prices import moment
from app.cost.price_list import PriceList
from app.domain import Lane, Usage
from app.errors import ConfigError

UPSTREAM = OpenAIBackend(kind="openai", base_url="http://127.0.0.1:1/v1", model="m")
MILLION = Usage(1_000_000, 0, 0)


def tier(*backends: EchoBackend | OpenAIBackend, context_tokens: int = 2048) -> TierSpec:
    own = backends or (EchoBackend(kind="echo"),)
    return TierSpec(name="small", model="m", context_tokens=context_tokens, max_output_tokens=8, backends=own)


def listed(prices: Any, now: Callable[[], float] = lambda: 1.8e9, spec: TierSpec | None = None) -> PriceList:
    policy = Policy.model_validate({"prices": {"small": prices}})
    return PriceList(policy.prices, [spec or tier()], now=now)


def cost(found: PriceList, lane: Lane = Lane.INTERACTIVE, usage: Usage = MILLION) -> int:
    return found.sheet(lane).cost("small", "small/echo", usage)


def version(found: PriceList, lane: Lane = Lane.INTERACTIVE) -> str:
    return found.sheet(lane).version("small", "small/echo")


DATED = [
    {"input": "2", "output": "2"},
    {"from": "2026-12-01", "input": "1", "output": "1"},
    {"from": "2027-01-01T06:00:00+00:00", "input": "3", "output": "3"},
]


@pytest.mark.parametrize(
    ("at", "dollars"),
    [
        ("2026-11-30T23:59:59", 2),
        ("2026-12-01", 1),
        ("2027-01-01T05:59:59", 1),
        ("2027-01-01T06:00:00", 3),
        ("2030-01-01", 3),
    ],
)
def test_a_price_holds_from_its_date_to_the_next(at: str, dollars: int) -> None:
    """In whatever order they are written."""
    for prices in (DATED, DATED[::-1]):
        assert cost(listed(prices, lambda: moment(at))) == dollars * 1_000_000


def test_a_clock_that_goes_back_finds_the_old_price_again() -> None:
    """Nothing is remembered of the time."""
    times = [moment(at) for at in ("2027-02-01", "2026-12-02", "2026-11-01", "2027-02-01")]
    now = [times[0]]
    found = listed(DATED, lambda: now[0])
    told = []
    for now[0] in times:
        told.append(cost(found) // 1_000_000)
    assert told == [3, 1, 2, 3]


def test_a_journey_keeps_the_sheet_of_its_beginning() -> None:
    """A sheet does not change with the time."""
    now = [moment("2026-11-30")]
    found = listed(DATED, lambda: now[0])
    before = found.sheet()
    now[0] = moment("2026-12-01")
    assert before.cost("small", "small/echo", MILLION) == 2_000_000
    assert cost(found) == 1_000_000


def test_a_price_that_is_not_in_force_yet_is_none() -> None:
    """An unknown price is an error at start-up."""
    with pytest.raises(ConfigError, match="prices: none for small/echo"):
        listed(DATED[1:], lambda: moment("2026-11-30"))


def test_versions_tell_the_date_and_the_numbers() -> None:
    """Equal numbers have equal hashes, however they are written; other numbers another."""
    plain = version(listed({"input": "1", "output": "2"}))
    assert plain == version(listed({"input": "1.0", "output": "2.00", "cached_input": "1"}))
    assert len(plain) == 8
    assert plain != version(listed({"input": "1", "output": "2.1"}))
    assert version(listed({"from": "2026-01-01", "input": "1", "output": "2"})) == f"2026-01-01.{plain}"


def test_the_lane_batch_pays_its_share() -> None:
    """Of all three prices; without one it pays like everybody."""
    found = listed({"input": "2", "output": "8", "cached_input": "1", "batch": "0.5"})
    usage = Usage(1_000_000, 400_000, 100_000)
    assert cost(found, usage=usage) == 2_400_000
    assert cost(found, Lane.BATCH, usage) == 1_200_000
    assert version(found) != version(found, Lane.BATCH)
    same = listed({"input": "2", "output": "8"})
    assert cost(same, Lane.BATCH) == cost(same)


def test_own_gpus_are_priced_by_their_rates() -> None:
    """$3.60 an hour at 10,000 input tokens a second."""
    assert cost(listed({"gpu_usd_per_hour": "3.6", "input_tokens_per_s": 10000, "output_tokens_per_s": 500})) == 100_000


def test_listed_models_have_the_lists_prices() -> None:
    """Of the package, which is named in the version; $2, $0.50 and $8 for gpt-4.1."""
    pytest.importorskip("genai_prices")
    found = listed({"upstream": "openai/gpt-4.1"})
    sheet = found.sheet()
    assert cost(found, usage=Usage(1_000_000, 0, 1_000_000)) == 10_000_000
    assert cost(found, usage=Usage(1_000_000, 1_000_000, 0)) == 500_000
    assert sheet.per_million(tier()) == Decimal("3.5")
    assert version(found).startswith("genai-prices-0.2.3.")


def test_a_listed_price_changes_on_its_day() -> None:
    """o3 went from $10 to $2 on 2025-06-10."""
    pytest.importorskip("genai_prices")
    assert cost(listed({"upstream": "openai/o3"}, lambda: moment("2025-06-09"))) == 10_000_000
    assert cost(listed({"upstream": "openai/o3"}, lambda: moment("2025-06-10"))) == 2_000_000


@pytest.mark.parametrize(
    ("upstream", "message"),
    [
        ("openai/gpt-none", "does not know openai/gpt-none"),
        ("nobody/gpt-4.1", "does not know nobody/gpt-4.1"),
        ("google/gemini-2.5-pro", "depends on the length, from 200,000 tokens on"),
        ("deepseek/deepseek-chat", "depends on the hour"),
        ("openai/whisper-1", "tells no price per token"),
    ],
)
def test_what_the_list_does_not_tell_is_an_error_at_start_up(upstream: str, message: str) -> None:
    """Never zero, never a guess."""
    pytest.importorskip("genai_prices")
    with pytest.raises(ConfigError, match=message):
        listed({"upstream": upstream}, spec=tier(context_tokens=1_000_000))


def test_a_short_context_needs_no_price_of_long_ones() -> None:
    """The tier's context stays below the step."""
    pytest.importorskip("genai_prices")
    found = listed({"upstream": "google/gemini-2.5-pro"}, spec=tier(context_tokens=100_000))
    assert cost(found) == 1_250_000
