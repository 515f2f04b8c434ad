"""The engine's own confidence: what it is asked for, how it is read, and how it is kept from a client that did not ask.

The statistic is the geometric mean of the probabilities of the answer's tokens, exp(mean log p), which is one over its
perplexity: "Chow-Average" of Gupta et al., "Language Model Cascades: Token-level uncertainty and beyond" (ICLR 2024,
https://arxiv.org/abs/2404.10136). Quantiles that are fitted to labels do better there; this needs none. Of several
choices the least counts. vLLM tells probabilities before temperature and grammar (`logprobs_mode`: `raw_logprobs`).
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.config.gateway import TierSpec
from app.domain import BackendCall, Chunk, Operation

UNKNOWN = -9999.0
"""What vLLM writes for a token whose probability it does not know (`ChatCompletionLogProb.logprob`)."""
FLOOR = math.log(1e-4)
"""The least that one token counts: a single one that a grammar forced may not drown the rest."""

_WANTED: Mapping[Operation, Mapping[str, Any]] = {
    "chat": {"logprobs": True, "top_logprobs": 0},
    "text_completion": {"logprobs": 0},
}
"""Those of the chosen tokens only."""


def has_asked(payload: Mapping[str, Any]) -> bool:
    """Whether the client itself wants log-probabilities. A completion's 0 asks for those of the chosen tokens."""
    return payload.get("logprobs") is not None and payload.get("logprobs") is not False


def asked(call: BackendCall) -> BackendCall:
    """`call` with a wish for log-probabilities, unless the client has one, or wants its own prompt repeated.

    An `echo` would have the engine compute those of the whole prompt.
    """
    if has_asked(call.payload) or call.payload.get("echo"):
        return call
    return replace(call, payload={**call.payload, **_WANTED[call.operation]})


def tells(tier: TierSpec, backend: str) -> bool:
    """Whether the tier's backend of this name answers a wish for log-probabilities; another may refuse the request."""
    spec = dict(zip(tier.backend_names(), tier.backends, strict=True)).get(backend)
    if spec is None or spec.kind != "openai":
        return spec is not None
    return spec.logprobs or spec.provider == "vllm"


def hidden(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The chunks as they are without log-probabilities."""
    return [_hidden(chunk) for chunk in chunks]


def _hidden(chunk: Chunk) -> Chunk:
    if not any(choice.get("logprobs") for choice in chunk.get("choices") or ()):
        return chunk
    return {**chunk, "choices": [{**choice, "logprobs": None} for choice in chunk["choices"]]}


class Confidence:
    """Feed it chunks or whole bodies, with log-probabilities or without."""

    def __init__(self) -> None:
        self._sums: dict[int, tuple[float, int]] = {}

    def feed(self, chunks: Iterable[Chunk]) -> None:
        """Take the next chunks, in order."""
        for chunk in chunks:
            for choice in chunk.get("choices") or ():
                self._count(choice.get("index", 0), list(_logprobs(choice)))

    def _count(self, index: int, logprobs: list[float]) -> None:
        if logprobs:
            total, tokens = self._sums.get(index, (0.0, 0))
            self._sums[index] = (total + sum(logprobs), tokens + len(logprobs))

    @property
    def least(self) -> float | None:
        """The statistic of the least confident choice, 0–1; None where no backend told any probability."""
        return min((math.exp(total / tokens) for total, tokens in self._sums.values()), default=None)


def _logprobs(choice: Mapping[str, Any]) -> Iterator[float]:
    """Of each token that has one: chat keeps them in `content`, text completions in `token_logprobs`."""
    found = choice.get("logprobs")
    if not isinstance(found, Mapping):
        return
    told = [each.get("logprob") for each in found.get("content") or () if isinstance(each, Mapping)]
    for value in (*told, *(found.get("token_logprobs") or ())):
        if isinstance(value, int | float) and value > UNKNOWN:
            yield min(0.0, max(FLOOR, value))
