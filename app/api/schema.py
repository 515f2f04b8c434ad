"""What a request must look like. Validation only: the body itself travels on untouched.

Types are strict (no `"1"` for 1) and unknown fields are allowed, since engines have parameters of their own.
The reference is OpenAI's API: https://platform.openai.com/docs/api-reference
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=128)]
Text = Annotated[str, Field(min_length=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class WireModel(BaseModel):
    """Strict, with room for the engine's own parameters."""

    model_config = ConfigDict(strict=True, extra="allow")


class StreamOptions(WireModel):
    """`include_usage` asks for a final chunk with the usage."""

    include_usage: bool | None = None


class Message(WireModel):
    """One turn of a conversation. `content` is text or a list of parts."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class JsonSchema(WireModel):
    """The `json_schema` of a response format."""

    name: str
    schema_: dict[str, Any] = Field(default_factory=dict, alias="schema")


class ResponseFormat(WireModel):
    """`text`, `json_object`, `json_schema`, or an engine's own type."""

    type: str
    json_schema: JsonSchema | None = None


class GenerationRequest(WireModel):
    """What chat and text completions share."""

    model: str = Field(min_length=1, max_length=256)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Count | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=64)] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None


class ChatCompletionRequest(GenerationRequest):
    """`POST /v1/chat/completions`."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None


class CompletionRequest(GenerationRequest):
    """`POST /v1/completions`."""

    prompt: str | Annotated[list[str] | list[int] | list[list[int]], Field(min_length=1)]
    best_of: Count | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool | None = None
    suffix: str | None = None


class EmbeddingsRequest(WireModel):
    """`POST /v1/embeddings`. Texts only: token arrays belong to another model's tokenizer."""

    model: str = Field(min_length=1, max_length=256)
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None


class CacheModel(BaseModel):
    """Strict, and without room for anything else: a misspelt name must not select more than was meant."""

    model_config = ConfigDict(strict=True, extra="forbid")


class InvalidateRequest(CacheModel):
    """`POST /v1/cache/invalidate`. What is named must all fit; `all` stands for everything."""

    entry_id: str | None = Field(default=None, max_length=128)
    feature: str | None = Field(default=None, max_length=128)
    tag: str | None = Field(default=None, max_length=128)
    older_than_s: Annotated[float, Field(ge=0, le=1e10)] | None = None
    all: bool = False
    dry_run: bool = False


class OutcomeRequest(CacheModel):
    """`POST /v1/outcomes`: of a request, or of a session."""

    request_id: str | None = Field(default=None, min_length=1, max_length=128)
    session_id: str | None = Field(default=None, min_length=1, max_length=128)
    type: str = Field(default="outcome", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    success: bool
    value: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] | None = None


class FeedbackRequest(CacheModel):
    """`POST /v1/cache/feedback`."""

    request_id: str | None = Field(default=None, max_length=128)
    entry_id: str | None = Field(default=None, max_length=128)
    correct: bool
    comment: str | None = Field(default=None, max_length=500)
