"""What two prompts must share to the letter before their meaning is compared.

An embedding hardly sees numbers, names, negation and case (MiniLM-L6 is uncased and reads unknown characters as one
token): "transfer 500" and "transfer 5000" have a cosine of .95, "US" and "us" of 1. So the vector set of a prompt is
that of its context *and* of these words in their order: prompts that differ in one are never neighbours. What cannot be
judged so (code, several lines, texts that the embedder cuts) has no neighbours at all.
"""

import hashlib
import re

from app.embed.window import WHOLE
from app.prompt.code import looks_like_code

_TOKEN = re.compile(r"\w+(?:['’.,:/@-]\w+)*|[^\w\s]+")
_PLAIN = re.compile(r"[.,?!;:()\"'’‘“”…-]+")
_FIRST_PERSON = re.compile(r"I(?:['’](?:m|ve|ll|d))?")
_NEGATION = re.compile(r"not?|never|none|nor|neither|nothing|nobody|without|cannot|\w+n['’]t", re.IGNORECASE)


def neighbourhood(context_key: str, text: str) -> str:
    """The name of the vector set in which the canonical `text` may have neighbours, hex SHA-256; empty for none."""
    if not text or len(text) > WHOLE or "\n" in text or "`" in text or looks_like_code(text):
        return ""
    words = "\0".join(token for token in _TOKEN.findall(text) if must_agree(token))
    return hashlib.sha256(f"{context_key}\0{words}".encode("utf-8", "replace")).hexdigest()


def must_agree(token: str) -> bool:
    """Whether a word or a run of symbols decides the answer by itself."""
    if _PLAIN.fullmatch(token) or _FIRST_PERSON.fullmatch(token):
        return False
    telling = any(letter.isdigit() or letter.isupper() or letter > "\x7f" for letter in token)
    return telling or not token[0].isalnum() or _NEGATION.fullmatch(token) is not None
