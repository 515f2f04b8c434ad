"""LeanServe's ingress that nobody watches: no records, no spans, no metrics. What those cost is measured beside it."""

import time

from opentelemetry.trace import NoOpTracer
from ray.serve.handle import DeploymentHandle

from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from app.config.recording import RecordingPolicy
from app.journey import AttemptRecord, Journey
from app.observe.ending import Ending
from app.observe.logline import open_request_log
from app.observe.metrics import Metrics
from app.observe.telemetry import Telemetry
from app.observe.trace import Instruments
from deployments.assembly import assemble
from deployments.fellows import Fellows
from deployments.ingress import Ingress
from deployments.logs import log_with_serve


class DarkMetrics(Metrics):
    """Counts nothing that a request does."""

    def stage_ended(self, stage: str, seconds: float) -> None:
        """Nothing."""

    def attempt_ended(self, journey: Journey, record: AttemptRecord) -> None:
        """Nothing."""

    def request_ended(
        self, journey: Journey, end: Ending, error: BaseException | None, duration_s: float, first_chunk_s: float | None
    ) -> None:
        """Nothing."""


class DarkIngress(Ingress):
    """Its line in the log stays: that is none of the three."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        config: GatewayConfig,
        tiers: dict[str, DeploymentHandle],
        normalizer: DeploymentHandle,
        semantic_cache: DeploymentHandle,
        router: DeploymentHandle,
    ) -> None:
        self._assembly = await assemble(config, tiers, normalizer, semantic_cache, router, unwatched)
        self._fellows = Fellows(self._enforce)

    def _enforce(self, policy: Policy) -> None:
        """The same policy, but for the records."""
        self._assembly.reconfigure(policy.model_copy(update={"recording": RecordingPolicy(enabled=False)}))


def unwatched() -> Telemetry:
    """What `deployments.parts.open_replica_telemetry` opens otherwise."""
    log_with_serve()
    instruments = Instruments(NoOpTracer(), DarkMetrics("dark"), open_request_log(), time.perf_counter)
    return Telemetry(instruments, replica="dark")
