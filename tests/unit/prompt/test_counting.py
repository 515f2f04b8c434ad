import json
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tokenizers import processors

from app.config.gateway import TierSpec
from app.prompt.counting.counter import EngineCount, InputCounter
from app.prompt.counting.files import TokenizerFiles, find_files
from app.prompt.counting.template import ChatTemplate
from tests.unit.prompt.templates import LLAMA, PLAIN, byte_tokenizer

HI = [{"role": "user", "content": "hi"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def engine(template: str = PLAIN) -> EngineCount:
    return EngineCount(TokenizerFiles(byte_tokenizer(), template, {}))


def model(directory: Path, model_type: str = "llama", kind: str = "TokenizersBackend", **config: Any) -> Path:
    """A model's directory as `save_pretrained` writes it; its tokenizer opens a plain text with one special token."""
    directory.mkdir()
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens(["<b>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<b> $A", special_tokens=[("<b>", tokenizer.token_to_id("<b>"))]
    )
    tokenizer.enable_truncation(4)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "config.json").write_text(json.dumps({"model_type": model_type}))
    (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind, **config}))
    (directory / "chat_template.jinja").write_text(PLAIN)
    return directory


def tier(name: str, *backends: Mapping[str, Any]) -> TierSpec:
    found = {"name": name, "model": f"m-{name}", "context_tokens": 99, "max_output_tokens": 9, "backends": backends}
    return TierSpec.model_validate(found)


VLLM, ECHO = {"kind": "vllm"}, {"kind": "echo"}
UPSTREAM = {"kind": "openai", "base_url": "http://127.0.0.1/v1", "model": "x"}


@pytest.mark.parametrize(
    ("payload", "prompt"),
    [
        ({"messages": HI}, "[user]hi\n[assistant]"),
        ({"messages": HI, "add_generation_prompt": False}, "[user]hi\n"),
        ({"messages": HI, "chat_template_kwargs": {"add_generation_prompt": False}}, "[user]hi\n[assistant]"),
        ({"messages": [{"role": "user", "content": None}]}, "[user]\n[assistant]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, "b"]}]}, "[user]a\nb\n[assistant]"),
        ({"messages": [{"role": "assistant", "refusal": "no", "content": "é🙂"}]}, "[assistant]é🙂\n[assistant]"),
    ],
)
def test_a_chat_counts_as_its_template_prints_it(payload: dict[str, Any], prompt: str) -> None:
    """Bytes of the rendered prompt, at one token a byte: texts of parts are lines, nothing is an empty text."""
    assert engine()(payload) == len(prompt.encode())


@pytest.mark.parametrize("text", ["so I", "so I  "])
@pytest.mark.parametrize(("template", "kept"), [(PLAIN, True), (PLAIN.replace("m.content", "m.content | trim"), False)])
def test_a_final_message_is_continued(text: str, template: str, kept: bool) -> None:
    """The prompt ends where its text ends, without the spaces if the template strips them."""
    payload = {"messages": [*HI, {"role": "assistant", "content": text}], "continue_final_message": True}
    assert engine(template)(payload) is None  # the engine refuses both at once, and a generation prompt is the default
    found = ChatTemplate(template, {}).render({**payload, "add_generation_prompt": False})
    assert found == "[user]hi\n[assistant]" + (text if kept else text.strip())


def test_tools_are_printed_as_the_engine_does() -> None:
    """Its fields in its order, null where the client said nothing; unknown ones and the client's order are gone."""
    tools = [{"function": {"description": None, "strict": True, "name": "f", "x": 1}, "type": "function"}, WEATHER]
    found = ChatTemplate("{{ tools | tojson }}", {}).render({"messages": HI, "tools": tools})
    assert found == (
        '[{"type": "function", "function": {"name": "f", "description": null, "parameters": null, "strict": true}}, '
        '{"type": "function", "function": {"name": "weather", "description": null, "parameters": {"type": "object"}}}]'
    )


@pytest.mark.parametrize(
    ("arguments", "printed"), [('{"a":1e15}', '{"a": 1000000000000000.0}'), ("", "{}"), ("{", "{}"), ("[1]", "{}")]
)
def test_calls_and_results_are_read(arguments: str, printed: str) -> None:
    """Arguments become an object, an empty one where they are none; a result's parts become lines."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    result = {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}]}
    template = ChatTemplate(LLAMA, {"bos_token": "<b>"}, lambda: datetime(2030, 1, 2))
    found = template.render({"messages": [*HI, {"role": "assistant", "tool_calls": [call]}, result]})
    assert found is not None
    assert found.splitlines()[0] == "<b>[system]Today: 02 Jan 2030"
    assert found.splitlines()[1] == (
        f'[user]hi[assistant]{{"name": "f", "parameters": {printed}}}[ipython]"1"[assistant]'
    )


@pytest.mark.parametrize(
    ("loop", "walks"),
    [
        ("{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}", True),
        ("{% for m in messages %}{% for part in m['content'][1:] %}.{% endfor %}{% endfor %}", True),
        ("{% for m in messages %}{% set content = m.content %}{% for p in content %}.{% endfor %}{% endfor %}", True),
        ("{% for m in messages %}{% for call in m.tool_calls %}.{% endfor %}{{ m.content }}{% endfor %}", False),
    ],
)
def test_a_template_that_walks_through_parts_gets_parts(loop: str, walks: bool) -> None:
    """Else it gets one text: vLLM looks into the template too."""
    shown = ChatTemplate(loop + "{{ messages[0].content is string }}", {}).render({"messages": HI})
    assert shown is not None
    assert shown.endswith(str(not walks))


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({}, "-"),
        ({"reasoning_effort": "low"}, "True-low"),
        ({"reasoning_effort": "none"}, "False-none"),
        ({"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}}, "False-low"),
        ({"chat_template_kwargs": {"enable_thinking": True, "reasoning_effort": "x"}}, "True-x"),
    ],
)
def test_variables_reach_the_template(payload: dict[str, Any], shown: str) -> None:
    """The client's own, and those that vLLM makes of its parameters."""
    assert ChatTemplate("{{ enable_thinking }}-{{ reasoning_effort }}", {}).render({"messages": HI, **payload}) == shown


@pytest.mark.parametrize(
    "more",
    [
        {"chat_template": "x"},
        {"chat_template_kwargs": {"tokenize": True}},
        {"chat_template_kwargs": {"messages": []}},
        {"chat_template_kwargs": [1]},
        {"kv_transfer_params": {"prompt_token_ids": [1] * 9}},
        {"truncate_prompt_tokens": 1},
        {"prompt": "both"},
        {"tools": []},
        {"tools": [{}]},
        {"tools": [{**WEATHER, "defer_loading": True}]},
        {"messages": []},
        {"messages": "hi"},
        {"messages": [{"role": "developer", "content": "hi"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "image_url": "data:,"}]}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"type": "custom"}]}]},
    ],
)
def test_what_is_not_certain_is_unknown(more: dict[str, Any]) -> None:
    """Images, other people's templates, what the engine refuses: no count rather than a wrong one."""
    counter = InputCounter({"small": engine()})
    assert counter.count("small", {"messages": HI}) is not None
    assert counter.count("small", {"messages": HI, **more}) is None
    assert counter.count("large", {"messages": HI}) is None


