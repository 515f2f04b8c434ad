"""What a training run found out about its head."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task on held-out questions. `auc` ranks prompts that most weak models fail (nan if there are none, or only
    such); `apgr` is RouteLLM's, None where no strong model was measured beside the weak one."""

    task: str
    prompts: int
    label_mean: float
    score_mean: float
    auc: float
    apgr: float | None


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A training run: counts of prompts, and its numbers on the held-out part."""

    seed: int
    trained_on: int
    validated_on: int
    calibration_error: float
    tasks: tuple[TaskReport, ...]

    def task(self, name: str) -> TaskReport | None:
        """One task's numbers, or None when the data did not hold it."""
        return next((task for task in self.tasks if task.task == name), None)
