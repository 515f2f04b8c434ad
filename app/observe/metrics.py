"""Prometheus metrics of one replica, in a registry of its own.

The histograms' buckets are those that OpenTelemetry's GenAI conventions advise. Tenants and features are labels for the
first of them only (`Bounded`): the rest is counted under `other`, so that totals stay right.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from app.domain import Marked, Usage
from app.errors import BudgetRefused, SpendingStopped
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.observe.ending import Ending
from app.observe.labels import OTHER, Bounded, clean

LABEL_LIMIT = 200
PAIR_LIMIT = 1_000  # tenants × features would be 40,000 series a tier

_TOKENS = tuple(float(4**power) for power in range(14))
_DURATION = tuple(0.01 * 2**power for power in range(14))
_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_STAGE = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """All metrics of a replica; `replica` is a label of each. Labels beyond `limit` distinct values become `other`."""

    def __init__(self, replica: str, limit: int = LABEL_LIMIT, pair_limit: int = PAIR_LIMIT) -> None:
        self._tenants, self._features, self._causes = Bounded(limit), Bounded(limit), Bounded(limit)
        self._pairs = Bounded(pair_limit)
        inner = CollectorRegistry()
        self._declare_histograms(inner)
        self._declare_counters(inner)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_WithReplica(inner, replica))

    def _declare_histograms(self, registry: CollectorRegistry) -> None:
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of an attempt",
            ("gen_ai_token_type", "tier"),
            registry=registry,
            buckets=_TOKENS,
        )
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "From the request to the end of the answer",
            ("gen_ai_operation_name", "tier", "error_type"),
            registry=registry,
            buckets=_DURATION,
        )
        self._first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From the request to the first chunk of the answer",
            ("gen_ai_operation_name", "tier"),
            registry=registry,
            buckets=_FIRST_TOKEN,
        )
        self._stages = Histogram(
            "leanserve_stage_duration_seconds", "One stage", ("stage",), registry=registry, buckets=_STAGE
        )

    def _declare_counters(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self._requests = counter("leanserve_requests_total", "Requests", "tier", "cache", "outcome", "feature")
        self._cost = counter("leanserve_cost_usd_total", "Cost of attempts", "tenant", "feature", "tier")
        self._lookups = counter("leanserve_cache_lookups_total", "Lookups by what they found", "result")
        self._refusals = counter("leanserve_budget_refusals_total", "Requests over a hard limit", "scope")
        self._marks = counter("leanserve_budget_marks_total", "Limits that passed a mark", "scope", "unit", "mark")
        self._cascades = counter("leanserve_cascades_total", "First answers, judged", "tier", "result", "doubt")
        self._dropped = counter("leanserve_records_dropped_total", "Records of requests that found no room")
        self._attempts = counter("leanserve_attempts_total", "Calls of backends", "backend", "outcome", "cause")

    def stage_ended(self, stage: str, seconds: float) -> None:
        """One stage took so long."""
        self._stages.labels(stage).observe(seconds)

    def attempt_ended(self, journey: Journey, record: AttemptRecord) -> None:
        """Count an attempt's tokens, money and outcome; once, whether or not its request still runs."""
        self._attempts.labels(record.backend, str(record.outcome), self._causes.label(record.cause)).inc()
        if record.usage == Usage():
            return
        self._tokens.labels("input", record.tier).observe(record.usage.input_tokens)
        self._tokens.labels("output", record.tier).observe(record.usage.output_tokens)
        # Prometheus counts in floats; the exact sum is the ledger's.
        self._cost.labels(*self._spender(journey), record.tier).inc(record.cost / 1_000_000)

    def _spender(self, journey: Journey) -> tuple[str, str]:
        tenant = self._tenants.label(journey.request.caller.tenant)
        feature = self._features.label(journey.request.caller.feature)
        return tenant, feature if self._pairs.admits((tenant, feature)) else OTHER

    def request_ended(
        self, journey: Journey, end: Ending, error: BaseException | None, duration_s: float, first_chunk_s: float | None
    ) -> None:
        """Count a request. `first_chunk_s` is None where nothing was answered."""
        operation, tier = journey.request.operation, clean(journey.tier)
        feature = self._features.label(journey.request.caller.feature)
        self._requests.labels(tier, journey.cache, str(end.outcome), feature).inc()
        fault = self._causes.label(end.cause) if end.outcome is AttemptOutcome.FAILED else ""
        self._duration.labels(operation, tier, fault).observe(duration_s)
        if first_chunk_s is not None:
            self._first_token.labels(operation, tier).observe(first_chunk_s)
        if journey.cache != "bypass":
            self._lookups.labels(journey.cache).inc()
        if journey.cascade and journey.decision:
            result = "escalated" if journey.cascade.escalated else "kept"
            self._cascades.labels(clean(journey.decision.tier), result, journey.cascade.doubt).inc()
        stopped = error or journey.stopped
        if isinstance(stopped, BudgetRefused):
            self._refusals.labels(stopped.exceeded.limit.scope.kind).inc()
        if isinstance(stopped, SpendingStopped):
            self._refusals.labels("stopped").inc()

    def mark_passed(self, marked: Marked) -> None:
        """A limit passed a mark."""
        self._marks.labels(marked.limit.scope.kind, str(marked.limit.unit), str(marked.mark)).inc()

    def record_dropped(self) -> None:
        """A record of a request is lost."""
        self._dropped.inc()

    def render(self) -> tuple[bytes, str]:
        """The body and the content type of `/metrics`, Prometheus text format 0.0.4."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4


class _WithReplica(Collector):
    """The same metrics with one constant label more: it costs a scrape, not a request, its time.

    The `_created` series are left out: they double the output, and no dashboard reads them.
    """

    def __init__(self, inner: CollectorRegistry, replica: str) -> None:
        self._inner, self._replica = inner, clean(replica)

    def collect(self) -> Iterable[Metric]:
        for metric in self._inner.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "replica": self._replica})
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ]
            yield metric
