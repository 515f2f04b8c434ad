"""Edits that leave what a prompt asks as it is."""

import re
from collections.abc import Mapping

from app.verify.lexicon.words import CONTRACTIONS, NUMBER_WORDS
from app.verify.training.editor import WORD, Edit, Editor, like, of_family, splice
from app.verify.training.phrases import CLOSINGS, DISTRACTIONS, HOW, HOW_QUESTIONS, OPENINGS, REWRITES

_SMALL_NUMBERS = {word: value for word, value in NUMBER_WORDS.items() if value <= 20}
_NUMBER_WORD = re.compile(rf"\b({'|'.join(word for word in _SMALL_NUMBERS if word not in {'one', 'zero'})})\b")
_FIGURES = re.compile(r"(?<![\w.,$-])(\d{1,2})(?![\w.,%:/-])")
_HOW = re.compile(rf"^({'|'.join(map(re.escape, HOW_QUESTIONS))})\s+(?=\w)", re.IGNORECASE)
_ARTICLE = re.compile(r"(?<=\w)\s(?:the|an|a)\s")
_FRONT = re.compile(
    r"^(.{12,}?[\w)])\s+"
    r"((?:in|on|at|during|after|before|since|for)\s+(?:the\s+)?[\w']+(?:\s[\w']+)?)\s*([?.]?)$"
)
_COORDINATED = re.compile(r"\b(\w{3,})(\s+(?:and|or|vs\.?|versus)\s+)(\w{3,})\b")
_RANGE = re.compile(r"\b(from|between)\b.*\bto\b")
_NEIGHBOUR_KEYS = dict(zip("qwertyuioasdfghkncblmv", "wertyuiopsdfghjlmvnknb", strict=True))


def case(editor: Editor, text: str) -> str | None:
    """Other capitals."""
    return editor.rng.choice([text.lower(), text.lower(), text.upper(), text.title(), text[:1].swapcase() + text[1:]])


def punctuation(editor: Editor, text: str) -> str | None:
    """Other marks at the end, or marks and spaces inside gone or doubled."""
    bare = text.rstrip("?!. ")
    spaced = f"  {text.replace(' ', '  ', 1)} "
    ends = [bare + end for end in ("", "", "??", " ?", "...", "...?")]
    without = [text.replace(",", ""), text.replace('"', "")]
    return editor.rng.choice([*ends, spaced, f"{bare}!", *without, f"{bare}?!", text.replace("-", " "), f"{bare}."])


def polite(editor: Editor, text: str) -> str | None:
    """A greeting before, thanks behind, or both."""
    rng = editor.rng
    opening = rng.choice(OPENINGS) if rng.random() < 0.8 else ""
    closing = rng.choice(CLOSINGS) if rng.random() < 0.5 or not opening else ""
    lowered = opening and not text[:2].isupper() and rng.random() < 0.8
    return f"{opening}{text[:1].lower() + text[1:] if lowered else text}{closing}"


def contraction(editor: Editor, text: str) -> str | None:
    """don't → do not, or back."""
    for short, full in editor.rng.sample(sorted(CONTRACTIONS.items()), len(CONTRACTIONS)):
        for old, new in ((short, full), (full, short)):
            if match := re.search(rf"\b{old}\b", text, re.IGNORECASE):
                return splice(text, match, like(match.group(), new))
    return None


def how(editor: Editor, text: str) -> str | None:
    """Another way to begin a question."""
    if match := _HOW.match(text):
        return f"{editor.rng.choice(HOW)} {text[match.end() :]}"
    for pattern, ways in REWRITES:
        if match := re.match(pattern, text, re.IGNORECASE):
            return editor.rng.choice(ways).format(*match.groups())
    return None


def typo(editor: Editor, text: str) -> str | None:
    """One or two words misspelt."""
    words = [word for word in WORD.findall(text) if len(word) >= 4]
    if not words:
        return None
    for word in editor.rng.sample(words, min(len(words), editor.rng.choice([1, 1, 1, 2]))):
        text = text.replace(word, _misspelt(editor, word), 1)
    return text


def _misspelt(editor: Editor, word: str) -> str:
    """Letters exchanged (most often), one lost, one doubled, or a neighbouring key hit."""
    i = editor.rng.randint(1, len(word) - 2)
    before, letter, after = word[:i], word[i], word[i + 1 :]
    exchanged = before + after[0] + letter + after[1:]
    hit = before + _NEIGHBOUR_KEYS.get(letter.lower(), "e") + after
    options = [exchanged, before + after, before + letter + letter + after, hit, exchanged]
    return editor.rng.choice([option for option in options if option.lower() != word.lower()] or [word + word[-1]])


def article(_: Editor, text: str) -> str | None:
    """The first article inside gone."""
    match = _ARTICLE.search(text)
    return splice(text, match, " ") if match else None


def digits(_: Editor, text: str) -> str | None:
    """three → 3, and 3 → three."""
    if match := _FIGURES.search(text):
        words = {str(value): word for word, value in _SMALL_NUMBERS.items()}
        return splice(text, match, words[match.group()]) if match.group() in words else None
    match = _NUMBER_WORD.search(text)
    return splice(text, match, str(NUMBER_WORDS[match.group()])) if match else None


def front(_: Editor, text: str) -> str | None:
    """What … in 2016? → In 2016, what …?"""
    match = _FRONT.match(text)
    if not match:
        return None
    body, phrase, mark = match.groups()
    return f"{phrase[:1].upper()}{phrase[1:]}, {body[:1].lower()}{body[1:]}{mark}"


def coordinate(editor: Editor, text: str) -> str | None:
    """A and B → B and A, where order says nothing."""
    match = _COORDINATED.search(text)
    if not match or _RANGE.search(text):
        return None
    one, joint, other = match.groups()
    if one[0].isupper() != other[0].isupper():
        return None
    if one.islower() and not (editor.is_noun(one) and editor.is_noun(other)):
        return None
    return splice(text, match, other + joint + one)


def inflect(editor: Editor, text: str) -> str | None:
    """A noun's number: laptops for laptop."""
    spots = [spot for spot in editor.nouns_in(text, 5) if spot.start()]
    if not spots:
        return None
    spot = editor.rng.choice(spots)
    word = spot.group()
    return splice(text, spot, word[:-1] if word.endswith("s") and not word.endswith("ss") else word + "s")


def distraction(editor: Editor, text: str) -> str | None:
    """A sentence that leaves the sum of a word problem as it is."""
    return editor.insert(text, DISTRACTIONS)


HARMLESS: Mapping[str, Edit] = {
    "case": case,
    "punctuation": punctuation,
    "polite": polite,
    "contraction": contraction,
    "how": how,
    "typo": typo,
    "synonym": of_family("synonym"),
    "article": article,
    "digits": digits,
    "front": front,
    "coordinate": coordinate,
    "inflect": inflect,
    "distraction": distraction,
}
"""By the name of the kind."""
