"""vLLM's own scheduler, which holds a sequence at its gate: it runs in the engine's process (`scheduler_cls`).

A sequence whose gate is reached is passed over in a step as one of a pipeline is that is not yet its turn
(`next_decode_eligible_step`): it keeps its memory, and goes on when its gate moves.
"""

import os
from pathlib import Path
from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.request import Request

from app.tiers.gates import FIELD, FILE, Gates


class _Gated(Scheduler):  # type: ignore[misc]
    """Each step makes at most one token more than gates allow: none, for those that are reached."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gates = Gates(Path(os.environ[FILE]))
        self._gates.heed()

    def schedule(self, *args: Any, **options: Any) -> SchedulerOutput:
        """vLLM's, but for those that wait."""
        for request in self.running:
            if gate := _gate(request):
                self._hold(request, self._gates.allowed(gate))
        return super().schedule(*args, **options)

    def _hold(self, request: Request, allowed: int) -> None:
        """Tokens on their way count as made; of what is guessed ahead, as much as may be."""
        made = request.num_output_tokens + request.num_output_placeholders
        if made >= allowed:
            request.next_decode_eligible_step = self.current_step + 2  # the next step is passed over
        elif len(request.spec_token_ids) >= allowed - made:
            request.spec_token_ids = request.spec_token_ids[: allowed - made - 1]


class _GatedAsync(_Gated, AsyncScheduler):  # type: ignore[misc]
    pass


def gated(**options: Any) -> Scheduler:
    """The one that fits the configuration, as vLLM's own choice (`SchedulerConfig.get_scheduler_cls`)."""
    ahead = options["vllm_config"].scheduler_config.async_scheduling
    if FILE not in os.environ:  # an engine that is no child of its replica cannot be held
        return AsyncScheduler(**options) if ahead else Scheduler(**options)
    return _GatedAsync(**options) if ahead else _Gated(**options)


def _gate(request: Request) -> int:
    parameters = request.sampling_params
    extra = parameters.extra_args if parameters else None
    return int(extra.get(FIELD, 0)) if extra else 0
