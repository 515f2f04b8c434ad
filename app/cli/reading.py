"""What the commands on a user's file share: a bar while it is read, and the shipped embedder."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import ModelFilesError

if TYPE_CHECKING:
    from app.config.gateway import EmbedderSpec
    from app.embed.batching import Encode


@contextmanager
def reading(source: Path) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, where that is a terminal, that moves by the bytes read."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(source.name, total=source.stat().st_size or None)
        yield lambda size: bars.advance(task, size)


def open_embedder(threads: int | None, spec: "EmbedderSpec | None" = None) -> "Encode":
    """The graph's embedder, the default one or that of `spec`, on `threads`, half of the machine's by default.

    Raises ModelFilesError for missing files.
    """
    from app.config.gateway import EmbedderSpec  # noqa: PLC0415
    from app.embed.sentence import open_encoder  # noqa: PLC0415 - onnxruntime, only where it runs
    from app.embed.source import find_embedder  # noqa: PLC0415

    spec, threads = spec or EmbedderSpec(), threads or max(1, (os.cpu_count() or 1) // 2)
    try:
        return open_encoder(find_embedder(spec.model), threads, spec.arithmetic)
    except OSError as error:
        raise ModelFilesError(f"the embedder cannot be opened: {error}") from error
