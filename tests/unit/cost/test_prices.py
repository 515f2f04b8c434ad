"""Money is exact, rounded up once per attempt, and never zero by mistake."""

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.gateway import EchoBackend, OpenAIBackend, TierSpec
from app.config.prices import Price
from app.cost.prices import PriceSheet
from app.domain import Usage
from app.errors import ConfigError


def price(given_input: str, given_output: str, cached: str | None = None) -> Price:
    return Price(
        input=Decimal(given_input),
        output=Decimal(given_output),
        cached_input=None if cached is None else Decimal(cached),
    )


def tier(name: str, *backends: EchoBackend | OpenAIBackend) -> TierSpec:
    return TierSpec(
        name=name,
        model=f"model-{name}",
        context_tokens=2048,
        max_output_tokens=256,
        backends=backends or (EchoBackend(kind="echo"),),
    )


UPSTREAM = OpenAIBackend(kind="openai", base_url="http://127.0.0.1:1/v1", model="m")


def test_cost_adds_the_three_kinds_of_tokens_and_rounds_up_once() -> None:
    """80 × 0.15 + 20 × 0.075 + 10 × 0.6 = 19.5 micro-USD; one attempt costs 20."""
    sheet = PriceSheet({"small": price("0.15", "0.6", cached="0.075")})
    assert sheet.cost("small", "small/echo", Usage(100, 20, 10)) == 20


def test_a_whole_result_is_not_rounded_further_up() -> None:
    """What floats would turn into 3.0000000000000004 stays 3."""
    assert PriceSheet({"small": price("0.1", "0.2")}).cost("small", "small/echo", Usage(10, 0, 10)) == 3


def test_cached_tokens_cost_the_input_price_by_default() -> None:
    """No cached price means no discount."""
    sheet = PriceSheet({"small": price("2", "3")})
    assert sheet.cost("small", "small/echo", Usage(100, 90, 0)) == 200


def test_more_cached_than_input_tokens_do_not_lower_the_cost() -> None:
    """A misreporting engine is charged for its input at most and never below zero."""
    sheet = PriceSheet({"small": price("2", "3", cached="1")})
    assert sheet.cost("small", "small/echo", Usage(10, 50, 0)) == 10


def test_a_backends_own_price_goes_before_the_tiers() -> None:
    """`small/openai` has its price, `small/echo` the tier's."""
    sheet = PriceSheet({"small": price("1", "1"), "small/openai": price("5", "5")})
    assert sheet.cost("small", "small/openai", Usage(10, 0, 0)) == 50
    assert sheet.cost("small", "small/echo", Usage(10, 0, 0)) == 10


def test_a_price_of_zero_is_a_price() -> None:
    """Free by statement is allowed; free by omission is not."""
    sheet = PriceSheet({"small": price("0", "0")})
    sheet.check([tier("small")])
    assert sheet.cost("small", "small/echo", Usage(10, 0, 10)) == 0


def test_an_unknown_price_is_an_error_at_the_check_and_at_the_cost() -> None:
    """The message names every backend without a price."""
    sheet = PriceSheet({"small": price("1", "1")})
    with pytest.raises(ConfigError, match="large/echo, large/echo-2"):
        sheet.check([tier("small"), tier("large", EchoBackend(kind="echo"), EchoBackend(kind="echo"))])
    with pytest.raises(ConfigError):
        sheet.cost("large", "large/echo", Usage(1, 0, 1))


def test_a_misspelt_backend_price_is_an_error() -> None:
    """Otherwise the tier's price would quietly stand in for it."""
    with pytest.raises(ConfigError, match="small/opnai"):
        PriceSheet({"small": price("1", "1"), "small/opnai": price("5", "5")}).check([tier("small", UPSTREAM)])


def test_prices_by_backend_alone_are_enough() -> None:
    """A tier whose backends all have prices needs none itself."""
    PriceSheet({"small/openai": price("5", "5")}).check([tier("small", UPSTREAM)])


def test_the_worst_case_is_the_dearest_backend_of_all_candidates() -> None:
    """Which is dearest depends on the tokens: input-heavy and output-heavy requests differ."""
    tiers = [tier("small", EchoBackend(kind="echo"), UPSTREAM), tier("large")]
    sheet = PriceSheet({"small": price("1", "1"), "small/openai": price("9", "1"), "large": price("2", "8")})
    assert sheet.worst_case(tiers, 100, 1) == 901
    assert sheet.worst_case(tiers, 1, 100) == 802
    assert sheet.worst_case(tiers[1:], 100, 1) == 208


def test_a_tiers_price_is_that_of_the_backend_tried_first() -> None:
    """Three input tokens to one output token; the expected cost is that backend's, too."""
    sheet = PriceSheet({"small": price("2", "6"), "small/openai": price("1", "5")})
    both = tier("small", EchoBackend(kind="echo"), UPSTREAM)
    assert sheet.per_million(both) == Decimal(2)
    assert sheet.expected(both, 100, 10) == 150
    assert sheet.per_million(tier("small")) == Decimal(3)
    assert sheet.expected(tier("small"), 100, 10) == 260


amounts = st.decimals(min_value=0, max_value=1000, places=7)
counts = st.integers(min_value=0, max_value=10**7)


@given(amounts, amounts, amounts, counts, counts, counts)
def test_integers_agree_with_decimal_arithmetic(
    of_input: Decimal, of_cached: Decimal, of_output: Decimal, fresh: int, cached: int, output: int
) -> None:
    """The prepared integers are the textbook formula, and the worst case is never below the cost."""
    sheet = PriceSheet({"small": Price(input=of_input, cached_input=of_cached, output=of_output)})
    cost = sheet.cost("small", "small/echo", Usage(fresh + cached, cached, output))
    exact = fresh * of_input + cached * of_cached + output * of_output
    assert cost == int(exact.to_integral_value(ROUND_CEILING))
    assert cost <= sheet.worst_case([tier("small")], fresh + cached, output)


def test_the_blend_is_the_prices_own() -> None:
    """Three input tokens to one output token, for the order of attempts and for the router alike."""
    prices = {"small/openai": price("1", "4"), "small/openai-2": price("1.5", "2")}
    spec = tier("small", UPSTREAM, UPSTREAM)
    assert [each.blended for each in prices.values()] == [Decimal("1.75"), Decimal("1.625")]
    assert PriceSheet(prices).per_million(spec) == Decimal("1.625")
