"""The model catalog: by id, where a model's files come from and what they must be."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from app.config.gateway import ConfigModel
from app.errors import ConfigError

PACKAGED = "models.yaml"


class HubSource(ConfigModel):
    """A repository of the model hub; `revision` is a commit, so that the files cannot change under us."""

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = "main"

    def __str__(self) -> str:
        return f"hub {self.repo}@{self.revision}"


class WheelPart(ConfigModel):
    """One file inside one wheel; `wheel` is the distribution's name."""

    wheel: str
    version: str
    file: str


class PackageSource(ConfigModel):
    """One file out of wheels, its `parts` concatenated in order. `bytes` and `sha256` are the whole file's."""

    format: Literal["gguf"]
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    parts: tuple[WheelPart, ...] = Field(min_length=1)
    note: str = ""

    def __str__(self) -> str:
        return f"wheel {self.parts[0].wheel}=={self.parts[0].version} sha256:{self.sha256}"


class Sampling(ConfigModel):
    """The makers' advice for who asks without sampling parameters of their own; engines read it from the directory."""

    temperature: float = Field(ge=0)
    top_p: float = Field(gt=0, le=1)
    top_k: int | None = Field(default=None, gt=0)
    repetition_penalty: float | None = Field(default=None, gt=0)


class ModelEntry(ConfigModel):
    """One model. `installed` names an import package of the requirements that carries it in its folder `model/`."""

    licence: str
    hub: HubSource
    sampling: Sampling | None = None
    package: PackageSource | None = None
    installed: str | None = None

    @model_validator(mode="after")
    def _is_fetched_or_installed(self) -> "ModelEntry":
        if self.package and self.installed:
            raise ValueError("a model is fetched as a `package` or `installed`, not both")
        return self


class _CatalogFile(ConfigModel):
    models: dict[str, ModelEntry]


Catalog = Mapping[str, ModelEntry]
"""Model id → entry."""


def load_catalog(path: Path | None = None) -> Catalog:
    """The packaged catalog, or the one at `path`. Raises ConfigError naming what is wrong."""
    try:
        text = path.read_text() if path else (files("app.config") / PACKAGED).read_text()
        return _CatalogFile.model_validate(yaml.safe_load(text)).models
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"{path or PACKAGED}: {error}") from error
