"""What a sentence-transformers folder holds, as far as it must be known to compute without sentence-transformers."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from app.embed.bert import Shape

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
NO_WEIGHTS = f"it has no {WEIGHTS} of a bare BERT in float32"
Fetch = Callable[[str, str], Path]
"""A hub id and a pattern of file names to the folder where they are now. Raises OSError."""


@dataclass(frozen=True, slots=True)
class FastModel:
    """A model that our graph can compute."""

    folder: Path
    shape: Shape


def find_fast(source: str, fetch: Fetch) -> FastModel | str:
    """The model at `source`, a directory or a hub id, or in words why sentence-transformers must load it.

    Only the model's own files decide, so that each process decides alike. Raises OSError for a hub id whose files can
    neither be downloaded nor are here already, and for broken weights.
    """
    local = Path(source).is_dir()
    if not local and "/" not in source:
        return "its name has no owner, and is no directory"
    folder = Path(source) if local else fetch(source, "*.json")
    shape = read_shape(folder)
    if isinstance(shape, str):
        return shape
    folder = folder if local else fetch(source, WEIGHTS)
    return FastModel(folder, shape) if has_weights(folder / WEIGHTS, shape) else NO_WEIGHTS


def fetch_hub(repository: str, pattern: str) -> Path:
    """`Fetch` with the hub's own client; what it has already it need not download."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - half a second

    try:
        return Path(snapshot_download(repository, allow_patterns=pattern))
    except Exception as error:  # the client's own errors and its transport's share no root
        raise OSError(f"{repository} is no directory and cannot be had from the model hub: {error}") from error


def read_shape(folder: Path) -> Shape | str:
    """The shape of a BERT with mean pooling as our graph computes it, or in words why it is none."""
    bert, lengths = read(folder / "config.json"), read(folder / "sentence_bert_config.json")
    if reason := next(obstacles(folder, bert, lengths), None):
        return reason
    return Shape(
        layers=bert["num_hidden_layers"],
        heads=bert["num_attention_heads"],
        epsilon=float(bert["layer_norm_eps"]),
        tokens=lengths["max_seq_length"],
    )


def read(path: Path) -> Any:
    """A JSON document; empty where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def obstacles(folder: Path, bert: Mapping[str, Any], lengths: Mapping[str, Any]) -> Iterator[str]:
    """All that our graph or tokenizer would do otherwise than sentence-transformers."""
    if bert.get("model_type") != "bert" or bert.get("hidden_act") != "gelu" or bert.get("is_decoder"):
        yield "it is no BERT with GELU"
    if bert.get("position_embedding_type", "absolute") != "absolute":
        yield "its positions are not absolute"
    if not pools_means(folder):
        yield "its modules are not a transformer and the mean of its tokens"
    if not lengths.get("max_seq_length") or lengths.get("do_lower_case"):
        yield "it states no length, or lowers case by itself"
    if read(folder / "config_sentence_transformers.json").get("default_prompt_name"):
        yield "it puts a prompt before each text"
    if not words_agree(folder):
        yield "its tokenizer is not a plain BERT one"


def pools_means(folder: Path) -> bool:
    """Transformer, mean pooling and perhaps normalization; vectors are brought to length 1 in any case."""
    modules = read(folder / "modules.json") or [{}]
    kinds = [str(module.get("type")).rpartition(".")[2] for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]) or modules[0]["path"]:
        return False
    pooling = read(folder / modules[1]["path"] / "config.json")
    old = [name for name, used in pooling.items() if name.startswith("pooling_mode_") and used is True]
    return old == ["pooling_mode_mean_tokens"] if "pooling_mode" not in pooling else pooling["pooling_mode"] == "mean"


def words_agree(folder: Path) -> bool:
    """Whether tokenizer.json alone splits as transformers would, which lets tokenizer_config.json overrule it."""
    rules, said = read(folder / TOKENIZER).get("normalizer") or {}, read(folder / "tokenizer_config.json")
    wanted = {
        "lowercase": said.get("do_lower_case", True),
        "strip_accents": said.get("strip_accents"),
        "handle_chinese_chars": said.get("tokenize_chinese_chars", True),
    }
    return rules.get("type") == "BertNormalizer" and all(rules.get(name) == value for name, value in wanted.items())


def has_weights(path: Path, shape: Shape) -> bool:
    """Whether the file holds a bare BertModel in float32. Raises OSError for a broken file."""
    needed = {"embeddings.word_embeddings.weight", f"encoder.layer.{shape.layers - 1}.output.LayerNorm.bias"}
    if not path.is_file():
        return False
    try:
        with safe_open(path, "np") as file:
            return needed <= set(file.keys()) and all(file.get_slice(name).get_dtype() == "F32" for name in needed)
    except SafetensorError as error:
        raise OSError(f"{path} cannot be read: {error}") from error
