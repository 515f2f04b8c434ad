"""What the stages read of a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PromptKeys:
    """The identities of a prompt, hex SHA-256 each.

    `canonical_key` names the whole request after canonicalization: equal keys want the same answer. `context_key` names
    everything but the last user message. `neighbourhood` names the vector set in which the prompt may be compared by
    meaning: that of its context, or empty where it may not.
    """

    canonical_key: str
    context_key: str
    neighbourhood: str = ""


@dataclass(frozen=True, slots=True)
class NormalizedPrompt:
    """What the later stages read of a prompt.

    `text` is the canonical last user message; `embedding` its unit vector as little-endian float32 bytes (384 × 4 for
    MiniLM-L6); `token_estimate` the estimated input tokens of the whole request.
    """

    text: str
    keys: PromptKeys
    token_estimate: int
    embedding: bytes
