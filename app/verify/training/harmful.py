"""Edits that change what a prompt asks."""

import re
from collections.abc import Mapping

from app.verify.training.editor import NUMBER, WORD, Edit, Editor, of_family, splice
from app.verify.training.phrases import OPERATIONS, OWNERS, UNKNOWNS

_AUXILIARY = re.compile(
    r"\b(is|are|was|were|do|does|did|can|could|should|would|will|must|may|might|has|have|had)\s+"
    r"(?:((?:the|a|an|my|your|his|her|our|their|this|that|these|those)\s+\w+|\w+)\s+)",
    re.IGNORECASE,
)
_UNCONTRACTED = frozenset({"may", "might", "will", "can"})
_NEGATION = re.compile(r"\b(not|never)\s|n['’]t\b")
_OWNED = re.compile(r"\b(my|your)\s+(?!own\b)(\w+)")
_PLACED = re.compile(r"\s(?:in|at|from|for|on)\s(?:the\s)?([A-Z]\w+)")
_JOINED = re.compile(
    r"\b(\w{2,})\s+"
    r"(to|into|than|from|over|before|after|without|against|beats?|for|of|on|by|not|is|in|causes?|follows?)"
    r"\s+(?:an?\s|the\s)?(\w{2,})"
)
_SIDE_BY_SIDE = re.compile(r"\s*(?:and|or|,|&|vs\.?|versus)\s*")
Span = tuple[int, int]


def number(editor: Editor, text: str) -> str | None:
    """Another number, in figures or else in words."""
    spots = list(NUMBER.finditer(text))
    if not spots:
        return editor.exchange(text, editor.families["number_word"])
    spot = editor.rng.choice(spots)
    return splice(text, spot, other_number(editor, spot.group()))


def other_number(editor: Editor, figures: str) -> str:
    """A number near in writing or in value."""
    rng, value = editor.rng, float(figures.replace(",", ""))
    place = rng.choice([i for i, c in enumerate(figures) if c.isdigit()])
    options = [
        figures[:place] + rng.choice([d for d in "123456789" if d != figures[place]]) + figures[place + 1 :],
        str(rng.randint(1, 99)),
        *map(_plain, (value + 1, value * 2, value * 10, value + rng.randint(2, 30), value / 2)),
        _plain(value - 1 if value >= 2 else value + 3),
        _plain(value + 0.5),
    ]
    return rng.choice([option for option in options if float(option.replace(",", "")) != value])


def _plain(value: float) -> str:
    """Without a fraction where there is none."""
    return str(int(value)) if value.is_integer() else f"{value:.2f}".rstrip("0")


def numbers(editor: Editor, text: str) -> str | None:
    """Most numbers of a text changed, as in a word problem with other figures."""
    if len(NUMBER.findall(text)) < 2:
        return None
    return NUMBER.sub(lambda m: other_number(editor, m.group()) if editor.rng.random() < 0.7 else m.group(), text)


def unknown(editor: Editor, text: str) -> str | None:
    """A number of several hidden."""
    spots = list(NUMBER.finditer(text))
    if len(spots) < 2:
        return None
    return splice(text, editor.rng.choice(spots), editor.rng.choice(UNKNOWNS))


def owner(editor: Editor, text: str) -> str | None:
    """my phone → my brother's phone."""
    match = _OWNED.search(text)
    return f"{text[: match.end(1)]} {editor.rng.choice(OWNERS)}{text[match.end(1) :]}" if match else None


def entity(editor: Editor, text: str) -> str | None:
    """A name exchanged for another."""
    spots = [spot for spot in WORD.finditer(text) if spot.start() and editor.is_name(spot.group())]
    if not spots:
        return None
    spot = editor.rng.choice(spots)
    others = [name for name in editor.rng.sample(editor.names, 3) if name != spot.group()]
    return splice(text, spot, editor.rng.choice(others))


def entities(editor: Editor, text: str) -> str | None:
    """A name taken away with its preposition (in India), or added at the end."""
    rng = editor.rng
    if spots := [spot for spot in _PLACED.finditer(text) if editor.is_name(spot.group(1))]:
        return splice(text, rng.choice(spots), "")
    mark = "?" if text.rstrip().endswith("?") else ""
    return f"{text.rstrip('?. ')} {rng.choice(['in', 'for', 'from', 'on'])} {rng.choice(editor.names)}{mark}"


def noun(editor: Editor, text: str) -> str | None:
    """A noun exchanged for any other."""
    spots = editor.nouns_in(text, 4)
    return splice(text, editor.rng.choice(spots), editor.rng.choice(editor.nouns)) if spots else None


def negate(editor: Editor, text: str) -> str | None:
    """A negation taken away where there is one, and put in where there is none."""
    if match := _NEGATION.search(text):
        affirmed = re.sub(r"\s+", " ", splice(text, match, " ")).replace(" ?", "?")
        return affirmed if editor.rng.random() < 0.7 else None
    spots = list(_AUXILIARY.finditer(text))
    if not spots:
        return None
    spot = editor.rng.choice(spots)
    if editor.rng.random() < 0.3 and spot.group(1).lower() not in _UNCONTRACTED:
        return text[: spot.end(1)] + "n't" + text[spot.end(1) :]
    word = editor.rng.choice(["not", "not", "not", "never"])
    return f"{text[: spot.end()]}{word} {text[spot.end() :]}"


def swap(editor: Editor, text: str) -> str | None:
    """Two content words change places: roles, directions, comparisons."""
    found = _sides(editor, text)
    if found is None:
        return None
    a, b = found
    one, two = text[slice(*a)], text[slice(*b)]
    if one.lower() == two.lower():
        return None
    return text[: a[0]] + two + text[a[1] : b[0]] + one + text[b[1] :]


def _sides(editor: Editor, text: str) -> tuple[Span, Span] | None:
    """Where two words stand that say something else when exchanged."""
    joined = _JOINED.search(text)
    spots = [m for m in WORD.finditer(text) if m.start() and _content(editor, m.group())]
    if joined and editor.rng.random() < 0.4:
        return joined.span(1), joined.span(3)
    if len(spots) < 2:
        return None
    first, second = sorted(editor.rng.sample(spots, 2), key=lambda spot: spot.start())
    listed = _SIDE_BY_SIDE.fullmatch(text[first.end() : second.start()])
    return None if listed else (first.span(), second.span())


def _content(editor: Editor, word: str) -> bool:
    return editor.is_name(word) or (len(word) >= 4 and editor.is_noun(word))


def drop(editor: Editor, text: str) -> str | None:
    """A content word of several is gone."""
    spots = [spot for spot in editor.nouns_in(text, 5) if spot.start()]
    return re.sub(r"\s+", " ", splice(text, editor.rng.choice(spots), "")) if len(spots) >= 2 else None


def operation(editor: Editor, text: str) -> str | None:
    """A sentence that changes the sum of a word problem."""
    return editor.insert(text, OPERATIONS)


HARMFUL: Mapping[str, Edit] = {
    "number": number,
    "numbers": numbers,
    "unknown": unknown,
    "number_word": of_family("number_word"),
    "unit": of_family("unit"),
    "antonym": of_family("antonym"),
    "time": of_family("time"),
    "people": of_family("people"),
    "owner": owner,
    "question": of_family("question"),
    "quantity": of_family("quantity"),
    "preposition": of_family("preposition"),
    "modal": of_family("modal"),
    "entity": entity,
    "entities": entities,
    "noun": noun,
    "negate": negate,
    "swap": swap,
    "drop": drop,
    "operation": operation,
}
"""By the name of the kind."""
