"""Where a model's tokenizer is: a directory, or what the hub's client has in its cache."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, normalizers

logger = logging.getLogger("leanserve.counting")

_NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
_TEMPLATE = "chat_template.jinja"
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_OF_THE_FILE = frozenset({"TokenizersBackend", "PreTrainedTokenizerFast"})
_FAMILIES: Mapping[str, frozenset[str]] = {
    "llama": _OF_THE_FILE,
    **dict.fromkeys(("qwen2", "qwen2_moe", "qwen3", "qwen3_moe"), frozenset({"Qwen2Tokenizer", "Qwen2TokenizerFast"})),
}
"""The classes of tokenizers by type of model that are read here as transformers 5.19 does: the generic ones take
`tokenizer.json` as it is, Qwen's composes texts (NFC) even where that file does not say so. Others are rebuilt in ways
of their own; a directory of `tekken.json` is read by Mistral's own library."""


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """A model's tokenizer, the source of its chat template ("" without one) and its special tokens by name."""

    tokenizer: Tokenizer
    template: str
    special: Mapping[str, str]


def find_files(source: str, revision: str | None = None) -> TokenizerFiles | None:
    """What `source`, a directory or a hub's repository, has here on this machine; None if any of it is missing.

    None too for a kind of tokenizer that is not read here. Reads 4 to 12 MB: a tenth of a second to one.
    """
    try:
        paths = {name: _path(source, name, revision) for name in (*_NEEDED, _TEMPLATE)}
        found = {name: path for name, path in paths.items() if path is not None}
        return _read(found) if set(_NEEDED) <= set(found) else None
    except Exception as error:  # the libraries' errors have no common root; a broken file leaves the tier uncounted
        logger.warning("no exact counts for %s: %s", source, type(error).__name__)
        return None


def fetch_files(source: str, revision: str | None = None) -> bool:
    """Bring the files of a hub's repository into its cache; False where the hub cannot be reached. Takes seconds."""
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - half a second

    try:
        for name in _NEEDED:
            hf_hub_download(source, name, revision=revision)
    except Exception:  # the client's own errors and its transport's share no root
        return False
    try:
        hf_hub_download(source, _TEMPLATE, revision=revision)
    except Exception:  # older repositories have it in tokenizer_config.json
        return True
    return True


def _path(source: str, name: str, revision: str | None) -> Path | None:
    if Path(source).is_dir():
        path = Path(source, name)
        return path if path.is_file() else None
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - half a second

    found = try_to_load_from_cache(source, name, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _read(paths: Mapping[str, Path]) -> TokenizerFiles | None:
    model = json.loads(paths["config.json"].read_text("utf-8"))
    config = json.loads(paths["tokenizer_config.json"].read_text("utf-8"))
    kind = config.get("tokenizer_class")
    if "auto_map" in config or kind not in _FAMILIES.get(model.get("model_type"), ()):
        return None
    tokenizer = Tokenizer.from_file(str(paths["tokenizer.json"]))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if kind not in _OF_THE_FILE:
        tokenizer.normalizer = normalizers.NFC()
    template = paths[_TEMPLATE].read_text("utf-8") if _TEMPLATE in paths else config.get("chat_template")
    return TokenizerFiles(tokenizer, template if isinstance(template, str) else "", _special(config))


def _special(config: Mapping[str, Any]) -> dict[str, str]:
    """Tokens are texts, or objects with a `content`."""
    given = {name: config.get(name) for name in _SPECIAL}
    texts = {name: each.get("content") if isinstance(each, dict) else each for name, each in given.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}
