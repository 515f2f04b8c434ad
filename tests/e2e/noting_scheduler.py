"""vLLM's schedulers, ours and its own, that write down every token that the model made: `LEANSERVE_COUNTS` says where.

vLLM's metrics leave out what was made of a request that was aborted meanwhile.
"""

import os
from pathlib import Path
from typing import Any

from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.outputs import ModelRunnerOutput

from deployments import vllm_scheduler

FILE = "LEANSERVE_COUNTS"


class _Counting(Scheduler):  # type: ignore[misc]
    def update_from_output(self, scheduled: SchedulerOutput, output: ModelRunnerOutput) -> Any:
        """vLLM's own, and a line for each request that got tokens."""
        with Path(os.environ[FILE]).open("a") as file:
            for name, at in output.req_id_to_index.items():
                file.write(f"{name} {len(output.sampled_token_ids[at]) if output.sampled_token_ids else 0}\n")
        return super().update_from_output(scheduled, output)


class _Gated(vllm_scheduler._Gated, _Counting):
    pass


def gated(**options: Any) -> Scheduler:
    """That of `deployments/vllm_scheduler.py`."""
    return _Gated(**options)


def plain(**options: Any) -> Scheduler:
    """vLLM's own, which no gate holds."""
    return _Counting(**options)
