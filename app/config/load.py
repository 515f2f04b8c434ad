"""A Serve configuration file to its validated parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from app.config.checks import check_keys, check_routing
from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from app.errors import ConfigError

M = TypeVar("M", bound=BaseModel)

INGRESS = "Ingress"
"""The deployment whose `user_config` is the policy."""
LIGHT = frozenset({INGRESS, "Normalizer", "SemanticCache", "ComplexityRouter"})


@dataclass(frozen=True, slots=True)
class ServeFile:
    """One file: the application's identity, its policy, and the raw document that Ray Serve reads."""

    gateway: GatewayConfig
    policy: Policy
    document: dict[str, Any]

    @property
    def user_config(self) -> dict[str, Any]:
        """The policy as it is written there."""
        return dict(_user_config(_application(self.document)))

    @property
    def address(self) -> str:
        """Where HTTP clients reach it, as seen from this machine. Raises `ConfigError` for a port that is none."""
        options, host = self.document.get("http_options") or {}, self.host
        try:
            port = int(options.get("port", 8000))
        except (TypeError, ValueError):
            raise ConfigError(f"http_options.port: {options['port']!r} is no number") from None
        return f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104

    @property
    def host(self) -> str:
        """What HTTP is bound to; Ray Serve's own default is loopback."""
        options = self.document.get("http_options") or {}
        return str(options.get("host", "127.0.0.1"))


def load(path: Path) -> ServeFile:
    """Read and validate a whole file: a Serve configuration, or Kubernetes manifests with one RayService.

    Raises `ConfigError` naming the file, the place in it and the reason.
    """
    try:
        document = _serve_document(_read(path))
        application = _application(document)
        gateway = validated(GatewayConfig, application.get("args") or {}, "args")
        policy = validated(Policy, _user_config(application), f"{INGRESS}.user_config")
        check(gateway, policy)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}") from error
    return ServeFile(gateway, policy, document)


def load_policy(path: Path) -> Policy:
    """A policy by itself, such as the fragment that `leanserve cache calibrate` writes. Raises `ConfigError`."""
    try:
        return validated(Policy, (_read(path) or [{}])[0], "policy")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}") from error


def policy_document(path: Path | None) -> dict[str, Any]:
    """The policy of a file as it is written there, empty for no file. Raises `ConfigError` for one that is none."""
    if path is None:
        return {}
    load_policy(path)
    return dict((_read(path) or [{}])[0])


def check(gateway: GatewayConfig, policy: Policy) -> None:
    """What neither model can see alone: every backend has a price, routing policy and keys fit the tiers.

    Raises `ConfigError`.
    """
    from app.cost.price_list import PriceList  # noqa: PLC0415 - prices are typed by this room

    PriceList(policy.prices, gateway.tiers)
    check_routing(policy, [tier.name for tier in gateway.tiers])
    models = {name for tier in gateway.tiers for name in (tier.name, tier.model, *tier.adapters)}
    check_keys(policy, {*models, gateway.embedder.model})


def _read(path: Path) -> list[Any]:
    try:
        return _documents(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}") from error


def _documents(text: str) -> list[Any]:
    try:
        return [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {error}") from error


def _serve_document(documents: list[Any]) -> dict[str, Any]:
    """The only document, or the one that a RayService among several carries as text."""
    services = [each for each in documents if isinstance(each, dict) and each.get("kind") == "RayService"]
    if len(services) == 1:
        documents = _embedded(services[0])
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ConfigError("must be one mapping with `applications`, or manifests with one RayService")
    return dict(documents[0])


def _embedded(service: dict[str, Any]) -> list[Any]:
    spec = service.get("spec")
    text = spec.get("serveConfigV2") if isinstance(spec, dict) else None
    if not isinstance(text, str):
        raise ConfigError("spec.serveConfigV2: must be the text of a Serve configuration")
    try:
        return _documents(text)
    except ConfigError as error:
        raise ConfigError(f"spec.serveConfigV2: {error.message}") from error


def _application(document: dict[str, Any]) -> dict[str, Any]:
    applications = document.get("applications")
    if not isinstance(applications, list) or len(applications) != 1 or not isinstance(applications[0], dict):
        raise ConfigError("`applications` must list exactly one application")
    return dict(applications[0])


def _user_config(application: dict[str, Any]) -> Any:
    deployments = application.get("deployments") or []
    if not isinstance(deployments, list) or not all(isinstance(each, dict) for each in deployments):
        raise ConfigError("deployments: must list mappings, each with a `name`")
    if unknown := [each.get("name") for each in deployments if not is_deployment(each.get("name"))]:
        raise ConfigError(f"deployments: there is none called {unknown[0]!r}; the policy is {INGRESS}'s user_config")
    found = [each.get("user_config") for each in deployments if each.get("name") == INGRESS]
    return (found[0] if found else None) or {}


def is_deployment(name: Any) -> bool:
    """Whether the graph can have a deployment of this name."""
    return name in LIGHT or (isinstance(name, str) and name.startswith("Tier:"))


def validated(model: type[M], value: Any, place: str) -> M:
    """`value` as a `model`. Raises `ConfigError` with all its faults, each at its place, which begins with `place`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise ConfigError("; ".join(_explain(place, fault["loc"], fault["msg"]) for fault in faults)) from error


def _explain(place: str, location: Sequence[int | str], message: str) -> str:
    """The tags of a union, `<…>`, are no places in a file."""
    parts = [part for part in map(str, location) if not part.startswith("<")]
    return f"{'.'.join([place, *parts])}: {message}"
