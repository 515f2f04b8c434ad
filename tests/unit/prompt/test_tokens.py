from typing import Any

import pytest

from app.prompt.bound import most_input_tokens
from app.prompt.tokens import IMAGE_TOKENS, estimate_input_tokens, least_input_tokens


def body(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


# Counted with the tokenizers of SmolLM2-135M-Instruct and Qwen2.5-Coder-0.5B-Instruct, chat templates included.
@pytest.mark.parametrize(
    ("content", "smollm2", "qwen2_5"),
    [
        ("Hi", 31, 30),
        ("What is the capital of France?", 37, 36),
        ("Explain in three sentences how a refrigerator keeps food cold, and why its back is warm.", 48, 48),
        ("def area(r: float) -> float:\n    return 3.14159 * r ** 2\n\nprint(area(12.5))", 66, 62),
        ("Add 48213, 99871 and 1024768, then divide by 17.", 61, 60),
        ("请用简单的语言解释什么是量子计算,并举两个实际应用的例子。", 76, 45),
        ("SELECT name, AGE FROM users WHERE id = 4711 ORDER BY name;", 50, 47),
    ],
)
def test_the_estimate_is_over_the_count_and_near(content: str, smollm2: int, qwen2_5: int) -> None:
    """Never fewer tokens than either tokenizer makes, and within the template's allowance and 2.5 times the larger."""
    estimate = estimate_input_tokens(body(content))
    assert max(smollm2, qwen2_5) <= estimate <= 2.5 * max(smollm2, qwen2_5) + 16
    assert max(smollm2, qwen2_5) <= most_input_tokens(body(content), 8192)


def test_structure_counts() -> None:
    """Messages, tools, calls, images and token ids cost tokens; what the model never sees costs none."""
    base = estimate_input_tokens(body("hi"))
    two = {"messages": [{"role": "user", "content": "hi"}] * 2}
    called = {
        "messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}]
    }
    image = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:" + "A" * 1_000_000}}]
    assert estimate_input_tokens(two) > base
    assert estimate_input_tokens(called) > base
    assert estimate_input_tokens(body("hi", tools=[{"type": "function", "function": {"name": "f"}}])) > base + 80
    assert base + IMAGE_TOKENS <= estimate_input_tokens(body(image)) < base + IMAGE_TOKENS + 10
    assert estimate_input_tokens(body("hi", metadata={"a": "b" * 1000}, user="u" * 1000)) == base


@pytest.mark.parametrize(("prompt", "least"), [([1, 2, 3], 3), ([[1, 2], [3]], 3), (["a b", "c d"], 4), ("a b", 2)])
def test_completions_count(prompt: Any, least: int) -> None:
    """Token ids are counted, strings are weighed."""
    assert least <= estimate_input_tokens({"prompt": prompt}) <= least + 12


@pytest.mark.parametrize(
    ("content", "least", "most"), [("word " * 1000, 600, 1001), ("很" * 1000, 300, 1400), ("", 0, 0)]
)
def test_the_least_is_below_what_a_tokenizer_counts(content: str, least: int, most: int) -> None:
    """1,000 words are some 1,000 tokens, 1,000 Chinese characters 700 to 1,400: who is refused by it is surely over."""
    assert least <= least_input_tokens(body(content)) <= most
    assert least_input_tokens({"prompt": [[1, 2], [3]]}) == 3


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"messages": None},
        {"messages": [None]},
        body(None),
        body([None, 3]),
        {"prompt": None},
        body([{"type": []}, {"type": {}}]),
        {"messages": [{"role": [], "content": "hi", "tool_calls": 5}]},
    ],
)
def test_odd_bodies_are_no_fault(payload: dict[str, Any]) -> None:
    """An estimate never fails on a body that the engine would refuse."""
    assert least_input_tokens(payload) >= 0
    assert estimate_input_tokens(payload) >= 0
