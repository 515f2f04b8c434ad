"""Identity: what a deployed application is. A change of any of it restarts replicas."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.domain import AUTO_MODEL


class ConfigModel(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VllmBackend(ConfigModel):
    """vLLM under `ray.serve.llm`. `llm` holds the fields of Ray's `LLMConfig` other than the model's identity."""

    kind: Literal["vllm"]
    llm: dict[str, Any] = Field(default_factory=dict)


class OpenAIBackend(ConfigModel):
    """Any OpenAI-compatible upstream over HTTP. The key is read from the environment variable `api_key_env`.

    `logprobs`: it tells log-probabilities when asked, as any vLLM does; others may refuse the request for it.
    """

    kind: Literal["openai"]
    base_url: str
    model: str
    api_key_env: str | None = None
    provider: str = "openai"
    logprobs: bool = False


class EchoBackend(ConfigModel):
    """A deterministic fake for load and fault tests: it repeats the prompt's words and no model answers.

    An answer has `tokens`, or with `most_tokens` from those to so many, drawn by the prompt. In the folder `journal`
    each replica writes down what it produced, so that a test that kills it can still tell.
    """

    kind: Literal["echo"]
    tokens: int = Field(default=16, ge=1)
    most_tokens: int | None = Field(default=None, ge=1)
    journal: str | None = None
    time_to_first_token_ms: float = Field(default=0, ge=0)
    time_per_token_ms: float = Field(default=0, ge=0)
    serve: dict[str, Any] = Field(default_factory=dict)


BackendSpec = Annotated[VllmBackend | OpenAIBackend | EchoBackend, Field(discriminator="kind")]


Ability = Literal["tools", "structured_output", "images"]
"""What a request may need of a tier besides text."""


class TierSpec(ConfigModel):
    """One level of capability.

    `model` is the id that clients see and the catalog's id; `adapters` are LoRA ids served on top of it. `backends` are
    tried in order of price. `context_tokens` bounds input and output together; `max_output_tokens` is what a request
    gets that names no maximum. `capability` tells the router what to expect of the model: 0 is a 7–13B chat model, 1 is
    GPT-4; without it the first tier has 0, the last 1, those between are spread evenly. `supports` is what its engine
    was set up for besides text: a request that needs more goes to another tier. Tools and structured output are
    presumed, images are not.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    model: str
    capability: float | None = Field(default=None, ge=0, le=1)
    context_tokens: int = Field(gt=0)
    max_output_tokens: int = Field(gt=0)
    supports: tuple[Ability, ...] = ("tools", "structured_output")
    adapters: tuple[str, ...] = ()
    backends: tuple[BackendSpec, ...] = Field(min_length=1)

    @field_validator("adapters")
    @classmethod
    def _adapters_are_ids_of_ray(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Ray Serve reads the adapter's name behind a colon, and finds nothing without one."""
        if wrong := [adapter for adapter in value if ":" not in adapter]:
            raise ValueError(f"an adapter is named <model>:<adapter>, not {wrong[0]!r}")
        return value

    def backend_names(self) -> list[str]:
        """`tier/kind`, numbered from the second of a kind on: `small/vllm`, `small/openai`, `small/openai-2`."""
        names: list[str] = []
        for position, spec in enumerate(self.backends):
            earlier = sum(other.kind == spec.kind for other in self.backends[:position])
            names.append(f"{self.name}/{spec.kind}" + (f"-{earlier + 1}" if earlier else ""))
        return names

    def is_fused(self, backend: str) -> bool:
        """Whether the engine of a backend counts beside us (`app.tiers.fuse`): an upstream's does not."""
        return any(
            name == backend and spec.kind != "openai"
            for name, spec in zip(self.backend_names(), self.backends, strict=True)
        )


def capabilities(tiers: Sequence[TierSpec]) -> list[float]:
    """The capability of each tier, 0–1: declared, or by its place from the cheapest to the best."""
    steps = max(len(tiers) - 1, 1)
    by_place = [place / steps for place in range(len(tiers))] if len(tiers) > 1 else [1.0]
    return [place if tier.capability is None else tier.capability for tier, place in zip(tiers, by_place, strict=True)]


Arithmetic = Literal["int8", "float32"]
ARITHMETIC: Arithmetic = "int8"
"""The one that the packaged verifier and router are calibrated on."""

EMBEDDER_VERSION = 1
"""Raise it when a vector changes for the same model and arithmetic."""


class EmbedderSpec(ConfigModel):
    """The sentence-transformers model of the graph; `threads` of the machine for it.

    `arithmetic` is that of BERT models with mean pooling, such as the default one; others are computed by torch in
    their own.
    """

    model: str = "all-MiniLM-L6-v2"
    arithmetic: Arithmetic = ARITHMETIC
    max_batch: int = Field(default=64, gt=0)
    threads: int = Field(default=1, gt=0)

    @property
    def identity(self) -> str:
        """Differs where vectors may differ: part of every key, so that no two kinds of vectors are ever compared."""
        return f"{self.model}/{self.arithmetic}-{EMBEDDER_VERSION}"


Place = Literal["deployment", "inline"]
LightStage = Literal["ingress", "normalizer", "semantic_cache", "router"]


class Placement(ConfigModel):
    """Where each light stage runs: in a deployment of its own, or inside the ingress without the hop."""

    normalizer: Place = "deployment"
    semantic_cache: Place = "deployment"
    router: Place = "deployment"


class LimitsSpec(ConfigModel):
    """Bounds on what a client may send."""

    max_body_bytes: int = Field(default=2 * 1024 * 1024, gt=0)


class StoreSpec(ConfigModel):
    """How Redis is spoken to; its address comes from the environment (`REDIS_URL`).

    `timeout_s` bounds the ledger's commands, where no answer is a refusal: a crowd that comes at once should be served
    late rather than sent away. `cache_timeout_s` bounds the cache's, where it is a miss that the request waits for.
    """

    timeout_s: float = Field(default=1.0, gt=0)
    cache_timeout_s: float = Field(default=0.05, gt=0)
    prefix: str = "leanserve"


class GatewayConfig(ConfigModel):
    """The `args` of the Serve application. Tiers are listed from the cheapest to the best."""

    tiers: tuple[TierSpec, ...] = Field(min_length=1)
    embedder: EmbedderSpec = EmbedderSpec()
    placement: Placement = Placement()
    limits: LimitsSpec = LimitsSpec()
    store: StoreSpec = StoreSpec()
    exact_parts: bool = Field(
        default=False,
        description="Whether the parts of prompts are counted for reports by the tiers' own tokenizers, in each "
        "ingress replica (some 60 MB a model), instead of estimated and scaled to what the engine told",
    )
    serve: dict[LightStage, dict[str, Any]] = Field(
        default_factory=dict, description="Serve deployment options by light stage"
    )

    @property
    def answerers(self) -> str:
        """Who may answer, hex SHA-256: part of every cache key, so that a new model replays nothing of an old one."""
        tiers = [tier.model_dump(mode="json", include={"name", "model", "backends"}) for tier in self.tiers]
        return hashlib.sha256(json.dumps(tiers, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _better_is_not_weaker(self) -> "GatewayConfig":
        found = capabilities(self.tiers)
        if found != sorted(found):
            raise ValueError(f"tiers.capability must not fall from the cheapest tier to the best: {found}")
        return self

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "GatewayConfig":
        names = [name for tier in self.tiers for name in {tier.name, tier.model, *tier.adapters}]
        if len(set(names)) != len(names) or AUTO_MODEL in names:
            raise ValueError(f"tier names and models must be distinct, and none may be {AUTO_MODEL!r}: {names}")
        return self
