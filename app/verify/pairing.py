"""Two prompts as the pair model reads them: token ids, segments, and where each token stands in the other prompt."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel

MAX_TOKENS = 254
"""Of one prompt; a longer one is not judged. BERT has 512 positions, three of them marks."""
SPECIAL, ABSENT, ALIGNED, MOVED = range(4)
"""What the model is told of a token: a mark; not in the other prompt; in it at the same place; in it elsewhere."""
CLS, SEP = 101, 102  # of BERT's uncased vocabulary


@dataclass(frozen=True, slots=True)
class PairInput:
    """One row of the pair model's input; all of one length."""

    ids: list[int]
    segments: list[int]
    matches: list[int]


def pair_input(a: Sequence[int], b: Sequence[int]) -> PairInput:
    """`[CLS] a [SEP] b [SEP]` of two token sequences without marks, each at most `MAX_TOKENS` long."""
    first, second = matches(a, b)
    return PairInput(
        [CLS, *a, SEP, *b, SEP],
        [0] * (len(a) + 2) + [1] * (len(b) + 1),
        [SPECIAL, *first, SPECIAL, *second, SPECIAL],
    )


def matches(a: Sequence[int], b: Sequence[int]) -> tuple[list[int], list[int]]:
    """For every token of either prompt, whether the other has it: aligned by the longest common subsequence, moved,
    or absent."""
    first, second = [ABSENT] * len(a), [ABSENT] * len(b)
    for block in Indel.opcodes(list(a), list(b)).as_matching_blocks():
        first[block.a : block.a + block.size] = second[block.b : block.b + block.size] = [ALIGNED] * block.size
    _mark_moved(a, first, b, second)
    return first, second


def _mark_moved(a: Sequence[int], first: list[int], b: Sequence[int], second: list[int]) -> None:
    loose_a = Counter(token for token, match in zip(a, first, strict=True) if match == ABSENT)
    loose_b = Counter(token for token, match in zip(b, second, strict=True) if match == ABSENT)
    shared = loose_a & loose_b
    for tokens, marks in ((a, first), (b, second)):
        left = shared.copy()
        for place, token in enumerate(tokens):
            if marks[place] == ABSENT and left[token] > 0:
                marks[place] = MOVED
                left[token] -= 1