def test_a_template_that_raises_is_unknown() -> None:
    """Its refusal is the engine's refusal; nor may it look behind Python's curtain."""
    for source in ("{{ raise_exception('no') }}", "{{ messages[0].content.x.y }}", "{{ ().__class__.__bases__ }}"):
        assert InputCounter({"small": engine(source)}).count("small", {"messages": HI}) is None
    assert InputCounter({"small": engine("")}).count("small", {"messages": HI}) is None


def test_marks_for_training_print_what_is_in_them() -> None:
    """`generation` is a tag of transformers, `break` one of Jinja's extensions."""
    source = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% break %}{% endfor %}"
    assert ChatTemplate(source, {}).render({"messages": HI * 2}) == "hi"


@pytest.mark.parametrize(
    ("prompt", "count"), [("hé", 4), (["hé", "a"], 6), ([1, 2, 3], 3), ([[1, 2], [3]], 3), ("", 1), ([], 0)]
)
def test_plain_prompts_count(tmp_path: Path, prompt: Any, count: int) -> None:
    """With the token that opens a text, which token ids do not get; several prompts add up."""
    files = find_files(str(model(tmp_path / "m")))
    assert files is not None
    counter = InputCounter({"small": EngineCount(files)})
    assert counter.count("small", {"prompt": prompt}) == count
    assert counter.count("small", {"prompt": "abc" * 99, "add_special_tokens": False}) == 297  # and none is cut
    assert counter.count("small", {"prompt": prompt, "prompt_embeds": "AA"}) is None


def test_a_tier_is_known_by_its_files(tmp_path: Path) -> None:
    """Those of its model's directory; an upstream may answer as it likes, and then nobody knows."""
    model(tmp_path / "m-own")
    tiers = [tier("own", VLLM), tier("echo", ECHO), tier("both", VLLM, UPSTREAM), tier("theirs", UPSTREAM)]
    counter = InputCounter.open(tiers, lambda name: str(tmp_path / name))
    assert [each.name for each in tiers if counter.count(each.name, {"prompt": "a b"}) is not None] == ["own", "echo"]
    assert counter.count("own", {"messages": HI}) == len("[user]hi\n[assistant]")
    assert counter.count("echo", {"messages": [{"role": "user", "content": "one two"}]}) == 2


