"""A `DeploymentHandle` that answers like the local object: the same Protocol, the same errors."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from app.config.policy import CachePolicy
from app.config.routing import RoutingPolicy
from app.domain import (
    Answer,
    BackendCall,
    CacheHit,
    CacheMiss,
    Caller,
    Chunk,
    GatewayRequest,
    NormalizedPrompt,
    PromptKeys,
    RouteDecision,
    RouteTerms,
)
from app.errors import BackendLost, BackendOverloaded, BackendUnavailable, LeanServeError

T = TypeVar("T")


@contextmanager
def faults(name: str) -> Iterator[None]:
    """What Ray raises, as what the local object would have raised."""
    try:
        yield
    except BackPressureError as error:
        raise BackendOverloaded(f"{name} is at capacity") from error
    except RayTaskError as error:
        if isinstance(error.cause, LeanServeError):
            raise error.cause from error
        raise BackendUnavailable(f"{name} failed") from error
    except RayActorError as error:
        raise BackendLost(f"{name} ended before it had answered") from error
    except (RayError, RayServeException) as error:
        raise BackendUnavailable(f"{name} is unavailable") from error


async def _call(name: str, response: Awaitable[T]) -> T:
    with faults(name):
        return await response


class RemoteStage:
    """A light stage over a handle."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def ready(self) -> bool:
        """Whether a replica answers."""
        return bool(await _call("stage", self._handle.ready.remote()))


class RemoteNormalizer(RemoteStage):
    """The Normalizer port over a handle."""

    async def normalize(self, request: GatewayRequest, keys: PromptKeys, text: str) -> NormalizedPrompt:
        """One hop."""
        return cast("NormalizedPrompt", await _call("normalizer", self._handle.normalize.remote(request, keys, text)))

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One hop."""
        return cast("list[bytes]", await _call("normalizer", self._handle.embed.remote(texts)))

    async def count(self, request: GatewayRequest) -> dict[str, int]:
        """One hop."""
        return cast("dict[str, int]", await _call("normalizer", self._handle.count.remote(request)))


class RemoteSemanticCache(RemoteStage):
    """The SemanticCache port over a handle."""

    async def lookup(self, caller: Caller, prompt: NormalizedPrompt, policy: CachePolicy) -> CacheHit | CacheMiss:
        """One hop."""
        call = self._handle.lookup.remote(caller, prompt, policy)
        return cast("CacheHit | CacheMiss", await _call("semantic cache", call))

    async def store(self, caller: Caller, prompt: NormalizedPrompt, answer: Answer, policy: CachePolicy) -> None:
        """One hop."""
        await _call("semantic cache", self._handle.store.remote(caller, prompt, answer, policy))


class RemoteComplexityRouter(RemoteStage):
    """The ComplexityRouter port over a handle."""

    async def route(self, prompt: NormalizedPrompt, terms: RouteTerms, policy: RoutingPolicy) -> RouteDecision:
        """One hop."""
        return cast("RouteDecision", await _call("router", self._handle.route.remote(prompt, terms, policy)))


class RemoteBackend:
    """The Backend port over the handle of a tier's deployment."""

    def __init__(self, name: str, handle: DeploymentHandle, adapters: Sequence[str] = ()) -> None:
        self._name = name
        self._handle = handle
        self._adapters = frozenset(adapters)

    @property
    def name(self) -> str:
        """Unique in the configuration."""
        return self._name

    async def send(self, call: BackendCall) -> AsyncGenerator[list[Chunk], None]:
        """Stream over the hop; closing cancels the remote generator, which stops the engine."""
        model = call.payload["model"]
        options: dict[str, Any] = {"multiplexed_model_id": model} if model in self._adapters else {}
        with faults(self._name):
            response = self._handle.options(stream=True, **options).send.remote(call)
            finished = False
            try:
                async for chunks in cast("AsyncIterator[list[Chunk]]", response):
                    yield chunks
                finished = True
            finally:
                if not finished:
                    response.cancel()

    async def ready(self) -> bool:
        """Whether a replica of the tier answers."""
        return bool(await _call(self._name, self._handle.ready.remote()))
