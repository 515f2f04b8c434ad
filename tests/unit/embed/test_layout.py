"""Which models onnxruntime computes, and that all others still work."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.embed.layout import NO_WEIGHTS, FastModel, find_fast
from app.embed.sentence import open_encoder
from app.embed.slow import SlowEncoder


class Hub:
    """`Fetch` that finds everything in one folder, and remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()

    def __call__(self, repository: str, pattern: str) -> Path:
        self.asked.append(f"{repository}: {pattern}")
        return self.folder


def edit(path: Path, change: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def test_minilm_is_known(folder: Path) -> None:
    """The default model; a directory is asked of nobody."""
    hub = Hub(folder)
    found = find_fast(str(folder), hub)
    assert isinstance(found, FastModel)
    assert (found.folder, found.shape.layers, found.shape.heads, found.shape.tokens) == (folder, 6, 12, 256)
    assert hub.asked == []


OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("config.json", {"model_type": "mpnet"}, "BERT"),
    ("config.json", {"hidden_act": "gelu_new"}, "BERT"),
    ("config.json", {"position_embedding_type": "relative_key"}, "positions"),
    ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "mean"),
    ("1_Pooling/config.json", {"pooling_mode": "cls"}, "mean"),
    ("sentence_bert_config.json", {"max_seq_length": None}, "length"),
    ("sentence_bert_config.json", {"do_lower_case": True}, "lowers"),
    ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "prompt"),
    ("tokenizer_config.json", {"do_lower_case": False}, "tokenizer"),
    ("tokenizer.json", {"normalizer": {"type": "NFC"}}, "tokenizer"),
]


@pytest.mark.parametrize(("name", "change", "reason"), OTHERS)
def test_what_our_graph_would_do_otherwise_is_left_to_torch(
    own_folder: Path, name: str, change: dict[str, Any], reason: str
) -> None:
    """A wrong vector is worse than a slow one."""
    edit(own_folder / name, change)
    found = find_fast(str(own_folder), Hub(own_folder))
    assert isinstance(found, str)
    assert reason in found


def test_the_pooling_of_newer_files_is_read(own_folder: Path) -> None:
    """sentence-transformers 6 writes one word where there were six flags."""
    (own_folder / "1_Pooling/config.json").write_text('{"pooling_mode": "mean", "embedding_dimension": 384}')
    assert isinstance(find_fast(str(own_folder), Hub(own_folder)), FastModel)


def with_dense_layer(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps([*modules[:2], {"type": "models.Dense", "path": "2_Dense"}]))


def without_modules(folder: Path) -> None:
    (folder / "modules.json").unlink()


@pytest.mark.parametrize("change", [with_dense_layer, without_modules])
def test_other_modules_are_left_to_torch(own_folder: Path, change: Callable[[Path], None]) -> None:
    """A layer behind the mean would be skipped; without the list nobody knows what follows."""
    change(own_folder)
    assert "modules" in str(find_fast(str(own_folder), Hub(own_folder)))


def test_missing_and_half_precision_weights_are_left_to_torch(own_folder: Path) -> None:
    """There may be pickled ones; and torch computes in the precision of the file."""
    from safetensors.numpy import save_file

    path = own_folder / "model.safetensors"
    path.unlink()
    assert find_fast(str(own_folder), Hub(own_folder)) == NO_WEIGHTS
    names = ("embeddings.word_embeddings.weight", "encoder.layer.5.output.LayerNorm.bias")
    save_file({name: np.zeros(2, dtype=np.float16) for name in names}, path)
    assert find_fast(str(own_folder), Hub(own_folder)) == NO_WEIGHTS


def test_broken_weights_are_an_error(own_folder: Path) -> None:
    """Torch could not read them either; half a download must not pass for another kind of model."""
    path = own_folder / "model.safetensors"
    half = path.read_bytes()[: 1 << 20]
    path.unlink()
    path.write_bytes(half)
    with pytest.raises(OSError, match="cannot be read"):
        open_encoder(str(own_folder), 1)


def test_a_hub_is_asked_for_weights_only_when_they_will_be_used(own_folder: Path) -> None:
    """Descriptions first: sentence-transformers downloads for itself what it loads."""
    hub = Hub(own_folder)
    assert isinstance(find_fast("some/minilm", hub), FastModel)
    assert hub.asked == ["some/minilm: *.json", "some/minilm: model.safetensors"]
    edit(own_folder / "config.json", {"model_type": "mpnet"})
    assert isinstance(find_fast("some/mpnet", hub), str)
    assert hub.asked[2:] == ["some/mpnet: *.json"]


def test_a_name_without_an_owner_is_sentence_transformers_own() -> None:
    """It knows whose they are: `all-mpnet-base-v2`, `bert-base-uncased`."""
    assert "owner" in str(find_fast("all-mpnet-base-v2", Hub(Path())))


def test_another_model_still_works(own_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By sentence-transformers, exactly, and a line in the log says why it is slow."""
    flags = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    edit(own_folder / "1_Pooling/config.json", flags)
    with caplog.at_level(logging.INFO, logger="leanserve.embed"):
        encode = open_encoder(str(own_folder), 1)
    assert "torch: its modules are not a transformer and the mean of its tokens" in caplog.text
    texts = ["How do I reset my password?", "", "several words " * 300]
    assert encode(texts) == [row.tobytes() for row in SlowEncoder.open(str(own_folder), 1)(texts)]
    assert encode([]) == []
