"""Prices are written as numbers, as a listed model, or as what GPUs cost, each with its date."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.config.policy import Policy
from app.config.prices import GpuPrice, ListedPrice, Price, moment

NUMBERS = {"input": "1", "output": "2"}
GPU = {"gpu_usd_per_hour": "3.6", "input_tokens_per_s": 10_000, "output_tokens_per_s": 500}


def read(price: Any) -> Any:
    return Policy.model_validate({"prices": {"small": price}}).prices["small"]


def test_the_fields_say_which_kind_it_is() -> None:
    """Numbers, a model of a provider's, one's own GPUs, or several of them."""
    assert isinstance(read(NUMBERS), Price)
    assert isinstance(read({"upstream": "openai/gpt-4.1"}), ListedPrice)
    assert isinstance(read(GPU), GpuPrice)
    several = read([NUMBERS, {"from": "2026-12-01", "upstream": "openai/gpt-4.1"}])
    assert [type(each) for each in several] == [Price, ListedPrice]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"input": "1"},
        {"upstream": "gpt-4.1"},
        {"upstream": "openai/gpt-4.1", "input": "1"},
        {**GPU, "output_tokens_per_s": 0},
        {**GPU, "busy": 0},
        {**NUMBERS, "batch": "1.5"},
        {**NUMBERS, "from": "soon"},
        {**NUMBERS, "from": 20261201},
        [],
        [NUMBERS, NUMBERS],
        [{**NUMBERS, "from": "2026-12-01"}, {**NUMBERS, "from": "2026-12-01T00:00:00Z"}],
    ],
)
def test_what_is_no_price_is_refused(wrong: Any) -> None:
    """Half a price, two kinds at once, no date, the same date twice."""
    with pytest.raises(ValidationError):
        read(wrong)


def test_tokens_on_own_gpus_cost_their_time() -> None:
    """$3.60 an hour is a tenth of a cent a second, for 10,000 input or 500 output tokens: $0.10 and $2 a million."""
    price = GpuPrice.model_validate(GPU).price()
    assert (price.input, price.output, price.cached_input) == (Decimal("0.1"), Decimal(2), None)
    half = GpuPrice.model_validate({**GPU, "gpus": 4, "busy": "0.5", "cached_input_tokens_per_s": 80_000}).price()
    assert (half.input, half.output, half.cached_input) == (Decimal("0.8"), Decimal(16), Decimal("0.1"))


def test_a_division_that_does_not_end_is_rounded_up() -> None:
    """In the sixth decimal of a dollar per million tokens."""
    price = GpuPrice.model_validate({**GPU, "gpu_usd_per_hour": "1", "output_tokens_per_s": 300}).price()
    assert price.output == Decimal("0.925926")


def test_dates_are_of_utc_unless_they_say_so() -> None:
    """Days begin at midnight there."""
    assert moment("1970-01-02") == 86_400
    assert moment("1970-01-02T00:00:00") == 86_400
    assert moment("1970-01-02T02:00:00+02:00") == 86_400
