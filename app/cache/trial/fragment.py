"""A calibration as words, and as the fragment of policy that follows from it."""

from app.cache.trial.calibration import Calibrated, Tried
from app.cache.trial.table import percent


def summary(found: Calibrated) -> list[str]:
    """What was found, line by line."""
    same, pairs = found.pairs.count, found.pairs.of
    near = found.shipped.false_hits.of
    return [
        f"{pairs:,} pairs: {same:,} want the same answer, {pairs - same:,} do not; of these {near:,} are near enough "
        "to be judged",
        tried("without calibration", found.shipped),
        tried("calibrated", found.chosen) if found.chosen else unsure(found),
    ]


def tried(name: str, found: Tried) -> str:
    """One threshold."""
    false, recall = found.false_hits, found.recall
    return (
        f"{name}: p_same ≥ {found.min_p_same:.4f}: recall {percent(recall)}, "
        f"false hits {false.count:,} of {false.of:,}, with 95% confidence at most {found.bound:.2%}"
    )


def unsure(found: Calibrated) -> str:
    """How much evidence is missing."""
    return (
        f"not sure of {found.max_false_hit_rate:.2%}: at least {found.missing:,} more pairs are needed that want "
        "different answers and are near each other"
    )


def fragment(found: Calibrated, chosen: Tried, verifier: str) -> str:
    """YAML for the policy (`user_config` of the Ingress, or one of its features), with the evidence as comments."""
    told = [
        "Found by `leanserve cache calibrate`. Put it into the policy where it shall hold; nothing reads it here.",
        *summary(found),
        f"Holds for verifier {verifier}, and for requests like those pairs. A new verifier wants a new calibration.",
    ]
    comments = "".join(f"# {line}\n" for line in told)
    return f"{comments}cache:\n  max_false_hit_rate: {found.max_false_hit_rate}\n  min_p_same: {chosen.min_p_same}\n"
