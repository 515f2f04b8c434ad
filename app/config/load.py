"""A Serve configuration file to its validated parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from app.errors import ConfigError

INGRESS = "Ingress"
"""The deployment whose `user_config` is the policy."""


@dataclass(frozen=True, slots=True)
class ServeFile:
    """One file: the application's identity, its policy, and the raw document that Ray Serve reads."""

    gateway: GatewayConfig
    policy: Policy
    document: dict[str, Any]

    @property
    def address(self) -> str:
        """Where HTTP clients reach it, as seen from this machine."""
        options = self.document.get("http_options") or {}
        host = str(options.get("host", "127.0.0.1"))
        port = int(options.get("port", 8000))
        return f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104


def load(path: Path) -> ServeFile:
    """Read and validate a whole file. Raises `ConfigError` naming the file, the place in it and the reason."""
    document = _read(path)
    application = _application(document, path)
    policy = _user_config(application)
    try:
        file = ServeFile(
            GatewayConfig.model_validate(application.get("args") or {}), Policy.model_validate(policy), document
        )
        check(file.gateway, file.policy)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}") from error
    return file


def check(gateway: GatewayConfig, policy: Policy) -> None:
    """What neither model can see alone: every backend has a price. Raises `ConfigError`."""
    from app.cost.prices import PriceSheet  # noqa: PLC0415 - prices are typed by this room

    PriceSheet(policy.prices).check(gateway.tiers)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must be a mapping with `applications`")
    # a RayService manifest carries the same document as text
    if document.get("kind") == "RayService":
        document = yaml.safe_load(document["spec"]["serveConfigV2"])
    return dict(document)


def _application(document: dict[str, Any], path: Path) -> dict[str, Any]:
    applications = document.get("applications")
    if not isinstance(applications, list) or len(applications) != 1 or not isinstance(applications[0], dict):
        raise ConfigError(f"{path}: `applications` must list exactly one application")
    return dict(applications[0])


def _user_config(application: dict[str, Any]) -> dict[str, Any]:
    for deployment in application.get("deployments") or []:
        if deployment.get("name") == INGRESS:
            return dict(deployment.get("user_config") or {})
    return {}


def _explain(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}" for e in error.errors())
