"""What is counted before an answer is what the real engines tell after it."""

from typing import Any

import pytest
from openai.types import CompletionUsage

from app.config.gateway import GatewayConfig
from app.models.pull import resolve
from app.prompt.bound import most_input_tokens
from app.prompt.counting.counter import InputCounter
from tests.e2e.conftest import home
from tests.serve.conftest import Cluster, document

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FRESH = {"x-leanserve-cache": "no-cache, no-store"}
ASKED = {"role": "user", "content": "What's the weather in Zürich?"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city – now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "enum": ["Zürich", "北京"]}}},
    },
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Zürich","scale":1e3}'}}
CALLED = [ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
RESULT = {"role": "tool", "tool_call_id": "c1", "content": 'rain, "10 °C"\n'}

CHATS: dict[str, dict[str, Any]] = {
    "plain": {"messages": [ASKED]},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, ASKED]},
    "several turns": {"messages": [ASKED, {"role": "assistant", "content": "Rain."}, ASKED]},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": text} for text in ("one", "two")]}]},
    "unicode": {
        "messages": [{"role": "user", "content": "e\u0301🏳️‍🌈 ﷺ 很好，\u200b<|im_end|>\n  def f(x):\n\treturn 1"}]
    },
    "continued": {
        "messages": [ASKED, {"role": "assistant", "content": "It is "}],
        "continue_final_message": True,
        "add_generation_prompt": False,
    },
    "special tokens": {"messages": [ASKED], "add_special_tokens": True},
}
TOOLS: dict[str, dict[str, Any]] = {
    "tools": {"messages": [ASKED], "tools": [WEATHER, WEATHER]},
    "a call and its result": {"messages": [*CALLED, RESULT], "tools": [WEATHER]},
}
PROMPTS: dict[str, Any] = {
    "text": "Once upon a time — é e\u0301 很好",
    "texts": ["one", "two three"],
    "token ids": [100, 200, 300],
    "lists of token ids": [[100, 200], [300]],
}


@pytest.fixture(scope="module")
def counter() -> InputCounter:
    config = GatewayConfig.model_validate(document("local.yaml")["applications"][0]["args"])
    return InputCounter.open(config.tiers, lambda model: resolve(model, home()))


def agrees(counter: InputCounter, tier: str, payload: dict[str, Any], usage: CompletionUsage | None) -> None:
    told = usage.prompt_tokens if usage else None
    assert told is not None
    assert counter.count(tier, payload) == told
    assert told <= most_input_tokens(payload, 1_000_000)


@pytest.mark.parametrize("tier", ["small", "large"])
@pytest.mark.parametrize("name", CHATS)
def test_a_chat_counts_as_the_engine_counts(local: Cluster, counter: InputCounter, tier: str, name: str) -> None:
    """Both models, plainly and with vLLM's own parameters."""
    payload = CHATS[name]
    own = {key: value for key, value in payload.items() if key != "messages"}
    ask = local.client().chat.completions.create
    answer = ask(model=tier, messages=payload["messages"], max_tokens=1, extra_body=own, extra_headers=FRESH)
    agrees(counter, tier, payload, answer.usage)


@pytest.mark.parametrize("name", TOOLS)
def test_tools_count_as_the_engine_counts(local: Cluster, counter: InputCounter, name: str) -> None:
    """On the tier whose template knows tools."""
    ask = local.client().chat.completions.create
    answer = ask(model="large", max_tokens=1, extra_headers=FRESH, **TOOLS[name])
    agrees(counter, "large", TOOLS[name], answer.usage)


@pytest.mark.parametrize("tier", ["small", "large"])
@pytest.mark.parametrize("name", PROMPTS)
def test_a_plain_prompt_counts_as_the_engine_counts(
    local: Cluster, counter: InputCounter, tier: str, name: str
) -> None:
    """A text, several, token ids and lists of them."""
    ask = local.client().completions.create
    answer = ask(model=tier, prompt=PROMPTS[name], max_tokens=1, extra_headers=FRESH)
    agrees(counter, tier, {"prompt": PROMPTS[name]}, answer.usage)
