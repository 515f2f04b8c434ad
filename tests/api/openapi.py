"""An OpenAPI document of the API, made of the very schemas that validate it: for the fuzz run.

The product publishes none: OpenAI's reference is the one that its clients know. Names of models, and numbers that say
how much is generated, are narrowed: nearly every random one would be refused at the door.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from app.api.admin.schema import IssueRequest, KeyRequest, RotateRequest, StopRequest
from app.api.schema import (
    ChatCompletionRequest,
    CompletionRequest,
    EmbeddingsRequest,
    FeedbackRequest,
    InvalidateRequest,
    OutcomeRequest,
)
from app.config.budgets import BudgetRule

Schema = dict[str, Any]

MODELS: Schema = {"enum": ["small", "large", "auto", "echo-small", "all-MiniLM-L6-v2", "none-such"]}
FEW: Schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 40}, {"type": "null"}]}
NARROWED: dict[str, Schema] = {"model": MODELS, **dict.fromkeys(("max_tokens", "max_completion_tokens", "n"), FEW)}
NAME: Schema = {"anyOf": [{"enum": ["ann", "faq"]}, {"type": "string", "maxLength": 20}]}
HEADERS: dict[str, Schema] = {
    **dict.fromkeys(("tenant", "feature", "user", "session", "parent-session"), NAME),
    "lane": {"enum": ["interactive", "batch", "fast"]},
    "cache": {"enum": ["no-cache", "no-store", "only-if-cached", "max-age=1", "max-age=-1", ""]},
    "step": {"enum": ["routine", "critical", "no"]},
    "depth": {"enum": ["0", "2", "99999999999999999999", "-1"]},
    "max-tier": {"enum": ["small", "large", "none-such"]},
}
Operations = Sequence[tuple[str, str, type[BaseModel] | None]]
"""Method, path, and what the body must be."""

GENERATING: Operations = [
    ("post", "/v1/chat/completions", ChatCompletionRequest),
    ("post", "/v1/completions", CompletionRequest),
    ("post", "/v1/embeddings", EmbeddingsRequest),
    ("post", "/v1/route", ChatCompletionRequest),
]
ASKING: Operations = [
    ("post", "/v1/outcomes", OutcomeRequest),
    ("post", "/v1/cache/invalidate", InvalidateRequest),
    ("post", "/v1/cache/feedback", FeedbackRequest),
    ("get", "/v1/cache/feedback", None),
    ("get", "/v1/cache/stats", None),
    ("get", "/v1/models", None),
    ("get", "/v1/sessions/{name}", None),
]
ADMIN: Operations = [
    ("get", "/admin/keys", None),
    ("post", "/admin/keys", IssueRequest),
    ("get", "/admin/keys/{name}", None),
    ("put", "/admin/keys/{name}", KeyRequest),
    ("delete", "/admin/keys/{name}", None),
    ("post", "/admin/keys/{name}/rotate", RotateRequest),
    ("post", "/admin/keys/{name}/disable", None),
    ("post", "/admin/keys/{name}/enable", None),
    ("get", "/admin/budgets", None),
    ("post", "/admin/budgets", BudgetRule),
    ("put", "/admin/budgets/{name}", BudgetRule),
    ("delete", "/admin/budgets/{name}", None),
    ("get", "/admin/stops", None),
    ("get", "/admin/scopes/{name}", None),
    ("post", "/admin/scopes/{name}/stop", StopRequest),
    ("post", "/admin/scopes/{name}/resume", None),
]


def document(operations: Operations) -> Schema:
    """Of these operations."""
    paths: dict[str, Schema] = {}
    schemas: dict[str, Schema] = {}
    for method, path, model in operations:
        paths.setdefault(path, {})[method] = _operation(path, _body(model, schemas) if model else None)
    info = {"title": "LeanServe", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(path: str, body: Schema | None) -> Schema:
    named = [{"in": "path", "name": "name", "required": True, "schema": {"type": "string", "minLength": 1}}]
    headers = [{"in": "header", "name": f"x-leanserve-{name}", "schema": schema} for name, schema in HEADERS.items()]
    found: Schema = {"parameters": [*(named if "{name}" in path else []), *headers], "responses": {"default": {}}}
    content = {"application/json": {"schema": body}} if body else {}
    found["responses"]["default"] = {"description": "OpenAI's format"}
    return found | ({"requestBody": {"required": True, "content": content}} if body else {})


def _body(model: type[BaseModel], schemas: dict[str, Schema]) -> Schema:
    """The model's JSON schema; what it refers to goes into `schemas`."""
    found = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= found.pop("$defs", {})
    found["properties"] = {name: _narrowed(name, schema) for name, schema in found["properties"].items()}
    return found


def _narrowed(name: str, schema: Mapping[str, Any]) -> Schema:
    return NARROWED.get(name, dict(schema))
