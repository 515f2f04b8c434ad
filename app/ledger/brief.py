"""How long an answer needed to be, where an English question tells: yes or no, one word, a number.

The rules, on the last user message without its documents (and, for what is told outright, the system prompt):

- told outright ("answer yes or no", "in one word", "true or false", "only the number", "just the letter"): `WORD`;
- one short question that yes or no answers ("Is …?", "Can …?"), or a count or an amount ("How many …?"): `SENTENCE`.

Nothing is said where more is asked for ("why", "explain", "list", "step by step", a choice of "or"), of several
questions, and of texts in other languages.
"""

import re

WORD = 8
"""Tokens of `Yes.`, of a number or a label, with its end."""
SENTENCE = 40
"""Tokens of `Yes` and one sentence of reason: thirty English words."""

MOST_WORDS = 30
_LAST = 1_200
_SYSTEM = 4_000

_OUTRIGHT = re.compile(
    r"""(?<!\w)(?:
    (?:answer|reply|respond|say|return|output|give)(?:\ me)?(?:\ only|\ just|\ simply)?(?:\ with|\ in)?
      (?:\ only|\ just)?
      (?:\ a|\ the|\ either|\ one)?\s["']?(?:yes["']?\ or\ ["']?no|true["']?\ or\ ["']?false|yes/no|true/false)
    | \(?(?:yes/no|yes\ or\ no|true/false|true\ or\ false)\)?[?.:]*\s*$
    | (?:in|with|using)\ (?:exactly\ |only\ |just\ )?(?:one|a\ single|1)\ word
    | (?:one|single)[-\ ]word\ answer
    | (?:only|just|nothing\ but)(?:\ with)?\ (?:the|a|one)\ (?:final\ |single\ )?
      (?:number|figure|amount|digit|letter|label|category|name|word|date|year|score)(?!\w)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_MORE = re.compile(
    r"(?<!\w)(?:why|explain\w*|describ\w*|elaborat\w*|justif\w*|reason\w*|because|detail\w*|list|steps?|example\w*"
    r"|compar\w*|discuss\w*|essay|paragraphs?|summar\w*|write|draft|each|every|following|what if|pros|show|walk|tell"
    r"|help|code|also|how (?:do|does|did|can|could|should|would|to))(?!\w)",
    re.IGNORECASE,
)
_REASON = re.compile(r"(?<!\w)(?:why|explain\w*|justif\w*|reason\w*|detail\w*)(?!\w)", re.IGNORECASE)
_YES_NO = re.compile(
    r"^(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|may|must|isn't|aren't|wasn't|weren't"
    r"|don't|doesn't|didn't|hasn't|haven't|can't|won't)\s+(?!you\b|we\b|i\b)\w",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"^(?:how (?:many|much|old|tall|long|far|often)|what (?:year|number|percentage|page))\s", re.IGNORECASE
)
_CHOICE = re.compile(r"(?<!\w)or(?!\w)", re.IGNORECASE)


def brief_tokens(user: str, system: str = "") -> int | None:
    """The tokens that one answer needed, None where the question does not tell."""
    asked = user[-_LAST:].strip()
    if not asked or _MORE.search(asked):
        return None
    told = system[:_SYSTEM]
    if _OUTRIGHT.search(asked) or (_OUTRIGHT.search(told) and not _REASON.search(told)):
        return WORD
    return SENTENCE if _is_short_question(user.strip()) else None


def _is_short_question(text: str) -> bool:
    if not text.endswith("?") or text.count("?") > 1 or "\n" in text or len(text.split()) > MOST_WORDS:
        return False
    return bool(_COUNT.match(text)) or (bool(_YES_NO.match(text)) and not _CHOICE.search(text))
