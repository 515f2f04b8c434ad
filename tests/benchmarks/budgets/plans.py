"""What many clients will ask, by seed: how long the answers would be is known before they are given."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.config.gateway import EchoBackend
from app.tiers.echo_script import length
from tests.benchmarks.latency import WORDS

MOST_WORDS = 24


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `length` is its answer's if nobody cuts it, in tokens of each of `n` choices.

    `told` asks a stream for its usage. A client that `leaves` hangs up after so many parts of its stream. `extra` is
    what else the body has.
    """

    text: str
    length: int
    stream: bool
    told: bool
    max_tokens: int | None = None
    n: int = 1
    leaves: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def input_tokens(self) -> int:
        """As the echo tier counts."""
        return len(self.text.split())

    @property
    def wanted(self) -> int:
        """Tokens that it would spend without limits."""
        return self.input_tokens + self.n * min(self.length, self.max_tokens or self.length)

    def body(self, model: str) -> dict[str, object]:
        """For `/v1/chat/completions`."""
        body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": self.text}], "n": self.n}
        if self.stream:
            body |= {"stream": True, "stream_options": {"include_usage": self.told}}
        return {**body, **({"max_tokens": self.max_tokens} if self.max_tokens else {}), **self.extra}


def plan(seed: int, clients: int, spec: EchoBackend, *, leavers: float = 0) -> list[Ask]:
    """Plain and streaming ones, with and without a maximum (of which half cut the answer), a tenth with two choices."""
    chosen = random.Random(seed)
    return [_ask(chosen, f"{seed}-{number}", spec, leavers) for number in range(clients)]


def _ask(chosen: random.Random, name: str, spec: EchoBackend, leavers: float) -> Ask:
    text = " ".join([name, *chosen.choices(WORDS.split(), k=chosen.randint(2, MOST_WORDS))])
    tokens, stream = length(text, spec), chosen.random() < 0.6
    return Ask(
        text,
        tokens,
        stream,
        told=chosen.random() < 0.5,
        max_tokens=max(1, int(tokens * chosen.uniform(0.1, 2))) if chosen.random() < 0.5 else None,
        n=2 if chosen.random() < 0.1 else 1,
        leaves=chosen.randint(1, 20) if stream and chosen.random() < leavers else None,
    )


def wanted(asks: list[Ask]) -> int:
    """Tokens of all of them."""
    return sum(ask.wanted for ask in asks)
