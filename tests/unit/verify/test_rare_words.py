"""The list of rare words, from WordNet's database files."""

from pathlib import Path

import pytest

from app.verify.lexicon.tables import rare_words as packaged
from app.verify.training.rare_words import FILES, forms, rare_words

WORDNET = Path("/usr/share/wordnet")
"""Where Debian's package wordnet-base puts it."""
LICENCE = "  1 This software and database is being provided to you, the LICENSEE, by  "


def write(folder: Path, **words: str) -> Path:
    """A database with one synset a word."""
    for name in FILES:
        lines = [f"00001740 04 {name[0]} 01 {word} 0 000 | a gloss  " for word in words.get(name, "").split()]
        (folder / f"data.{name}").write_text("\n".join([LICENCE, *lines, ""]), encoding="utf-8")
    return folder


def test_small_letters_and_regular_forms(tmp_path: Path) -> None:
    """A verb comes with its forms, a noun alone; names, phrases and an adjective's mark do not come."""
    folder = write(tmp_path, noun="acne Paris hot_dog", verb="skid defy bathe", adj="awless(a)")
    verbs = "skid skids skided skiding skidded skidding defy defies defied defying bathe bathes bathed bathing"
    assert forms(folder) == {"acne", "awless", *verbs.split()}


def test_only_what_a_slip_turns_into_a_known_word(tmp_path: Path) -> None:
    """Acne is cane with neighbours exchanged, a debit no debt: both are no slips; a zebra is no slip of anything, and
    what the vocabulary has (a plural among it) needs no list."""
    folder = write(tmp_path, noun="acne debit zebra cane canes")
    assert rare_words(folder, frozenset({"cane", "debt"})) == ["acne", "debit"]


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    """No empty list in the place of the words."""
    with pytest.raises(FileNotFoundError):
        rare_words(tmp_path, frozenset())


@pytest.mark.skipif(not (WORDNET / "data.noun").exists(), reason="the package wordnet-base is not installed")
def test_the_packaged_words_are_wordnets() -> None:
    """But for a few in a hundred: releases differ."""
    lost = packaged() - forms(WORDNET)
    assert len(lost) < len(packaged()) / 20
