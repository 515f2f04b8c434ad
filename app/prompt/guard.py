"""Which texts may have neighbours at all: those whose meaning an embedding can hold and a verifier can compare.

Code, several lines and long texts are compared to the letter only. What two *comparable* texts must share (numbers,
names, negation, order …) is the verifier's to say.
"""

from app.embed.window import WHOLE
from app.prompt.code import looks_like_code

VERIFIED_CHARS = 1_500
"""Beyond it nobody reads the whole text: some 350 tokens of English, of which the embedder drops the middle hundred."""


def comparable(text: str, *, verified: bool = True) -> bool:
    """Whether the canonical `text` may be compared by meaning.

    Not `verified`, with a cosine alone to decide, a text must be one that the embedder never cuts: two that differ in
    the part that it drops have a cosine of 1.
    """
    return not incomparable(text, verified=verified)


def incomparable(text: str, *, verified: bool = True) -> str:
    """Why the canonical `text` may not be compared by meaning; empty where it may."""
    if not text:
        return "no text"
    if len(text) > (VERIFIED_CHARS if verified else WHOLE):
        return "too long"
    if "\n" in text:
        return "several lines"
    return "code" if "`" in text or looks_like_code(text) else ""
