"""What `/metrics` says, and that no client can make it grow without end."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain import Amounts, BudgetExceeded, CacheHit, Caller, Limit, MicroUsd, Scope, Unit, Usage
from app.errors import BudgetRefused
from app.journey import AttemptRecord, Journey
from app.observe.labels import Bounded
from app.observe.metrics import Metrics

if TYPE_CHECKING:
    from tests.unit.observe.conftest import Bench


def spend(bench: "Bench", journey: Journey) -> None:
    with bench.telemetry.request(journey, bench.pricing.cost) as observed:
        with observed.stage("route"):
            bench.clock.now += 0.004
        journey.cache = "miss"
        with observed.attempt("small", "small/vllm", "smollm") as record:
            observed.first_chunk()
            bench.clock.now += 0.5
            record.usage = Usage(100, 40, 11)


CALL = 'gen_ai_operation_name="chat",gen_ai_provider_name="vllm",gen_ai_request_model="smollm"'


def test_one_answered_request(bench: "Bench", journey: Journey) -> None:
    """Every family counts it once, under its labels, with the replica's name."""
    spend(bench, journey)
    lines = bench.metrics().splitlines()
    for expected in (
        'leanserve_requests_total{cache="miss",feature="triage",outcome="success",replica="r1",tier="small"} 1.0',
        'leanserve_cost_usd_total{feature="triage",replica="r1",tenant="acme",tier="small"} 0.000102',
        'leanserve_cache_lookups_total{replica="r1",result="miss"} 1.0',
        'leanserve_attempts_total{backend="small/vllm",cause="",outcome="success",replica="r1"} 1.0',
        f'gen_ai_client_token_usage_sum{{{CALL},gen_ai_token_type="input",replica="r1",tier="small"}} 100.0',
        f'gen_ai_client_token_usage_sum{{{CALL},gen_ai_token_type="output",replica="r1",tier="small"}} 11.0',
        f'gen_ai_client_operation_duration_seconds_count{{error_type="",{CALL},replica="r1",tier="small"}} 1.0',
        'leanserve_tokens_total{feature="triage",gen_ai_token_type="input",replica="r1",tenant="acme",tier="small"} '
        "100.0",
        'leanserve_cached_tokens_total{feature="triage",replica="r1",tenant="acme",tier="small"} 40.0',
        'leanserve_attempt_cost_usd_total{backend="small/vllm",cause="",outcome="success",replica="r1",tier="small"} '
        "0.000102",
        'gen_ai_server_time_per_output_token_seconds_sum{gen_ai_operation_name="chat",replica="r1",tier="small"} 0.05',
        'leanserve_stage_duration_seconds_bucket{le="0.005",replica="r1",stage="route"} 1.0',
        'leanserve_stage_duration_seconds_bucket{le="0.002",replica="r1",stage="route"} 0.0',
        'gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name="chat",replica="r1",tier="small"} 1.0',
    ):
        assert expected in [line.replace("0.00010200000000000001", "0.000102") for line in lines], expected
    assert "_created" not in bench.metrics()


def test_a_hit_counts_what_it_spared(bench: "Bench", journey: Journey) -> None:
    """What the answer had cost at first, less what the policy charged for it; a replay has no pace."""
    journey.hit = CacheHit("semantic", "e1", 0.97, 3.0, {}, Usage(5, 0, 5), "large", cost=MicroUsd(40))
    journey.cache, journey.charged = "semantic", Amounts(micro_usd=MicroUsd(10))
    with bench.telemetry.request(journey, bench.pricing.cost) as observed:
        observed.first_chunk()
    text, who = bench.metrics(), 'feature="triage",replica="r1"'
    assert f'leanserve_cache_saved_usd_total{{{who},result="semantic",tenant="acme"}} 3e-05' in text.replace(
        "2.9999999999999997e-05", "3e-05"
    )
    assert f'leanserve_hit_charges_usd_total{{{who},tenant="acme"}} 1e-05' in text
    assert "time_per_output_token_seconds_count{" not in text


def test_every_sample_names_its_replica(bench: "Bench", journey: Journey) -> None:
    """Replicas that are scraped behind one address stay apart; the text parses as Prometheus reads it."""
    spend(bench, journey)
    body, content_type = bench.telemetry.render()
    samples = [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]
    assert len(samples) > 20
    assert {sample.labels["replica"] for sample in samples} == {"r1"}
    assert content_type.startswith("text/plain; version=0.0.4")


def test_a_refusal_counts_under_its_scope(bench: "Bench", journey: Journey) -> None:
    """And as a failed request; nothing was called, so no attempt and no money."""
    limit = Limit(Scope("acme", (("feature", "triage"),)), Unit.TOKENS, 10)
    with pytest.raises(BudgetRefused), bench.telemetry.request(journey, bench.pricing.cost):
        raise BudgetRefused(BudgetExceeded(limit, 0, 5, 60.0))
    text = bench.metrics()
    assert 'leanserve_budget_refusals_total{replica="r1",scope="feature"} 1.0' in text
    assert 'error_type="budget_exceeded"' in text
    assert "leanserve_cost_usd_total{" not in text
    assert "leanserve_cache_lookups_total{" not in text


def test_an_attempt_without_usage_reports_no_tokens(bench: "Bench", journey: Journey) -> None:
    """An unknown count is not a count of zero."""
    with bench.telemetry.request(journey, bench.pricing.cost) as observed, observed.attempt("small", "b", "m"):
        pass
    assert "gen_ai_client_token_usage_count{" not in bench.metrics()
    assert "leanserve_attempts_total{" in bench.metrics()


def test_labels_are_bounded_and_totals_stay_right(dark_bench: "Bench", journey_of: Callable[[Caller], Journey]) -> None:
    """With room for two, later tenants and features count as `other`; known ones keep their name."""
    for number in (0, 1, 2, 3, 1):
        spend(dark_bench, journey_of(Caller(tenant=f"t{number}", feature=f"f{number}")))
    text = dark_bench.metrics()
    requests = 'leanserve_requests_total{{cache="miss",feature="{}",outcome="success",replica="r1",tier="small"}} {}'
    for feature, count in (("f0", "1.0"), ("f1", "2.0"), ("other", "2.0")):
        assert requests.format(feature, count) in text
    assert 'tenant="other"' in text
    assert "t3" not in text


def test_pairs_of_tenant_and_feature_are_bounded_too(journey_of: Callable[[Caller], Journey]) -> None:
    """Two bounded labels multiply: beyond the limit of pairs the feature is `other`, the tenant stays."""
    metrics = Metrics("r1", limit=10, pair_limit=3)
    for tenant in ("a", "b"):
        for feature in ("x", "y"):
            record = AttemptRecord("small", "small/vllm", "m", usage=Usage(1, 0, 1))
            metrics.attempt_ended(journey_of(Caller(tenant=tenant, feature=feature)), record)
    assert (
        'leanserve_cost_usd_total{feature="other",replica="r1",tenant="b",tier="small"}' in metrics.render()[0].decode()
    )


def test_a_lone_surrogate_does_not_break_the_scrape(
    dark_bench: "Bench", journey_of: Callable[[Caller], Journey]
) -> None:
    """JSON lets clients send what UTF-8 cannot carry."""
    spend(dark_bench, journey_of(Caller(tenant="\ud800", feature='x"\n\udfff')))
    assert r'feature="x\"\n?"' in dark_bench.metrics()


def test_bounded_never_forgets_and_never_grows() -> None:
    """First come, first named."""
    bounded = Bounded(2)
    assert [bounded.label(text) for text in ("a", "b", "c", "a", "c")] == ["a", "b", "other", "a", "other"]
