"""Two prompts as the cache would see them, one stored and one asked: without a server, a store or a request.

The decision is the live one, from the same parts: keys and eligibility of a request, the cosine of the graph's
embedder, the verifier and the policy's operating point.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np

from app.cache.eligibility import Ruling, identify
from app.cache.verdicts import accepts, least_similarity, operating_point
from app.config.gateway import EmbedderSpec
from app.config.policy import Policy
from app.domain import AUTO_MODEL, Caller, GatewayRequest, PromptKeys, StoredPrompt, Verdict
from app.embed.batching import Encode
from app.prompt.guard import incomparable
from app.prompt.keys import KeyMaker

BATCH = 256
"""Pairs that are judged at a time."""

SAME_REQUEST = "the same request"
NOT_SIMILAR = "not similar"


class BlockingVerifier(Protocol):
    """`app.verify.verifier.PairVerifier`, as a command uses it."""

    @property
    def version(self) -> str:
        """Changes with the weights and the rules."""
        ...

    def judge(self, pairs: Sequence[tuple[StoredPrompt, str]]) -> list[Verdict]:
        """One verdict per (stored, asked), in order."""
        ...

    def operating_point(self, max_false_hit_rate: float) -> float:
        """See `app.ports.Verifier`."""
        ...


@dataclass(frozen=True, slots=True)
class AskedPair:
    """`a` was asked and its answer stored, now `b` is asked; `context` are the messages before either."""

    a: str
    b: str
    context: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether `b` gets the answer to `a`.

    `similarity` is the cosine, 0–1. `p_same` is 1.0 for the same request, the verifier's where it was asked
    (`verified`), and 0.0 where something else forbids the hit; None where a plain threshold decided.
    """

    hit: bool
    similarity: float
    p_same: float | None
    reason: str
    verified: bool = False


@dataclass(frozen=True, slots=True)
class _Side:
    """One prompt, as `identify` reads it."""

    keys: PromptKeys
    text: str
    ruling: Ruling


class PairJudge:
    """Judges pairs under one policy. Blocks: for commands, tests and notebooks.

    `encode` and `verifier` are those of the graph; `embedder` is the identity of the former. Scope `user`: both prompts
    come from one user.
    """

    def __init__(
        self, encode: Encode, verifier: BlockingVerifier, policy: Policy | None = None, *, embedder: str = ""
    ) -> None:
        self._encode = encode
        self.verifier = verifier
        self.policy = policy or Policy()
        self._maker = KeyMaker(embedder, verifier=verifier.version)

    @classmethod
    def open(cls, policy: Policy | None = None, threads: int | None = None) -> "PairJudge":
        """With the shipped embedder and verifier on `threads`; takes some seconds.

        Half of the machine's by default: there are often two to a core, and threads that wait for one another on a busy
        machine are slower than one (on two busy cores some 15 ms of computing a pair with one, 90 ms with two).
        Raises OSError when their files are missing.
        """
        from app.embed.sentence import open_encoder  # noqa: PLC0415 - onnxruntime, only where it runs
        from app.embed.source import find_embedder  # noqa: PLC0415
        from app.verify.verifier import PairVerifier  # noqa: PLC0415 - onnxruntime

        spec, threads = EmbedderSpec(), threads or max(1, (os.cpu_count() or 1) // 2)
        verifier = PairVerifier.open(threads)
        encode = open_encoder(find_embedder(spec.model), threads, spec.arithmetic)
        return cls(encode, verifier, policy, embedder=spec.identity)

    @property
    def point(self) -> float:
        """The `p_same` from which on a pair is a hit."""
        return operating_point(self.policy.cache, self.verifier)

    def run(self, pairs: Iterable[AskedPair]) -> Iterator[Judged]:
        """The judgement on each pair, in order; `BATCH` of them are in memory."""
        source = iter(pairs)
        while batch := list(islice(source, BATCH)):
            yield from self.judge(batch)

    def judge(self, pairs: Sequence[AskedPair]) -> list[Judged]:
        """The judgement on each pair, in order, all at once."""
        sides = [(self._side(pair, pair.a), self._side(pair, pair.b)) for pair in pairs]
        cosines = self._cosines([(stored.text, asked.text) for stored, asked in sides])
        settled = [self._settled(*both, cosine) for both, cosine in zip(sides, cosines, strict=True)]
        left = [i for i, judged in enumerate(settled) if judged is None]
        verdicts = iter(self._verdicts([(StoredPrompt(sides[i][0].text, cosines[i]), sides[i][1].text) for i in left]))
        return [
            self._verified(next(verdicts), cosine) if judged is None else judged
            for judged, cosine in zip(settled, cosines, strict=True)
        ]

    def _side(self, pair: AskedPair, text: str) -> _Side:
        payload = {"model": AUTO_MODEL, "messages": [*pair.context, {"role": "user", "content": text}]}
        request = GatewayRequest("pair", "chat", payload, Caller(user="asker"))
        return _Side(*identify(self._maker, request, self.policy))

    def _settled(self, stored: _Side, asked: _Side, cosine: float) -> Judged | None:
        """What is decided before the verifier is asked."""
        policy = self.policy.cache
        if reason := next((side.ruling.reason for side in (asked, stored) if side.ruling.level == "no"), ""):
            return Judged(False, cosine, 0.0, reason)
        if policy.exact and stored.keys.canonical_key == asked.keys.canonical_key:
            return Judged(True, 1.0, 1.0, SAME_REQUEST)
        if reason := self._apart(stored, asked):
            return Judged(False, cosine, 0.0, reason)
        if cosine < least_similarity(policy):
            return Judged(False, cosine, 0.0, NOT_SIMILAR)
        return None if policy.threshold is None else Judged(True, cosine, None, "threshold")

    def _apart(self, stored: _Side, asked: _Side) -> str:
        """Why the two are in no vector set together, or nothing."""
        for side in (asked, stored):
            if not side.keys.neighbourhood:
                return side.ruling.reason or incomparable(side.text, verified=self.policy.cache.threshold is None)
        return "" if stored.keys.neighbourhood == asked.keys.neighbourhood else "another context"

    def _cosines(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Of each two texts; the embedder sees a text once. A text that is empty is like none."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair if text))
        vectors = {text: np.frombuffer(v, "<f4") for text, v in zip(texts, self._encode(texts), strict=True)}
        return [cosine(vectors[a], vectors[b]) if a and b else 0.0 for a, b in pairs]

    def _verdicts(self, pairs: Sequence[tuple[StoredPrompt, str]]) -> list[Verdict]:
        return self.verifier.judge(pairs) if pairs else []

    def _verified(self, verdict: Verdict, cosine: float) -> Judged:
        return Judged(accepts(verdict, self.point), cosine, verdict.p_same, verdict.reason, verified=True)


def cosine(one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]") -> float:
    """Of two unit vectors, 0–1."""
    return min(1.0, max(0.0, float(one @ other)))
