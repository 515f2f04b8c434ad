"""What is courtesy in a prompt and not its question: greetings, thanks, requests to be told."""

import re

_GREETING = (
    r"(?:hi|hello|hey|greetings|dear(?: \w+)?|good (?:morning|afternoon|evening|day))"
    r"(?: there| all| everyone| team)?\b[\s,.!:-]*"
    # hello, world: a greeting is one where a question, a request or another courtesy follows
    r"(?=(?:what|how|why|when|where|who|whom|whose|which|if|is|are|am|was|were|do|does|did|can|could|should|would|will|has|"
    r"have|may|i|i'm|my|we|our|please|pls|kindly|a|the|quick|just|question|any|does|tell|explain|give|show|find|help|there|in|"
    r"name|on|at|hi|hello|good|sorry|excuse)\b)"
)
_PREFACE = (
    r"(?:a )?quick question\b[\s,.!:-]*|(?:just )?(?:curious|wondering)\b[\s,.:-]*|question\s*:\s*"
    r"|ok(?:ay)?,?\s+so\b[\s,]*|excuse me\b[\s,.!]*|sorry to bother you\b[\s,.!]*(?:but\s+)?"
    r"|i have a question\b[\s,.:]*|(?:please|pls|kindly)\b[\s,:]*(?=\S)"
)
_TELL_ME = (
    r"(?:please\s+|kindly\s+)?(?:"
    r"(?:can|could|would|will) (?:you|someone|anyone|anybody) (?:please |kindly )?(?:tell|explain(?: to)?|help) me\b"
    r"|(?:please |kindly )?(?:tell|explain to) me\b|do you know\b|does anyone know\b|would you mind telling me\b"
    r"|i was wondering\b|i(?:'d| would) (?:like|love) to (?:know|ask)\b|i want to (?:know|ask)\b|i need to know\b)"
    r"[\s,:]*(?=\w)"
)
_OPENING = re.compile(rf"^\W*(?:{_GREETING}|{_PREFACE}|{_TELL_ME})", re.IGNORECASE)

_BEFORE_THANKS = (
    r"(?:[\s]*[,.!?;-][\s,.!?;-]*"
    # how to say thanks, what to do with thanks: that is the question
    r"|(?<=\w\s)(?<!\bsay\s)(?<!spell\s)(?<!nounce\s)(?<!write\s)(?<!mean\s)(?<!word\s)(?<!with\s)(?<!the\s))"
)
_THANKS = (
    r"(?:(?:many |much )?thanks?(?: you)?(?: so much| a lot| very much| in advance| again)?|thx|tia|cheers"
    r"|please(?: help(?: me)?| advise)?|pls|(?:kind|best|warm) regards"
    r"|any help (?:is|would be) (?:greatly )?appreciated|i appreciate it|appreciate it|help (?:me )?please)"
)
_CLOSING = re.compile(rf"{_BEFORE_THANKS}{_THANKS}[\s.!?]*$", re.IGNORECASE)
_HOW = re.compile(
    r"^how\s+(?:(?:do|can|should|could|would|does|might|may|shall|must)"
    r"\s+(?:i|you|we|one|someone|somebody|people|a person|anyone)|to)\s+",
    re.IGNORECASE,
)
_REST = 3
"""What must be left: characters behind an opening, words before a closing."""


def without_courtesy(text: str) -> str:
    """`text` without greetings, thanks and requests to be told; `How do I …`, `How can one …` are `How to …`."""
    while (match := _OPENING.search(text)) and match.end() > 0 and len(text) - match.end() >= _REST:
        text = text[match.end() :]
    # behind a colon stands what is worked on, and a quote is one: `Translate: open the door, please`
    while ":" not in text and (match := _CLOSING.search(text)) and len(text[: match.start()].split()) >= _REST:
        text = text[: match.start()]
    return _HOW.sub(lambda begun: f"{begun.group()[:3]} to ", text.strip())
