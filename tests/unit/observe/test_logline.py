"""One line per request, readable, without prompt text and not to be forged."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from app.domain import Caller, MicroUsd, Usage
from app.journey import Journey
from app.observe.logline import dollars

if TYPE_CHECKING:
    from tests.unit.observe.conftest import Bench


def test_the_line_of_an_answered_request(dark_bench: "Bench", journey: Journey) -> None:
    """Everything one wants to grep for; the trace id is the caller's even when no spans are sent."""
    with dark_bench.telemetry.request(journey, dark_bench.pricing.cost) as observed:
        journey.cache = "miss"
        with observed.attempt("small", "small/vllm", "smollm") as record:
            dark_bench.clock.now += 0.25
            observed.first_chunk()
            dark_bench.clock.now += 1.0
            observed.first_chunk()
            record.usage = Usage(100, 40, 11)
    assert dark_bench.log.lines == [
        "id=req-1 tenant=acme feature=triage tier=small cache=miss in=100 cached=40 out=11 cost_usd=0.000102 "
        "ms=1250.0 first_token_ms=250.0 outcome=success trace=0af7651916cd43dd8448eb211c80319c"
    ]


def test_no_line_has_text_of_the_prompt(dark_bench: "Bench", journey: Journey) -> None:
    """Not even when the exception's message quotes it."""
    with pytest.raises(ValueError, match="secret"), dark_bench.telemetry.request(journey, dark_bench.pricing.cost):
        raise ValueError("the secret prompt")
    assert "secret" not in dark_bench.log.lines[0]
    assert "outcome=failed cause=internal_error" in dark_bench.log.lines[0]


def test_a_hostile_name_forges_neither_a_field_nor_a_line(
    dark_bench: "Bench", journey_of: Callable[[Caller], Journey]
) -> None:
    """It is quoted, escaped and cut."""
    hostile = Caller(tenant="a tier=large\nid=x", feature="\ud800" + "f" * 10_000)
    with dark_bench.telemetry.request(journey_of(hostile), dark_bench.pricing.cost):
        pass
    line = dark_bench.log.lines[0]
    assert r'tenant="a tier=large\nid=x"' in line
    assert "\n" not in line
    assert len(line) < 400


@pytest.mark.parametrize(("cost", "text"), [(0, "0.000000"), (1, "0.000001"), (12_345_678, "12.345678")])
def test_dollars_are_exact(cost: int, text: str) -> None:
    """Six decimals of integer arithmetic."""
    assert dollars(MicroUsd(cost)) == text
