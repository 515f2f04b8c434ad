"""When the head's numbers mean little: prompts unlike those that it learned from, each by its reason."""

import re

from app.route.features import CODE, Reading, glance, window

MAX_CHARACTERS = 8_000
"""Above it a prompt is unlike anything the head learned from: the longest of the training has 5,000 characters."""

MAX_NON_ASCII = 0.2
"""Above it a prompt is not English text: MiniLM-L6 was trained on English, and all labels are of English prompts.
None of the training prompts exceeds it, nor does any look foreign by its function words."""

LEAST_FAMILIAR = 0.42
"""The least cosine to a region of the training data. Chosen on folds over all questions, by question and by domain, as
the model card says."""

MAX_LINES_OF_CODE = 40
MAX_WORD = 120
TABLE = re.compile(r"^[^\n|]*\|[^\n|]*\|[^\n]*$|^[^\n\t]*\t[^\n\t]*\t[^\n]*$", re.MULTILINE)
TABLE_ROWS = 4
LONG_WORD = re.compile(rf"\S{{{MAX_WORD},}}")


def doubt(text: str, familiarity: float) -> str:
    """Why `text` is unlike the training prompts, as one of few phrases, or nothing."""
    return unlike_text(text, glance(text)) or ("unlike the training prompts" if familiarity < LEAST_FAMILIAR else "")


def unlike_text(text: str, reading: Reading) -> str:
    """What can be seen without an embedding: length, language, encoded data, tables, whole files of code."""
    if reading.empty:
        return "empty prompt"
    if reading.characters > MAX_CHARACTERS:
        return "longer than the training prompts"
    if reading.non_ascii_share > MAX_NON_ASCII or reading.foreign:
        return "not English"
    seen = window(text)
    if LONG_WORD.search(seen):
        return "encoded data"
    if len(TABLE.findall(seen)) >= TABLE_ROWS:
        return "a table"
    return "long code" if seen.count("\n") >= MAX_LINES_OF_CODE and any(mark in seen for mark in CODE) else ""
