"""Variable fields that are surely stamps: what a client's plumbing adds to a prompt, not what a person asks about.

A stamp stands where plumbing puts it: a bracketed time at the start of a line, a labelled time or id alone on a line, a
labelled id before or after everything else. It is replaced by `<timestamp>`, `<request_id>` … only if it is the only
one of its name in the text (two are data: "how long between these lines?"), the text outside it does not speak of what
it says (a time stamp tells the model what "today" is), and the text around is no code. Bare dates and ids are content.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

ISO_TIME = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_LOG = r"\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}"
_MAIL = r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})?(?: (?:GMT|UTC|[+-]\d{4}))?"
_EPOCH = r"1\d{9}(?:\d{3}|\.\d{1,6})?"
_TIME = rf"(?:{ISO_TIME}|{_LOG}|{_MAIL})"
_TIME_LABEL = r"(?i:time[ _-]?stamp|sent[ _-]at|received[ _-]at|request[ _-]time)"
UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_ID = rf"(?:{UUID}|(?=[A-Za-z_.:-]*\d)[0-9A-Za-z][\w.:-]{{4,126}}\w)"
_ID_LABEL = r"(?i:x[-_])?(?P<noun>(?i:request|trace|span|correlation))[-_ ]?(?i:id|uuid|guid)"
_BARE_UUID_LABEL = r"(?P<noun>(?i:uuid|guid))"

_WHOLE_TIME = re.compile(rf"[\[(]?{_TIME_LABEL}\s?[:=]\s?(?:{_TIME}|{_EPOCH})[\])]?$")
_BRACKET_TIME = re.compile(rf"\[{_TIME}\](?=\s|$)")
_WHOLE_ID = re.compile(rf"[\[(]?{_ID_LABEL}\s?[:=]\s?{_ID}[\])]?$")
_WHOLE_UUID = re.compile(rf"{_BARE_UUID_LABEL}\s?[:=]\s?{UUID}$")
_HEAD_ID = re.compile(rf"(?:\[{_ID_LABEL}\s?[:=]\s?{_ID}\]|{_ID_LABEL.replace('noun', 'bare')}={_ID}[,;|]?)(?=\s)")
_TAIL_ID = re.compile(
    rf"(?<=[.?!;]\s)(?:[\[(]{_ID_LABEL}\s?[:=]\s?{_ID}[\])]|{_ID_LABEL.replace('noun', 'bare')}\s?[:=]\s?{_ID})$"
)
_HINT = re.compile(r"^\[\d|^\[[A-Z][a-z]{2},|[iI][dD]\s?[:=]|time\s?[:=]|stamp\s?[:=]|\bat\s?[:=]", re.IGNORECASE)
_MAX_LINE = 4_096
_MOST = 32  # more of them are a log, and reading on would cost time
_TAIL = 256

_TIME_WORDS = """
ago age current currently deadline due early evening last late latest long morning news next night now old soon since
tomorrow tonight until upcoming weekend when yesterday monday tuesday wednesday thursday friday saturday sunday
datum gestern heute jetzt morgen wann ahora ayer cuando dia fecha hora hoy aujourd demain hier heure jour maintenant
quand quel adesso domani giorno ieri oggi ora quando agora amanha hoje ontem nu vandaag
"""
_TIME_STEM_WORDS = "date day hour jahr log minute month recent schedul second tag time today uhr week woche year zeit"
_TIME_STEMS = tuple(_TIME_STEM_WORDS.split())
_ID_STEMS = ("id", "identif", "uuid", "guid", "request", "trac", "span", "correlat", "log")
_WORDS = frozenset(_TIME_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+")
_NAMES_TIME = re.compile(r"time ?stamp(?!\s*[:=])|current (?:date|time)|sent at(?!\s*[:=])", re.IGNORECASE)

Line = tuple[str, bool]
"""A line, and whether it is kept as it is."""


@dataclass(frozen=True, slots=True)
class References:
    """What the rest of a conversation speaks of, and whose stamps therefore stay."""

    time: bool = False
    ids: bool = False


Spoken = Callable[[], References]
"""Asked only when a text holds a stamp: most hold none, and reading a conversation for its words costs time."""


def nothing_spoken() -> References:
    """There is no rest of the conversation."""
    return References()


@dataclass(frozen=True, slots=True)
class _Stamp:
    line: int
    start: int
    end: int
    name: str


def references_of_question(lines: list[Line]) -> References:
    """What the last user message, its own stamps aside, asks about: stamps of earlier messages could answer it."""
    return _spoken_of(_outside([line for line, _ in lines], _candidates(lines)))


def references_of_context(text: str) -> References:
    """What instructions and history say about stamps by name ("use the timestamp of the message")."""
    return References(time=_NAMES_TIME.search(text) is not None)


def replace_stamps(lines: list[Line], elsewhere: Spoken = nothing_spoken) -> list[Line]:
    """The lines with each sure stamp replaced by `<name>`."""
    found = _candidates(lines)
    if not 0 < len(found) <= _MOST:
        return lines
    references, spoken = elsewhere(), _spoken_of(_outside([line for line, _ in lines], found))
    names = [stamp.name for stamp in found]
    replaced = list(lines)
    for stamp in reversed(found):
        told = (spoken.time or references.time) if stamp.name == "timestamp" else (spoken.ids or references.ids)
        if names.count(stamp.name) == 1 and not told:
            line = replaced[stamp.line][0]
            replaced[stamp.line] = (f"{line[: stamp.start]}<{stamp.name}>{line[stamp.end :]}", False)
    return replaced


def is_labelled_id(line: str) -> bool:
    """Whether `line` is `request_id=…` and nothing else: alone a stamp, among code an assignment."""
    return len(line) < _MAX_LINE and _WHOLE_ID.match(line.strip()) is not None


def _candidates(lines: list[Line]) -> list[_Stamp]:
    last = len(lines) - 1
    stamps = (
        stamp
        for number, (line, kept) in enumerate(lines)
        if not kept
        for stamp in _find(number, line, first=number == 0, last=number == last)
    )
    return list(islice(stamps, _MOST + 1))


def _find(number: int, line: str, *, first: bool, last: bool) -> list[_Stamp]:
    """The stamps of one line: the whole of it, or one at its start, or, on the text's last line, one at its end."""
    found: list[_Stamp] = []
    if not line or not _may_hold(line):
        return found
    if match := _BRACKET_TIME.match(line) or _WHOLE_TIME.match(line):
        return [_Stamp(number, 0, match.end(), "timestamp")]
    match = _WHOLE_ID.match(line) or _WHOLE_UUID.match(line) or (_HEAD_ID.match(line) if first else None)
    if match:
        found.append(_Stamp(number, 0, match.end(), _name(match)))
    elif last and (match := _TAIL_ID.search(line, max(0, len(line) - _TAIL))):
        found.append(_Stamp(number, match.start(), match.end(), _name(match)))
    return found


def _may_hold(line: str) -> bool:
    """A cheap no: stamps are short lines, or stand at the ends of a line, and hold a digit next to a label."""
    ends = line if len(line) <= 2 * _TAIL else line[:_TAIL] + line[-_TAIL:]
    return _HINT.search(ends) is not None


def _name(match: re.Match[str]) -> str:
    groups = match.groupdict()
    noun = (groups.get("noun") or groups.get("bare") or "").lower()
    return "uuid" if noun in ("uuid", "guid") else f"{noun}_id"


def _outside(lines: list[str], stamps: list[_Stamp]) -> str:
    rest = list(lines)
    for stamp in reversed(stamps):
        line = rest[stamp.line]
        rest[stamp.line] = line[: stamp.start] + line[stamp.end :]
    return "\n".join(rest)


def _spoken_of(text: str) -> References:
    # The words are English and their like: where they may be missing, a time stamp stays.
    words = set(_WORD.findall(text.lower()))
    return References(
        time=not text.isascii() or not _WORDS.isdisjoint(words) or any(word.startswith(_TIME_STEMS) for word in words),
        ids=any(word.startswith(_ID_STEMS) for word in words),
    )
