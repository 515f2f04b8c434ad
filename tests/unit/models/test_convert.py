from pathlib import Path

import numpy as np
import pytest

from app.errors import ModelFilesError
from app.models.convert import convert, convert_here

WIDTH, HIDDEN, BLOCKS, HEADS = 32, 64, 1, 2
TOKENS = ["<|end|>", "<|start|>", *map(chr, range(33, 127)), "Ġ", "Ġa"]
TEMPLATE = "{% for m in messages %}<|start|>{{ m['content'] }}<|end|>{% endfor %}"


def write_gguf(path: Path, template: str | None) -> np.ndarray:
    """A one-layer Llama with a character tokenizer; its embedding matrix."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_block_count(BLOCKS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3] + [1] * (len(TOKENS) - 2))
    writer.add_token_merges(["Ġ a"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    if template:
        writer.add_chat_template(template)
    return add_tensors(writer)


def add_tensors(writer: object) -> np.ndarray:
    random = np.random.default_rng(7)
    shapes = {"token_embd.weight": (len(TOKENS), WIDTH), "output_norm.weight": (WIDTH,)}
    for name, shape in {
        "attn_norm": (WIDTH,),
        "ffn_norm": (WIDTH,),
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }.items():
        shapes[f"blk.0.{name}.weight"] = shape
    tensors = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)  # type: ignore[attr-defined]
    for step in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, step)()
    return tensors["token_embd.weight"]


def test_weights_tokenizer_and_template_survive(tmp_path: Path) -> None:
    """The directory loads by itself, in float32, with the values and the chat template of the file."""
    embedding = write_gguf(tmp_path / "tiny.gguf", TEMPLATE)
    convert(tmp_path / "tiny.gguf", tmp_path / "out")

    from safetensors import safe_open
    from transformers import AutoTokenizer

    with safe_open(tmp_path / "out" / "model.safetensors", framework="np") as weights:
        np.testing.assert_array_equal(weights.get_tensor("model.embed_tokens.weight"), embedding)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False) == "<|start|>hi<|end|>"


def test_a_file_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    """No chat could be served with it; the message says so."""
    write_gguf(tmp_path / "mute.gguf", None)
    with pytest.raises(ModelFilesError, match="no chat template"):
        convert_here(tmp_path / "mute.gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_gguf_is_refused(tmp_path: Path) -> None:
    """The converter's own words are in the message."""
    (tmp_path / "junk.gguf").write_bytes(b"junk" * 100)
    with pytest.raises(ModelFilesError, match=r"junk\.gguf cannot be converted"):
        convert(tmp_path / "junk.gguf", tmp_path / "out")
