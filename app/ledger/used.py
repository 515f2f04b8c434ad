"""Which retrieved documents an answer used.

The rule. A document is used when the answer

1. cites it: its number (`[2]`, `document 2`; its place where no document has a number), title, source, address or id;
2. quotes it: five words in a row stand in both;
3. draws on it: two telling words of the answer stand in it and in no other document, or one such word with a digit.

A word tells when it has four letters or a digit, is none of `_COMMON`, and the rest of the prompt does not have it; a
name cites where the rest does not have it. Where no document is used
by that, those that share the most telling words are. Where none shares any, all are unused if the answer has `FEW`
telling words and plainly is of the documents' language; else nobody can say, and none counts as unused.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from app.prompt.documents import Document

FEW = 5
RUN = 5
"""Words in a row that are a quotation: texts on one subject share runs of three and four by chance."""
SAME_LANGUAGE = 0.15
"""The share of an answer's different words that the documents have; articles and pronouns alone are as much."""
MOST_ANSWER, MOST_DOCUMENTS = 20_000, 500_000
"""Characters that are read of an answer; of documents beyond so many nothing is said."""

_COMMON_WORDS = """
about also because been both could does each every from have here into itself just more most much must only other over
same should some such than that their them then there these they this those under very were what when where which while
will with within would your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_WORD = re.compile(r"\w+")
_BRACKETS = re.compile(r"[\[【]([\d,;\s–-]{1,40})[\]】]|\b(?:document|source|passage|doc)s? (\d{1,3})\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


def unused_of(documents: Sequence[Document], answer: str, rest: str) -> list[bool]:
    """Of each of some different documents, whether the answer did not use it. `rest` is the prompt without them."""
    if not answer.strip() or sum(len(each.text) for each in documents) > MOST_DOCUMENTS:
        return [False] * len(documents)
    said, held = _words(answer[:MOST_ANSWER]), [_words(each.text) for each in documents]
    telling = {word for word in said if _tells(word)}.difference(_words(rest[:MOST_DOCUMENTS]))
    shared = [telling.intersection(words) for words in held]
    used = [
        any(signs)
        for signs in zip(_cited(documents, answer, rest), _quoted(said, held), _drawn_on(shared), strict=True)
    ]
    most = max(map(len, shared), default=0)
    if any(used):
        return [not each for each in used]
    if most:
        return [len(each) < most for each in shared]
    return [len(telling) >= FEW and _same_language(said, held)] * len(documents)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _tells(word: str) -> bool:
    return (len(word) >= 4 and word not in _COMMON) or not word.isalpha()


def _same_language(said: Sequence[str], held: Sequence[Sequence[str]]) -> bool:
    different = set(said)
    return len(different.intersection(*[set().union(*held)])) >= SAME_LANGUAGE * len(different)


def _cited(documents: Sequence[Document], answer: str, rest: str) -> Iterator[bool]:
    said, asked = answer[:MOST_ANSWER].casefold(), rest[:MOST_DOCUMENTS].casefold()
    numbers = {number for found in _BRACKETS.findall(said) for number in _NUMBER.findall("".join(found))}
    numbered = any(name.isdigit() for each in documents for name in each.names)
    for place, document in enumerate(documents, 1):
        names = {name.strip().casefold() for name in document.names} | (set() if numbered else {str(place)})
        told = (name for name in names if len(name) >= 4 and not name.isdigit())
        yield not numbers.isdisjoint(names) or any(name in said and name not in asked for name in told)


def _quoted(said: Sequence[str], held: Sequence[Sequence[str]]) -> Iterator[bool]:
    runs = set(_runs(said))
    for words in held:
        yield any(run in runs for run in _runs(words)) if runs else False


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[at:] for at in range(RUN)), strict=False)


def _drawn_on(shared: Sequence[set[str]]) -> Iterator[bool]:
    holders = Counter(word for words in shared for word in words)
    for words in shared:
        own = [word for word in words if holders[word] == 1]
        yield len(own) >= 2 or any(not word.isalpha() for word in own)
