"""A model's files from the model hub, with the hub's own client."""

from pathlib import Path
from typing import Any

from app.config.catalog import HubSource
from app.errors import ModelFilesError
from app.models.manifest import sha256_of

REACH_TIMEOUT_S = 3.0
FILES = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "LICENSE*")
"""What an engine loads: no pickled weights, no code."""


def describe(source: HubSource, endpoint: str | None = None) -> Any | None:
    """The hub's description of the revision, or None where the hub is offline, out of reach or without the model.

    `HF_HUB_OFFLINE`, `HF_ENDPOINT` and `HF_TOKEN` are the client's own variables and hold here.
    """
    from huggingface_hub import HfApi, constants  # noqa: PLC0415 - half a second

    if constants.HF_HUB_OFFLINE:
        return None
    try:
        return HfApi(endpoint=endpoint).model_info(
            source.repo, revision=source.revision, timeout=REACH_TIMEOUT_S, files_metadata=True
        )
    except Exception:  # the client's own errors and its transport's share no root
        return None


def fetch_hub(source: HubSource, info: Any, target: Path, endpoint: str | None = None) -> None:
    """Download the described revision into `target`. Raises ModelFilesError when that fails or a hash is wrong."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    try:
        snapshot_download(
            source.repo, revision=info.sha, local_dir=target, allow_patterns=list(FILES), endpoint=endpoint
        )
    except Exception as error:  # the client's own tree and its transport's
        raise ModelFilesError(f"{source.repo} cannot be downloaded from the hub: {error}") from error
    for file in info.siblings or []:
        path = target / file.rfilename
        if file.lfs and path.exists() and sha256_of(path) != file.lfs.sha256:
            raise ModelFilesError(f"{source.repo}: {file.rfilename} is not what the hub describes")
