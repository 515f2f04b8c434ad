"""What one epoch of training sees: labelled pairs, their closure, intents, and machine-made edits, anew each time."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from app.embed.batching import Encode
from app.verify.lexicon.words import word_set
from app.verify.training.corpus import Corpus, Pair
from app.verify.training.editor import Editor
from app.verify.training.harmful import HARMFUL
from app.verify.training.harmless import HARMLESS
from app.verify.training.implied import closure, intent_pairs
from app.verify.training.phrases import COMPARISONS

REPEAT = {"paws_x_en": 5, "gsmplus_pairs": 4, "minedit_pairs": 3, "stsb": 1, "gptcache_mock": 1, "qqp_pairs": 1}
"""How often an epoch shows each source: the small ones are rare kinds of difference."""
CLOSURE, INTENTS = 8000, 12000
"""At most so many of either in an epoch, drawn anew."""
HARMFUL_SHARE, SECOND_EDIT = 0.55, 0.4
"""Of the edits that change what is asked; and of those that get a harmless one on top, so that it tells nothing."""
STATEMENTS = frozenset({"paws_x_en", "stsb", "gptcache_mock"})
EDITS = {**HARMFUL, **HARMLESS}
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-zA-Z]{2,}\b")
_LOWER = re.compile(r"\b[a-z]{4,}\b")
_STOP = word_set(
    "what when where which that this with from have does there their they will would should could about your some been "
    "being were more most than then them these those into onto over under very just like make made much many such only "
    "also after before while because between best better good know want need how's getting mean"
)


class Kinds(NamedTuple):
    """Names of edits that suit a text; named twice, drawn twice as often."""

    harmful: Sequence[str]
    harmless: Sequence[str]


ANY = Kinds(tuple(HARMFUL), tuple(HARMLESS))
OF_PROBLEMS = Kinds(
    ("number", "numbers", "unknown", "operation", "unit", "entity", "swap", "number_word"),
    ("distraction", "distraction", "distraction", "typo", "case", "polite", "digits"),
)
OF_STATEMENTS = Kinds(
    ("swap", "swap", "swap", "swap", "antonym", "entity", "negate", "number"),
    ("coordinate", "front", "front", "typo", "article", "inflect"),
)
OF_COMPARISONS = Kinds(("swap", "swap", "entity"), tuple(HARMLESS))
ON_TOP = ("case", "punctuation", "polite", "contraction", "how", "typo", "synonym", "article")
_BARELY_VISIBLE = frozenset({"case", "punctuation"})


def editor_for(corpus: Corpus, antonyms: Sequence[tuple[str, str]], seed: int) -> Editor:
    """An editor with the names and nouns of the training part."""
    names: Counter[str] = Counter()
    nouns: Counter[str] = Counter()
    for text in corpus.sentences("train"):
        names.update(_NAME.findall(text))
        nouns.update(word for word in _LOWER.findall(text) if word not in _STOP)
    common = [word for word, count in nouns.most_common(6000) if count > 3]
    return Editor(random.Random(seed), [w for w, c in names.most_common(1500) if c > 3], common, antonyms)


class Mixture:
    """Makes epochs. `left_out` kinds of edit are never made (and minedit's pairs of them not shown)."""

    def __init__(self, corpus: Corpus, editor: Editor, encode: Encode, left_out: frozenset[str] = frozenset()) -> None:
        self._editor, self._left_out = editor, left_out
        pairs = [pair for pair in corpus.pairs["train"] if pair.kind.split("/")[-1] not in left_out]
        self._real = [pair for pair in pairs for _ in range(REPEAT[pair.kind.split("/")[0]])]
        self._questions = [pair for pair in pairs if pair.kind == "qqp_pairs"]
        self._problems = sorted({pair.a for pair in pairs if pair.kind.startswith("gsmplus")})
        self._statements = _texts([pair for pair in pairs if pair.kind in STATEMENTS])
        self._texts = _texts(self._questions)
        self._utterances = [u.text for parts in corpus.utterances.values() for u in parts["train"]]
        self._closure = closure(self._questions)
        self._intents = [
            pair for name, parts in corpus.utterances.items() for pair in intent_pairs(parts["train"], encode, name)
        ]

    def epoch(self, number: int, edits: int) -> list[Pair]:
        """Shuffled pairs of one epoch; `edits` are tried, and those that apply are among them."""
        rng = random.Random(number)
        made = self.made(rng, edits)
        closed = rng.sample(self._closure, min(len(self._closure), CLOSURE))
        intents = rng.sample(self._intents, min(len(self._intents), INTENTS))
        found = [*self._real, *closed, *intents, *made]
        found = [pair if rng.random() < 0.5 else Pair(pair.b, pair.a, pair.label, pair.kind) for pair in found]
        rng.shuffle(found)
        return found

    def made(self, rng: random.Random, tries: int) -> list[Pair]:
        """Machine-made pairs: one a try where the edit applies."""
        editor = self._editor.drawing(rng)
        return [pair for _ in range(tries) if (pair := self._one(editor)) is not None]

    def _one(self, editor: Editor) -> Pair | None:
        rng = editor.rng
        draw = rng.random()
        base, kinds = self._base(editor, draw)
        if draw <= 0.85:
            return self._edited(editor, base, base, kinds)
        pair = rng.choice(self._questions)
        return self._edited(editor, pair.a, pair.b, kinds) if pair.label else None

    def _base(self, editor: Editor, draw: float) -> tuple[str, Kinds]:
        """A text to edit: 12% word problems, 18% statements, 10% utterances, 2% comparisons, else questions."""
        if draw < 0.12:
            return editor.rng.choice(self._problems), OF_PROBLEMS
        if draw < 0.30:
            return editor.rng.choice(self._statements), OF_STATEMENTS
        if draw < 0.40 and self._utterances:
            return editor.rng.choice(self._utterances), ANY
        if draw < 0.42:
            return _comparison(editor), OF_COMPARISONS
        return editor.rng.choice(self._texts), ANY

    def _edited(self, editor: Editor, base: str, partner: str, kinds: Kinds) -> Pair | None:
        """`base` beside an edit of its `partner`, which wants the same answer."""
        rng = editor.rng
        harmful = rng.random() < HARMFUL_SHARE
        kind = self._drawn(rng, kinds.harmful if harmful else kinds.harmless)
        text = EDITS[kind](editor, partner) if kind else None
        if kind is None or text is None or (text.lower() == partner.lower() and kind not in _BARELY_VISIBLE):
            return None
        if rng.random() < SECOND_EDIT and (second := self._drawn(rng, ON_TOP)):
            text = EDITS[second](editor, text) or text
        return Pair(base, text, 0 if harmful else 1, f"made/{kind}")

    def _drawn(self, rng: random.Random, kinds: Sequence[str]) -> str | None:
        """One that is not left out; None where all are."""
        left = [kind for kind in kinds if kind not in self._left_out]
        return rng.choice(left) if left else None


def _texts(pairs: Sequence[Pair]) -> list[str]:
    return sorted({text for pair in pairs for text in (pair.a, pair.b)})


def _comparison(editor: Editor) -> str:
    """A is better than B: made from names, for there are few in questions."""
    a, b = editor.rng.sample(editor.names, 2)
    return editor.rng.choice(COMPARISONS).format(a=a, b=b)
