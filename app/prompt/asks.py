"""What a question asks about: the moment in which it is asked, or the one who asks it.

Such questions have another answer tomorrow, or for somebody else, although their words are the same. The patterns name
what *asks* ("what's my …", "the latest price"), not every "now" and "my": "I can't log in today" and "my card hasn't
arrived" want the answer that everybody gets. English is read sentence by sentence; of other languages a few words are
known, and more is refused than must be.

Refused are 1.0% of Quora's questions, 2.1% of banking77's, 2.7% of GSM-Plus'. Of clinc150's validation utterances (the
patterns were chosen on its training part): weather and date 100%, bill balance 80%, time 75%, order status 70%,
balance 50%. What names neither the moment nor the asker ("savings balance please") is not seen: where such questions
come, switch the cache off for their feature, or give it the scope `user`.
"""

import re
import unicodedata
from dataclasses import dataclass

from app.prompt.asks_abroad import asks_about_asker_abroad, asks_about_now_abroad
from app.prompt.asks_english import (
    ASKER,
    ASKER_LAST,
    ASKER_READS,
    ASKER_TRIGGERS,
    HOW_TO,
    NOW,
    NOW_TRIGGERS,
    NOW_WORDS,
    OF_ONESELF,
    OPENS,
    SUBJECT,
)

READ_CHARS = 1_500
EDGE_CHARS = 750
"""What a longer text asks stands at its beginning or its end; between them stands the material."""

_SENTENCE_END = re.compile(r"[.?!;\n]+(?:\s+|$)")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Asks:
    """Whether the answer depends on the moment, and whether on who asks."""

    now: bool = False
    asker: bool = False


def read_asks(text: str) -> Asks:
    """What `text` asks about. Some 10 µs for a sentence without the words that could, 50 µs with them."""
    plain = _plain(text)
    words = set(_WORD.findall(plain))
    now, asker = asks_about_now_abroad(plain, words), asks_about_asker_abroad(plain, words)
    now_in_english, asker_in_english = not NOW_TRIGGERS.isdisjoint(words), not ASKER_TRIGGERS.isdisjoint(words)
    if now_in_english or asker_in_english:
        sentences = [" ".join(sentence.split()) for sentence in _SENTENCE_END.split(plain)]
        last = next((sentence for sentence in reversed(sentences) if sentence), "")
        now = now or (now_in_english and any(_is_about_now(sentence, sentence is last) for sentence in sentences))
        asker = asker or (asker_in_english and any(map(_is_about_asker, sentences)))
    return Asks(now, asker)


def _is_about_now(sentence: str, last: bool) -> bool:
    """A sentence before the last that does not open like a question sets the scene: "Today Jim sold five apples"."""
    if NOW_TRIGGERS.isdisjoint(_WORD.findall(sentence)):
        return False
    if NOW.search(sentence):
        return True
    asking = OPENS.match(sentence) is not None or (last and not _is_told(sentence, OF_ONESELF))
    return asking and NOW_WORDS.search(sentence) is not None


def _is_about_asker(sentence: str) -> bool:
    if ASKER_TRIGGERS.isdisjoint(_WORD.findall(sentence)):
        return False
    if ASKER.search(sentence):
        return True
    if HOW_TO.match(sentence):
        return False
    return ASKER_READS.search(sentence) is not None or (
        not _is_told(sentence, SUBJECT) and ASKER_LAST.search(sentence) is not None
    )


def _is_told(sentence: str, of: re.Pattern[str]) -> bool:
    """Whether it is a tale of oneself rather than a question: "I was charged twice today"."""
    return of.search(sentence) is not None and OPENS.match(sentence) is None


def _plain(text: str) -> str:
    if len(text) > READ_CHARS:
        text = f"{text[:EDGE_CHARS]}\n{text[-EDGE_CHARS:]}"
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text).replace("’", "'").lower()
