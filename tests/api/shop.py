"""A gateway with a cache, as its clients and its operator see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from openai import OpenAI

from tests.fakes import FakeEmbedder
from tests.harness import Running, eventually

QUESTION = "Tell me of rain"


@dataclass
class Shop:
    """A gateway, a client of it, and a look into its Redis."""

    running: Running
    client: OpenAI
    admin: "redis.Redis"

    def ask(self, text: str = QUESTION, *, cache: str = "", **options: Any) -> Any:
        """The raw answer. `cache` is `x-leanserve-cache`, other options are the client's."""
        headers = {"x-leanserve-cache": cache, **options.pop("headers", {})}
        return self.client.chat.completions.with_raw_response.create(
            model="small", messages=[{"role": "user", "content": text}], extra_headers=headers, **options
        )

    def result(self, text: str = QUESTION, **options: Any) -> str:
        """`exact`, `semantic`, `miss` or `bypass`."""
        return str(self.ask(text, **options).headers["x-leanserve-cache"])

    def keep(self, text: str = QUESTION, **options: Any) -> None:
        """Ask, and wait until the answer is on the shelf."""
        before = len(self.entries())
        assert self.result(text, **options) in {"miss", "bypass"}
        assert eventually(lambda: len(self.entries()) > before)

    def entries(self) -> Sequence[bytes]:
        """The keys of all entries."""
        return list(self.admin.scan_iter("*:cache:entry:*"))

    def idle(self) -> bool:
        """Whether nothing is left to be stored."""
        return eventually(lambda: not self.running.gateway._background._tasks)

    def spans(self, result: str) -> list[dict[str, Any]]:
        """The attributes of all requests that ended so."""
        spans = [dict(span.attributes or {}) for span in self.running.spans.get_finished_spans()]
        return [span for span in spans if span.get("leanserve.cache") == result]

    @property
    def calls(self) -> int:
        """How often the engine was asked."""
        return int(self.running.backends["small/echo"].stats().started)


class OneVector(FakeEmbedder):
    """Every text is the nearest neighbour of every other."""

    def vector(self, text: str) -> bytes:
        return super().vector("")


def alike(asked: str, stored: str) -> float:
    """What the fake verifier thinks: of the same thing when the last words agree."""
    one, other = (text.rsplit(maxsplit=1)[-1] for text in (asked, stored))
    return 0.987 if one == other else 0.2


OpenShop = Callable[..., Shop]
