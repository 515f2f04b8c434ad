"""What must agree to the letter, for no list of words knows it: paths, addresses, options, operators, pictures."""

import re
import unicodedata
from collections import Counter

_QUOTED = re.compile(r"``.+?''|\"\"?[^\"]+\"\"?|“[^”]+”|`[^`]+`")
_EDGE = ".,?!;:…\"'’‘“”()`¿¡"
_TECHNICAL = re.compile(r"[*&\[\]{}<>|~^\\@#_=+]|[/:][^\s]*[/.:]|^[/.~]+\w*[/.]|^\.{0,2}/|^-+[A-Za-z]|\w-$|\S\([^)]*\)")
_HARMLESS = re.compile(r"[A-Za-z]+&[A-Za-z]+|#\w+|&|[-–—]+|[*_=~-]{2,}|\*+\w+\*+|_+\w+_+")
"""AT&T, a hashtag, dashes, rules and emphasis of Markdown: words see to them."""
_SIGNED = re.compile(r"(?<![\w)\]])[-−](?=\.?\d)")
_FACTORIAL = re.compile(r"(?:\d|\)|\b[A-Za-z])!")
_SENTENCE_END = " .?!…。？！¿¡"


def literals(text: str, cased: bool) -> Counter[str]:
    """The literal pieces of a prompt, as often as they come; in small letters unless `cased`, options as written.

    Pictures count each by itself; a number's sign and factorial count.
    """
    composed = unicodedata.normalize("NFC", text)
    found = Counter(_fold(part.strip("\"“”`' "), cased) for part in _QUOTED.findall(composed))
    for piece in composed.split():
        bare = piece.strip(_EDGE) if not piece.startswith(("./", "../")) else piece.rstrip(_EDGE)
        if _TECHNICAL.search(bare) and not _HARMLESS.fullmatch(bare):
            found[bare if bare.startswith("-") else _fold(bare, cased)] += 1
    found["!"] = len(_FACTORIAL.findall(composed))
    found["-"] = len(_SIGNED.findall(composed))
    found.update(each for each in composed if _pictures(each))
    return +found


def same_letters(one: str, other: str) -> bool:
    """Whether two texts are the same but for case, white space and what ends or opens a sentence. Vowel signs, accents,
    digits and every other mark count."""
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).strip(_SENTENCE_END)


def _fold(piece: str, cased: bool) -> str:
    return piece if cased else piece.lower()


def _pictures(letter: str) -> bool:
    """Emoji and their parts: symbols, skin tones, flags' letters, joiners of variants are not."""
    return letter > "\u2190" and unicodedata.category(letter) in {"So", "Sk"}
