"""Prompts to measure with: of a certain length, all different from the first word on, so that no cache knows them."""

from collections.abc import Iterator
from random import Random

_WORDS = """
water river stone bridge light window garden letter market paper wheel music summer winter morning silver copper glass
forest valley captain doctor teacher farmer engine button carpet kitchen ladder mirror needle orange pepper rocket
saddle table umbrella village wagon yellow anchor basket candle desert eagle feather guitar hammer island jacket
"""
_VOCABULARY = _WORDS.split()
STORY = "Tell a long story, in many chapters, in which these words appear: "


def texts(words: int, seed: int) -> Iterator[str]:
    """Endless texts of `words` words, a token or a little more each."""
    draw = Random(seed)  # noqa: S311 - no secret
    while True:
        yield f"{draw.getrandbits(64):x} " + " ".join(draw.choices(_VOCABULARY, k=words))


def questions(words: int, seed: int) -> Iterator[str]:
    """Texts to read; the answer does not matter."""
    return (f"{text}\nAnd now?" for text in texts(words, seed))


def stories(seed: int) -> Iterator[str]:
    """Short prompts for long answers."""
    return (f"{text}\n{STORY}{text}" for text in texts(12, seed))


def followed_up(words: int, seed: int) -> Iterator[str]:
    """One text with ever another end: all but that an engine has read before."""
    shared = next(texts(words, seed))
    return (f"{shared}\n{end}" for end in texts(4, seed + 1))
