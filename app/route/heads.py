"""What the decision needs of a head, and the one that ships with the package."""

from collections.abc import Callable
from typing import Protocol

from app.domain import Evidence, Judgement
from app.errors import ConfigError
from app.route.chances import Doubles
from app.route.head import RouteHead


class Head(Protocol):
    """Judges a prompt, whoever serves it. Blocking, under a millisecond."""

    @property
    def reference(self) -> Doubles:
        """The `chances` of n representative prompts, shape (n, 3): what a mean price is a mean over."""
        ...

    def judge(self, embedding: bytes, text: str) -> Judgement:
        """Raises ValueError for a vector of another embedder."""
        ...

    def evidence(self, embedding: bytes, count: int) -> tuple[Evidence, ...]:
        """The `count` nearest prompts of the training, nearest first; fewer where it keeps none."""
        ...


def load_head(load: Callable[[], Head] = RouteHead.load) -> Head:
    """The packaged head. Raises `ConfigError` where its file is missing or is none of ours: nothing starts without."""
    try:
        return load()
    except Exception as error:  # a broken file breaks in many ways
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(f"the router's head cannot be loaded ({why}); `leanserve route train` makes it") from error
