"""The training table: prompts with how a weak and a strong model fared on each of them.

Every file of `router/` says how real models scored on a prompt; here each becomes examples with one meaning, so that
they can be learned together. "Weak" are small chat models (7–13B, and Mixtral-8x7B with RouteLLM): the class that
answers in the cheaper tiers. "Strong" is the best that was measured beside them. One file's shape is known by one
function; a missing file is simply not learned from.
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

LLMROUTER9_WEAK = ("mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct", "gemma-2-9b-it")
LLMROUTER9_STRONG = "llama-3.1-nemotron-51b-instruct"
ROUTERDC7_WEAK = (
    "HuggingFaceH4/zephyr-7b-beta",
    "meta-llama/Meta-Llama-3-8B",
    "cognitivecomputations/dolphin-2.9-llama3-8b",
    "cognitivecomputations/dolphin-2.6-mistral-7b",
)
ROUTERBENCH_WEAK = ("mistralai/mistral-7b-chat",)
ROUTERBENCH_STRONG = "gpt-4-1106-preview"
ZEROEVAL_WEAK = ("Mixtral-8x7B-Instruct-v0.1",)
"""As in RouteLLM, whose GSM8K questions are the same."""
ZEROEVAL_STRONG = ("gpt-4o-2024-05-13", "claude-3-5-sonnet-20240620")
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


CHAT_STRONG = 0.95
"""An assumption as well: how often a strong model's answer to a chat prompt is good enough."""


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt.

    `weak` is P(a weak model's answer is good enough), 0–1, `strong` that of a strong one, None where none was measured.
    `domain` is the task, or a part of it that can be left out of the training whole.
    """

    source: str
    task: str
    prompt: str
    weak: float
    strong: float | None = None
    part: str = ""

    @property
    def domain(self) -> str:
        """The task with its part, e.g. `routellm_mmlu/astronomy`."""
        return f"{self.task}/{self.part}" if self.part else self.task

    @property
    def gain(self) -> float | None:
        """Strong minus weak, where both were measured."""
        return None if self.strong is None else self.strong - self.weak

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


def mean_score(scores: Mapping[str, float | None], models: tuple[str, ...]) -> float:
    """Mean over those of `models` that were scored."""
    return fmean(score for model in models if (score := scores.get(model)) is not None)


def routellm(table: list[Row]) -> Iterator[Example]:
    """Mixtral-8x7B and GPT-4-1106, right or wrong. Contaminated prompts are dropped."""
    for row in table:
        if not row["contaminated"]:
            weak, strong = float(row["mixtral_8x7b"]), float(row["gpt4_1106"])
            yield Example("routellm", f"routellm_{row['bench']}", row["prompt"], weak, strong, row.get("domain", ""))


def llmrouter9(table: list[Row]) -> Iterator[Example]:
    """Fourteen tasks; scores are 0–1 by each task's metric."""
    for row in table:
        weak, strong = mean_score(row["scores"], LLMROUTER9_WEAK), row["scores"][LLMROUTER9_STRONG]
        yield Example("llmrouter9", f"llmrouter9_{row['task']}", row["prompt"], weak, strong)


def routerdc7(table: list[Row]) -> Iterator[Example]:
    """7–8B models on train splits; no strong model was measured."""
    for row in table:
        yield Example("routerdc7", f"routerdc7_{row['task']}", row["prompt"], mean_score(row["scores"], ROUTERDC7_WEAK))


def routerbench(table: list[Row]) -> Iterator[Example]:
    """The question alone: its five-shot wrapping says nothing about it."""
    for row in table:
        weak, strong = mean_score(row["scores"], ROUTERBENCH_WEAK), row["scores"][ROUTERBENCH_STRONG]
        yield Example("routerbench", f"routerbench_{row['eval_name']}", row["question"], weak, strong)


def zeroeval(table: list[Row]) -> Iterator[Example]:
    """GSM8K as it is; CRUX without the instructions that all of its prompts share."""
    for row in table:
        prompt = row["prompt"].replace("## Question:", "").split("## Instruction")[0].strip()
        weak, strong = mean_score(row["scores"], ZEROEVAL_WEAK), mean_score(row["scores"], ZEROEVAL_STRONG)
        yield Example("zeroeval", f"zeroeval_{row['bench']}", prompt, weak, strong)


def alpaca_eval(table: list[Row]) -> Iterator[Example]:
    """Chat prompts, ranked by how far weak models fall behind GPT-4; see `CHAT_FAILURE`."""
    losses = [1 - mean_score(row["pref"], ALPACA_WEAK) for row in table]
    order = sorted(range(len(table)), key=lambda i: (losses[i], table[i]["prompt"]))
    for rank, index in enumerate(order):
        weak = CHAT_STRONG - 2 * CHAT_FAILURE * (rank + 0.5) / len(order)
        yield Example("alpaca_eval", "alpaca_eval", table[index]["prompt"], weak, CHAT_STRONG)


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
