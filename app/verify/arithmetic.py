"""Arithmetic that is certain, worked out: what has the same value reads the same, what has another never does.

For texts that do sums, where a quantity is an ingredient and not the question: `half of`, `1/2 of` and `50% of` are
`0.5 of`, `1.9 times of ten` is `19`. Values are exact. What does not end within six decimals or is no fraction in
lowest terms below one (2/4 may be a date, 2/1 a ratio) stays. So do units: who asks in metres wants metres.
"""

import math
import re
from fractions import Fraction

from app.verify.figures import BEFORE, BEHIND, decimal, in_figures
from app.verify.lexicon.words import NOTATION, word_set
from app.verify.words import mentions

_REMAINDER = word_set("rest remain remains remaining remained remainder left leftover other others")
"""Where they are, 4 apples and 2/5 of ten apples may differ in what is left."""
_OF = r"(?=\s+(?:of|as)\b)"
_SHARE = r"\d+/\d+|0?\.\d+"
_RATIO = rf"{_SHARE}|\d+(?:\.\d+)?"
_HALF = re.compile(rf"{BEFORE}half(?:{_OF}|(\s+the)\b)", re.IGNORECASE)
_HALF_AN = re.compile(rf"{BEFORE}half(?:\s+an?\b|(?=\s+(?:hour|mile|pound|cup|gallon|inch|dozen)s?\b))", re.IGNORECASE)
_CENTS = re.compile(r"(?<=[$€£])(\d[\d,]*)\.(?:00|(\d)0)(?!\d|[.,]\d)")
_PERCENT = re.compile(rf"{BEFORE}(\d+(?:\.\d+)?)\s?%{_OF}")
_PRODUCT = re.compile(
    rf"{BEFORE}({_RATIO})( times)? of (?:an? )?(ten|hundred|10|100|1000|1000000){BEHIND}(?! times)", re.IGNORECASE
)
_PART = re.compile(rf"{BEFORE}({_SHARE})(?: times)?{_OF}", re.IGNORECASE)
_ROUND = {"ten": 10, "hundred": 100}
_TOLD = re.compile(r"\w[.!]\s+\w")
_ASKED = re.compile(r"\b(?:what|how much|calculate|compute|evaluate|solve|find|is it true)\b", re.IGNORECASE)
"""What is 1.9 times of ten? There the sum is the question."""


def tells(text: str) -> bool:
    """Whether a text says something before it asks, and does not ask how numbers are written."""
    return _TOLD.search(text) is not None and not mentions(text, NOTATION)


def worked_out(text: str) -> str:
    """`text` with shares and products as plain numbers."""
    parts = not mentions(text, _REMAINDER)
    text = _CENTS.sub(lambda found: f"{found[1]}.{found[2]}" if found[2] else found[1], in_figures(text))
    text = _HALF.sub(lambda found: f"0.5{' of' if found[1] else ''}{found[1] or ''}", text)
    text = _PERCENT.sub(lambda found: decimal(Fraction(found[1]) / 100) or found.group(), text)
    text = _PRODUCT.sub(lambda found: _product(found, parts), text)
    text = _PART.sub(lambda found: _share(found[1]) or found.group(), text)
    return _HALF_AN.sub("0.5", text)


def _product(found: re.Match[str], parts: bool) -> str:
    """1.9 times of ten; 2/5 of ten only where `parts` of a whole cannot be meant."""
    ratio, before = _exact(found[1]), re.split(r"[.?!]\s", found.string[: found.start()])[-1]
    if ratio is None or not (found[2] or (parts and ratio < 1)) or _ASKED.search(before):
        return found.group()
    return decimal(ratio * (_ROUND.get(found[3].lower()) or int(found[3]))) or found.group()


def _share(written: str) -> str | None:
    value = _exact(written)
    return None if value is None else decimal(value) or str(value)


def _exact(written: str) -> Fraction | None:
    """The value of figures; None for a fraction that is not in lowest terms below one."""
    if "/" not in written:
        return Fraction(written)
    part, whole = map(int, written.split("/"))
    return Fraction(part, whole) if 0 < part < whole and math.gcd(part, whole) == 1 else None
