"""What a prompt's text says about its difficulty, beside its embedding: numbers, code, options, length.

MiniLM's vector knows the topic and forgets form: how many numbers and conditions a question holds, whether it is code,
whether options are given. Those are counted here, in one pass over the bytes and one over the words. Reads at most
`WINDOW` characters at either end, so that 1 MB costs as much as 2 KB.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

WINDOW = 1024
WORD = re.compile(r"[a-z']+|\d+(?:[.,]\d+)*")
LETTERS = re.compile(r"[^\W\d_]+")
OPTIONS = re.compile(r"(?:^|\n)[ \t]*\(?[B-D][.)]\s")
CODE = (
    "def ",
    "class ",
    "return",
    "import ",
    "function",
    "```",
    ">>>",
    "=>",
    "();",
    "{\n",
    "assert",
    "SELECT ",
    "#include",
)
LATEX = ("$", "\\frac", "\\sqrt", "\\sum", "\\int", "^{", "_{", "^2", "\\[")


def lexicon(words: str) -> frozenset[str]:
    """Words as a set, written as one string."""
    return frozenset(words.split())


ASKING = lexicon("what who whom whose when where which why how")
REASONING = lexicon(
    "prove proof show derive deduce demonstrate compute calculate determine evaluate integral equation theorem "
    "probability matrix polynomial convergence induction inequality"
)
BUILDING = lexicon(
    "implement design write build develop refactor debug optimize optimise algorithm complexity function program "
    "code class test tests concurrent distributed api schema database architecture"
)
CONDITIONS = lexicon(
    "if then each every must exactly least most only unless except without given suppose assume such that let"
)
EVERYDAY = lexicon(
    "hello hi hey thanks thank please translate define spell list name say rewrite summarize synonym opposite"
)
NEGATIONS = lexicon("not never no none cannot except incorrect false neither nor")

ENGLISH = lexicon(
    "the a an of to in is are was and or what how why who do does can you i my for with on that this it be from"
)
OTHER_LANGUAGES = lexicon(
    "el los las una que del por para como cuál qué es de le les des du est une pour dans quel quelle je der das und "
    "ist nicht ein eine wie für den il che di per della sono um uma não são het een van och att är jak się nie"
)
"""Function words of Spanish, French, German, Italian, Portuguese, Dutch, Swedish and Polish."""

NAMES = (
    "log_chars",
    "log_lines",
    "digit_share",
    "upper_share",
    "symbol_share",
    "bracket_share",
    "non_ascii_share",
    "blanks",
    "question_marks",
    "log_code",
    "log_latex",
    "log_options",
    "log_words",
    "log_numbers",
    "word_length",
    "distinct_words",
    "asking",
    "log_reasoning",
    "log_building",
    "log_conditions",
    "log_everyday",
    "log_negations",
)
"""One name per column of `read`, in order: weights are trained for this tuple and refuse another."""

DIGITS = np.frombuffer(b"0123456789", dtype=np.uint8)
UPPER = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
SYMBOLS = np.frombuffer(b"+-*/=<>^%$|\\~", dtype=np.uint8)
BRACKETS = np.frombuffer(b"()[]{}", dtype=np.uint8)
NEWLINE, QUESTION_MARK, UNDERSCORE = b"\n?_"


@dataclass(frozen=True, slots=True)
class Reading:
    """What `decide` must know of a text besides its score. Shares are 0–1, of the characters read.
    `foreign`: function words of other languages outnumber the English ones."""

    characters: int
    non_ascii_share: float
    empty: bool
    foreign: bool = False


def window(text: str) -> str:
    """`text`, or its two ends of `WINDOW` characters."""
    return text if len(text) <= 2 * WINDOW else f"{text[:WINDOW]}\n{text[-WINDOW:]}"


def glance(text: str) -> Reading:
    """Length, script and emptiness. Shares are counted in characters: one CJK character is one, not three bytes."""
    seen = window(text)
    ascii_count = len(seen.encode("ascii", errors="ignore"))
    share = 1 - ascii_count / len(seen) if seen else 0.0
    return Reading(len(text), share, not seen.strip(), foreign(seen))


def foreign(seen: str) -> bool:
    """Whether Latin-script text is in another language: by function words, two at least and more than English ones."""
    words = set(LETTERS.findall(seen.lower()))
    others = len(words & OTHER_LANGUAGES)
    return others >= 2 and others > len(words & ENGLISH)


def read(text: str) -> Vector:
    """The features of `text`, float32, shape (len(NAMES),). Never fails, whatever the text."""
    seen = window(text)
    return np.array([*shape(text, seen), *marks(seen), *words_of(seen)], dtype=np.float32)


def shape(text: str, seen: str) -> list[float]:
    """Length and composition: log_chars … question_marks."""
    data = np.frombuffer(seen.encode("utf-8", errors="replace"), dtype=np.uint8)
    counts = np.bincount(data, minlength=256)
    total = max(len(data), 1)
    shares = [float(counts[group].sum()) / total for group in (DIGITS, UPPER, SYMBOLS, BRACKETS)]
    lines = math.log1p(int(counts[NEWLINE]))
    blanks, questions = (float(min(int(counts[mark]), 3)) for mark in (UNDERSCORE, QUESTION_MARK))
    return [math.log1p(len(text)), lines, *shares, float(counts[128:].sum()) / total, blanks, questions]


def marks(seen: str) -> list[float]:
    """Code, LaTeX and answer options, as log counts."""
    code = sum(seen.count(mark) for mark in CODE)
    latex = sum(seen.count(mark) for mark in LATEX)
    return [math.log1p(code), math.log1p(latex), math.log1p(len(OPTIONS.findall(seen)))]


def words_of(seen: str) -> list[float]:
    """Counts over the words and numbers of the text; telling words count once, however often they are repeated."""
    words = WORD.findall(seen.lower())
    distinct = set(words)
    total = max(len(words), 1)
    groups = (REASONING, BUILDING, CONDITIONS, EVERYDAY, NEGATIONS)
    counted = [math.log1p(len(group & distinct)) for group in groups]
    numbers = sum(word[0].isdigit() for word in words)
    asking = 1.0 if words and not ASKING.isdisjoint(words[:3]) else 0.0
    length = sum(map(len, words)) / total
    return [math.log1p(len(words)), math.log1p(numbers), length, len(distinct) / total, asking, *counted]
