"""What differs between two prompts, word by word: aligned, misspelt, moved, gone, come, replaced."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA, Indel

from app.verify.lexicon.words import KEYBOARD
from app.verify.words import Kind, Word

Known = Callable[[str], bool]
"""Whether a lower-case word is in the dictionary."""
Block = tuple[tuple[Word, ...], tuple[Word, ...]]
"""Words of the stored prompt, and the words of the asked one in their place."""


@dataclass(frozen=True, slots=True)
class Differences:
    """`gone` are words of the stored prompt that the asked one lacks, `come` the reverse, `moved` those that both have
    in another order, `misspelt` pairs that differ by a slip of the fingers. `replaced` pairs up what stood at one
    place: words of `gone` with words of `come`."""

    stored: Sequence[Word]
    asked: Sequence[Word]
    gone: tuple[Word, ...]
    come: tuple[Word, ...]
    moved: tuple[Word, ...]
    misspelt: tuple[tuple[Word, Word], ...]
    replaced: tuple[Block, ...]

    @property
    def same_words(self) -> bool:
        """The same words in the same order, spelling aside."""
        return not (self.gone or self.come or self.moved)


def compare(stored: Sequence[Word], asked: Sequence[Word], known: Known) -> Differences:
    """Align two prompts by their longest common subsequence and sort out what is left."""
    slips, blocks = _slips(_blocks(stored, asked), known)
    asked = _corrected(asked, slips)
    gone = [word for left, _ in blocks for word in left]
    come = [word for _, right in blocks for word in right]
    shared = Counter(word.base for word in gone) & Counter(word.base for word in come)
    moved, gone = _taken(gone, shared)
    _, come = _taken(come, shared)
    return Differences(stored, asked, tuple(gone), tuple(come), tuple(moved), tuple(slips), tuple(blocks))


def _blocks(stored: Sequence[Word], asked: Sequence[Word]) -> Iterator[Block]:
    """What stands between the aligned words, on either side."""
    a = b = 0
    for aligned in Indel.opcodes([w.base for w in stored], [w.base for w in asked]).as_matching_blocks():
        if aligned.a > a or aligned.b > b:
            yield tuple(stored[a : aligned.a]), tuple(asked[b : aligned.b])
        a, b = aligned.a + aligned.size, aligned.b + aligned.size


def _slips(blocks: Iterable[Block], known: Known) -> tuple[list[tuple[Word, Word]], list[Block]]:
    """Take the misspelt out of blocks."""
    slips: list[tuple[Word, Word]] = []
    rest: list[Block] = []
    for left, right in blocks:
        a, b = list(left), list(right)
        for one in left:
            twin = next((other for other in b if misspelt(one, other, known)), None)
            if twin is not None:
                slips.append((one, twin))
                a.remove(one)
                b.remove(twin)
        if a or b:
            rest.append((tuple(a), tuple(b)))
    return slips, rest


def _corrected(asked: Sequence[Word], slips: Sequence[tuple[Word, Word]]) -> list[Word]:
    """`asked` with its slips as the stored prompt has them, so that no rule sees a misspelt word."""
    right = {wrong: meant for meant, wrong in slips}
    return [right.get(word, word) for word in asked]


def misspelt(one: Word, other: Word, known: Known) -> bool:
    """Whether one is the other with a slip of the fingers.

    That is: neighbours exchanged (twice in long words), a letter doubled, lost or come in the middle, the next key.

    One of them must be a word and the other none: `form` for `from` is two words, `sulfite` for `sulfate` no slip of a
    finger, `uninstall` another verb. Where neither is in the dictionary (two names? two drugs?) only exchanged
    neighbours in words of small letters count.
    """
    a, b = one.lower, other.lower
    if not (a.isalpha() and b.isalpha()) or min(len(a), len(b)) < 4:
        return False
    if known(a) != known(b):
        return _exchanged(a, b) or _one_letter(a, b)
    small = one.kind is other.kind is Kind.WORD and min(len(a), len(b)) >= 6
    return small and not known(a) and _exchanged(a, b)


def _exchanged(a: str, b: str) -> bool:
    """The same letters, one or (in long words) two neighbours exchanged."""
    allowed = 1 if len(a) < 8 else 2
    return sorted(a) == sorted(b) and int(OSA.distance(a, b, score_cutoff=allowed)) <= allowed


def _one_letter(a: str, b: str) -> bool:
    """One letter more in the middle, or a double one, or one that is the next key."""
    short, long = sorted((a, b), key=len)
    if len(long) - len(short) == 1:
        at = next((i for i, letter in enumerate(short) if letter != long[i]), len(short))
        inside = 0 < at < len(short) or long[at] == long[at - 1]
        return inside and short[at:] == long[at + 1 :]
    apart = [(x, y) for x, y in zip(a, b, strict=False) if x != y] if len(a) == len(b) else []
    return len(apart) == 1 and apart[0][1] in KEYBOARD.get(apart[0][0], "")


def _taken(words: Sequence[Word], shared: Counter[str]) -> tuple[list[Word], list[Word]]:
    """Those that are in `shared`, as often as there, and the others."""
    left = shared.copy()
    taken: list[Word] = []
    rest: list[Word] = []
    for word in words:
        (taken if left[word.base] > 0 else rest).append(word)
        left[word.base] -= 1
    return taken, rest
