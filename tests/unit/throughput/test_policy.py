"""What was measured becomes a policy that can be put in force."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from app.config.policy import Policy
from app.config.prices import GpuPrice
from app.errors import ConfigError
from app.throughput.policy import policy_text, price_of, summary
from app.throughput.rates import Rates

RATES = Rates(10_000.04, 500.06, 80_000.0, 120, 1)


def price() -> GpuPrice:
    return price_of(RATES, Decimal("3.6"), Decimal(1), Decimal(1), "2026-12-01")


def test_rates_are_rounded_down_and_prices_follow() -> None:
    """A tenth of a token a second never makes a token cheaper than it was."""
    found = price()
    assert (found.input_tokens_per_s, found.output_tokens_per_s) == (Decimal("10000.0"), Decimal("500.0"))
    assert found.price().input == Decimal("0.1")
    assert summary(RATES, found)[1] == "input:  10,000.0 tokens/s, $0.100000 per million"
    slow = price_of(Rates(0.01, 0.01, None, 1, 0), Decimal(1), Decimal(1), Decimal(1), "2026-12-01")
    assert slow.output_tokens_per_s == Decimal("0.1")


def test_the_text_is_a_policy_with_its_evidence() -> None:
    """Comments say what was found; the rest is read back as it was written."""
    text = policy_text("small", price(), ["120 answers"], None)
    assert "# 120 answers\n" in text
    (found,) = Policy.model_validate(yaml.safe_load(text)).prices.values()
    assert found == (price(),)


def test_earlier_prices_stay(tmp_path: Path) -> None:
    """What was spent at them was spent at them; one of the same date is replaced."""
    base = tmp_path / "policy.yaml"
    base.write_text("prices: {small: {input: 1, output: 2}, large: {input: 3, output: 4}}\nversion: 8\n")
    once = policy_text("small", price(), [], base)
    base.write_text(once)
    twice = yaml.safe_load(policy_text("small", price(), [], base))
    assert twice == yaml.safe_load(once)
    assert twice["version"] == 8
    assert twice["prices"]["small"][0] == {"input": 1, "output": 2}
    assert twice["prices"]["small"][1]["from"] == "2026-12-01"
    assert len(twice["prices"]["small"]) == 2


def test_a_base_that_is_no_policy_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    base = tmp_path / "policy.yaml"
    base.write_text("prices: {small: {input: x, output: 2}}")
    with pytest.raises(ConfigError, match=r"prices\.small\.input"):
        policy_text("small", price(), [], base)
