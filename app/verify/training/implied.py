"""Labelled pairs that follow from others: by transitivity, and from the intents that people gave to utterances."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from app.embed.batching import Encode
from app.verify.training.corpus import Pair, Utterance

SAME_INTENT, OTHER_INTENT = 0.80, 0.60
"""Cosines above which two utterances of one intent are taken to want one answer, and of two intents to be hard."""
NEIGHBOURS = 7
"""Of an utterance that are looked at, itself among them."""
Vectors = npt.NDArray[np.float32]


def closure(pairs: Sequence[Pair]) -> list[Pair]:
    """What follows: a ~ b and b ~ c give a ~ c; a ~ b and b ≁ c give a ≁ c."""
    same, other = _partners(pairs, 1), _partners(pairs, 0)
    known = {(pair.a, pair.b) for pair in pairs} | {(pair.b, pair.a) for pair in pairs}
    found: dict[tuple[str, str], Pair] = {}
    for middle, friends in same.items():
        for a in sorted(friends):
            for c in sorted(friends):
                if a < c and (a, c) not in known:
                    found[a, c] = Pair(a, c, 1, "closure")
            for c in sorted(other[middle]):
                if (a, c) not in known:
                    found.setdefault((a, c), Pair(a, c, 0, "closure"))
    return list(found.values())


def _partners(pairs: Sequence[Pair], label: int) -> defaultdict[str, set[str]]:
    """Each prompt's partners in pairs of this label."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        if pair.label == label:
            found[pair.a].add(pair.b)
            found[pair.b].add(pair.a)
    return found


def intent_pairs(utterances: Sequence[Utterance], encode: Encode, name: str) -> list[Pair]:
    """Near utterances of one intent, and of different ones. clinc150's intents hold arguments (to which city?), so that
    only its differences are used."""
    if not utterances:
        return []
    vectors = np.frombuffer(b"".join(encode([u.text for u in utterances])), dtype="<f4").reshape(len(utterances), -1)
    found: list[Pair] = []
    for i, j, cosine in _neighbours(vectors):
        same = utterances[i].intent == utterances[j].intent
        wanted = cosine >= SAME_INTENT and name.startswith("banking") if same else cosine >= OTHER_INTENT
        if wanted:
            found.append(Pair(utterances[i].text, utterances[j].text, 1 if same else 0, f"intent/{name}"))
    return found


def _neighbours(vectors: Vectors) -> Iterator[tuple[int, int, float]]:
    """(i, j, cosine) with i < j and j among the nearest of i."""
    for i, vector in enumerate(vectors):
        cosines = vectors @ vector
        nearest = np.argpartition(-cosines, min(NEIGHBOURS, len(vectors) - 1))[:NEIGHBOURS]
        yield from ((i, int(j), float(cosines[j])) for j in nearest if i < j)
