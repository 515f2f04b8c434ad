"""The training table: prompts with the share of weak models that failed each of them.

Every file of `router/` says how real models scored on a prompt; here each becomes examples with one meaning of the
label, so that they can be learned together. "Weak" are the 7–13B models (Mixtral-8x7B with RouteLLM and RouterBench):
the class that answers in the cheaper tiers. Tasks whose scores hold no routing signal are left out, by name, with the
reason. One file's shape is known by one function; a missing file is simply not learned from.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

Row = Mapping[str, Any]

NO_SIGNAL = frozenset({"trivia_qa", "natural_qa"})
"""Closed-book recall in llmrouter9, where the two strongest models (49B, 51B) score no better than the 7–9B ones
(.20 and .19; .42 and .42): nothing to gain by routing, and half of the misses are the exact-match metric's."""

LLMROUTER9_WEAK = ("mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct", "gemma-2-9b-it")
ROUTERDC7_WEAK = (
    "HuggingFaceH4/zephyr-7b-beta",
    "meta-llama/Meta-Llama-3-8B",
    "cognitivecomputations/dolphin-2.9-llama3-8b",
    "cognitivecomputations/dolphin-2.6-mistral-7b",
)
ROUTERBENCH_WEAK = ("mistralai/mistral-7b-chat", "WizardLM/WizardLM-13B-V1.2", "mistralai/mixtral-8x7b-chat")
ZEROEVAL_WEAK = ("Meta-Llama-3-8B-Instruct", "Qwen2-7B-Instruct", "gemma-2-9b-it", "Mixtral-8x7B-Instruct-v0.1")
ALPACA_WEAK = (
    "FuseChat-Llama-3.1-8B-Instruct",
    "FuseChat-Llama-3.2-3B-Instruct",
    "OpenHermes-2.5-Mistral-7B",
    "Qwen-14B-Chat",
    "gemma-7b-it",
    "gpt-3.5-turbo-1106",
    "Mixtral-8x7B-Instruct-v0.1_concise",
    "claude-instant-1.2",
    "vicuna-13b-v1.5",
)
CHAT_FAILURE = 0.25
"""An assumption, not a measurement: the share of chat prompts for which a weak model's answer is not good enough.
A preference against GPT-4 says which prompts are worse for weak models, not where "good enough" begins; so the ranks
are kept and spread evenly over 0 to twice this."""


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt.

    `label` is P(a weak model's answer is not good enough where a strong one's may be), 0–1; `gain` is strong minus weak
    score where a pair was measured (RouteLLM), else None.
    """

    source: str
    task: str
    prompt: str
    label: float
    gain: float | None = None

    @property
    def question(self) -> str:
        """Equal for one question in several benchmarks' wrappings: what a split must not tear apart."""
        return question_key(self.prompt)


def read_examples(data: Path) -> list[Example]:
    """All examples below `data/router`, in a fixed order. Raises FileNotFoundError when not one file is there."""
    examples = [example for name, read in READERS.items() for example in read(rows(data / "router" / name))]
    if not examples:
        raise FileNotFoundError(f"none of {', '.join(READERS)} under router/ of the data directory")
    return examples


def rows(path: Path) -> list[Row]:
    """The JSON objects of a file, one a line; empty when it is not there."""
    if not path.exists():
        return []
    # Only "\n" ends a row: splitlines() would also split at U+2028, which JSON strings may hold as it is.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def failure(scores: Mapping[str, float | None], models: tuple[str, ...]) -> float:
    """Mean of 1 − score over those of `models` that were scored."""
    found = [score for model in models if (score := scores.get(model)) is not None]
    return 1 - fmean(found)


def routellm(table: list[Row]) -> Iterator[Example]:
    """Label 1 where Mixtral-8x7B failed and GPT-4-1106 did not: APGR .67 on a fifth of the training part, against .63
    with "Mixtral failed" alone. Contaminated prompts are dropped."""
    for row in table:
        if not row["contaminated"]:
            gain = row["gpt4_1106"] - row["mixtral_8x7b"]
            yield Example("routellm", f"routellm_{row['bench']}", row["prompt"], float(gain > 0), gain)


def llmrouter9(table: list[Row]) -> Iterator[Example]:
    """Fourteen tasks without the two of `NO_SIGNAL`; scores are 0–1 by each task's metric."""
    for row in table:
        if row["task"] not in NO_SIGNAL:
            label = failure(row["scores"], LLMROUTER9_WEAK)
            yield Example("llmrouter9", f"llmrouter9_{row['task']}", row["prompt"], label)


def routerdc7(table: list[Row]) -> Iterator[Example]:
    """Seven 7–8B models on train splits."""
    for row in table:
        yield Example("routerdc7", f"routerdc7_{row['task']}", row["prompt"], failure(row["scores"], ROUTERDC7_WEAK))


def routerbench(table: list[Row]) -> Iterator[Example]:
    """The question alone: its five-shot wrapping says nothing about it."""
    for row in table:
        label = failure(row["scores"], ROUTERBENCH_WEAK)
        yield Example("routerbench", f"routerbench_{row['eval_name']}", row["question"], label)


def zeroeval(table: list[Row]) -> Iterator[Example]:
    """GSM8K as it is; CRUX without the instructions that all of its prompts share."""
    for row in table:
        prompt = row["prompt"].replace("## Question:", "").split("## Instruction")[0].strip()
        yield Example("zeroeval", f"zeroeval_{row['bench']}", prompt, failure(row["scores"], ZEROEVAL_WEAK))


def alpaca_eval(table: list[Row]) -> Iterator[Example]:
    """Chat prompts, ranked by how far weak models fall behind GPT-4; see `CHAT_FAILURE`."""
    losses = [failure(row["pref"], ALPACA_WEAK) for row in table]
    order = sorted(range(len(table)), key=lambda i: (losses[i], table[i]["prompt"]))
    for rank, index in enumerate(order):
        label = 2 * CHAT_FAILURE * (rank + 0.5) / len(order)
        yield Example("alpaca_eval", "alpaca_eval", table[index]["prompt"], label)


READERS: dict[str, Callable[[list[Row]], Iterator[Example]]] = {
    "routellm_mmlu.jsonl": routellm,
    "routellm_gsm8k.jsonl": routellm,
    "llmrouter9.jsonl": llmrouter9,
    "routerdc7.jsonl": routerdc7,
    "routerbench.jsonl": routerbench,
    "zeroeval_gsm.jsonl": zeroeval,
    "zeroeval_crux.jsonl": zeroeval,
    "alpaca_eval.jsonl": alpaca_eval,
}

WRAPPING = re.compile(r"^\s*(question|q)\s*:", re.IGNORECASE)
AFTER_STEM = re.compile(r"\n\(?A[.)]\s|\nAnswer:|\nAfter careful thought|\nassert ")


def question_key(prompt: str) -> str:
    """SHA-256 of the question's letters and digits: wrapping, options, case, spaces and punctuation aside."""
    stem = AFTER_STEM.split(WRAPPING.sub("", prompt))[0]
    letters = "".join(char for char in stem.lower() if char.isalnum())[:400]
    return hashlib.sha256(letters.encode()).hexdigest()
