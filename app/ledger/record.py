"""The ledger record: what is known of one request when it is over. Sums over its attempts are its tokens and its cost.

Records are MessagePack arrays: a field may be added at the end of a struct, with a default; none may move.
"""

from typing import Literal

import msgspec

Role = Literal["answer", "retry", "hedge", "draft", "shadow", "embedding", "cache", "probe"]
"""What an attempt was for. `answer` is the one whose answer is given, `draft` a first answer that a cascade held back;
`retry` one that failed so that another was made, `hedge` the one of two at once that lost; `shadow`, `cache` and
`probe` are LeanServe's own calls."""

Cause = Literal[
    "",
    "timeout",
    "overload",
    "connection",
    "server_error",
    "rejected",
    "invalid_output",
    "stopped",
    "client_left",
    "lost",
]
"""Why an attempt or request ended otherwise than well. `lost`: its replica died; what it spent is what it held."""


class AttemptEntry(msgspec.Struct, frozen=True, array_like=True):
    """One call of one backend. `cached_tokens` are part of `input_tokens`, `reasoning_tokens` of `output_tokens`.

    `price` names the version of the price that `micro_usd` was reckoned by. Times are in milliseconds from the
    attempt's beginning; `first_chunk_ms` is None where nothing came. `detail` is the error's own code behind `cause`.
    `beside`: it was made beside another, and paid from a reservation of its own.
    """

    tier: str
    backend: str
    model: str
    role: Role = "answer"
    outcome: Literal["success", "ignored", "failed"] = "success"
    cause: Cause = ""
    detail: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    micro_usd: int = 0
    price: str = ""
    first_chunk_ms: float | None = None
    duration_ms: float = 0.0
    beside: bool = False


class Anatomy(msgspec.Struct, frozen=True, array_like=True):
    """What the prompt of a request is made of, in tokens of the answering tier, and what shows in prompt and answer.

    The parts add up to the input tokens of one attempt; `frame` is what the chat template adds. `exact` says whether
    the tier's own tokenizer counted. `prefix` names the static part (the system prompt and the tools) by a hash,
    `repeat` the whole canonical prompt: equal hashes, equal texts. `documents_*` are of retrieved documents: how many,
    the tokens of those that came before in the same prompt, of those that the answer never used. `brief_tokens` is how
    long the answer needed to be, where the question tells (yes or no, one word, a number); None elsewhere.
    """

    system: int = 0
    history: int = 0
    documents: int = 0
    tools: int = 0
    user: int = 0
    frame: int = 0
    exact: bool = False
    prefix: str = ""
    repeat: str = ""
    documents_count: int = 0
    documents_duplicate: int = 0
    documents_unused: int = 0
    brief_tokens: int | None = None


class Against(msgspec.Struct, frozen=True, array_like=True):
    """What the request would have cost, in micro-USD, where LeanServe had done less; each includes what came before it.

    `nothing`: no cache, no routing, no limits: the best tier that may serve it. `cache`: with the caches only.
    `routing`: with caches and routing, but no limit that cut or downgraded it. What it did cost is the record's own.
    """

    nothing: int = 0
    cache: int = 0
    routing: int = 0


class LedgerRecord(msgspec.Struct, frozen=True, array_like=True):
    """One request. `at` is when it came, seconds since 1970, as its id says too (`request_id.time_of`).

    `model` is what was asked for, `tier`, `backend` and `served` who answered, as first kept for a hit. `decided` is
    the router's first choice. `charged_micro_usd` is what a hit was priced at. `kept` says that its answer was stored.
    `step` is what a step of a session did: hexadecimal digests of its call and of the call's outcome, 16 digits each.
    `routed` is the tier that the router would have sent it to, had the client not named another; `p` is P(good enough)
    by tier, as pairs; where the router was asked, `uncertain` is what it said. `canonical` is the beginning of the
    canonical key, 16 digits: equal ones want the same answer. Each is empty where nobody knows. `estimated`: an engine
    did not say all that it used: what is told of a `lost` one is what was held, of others the least that it was.
    """

    id: str
    at: float
    operation: str
    tenant: str
    team: str
    feature: str
    user: str
    session: str
    key: str
    lane: str
    model: str
    stream: bool
    tier: str
    backend: str
    served: str
    decided: str
    reason: str
    score: float | None
    uncertain: bool
    cache: Literal["exact", "semantic", "coalesced", "miss", "bypass"]
    cache_reason: str
    outcome: Literal["success", "ignored", "failed"]
    cause: Cause
    detail: str
    attempts: tuple[AttemptEntry, ...] = ()
    charged_micro_usd: int = 0
    first_chunk_ms: float | None = None
    duration_ms: float = 0.0
    anatomy: Anatomy = Anatomy()
    against: Against = Against()
    hit_input_tokens: int = 0
    hit_output_tokens: int = 0
    trace: str = ""
    policy: str = ""
    replica: str = ""
    estimated: bool = False
    kept: bool = False
    eligibility: str = "no"
    step: str = ""
    routed: str = ""
    p: tuple[tuple[str, float], ...] = ()
    canonical: str = ""

    @property
    def micro_usd(self) -> int:
        """All that it cost."""
        return self.charged_micro_usd + sum(each.micro_usd for each in self.attempts)

    @property
    def input_tokens(self) -> int:
        """Of all attempts."""
        return sum(each.input_tokens for each in self.attempts)

    @property
    def cached_tokens(self) -> int:
        """Of all attempts: read from an engine's prefix cache."""
        return sum(each.cached_tokens for each in self.attempts)

    @property
    def output_tokens(self) -> int:
        """Of all attempts."""
        return sum(each.output_tokens for each in self.attempts)
