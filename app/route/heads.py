"""What the decision needs of a head, and the one that ships with the package."""

import logging
from collections.abc import Callable
from typing import Protocol

from app.config.gateway import EmbedderSpec
from app.domain import Evidence, Judgement
from app.errors import ConfigError
from app.route.chances import Doubles
from app.route.head import TRAINED_ON, RouteHead

logger = logging.getLogger("leanserve.route")


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


def check_embedder(embedder: EmbedderSpec) -> None:
    """Whether the packaged head can read the vectors of `embedder`: those of another arithmetic with a warning only.

    Raises `ConfigError` for another model: its vectors mean something else, and may have another length.
    """
    given, own = _without_owner(embedder.identity), _without_owner(TRAINED_ON)
    if _model(given) != _model(own):
        raise ConfigError(
            f"embedder.model: the router's head was trained on {_model(own)} and cannot read vectors of "
            f"{embedder.model}; leave the model out: `leanserve route train` knows only the default embedder today"
        )
    if given != own:
        logger.warning(
            "the router's head was trained on %s, the embedder is %s: scores will differ a little", own, given
        )


def _without_owner(identity: str) -> str:
    return identity.removeprefix("sentence-transformers/")


def _model(identity: str) -> str:
    return identity.rpartition("/")[0]
