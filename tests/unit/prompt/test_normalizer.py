from collections.abc import Sequence

from app.domain import GatewayRequest, PromptKeys
from app.prompt.counting.counter import InputCounter
from app.prompt.normalizer import PromptNormalizer
from app.prompt.tokens import estimate_input_tokens

REQUEST = GatewayRequest("r1", "chat", {"model": "auto", "messages": [{"role": "user", "content": "Hi  you"}]})
KEYS = PromptKeys("a" * 64, "b" * 64)


class LoudEmbedder:
    """Embeds a text as its own bytes, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.bulk: list[bool] = []

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> list[bytes]:
        self.asked.append(list(texts))
        self.bulk.append(bulk)
        return [text.encode() for text in texts]


async def test_a_prompt_is_embedded_once_and_estimated() -> None:
    """The canonical text goes to the embedder; text, keys and estimate of the whole request come back."""
    embedder = LoudEmbedder()
    prompt = await PromptNormalizer(embedder, InputCounter()).normalize(REQUEST, KEYS, "hi you")
    assert (prompt.text, prompt.keys, prompt.embedding) == ("hi you", KEYS, b"hi you")
    assert prompt.token_estimate == estimate_input_tokens(REQUEST.payload)
    assert embedder.asked == [["hi you"]]


async def test_an_empty_text_is_not_embedded() -> None:
    """No text, no vector: empty bytes say that nothing can be asked by meaning."""
    embedder = LoudEmbedder()
    assert (await PromptNormalizer(embedder, InputCounter()).normalize(REQUEST, KEYS, "")).embedding == b""
    assert embedder.asked == []


async def test_embed_is_the_embedders() -> None:
    """The embeddings endpoint gets the graph's own vectors, in order, and lets prompts go first."""
    embedder = LoudEmbedder()
    assert await PromptNormalizer(embedder, InputCounter()).embed(["b", "a"]) == [b"b", b"a"]
    await PromptNormalizer(embedder, InputCounter()).normalize(REQUEST, KEYS, "hi you")
    assert embedder.bulk == [True, False]


async def test_what_is_counted_is_told_by_tier() -> None:
    """Tiers that are known have their exact count, others are absent."""
    counter = InputCounter({"small": lambda body: len(body["messages"]), "large": lambda body: None})
    assert await PromptNormalizer(LoudEmbedder(), counter).count(REQUEST) == {"small": 1}