def test_of_two_kinds_of_backends_the_most_counts(tmp_path: Path) -> None:
    """Any of them may answer."""
    model(tmp_path / "m-own")
    counter = InputCounter.open([tier("own", VLLM, ECHO)], lambda name: str(tmp_path / name))
    assert counter.count("own", {"prompt": "a b"}) == 4
    assert counter.count("own", {"prompt": [["1"] * 9]}) == 9


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_missing_and_broken_files_leave_a_tier_unknown(tmp_path: Path, name: str, content: str | None) -> None:
    """Nothing breaks: the bound holds instead."""
    path = model(tmp_path / "m-own") / name
    path.unlink() if content is None else path.write_text(content)
    counter = InputCounter.open([tier("own", VLLM)], lambda name: str(tmp_path / name))
    assert counter.count("own", {"messages": HI}) is None


@pytest.mark.parametrize(
    ("model_type", "kind", "config", "composed"),
    [
        ("llama", "PreTrainedTokenizerFast", {}, False),
        ("qwen3", "Qwen2Tokenizer", {}, True),
        ("qwen2", "Qwen2TokenizerFast", {}, True),
        ("qwen2", "TokenizersBackend", {}, None),
        ("llama", "LlamaTokenizerFast", {}, None),
        ("gpt_oss", "PreTrainedTokenizerFast", {}, None),
        ("llama", "PreTrainedTokenizerFast", {"auto_map": {"AutoTokenizer": ["x.X", None]}}, None),
    ],
)
def test_only_tokenizers_that_are_read_as_the_engine_does_are_known(
    tmp_path: Path, model_type: str, kind: str, config: dict[str, Any], composed: bool | None
) -> None:
    """Qwen's composes texts although its file may not say so; classes that transformers rebuilds are unknown."""
    files = find_files(str(model(tmp_path / "m", model_type, kind, **config)))
    known = None if files is None else EngineCount(files)({"prompt": "e\u0301"}) == 1 + len("é".encode())
    assert known is composed


@pytest.mark.parametrize("setting", ["chat_template", "tokenizer", "default_chat_template_kwargs"])
def test_an_engine_that_reads_requests_its_own_way_is_unknown(tmp_path: Path, setting: str) -> None:
    """Another template or tokenizer than that of its files."""
    model(tmp_path / "m-own")
    own = {"kind": "vllm", "llm": {"engine_kwargs": {setting: "x"}}}
    assert (
        InputCounter.open([tier("own", own)], lambda name: str(tmp_path / name)).count("own", {"prompt": "a"}) is None
    )


def test_files_of_the_hub_are_found_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only there: what is not on this machine is missing, and never asked for while a request waits."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--org--m-own"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("0" * 40)
    (repository / "snapshots").mkdir()
    tiers = [tier("own", VLLM)]
    assert InputCounter.open(tiers, lambda name: f"org/{name}").missing == ["org/m-own"]
    model(repository / "snapshots" / ("0" * 40))
    counter = InputCounter.open(tiers, lambda name: f"org/{name}")
    assert counter.missing == []
    assert counter.count("own", {"messages": HI}) == len("[user]hi\n[assistant]")


@pytest.mark.parametrize("source", ["/no/such/directory", "..", "a/b/c", "no such model", ""])
def test_a_name_that_is_no_repository_leaves_a_tier_unknown(source: str) -> None:
    """The hub's client refuses it; the graph starts all the same."""
    assert InputCounter.open([tier("own", VLLM)], lambda name: source).count("own", {"messages": HI}) is None


def test_an_older_template_is_in_the_configuration(tmp_path: Path) -> None:
    """Special tokens too, as texts or as objects."""
    bos = {"content": "<b>", "lstrip": False}
    directory = model(tmp_path / "m", chat_template="{{ bos_token }}{{ eos_token }}!", bos_token=bos, eos_token="</s>")
    (directory / "chat_template.jinja").unlink()
    files = find_files(str(directory))
    assert files is not None
    assert ChatTemplate(files.template, files.special).render({"messages": HI}) == "<b></s>!"


async def test_counting_is_beside_the_event_loop() -> None:
    """Tokenizing takes milliseconds, for hostile texts seconds."""
    threads: list[threading.Thread] = []

    def count(payload: Mapping[str, Any]) -> int:
        threads.append(threading.current_thread())
        return 7

    assert await InputCounter({"small": count}).counts({"messages": HI}) == {"small": 7}
    assert threads != [threading.main_thread()]
