"""How far a pull has come, told to whoever shows it."""

from typing import Protocol


class Progress(Protocol):
    """Hears of every step: what it does, and how many of how many bytes are done (0 of 0: nobody can say)."""

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """One report."""
        ...


def silent(step: str, done: int = 0, total: int = 0) -> None:
    """A `Progress` that shows nothing."""
