"""What the caches say and keep."""

from dataclasses import dataclass, field
from typing import Literal

from app.domain.request import Chunk
from app.domain.usage import MicroUsd, Usage


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """The canonical text of an entry's prompt, and the cosine of it and the asked one, 0–1."""

    text: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of two prompts: P(the same answer serves both), 0–1, calibrated, and the reason in words.

    `reason` names the rule or the kind of difference that decided; it never quotes a prompt.
    """

    p_same: float
    reason: str


@dataclass(frozen=True, slots=True)
class CacheHit:
    """A stored answer that may be replayed. `similarity` is a cosine, 0–1; `p_same` the verifier's probability.

    Both are 1.0 for an exact hit; `p_same` is None where the policy's plain `threshold` decided. `cost` is what the
    answer cost when it was made: a hit saves it. `prompt` is the canonical text that it answered first.
    """

    kind: Literal["exact", "semantic", "coalesced"]
    entry_id: str
    similarity: float
    age_s: float
    answer: Chunk
    usage: Usage
    tier: str
    p_same: float | None = 1.0
    reason: str = ""
    cost: MicroUsd = field(default=MicroUsd(0))
    prompt: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CacheMiss:
    """Why nothing may be replayed. `similarity` and `p_same` are those of the best candidate, where there was one.

    `reason` is a word of the cache (`no_neighbour`, `too_old`, `below_threshold`, `verifier_late`, …) or the
    verifier's.
    """

    reason: str
    similarity: float | None = None
    p_same: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer to keep: the whole body, what it used and cost, who gave it, and the client's tags."""

    body: Chunk
    usage: Usage
    tier: str
    cost: MicroUsd = field(default=MicroUsd(0))
    tags: tuple[str, ...] = ()
