"""Prometheus metrics of one replica, in a registry of its own.

Names and buckets of histograms are those of OpenTelemetry's GenAI conventions; an attempt is the client's side there, a
request the server's. Tenants and features are labels of counters, not of histograms, and for the first of them only
(`Bounded`): the rest is counted under `other`, so that totals stay right.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from app.domain import Marked, Usage
from app.errors import BudgetRefused, SpendingStopped
from app.journey import AttemptOutcome, AttemptRecord, Journey
from app.observe.attributes import provider
from app.observe.ending import Ending
from app.observe.labels import OTHER, Bounded, clean

M = TypeVar("M", Counter, Histogram)

LABEL_LIMIT = 200
PAIR_LIMIT = 1_000  # tenants × features would be 40,000 series a tier

_TOKENS = tuple(float(4**power) for power in range(14))
_DURATION = tuple(0.01 * 2**power for power in range(14))
_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_STAGE = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """All metrics of a replica; `replica` is a label of each. Labels beyond `limit` distinct values become `other`."""

    def __init__(self, replica: str, limit: int = LABEL_LIMIT, pair_limit: int = PAIR_LIMIT) -> None:
        self._tenants, self._features, self._causes = Bounded(limit), Bounded(limit), Bounded(limit)
        self._pairs = Bounded(pair_limit)
        self._spendings: dict[tuple[str, str, str], _Spending] = {}
        self._known: dict[tuple[object, ...], Any] = {}
        inner = CollectorRegistry()
        self._declare_histograms(inner)
        self._declare_counters(inner)
        self._declare_spending(inner)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_WithReplica(inner, replica))

    def _declare_histograms(self, registry: CollectorRegistry) -> None:
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of an attempt",
            ("gen_ai_token_type", "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "tier"),
            registry=registry,
            buckets=_TOKENS,
        )
        self._attempt_duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "From the call of a backend to the end of its answer",
            ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "tier", "error_type"),
            registry=registry,
            buckets=_DURATION,
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
        self._per_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "From the first chunk to the end of a streamed answer, for each output token after the first",
            ("gen_ai_operation_name", "tier"),
            registry=registry,
            buckets=_PER_TOKEN,
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
        self._spans_dropped = counter("leanserve_spans_dropped_total", "Spans that reached no collector")
        self._attempts = counter("leanserve_attempts_total", "Calls of backends", "backend", "outcome", "cause")

    def _declare_spending(self, registry: CollectorRegistry) -> None:
        """What was spent and spared, by who spent it."""

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, ("tenant", "feature", *labels), registry=registry)

        self._spent_tokens = counter("leanserve_tokens_total", "Tokens of attempts", "tier", "gen_ai_token_type")
        self._cached_tokens = counter("leanserve_cached_tokens_total", "Input tokens read from a prefix cache", "tier")
        self._charged = counter("leanserve_hit_charges_usd_total", "What hits of the cache were priced at")
        self._saved = counter("leanserve_cache_saved_usd_total", "What hits had cost at first, less charges", "result")
        self._attempt_cost = Counter(
            "leanserve_attempt_cost_usd_total",
            "Cost of attempts by how they ended",
            ("tier", "backend", "outcome", "cause"),
            registry=registry,
        )

    def _of(self, metric: M, *labels: str) -> M:
        """What `metric.labels` gives, found once: that takes longer than to count. As bounded as the labels are."""
        key = metric, labels
        if (found := self._known.get(key)) is None:
            found = self._known[key] = metric.labels(*labels)
        return cast("M", found)

    def stage_ended(self, stage: str, seconds: float) -> None:
        """One stage took so long."""
        self._of(self._stages, stage).observe(seconds)

    def attempt_ended(self, journey: Journey, record: AttemptRecord) -> None:
        """Count an attempt's tokens, money and outcome; once, whether or not its request still runs."""
        cause, operation = self._causes.label(record.cause), journey.request.operation
        called = operation, provider(record.backend), clean(record.model), record.tier
        self._of(self._attempts, record.backend, str(record.outcome), cause).inc()
        fault = cause if record.outcome is AttemptOutcome.FAILED else ""
        self._of(self._attempt_duration, *called, fault).observe(record.duration_s)
        if record.usage == Usage():
            return
        self._of(self._tokens, "input", *called).observe(record.usage.input_tokens)
        self._of(self._tokens, "output", *called).observe(record.usage.output_tokens)
        usd = record.cost / 1_000_000  # Prometheus counts in floats; the exact sum is the ledger's.
        self._of(self._attempt_cost, record.tier, record.backend, str(record.outcome), cause).inc(usd)
        self._spending_of(*self._spender(journey), record.tier).add(record.usage, usd)

    def _spending_of(self, tenant: str, feature: str, tier: str) -> "_Spending":
        """Looked up once for each spender and tier: to find four counters by their labels takes as long as the rest."""
        key = tenant, feature, tier
        if key not in self._spendings:
            self._spendings[key] = _Spending(
                self._spent_tokens.labels(*key, "input"),
                self._spent_tokens.labels(*key, "output"),
                self._cached_tokens.labels(*key),
                self._cost.labels(*key),
            )
        return self._spendings[key]

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
        self._of(self._requests, tier, journey.cache, str(end.outcome), feature).inc()
        fault = self._causes.label(end.cause) if end.outcome is AttemptOutcome.FAILED else ""
        self._of(self._duration, operation, tier, fault).observe(duration_s)
        if first_chunk_s is not None:
            self._of(self._first_token, operation, tier).observe(first_chunk_s)
            self._pace(journey, duration_s - first_chunk_s)
        self._hit(journey)
        if journey.cache != "bypass":
            self._of(self._lookups, journey.cache).inc()
        if journey.cascade and journey.decision:
            result = "escalated" if journey.cascade.escalated else "kept"
            self._of(self._cascades, clean(journey.decision.tier), result, journey.cascade.doubt).inc()
        stopped = error or journey.stopped
        if isinstance(stopped, BudgetRefused):
            self._of(self._refusals, stopped.exceeded.limit.scope.kind).inc()
        if isinstance(stopped, SpendingStopped):
            self._of(self._refusals, "stopped").inc()

    def _pace(self, journey: Journey, seconds: float) -> None:
        """Of a streamed answer that a backend gave; a replay has no pace."""
        given = None if journey.hit else journey.answering
        if given and journey.request.stream and given.usage.output_tokens > 1:
            pace = seconds / (given.usage.output_tokens - 1)
            self._of(self._per_token, journey.request.operation, given.tier).observe(pace)

    def _hit(self, journey: Journey) -> None:
        if journey.hit:
            charged = journey.charged.micro_usd
            self._of(self._charged, *self._spender(journey)).inc(charged / 1_000_000)
            spared = max(journey.hit.cost - charged, 0)
            self._of(self._saved, *self._spender(journey), journey.cache).inc(spared / 1_000_000)

    def mark_passed(self, marked: Marked) -> None:
        """A limit passed a mark."""
        self._marks.labels(marked.limit.scope.kind, str(marked.limit.unit), str(marked.mark)).inc()

    def spans_dropped(self, spans: int) -> None:
        """So many spans were lost on their way to the collector."""
        self._spans_dropped.inc(spans)

    def record_dropped(self) -> None:
        """A record of a request is lost."""
        self._dropped.inc()

    def render(self) -> tuple[bytes, str]:
        """The body and the content type of `/metrics`, Prometheus text format 0.0.4."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4


class _Spending(NamedTuple):
    """The counters of one spender at one tier."""

    input: Counter
    output: Counter
    cached: Counter
    usd: Counter

    def add(self, usage: Usage, usd: float) -> None:
        """Count one attempt."""
        self.input.inc(usage.input_tokens)
        self.output.inc(usage.output_tokens)
        self.cached.inc(usage.cached_tokens)
        self.usd.inc(usd)


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
