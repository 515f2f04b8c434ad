"""The labelled prompts that the router is measured on: the part that training never saw."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from app.route.data import Row, question_key, rows
from app.route.train import VALIDATION_FOLDS
from app.route.trial.lines import LabelledPrompt

SEED = 40
ROUTERBENCH = {
    "small": "mistralai/mixtral-8x7b-chat",
    "medium": "gpt-3.5-turbo-1106",
    "large": "gpt-4-1106-preview",
}
LLMROUTER9 = {"small": "llama3-chatqa-1.5-8b", "large": "llama-3.1-nemotron-51b-instruct"}
"""The weakest and the strongest of its nine models."""


def routellm(row: Row) -> LabelledPrompt | None:
    """Mixtral-8x7B and GPT-4; contaminated prompts are dropped."""
    if row["contaminated"]:
        return None
    scores = {"small": float(row["mixtral_8x7b"]), "large": float(row["gpt4_1106"])}
    return LabelledPrompt(row["prompt"], scores, domain=str(row.get("domain", row["bench"])))


def routerbench(row: Row) -> LabelledPrompt | None:
    """Three tiers with their dollars; the question alone, as training reads it."""
    scores, costs = ({tier: float(row[of][m]) for tier, m in ROUTERBENCH.items()} for of in ("scores", "costs"))
    return LabelledPrompt(row["question"], scores, costs, row["eval_name"])


def llmrouter9(row: Row) -> LabelledPrompt | None:
    """Fourteen tasks."""
    found = {tier: row["scores"].get(model) for tier, model in LLMROUTER9.items()}
    if None in found.values():
        return None
    return LabelledPrompt(row["prompt"], {tier: float(score) for tier, score in found.items()}, domain=row["task"])


READERS: dict[str, tuple[str, Callable[[Row], LabelledPrompt | None]]] = {
    "MMLU": ("routellm_mmlu.jsonl", routellm),
    "GSM8K": ("routellm_gsm8k.jsonl", routellm),
    "RouterBench": ("routerbench.jsonl", routerbench),
    "llmrouter9": ("llmrouter9.jsonl", llmrouter9),
}


def held_out(data: Path, size: int) -> Iterator[tuple[str, list[LabelledPrompt]]]:
    """At most `size` prompts of each set that is there, the same ones every time."""
    for name, (file, read) in READERS.items():
        found = [each for row in rows(data / "router" / file) if (each := read(row)) and is_held_out(each)]
        if found:
            yield name, random.Random(SEED).sample(found, min(size, len(found)))


def is_held_out(prompt: LabelledPrompt) -> bool:
    """Whether training left this question out."""
    return int(question_key(prompt.prompt)[:8], 16) % VALIDATION_FOLDS == 0
