"""Whether a choice refuses to answer: OpenAI's own ways to say so, and how chat models open a refusal in English."""

import re
from collections.abc import Mapping
from typing import Any

from app.cascade.said import content_of

MAX_CHARS = 600
"""A refusal is short. Who writes more after such an opening has said something all the same."""

_SORRY = (
    r"(?:(?:i'm|i am|we're|we are) (?:very |so |truly |really )?(?:sorry|afraid)|sorry|i apologi[sz]e|my apologies)"
)
_UNABLE = (
    r"(?:i|we)(?: (?:can't|cannot|can not|won't|will not|couldn't|must decline|am unable|am not able|are unable)"
    r"|'m unable|'m not able|'re unable)"
)
_TO_HELP = (
    r"(?:to |help|assist|answer|provide|fulfil|comply|do (?:that|this)|support|create|generate|write|offer|give|share"
    r"|engage|discuss|complete|access|process|determine|participate|continue|with )"
)
_MODEL = r"as an? (?:ai\b|artificial intelligence|(?:large )?language model)"
_OPENINGS = (
    rf"{_SORRY}[^.!?\n]{{0,40}}?\b{_UNABLE}\b",
    rf"(?:unfortunately,? )?{_UNABLE} {_TO_HELP}",
    rf"{_MODEL}[^.!?\n]{{0,60}}?\b(?:{_UNABLE}|i (?:do not|don't))\b",
)
_OPENING = re.compile("|".join(_OPENINGS))


def is_refusal(choice: Mapping[str, Any]) -> bool:
    """Whether this choice of a whole body refuses: a `refusal`, an end by the content filter, or a known opening."""
    message = choice.get("message")
    told = isinstance(message, Mapping) and bool(message.get("refusal"))
    return told or choice.get("finish_reason") == "content_filter" or opens_as_refusal(content_of(choice))


def opens_as_refusal(text: str) -> bool:
    """Whether a text begins as models refuse in English. Other languages are never taken for a refusal."""
    text = text.strip()
    return len(text) <= MAX_CHARS and bool(_OPENING.match(text.replace("’", "'").lower()))
