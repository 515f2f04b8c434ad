"""vLLM as a backend: `ray.serve.llm`'s own server with the Backend port on it."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from fastapi import HTTPException
from pydantic import ValidationError
from ray.serve import Application
from ray.serve.llm import LLMConfig, build_llm_deployment
from ray.serve.llm.deployment import LLMServer
from ray.serve.llm.openai_api_models import ChatCompletionRequest, CompletionRequest

from app.config.gateway import StoreSpec, TierSpec, VllmBackend
from app.domain import BackendCall, Chunk
from app.errors import BackendRejected, BackendUnavailable
from app.tiers.coalesce import coalesced
from app.tiers.fuse import Fuse, Fuses
from app.tiers.gates import FIELD, FILE, Gates
from deployments.parts import open_grants
from deployments.tiers import engine_options
from deployments.vllm_files import HERE

SCHEDULER = "deployments.vllm_scheduler.gated"

_decode = msgspec.json.Decoder().decode


class VllmTier(LLMServer):  # type: ignore[misc]
    """Builds vLLM's request here, in the engine's own replica: an ingress that did so would weigh 700 MB."""

    async def __init__(self, llm_config: LLMConfig, *, store: StoreSpec) -> None:  # type: ignore[misc]  # Serve awaits it
        self._fuses = Fuses(partial(open_grants, store))
        self._gates, table = Gates.create()
        os.environ[FILE] = str(table)  # the engine's process inherits it
        try:
            await super().__init__(llm_config)
        finally:
            table.unlink()

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        """See `app.ports.Backend`."""
        guarded = self._fuses.guarded(call, partial(self._made, call), held=self._gates.heeded)
        async with aclosing(coalesced(guarded)) as batches:
            async for chunks in batches:
                yield chunks

    async def _made(self, call: BackendCall, fuse: Fuse | None) -> AsyncGenerator[list[Chunk], None]:
        """What the engine makes; behind a gate that the fuse moves, where there is one."""
        with self._gates.opened() if fuse else nullcontext(0) as gate:
            if fuse:
                fuse.watch(partial(self._gates.move, gate))
            async with aclosing(_chunks(await self._start(call, gate))) as parts:
                async for chunks in parts:
                    yield chunks

    async def ready(self) -> bool:
        """See `app.ports.Backend`. Raises when the engine is dead."""
        await self.check_health()
        return True

    async def _start(self, call: BackendCall, gate: int) -> AsyncGenerator[Any, None]:
        kind = ChatCompletionRequest if call.operation == "chat" else CompletionRequest
        try:
            request = kind(**{**call.payload, "request_id": call.request_id, **_gated(call, gate)})
        except (ValidationError, ValueError, TypeError) as error:
            raise BackendRejected(_explained(error)) from None
        method = self.chat if call.operation == "chat" else self.completions
        try:
            events: AsyncGenerator[Any, None] = await method(request)
        except HTTPException as error:  # an adapter that cannot be found
            raise _fault({"code": error.status_code, "message": str(error.detail)}) from None
        return events


def _gated(call: BackendCall, gate: int) -> dict[str, Any]:
    """A client's own engine arguments go on, but for a gate: that would be another one's."""
    given = call.payload.get("vllm_xargs")
    if given is not None and not isinstance(given, dict):
        return {}  # the engine's to refuse
    kept = {name: value for name, value in (given or {}).items() if name != FIELD}
    found = kept | ({FIELD: gate} if gate else {})
    return {"vllm_xargs": found or None}


async def _chunks(events: AsyncGenerator[Any, None]) -> AsyncGenerator[list[Chunk], None]:
    """vLLM's `data: …` strings, response objects and error objects as chunks or errors."""
    try:
        async for event in events:
            if isinstance(event, list):
                if found := [chunk for text in event for chunk in _of_event(text)]:
                    yield found
            else:
                yield [_of_object(event)]
    finally:
        await events.aclose()


def _of_event(text: Any) -> list[Chunk]:
    if not isinstance(text, str):
        return [_of_object(text)]
    found = []
    for line in text.split("\n"):  # not splitlines: an answer may hold U+2028
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            chunk = _decode(data)
            if "error" in chunk:
                raise _fault(chunk["error"])
            found.append(chunk)
    return found


def _of_object(response: Any) -> Chunk:
    if error := getattr(response, "error", None):  # the engine's error class is not the public one
        raise _fault(error.model_dump())
    body: Chunk = response.model_dump(mode="json")
    return body


def _fault(error: dict[str, Any]) -> BackendRejected | BackendUnavailable:
    status = error.get("code")
    if isinstance(status, int) and 400 <= status < 500:
        return BackendRejected(str(error.get("message", "the engine refused the request")), status, error.get("param"))
    return BackendUnavailable("the engine failed")


def _explained(error: Exception) -> str:
    """The first fault of vLLM's own validation, without the value that it met."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)


def build(tier: TierSpec, spec: VllmBackend, name: str, source: str, store: StoreSpec) -> Application:
    """The Serve application of one vLLM backend; `source` is a local directory or a hub id."""
    config = LLMConfig(model_loading_config={"model_id": tier.model, "model_source": source}, **engine_options(spec))
    if Path(source).is_dir() and "callback_config" not in spec.llm:
        config.callback_config.callback_class = HERE
    config.deployment_config.setdefault("max_ongoing_requests", 256)
    config.engine_kwargs.setdefault("scheduler_cls", SCHEDULER)
    config.engine_kwargs.setdefault("enable_prompt_tokens_details", True)  # else it keeps what its prefix cache spared
    options, bound = {"name": name}, {"store": store}
    return build_llm_deployment(
        config, name_prefix="", deployment_cls=VllmTier, override_serve_options=options, bind_kwargs=bound
    )
