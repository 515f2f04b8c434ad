"""What a training run says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetReport:
    """Of one set: how many pairs want the same answer and how many different ones, which share of either hits."""

    same: int
    different: int
    recall: float
    false_share: float


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What was trained on, and the numbers on unseen pairs at the default policy, by set."""

    seed: int
    trained_on: int
    left_out: tuple[str, ...]
    sets: dict[str, SetReport]
    version: str
