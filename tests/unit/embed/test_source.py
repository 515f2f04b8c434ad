"""Where the embedder's files are looked for."""

import sys
from pathlib import Path

import pytest

from app.embed.source import WHEEL, find_embedder, packaged


@pytest.mark.parametrize("model", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_minilm_is_the_packaged_directory_when_installed_and_the_hub_id_when_not(model: str) -> None:
    """No hub is asked where the wheel is; without it the full hub id is opened."""
    assert find_embedder(model) == (packaged(WHEEL) or "sentence-transformers/all-MiniLM-L6-v2")


def test_the_wheel_is_found_but_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's own code never runs."""
    monkeypatch.delitem(sys.modules, WHEEL, raising=False)  # another test may compare with what the wheel does
    find_embedder("all-MiniLM-L6-v2")
    assert WHEEL not in sys.modules


def test_a_missing_package_is_none_and_not_an_error() -> None:
    """A machine without the wheel goes on to the hub id."""
    assert packaged("no_such_package_anywhere") is None


def test_a_directory_and_a_foreign_hub_id_stay_as_given(tmp_path: Path) -> None:
    """What the user names explicitly is opened."""
    assert find_embedder(str(tmp_path)) == str(tmp_path)
    assert find_embedder("someone/another-model") == "someone/another-model"
