"""Every metric that the code exports, with its labels: seen in a rendering after everything happened once."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from app.domain import (
    BudgetExceeded,
    CacheHit,
    Caller,
    Limit,
    Marked,
    MicroUsd,
    RouteDecision,
    Scope,
    ScopeStopped,
    Unit,
    Usage,
)
from app.errors import BudgetRefused, SpendingStopped
from app.journey import AttemptOutcome, AttemptRecord, CascadeRecord
from app.observe.ending import Ending
from app.observe.metrics import Metrics
from tests.unit.observe.conftest import make_journey


def everything() -> Metrics:
    """Metrics of an answer, a hit, a cascade, refusals, a mark and a stage."""
    metrics, caller = Metrics("r1"), Caller(tenant="acme", feature="triage")
    answered = make_journey(caller)
    answered.cache, answered.decision, answered.cascade = "miss", RouteDecision("small", 0.1, "easy"), CascadeRecord()
    record = AttemptRecord("small", "small/vllm", "smollm", AttemptOutcome.SUCCESS, usage=Usage(10, 4, 5))
    answered.attempts.append(record)
    metrics.attempt_ended(answered, record)
    metrics.request_ended(answered, Ending(AttemptOutcome.SUCCESS, ""), None, 2.0, 1.0)
    replayed = make_journey(caller)
    replayed.cache, replayed.hit = (
        "exact",
        CacheHit("exact", "e", 1.0, 3.0, {}, Usage(10, 0, 5), "small", cost=MicroUsd(7)),
    )
    metrics.request_ended(replayed, Ending(AttemptOutcome.SUCCESS, ""), None, 0.1, 0.1)
    limit = Limit(Scope("acme"), Unit.TOKENS, 10)
    for fault in (BudgetRefused(BudgetExceeded(limit, 0, 5, 60.0)), SpendingStopped(ScopeStopped(Scope("acme"), "x"))):
        metrics.request_ended(make_journey(caller), Ending(AttemptOutcome.FAILED, fault.code), fault, 0.1, None)
    metrics.mark_passed(Marked(limit, 80, 8))
    metrics.stage_ended("route", 0.01)
    return metrics


def labels_by_name(metrics: Metrics) -> Mapping[str, frozenset[str]]:
    """The labels of each series, by its name as Prometheus stores it."""
    found: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, frozenset()) | frozenset(sample.labels)
    return found
