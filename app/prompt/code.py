"""Which lines of a text are code or a table, and are kept byte for byte.

Doubt goes to code: a line kept costs a miss at worst, a line changed could cost a wrong answer.
"""

import re
from collections.abc import Iterator

BLANK = " \t\r\f\v\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u205f\u3000"
INVISIBLE = "\u200b\u2060\ufeff\u00ad"
"""Zero-width space, word joiner, byte order mark, soft hyphen. The joiners U+200C and U+200D spell words and emoji."""

EDGES = BLANK + INVISIBLE

_FENCE = re.compile(rf"[{EDGES}]*(`{{3,}}|~{{3,}})")
_INDENTED = re.compile(r" {4}| {0,3}\t")
_CODE = re.compile(
    r"""
    \s*[\w.\[\]'"]+\s*[-+*/%|&:]?=\s*[^\s=]                                # assigns
    | \s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b.*:\s*$
    | \s*(?:import|from)\s+[\w.]+(?:\s+(?:import|as)\s.*)?\s*$
    | \s*(?:\$\s|>>>|\.\.\.\s|\#!|\#\s*include\b|//|/\*|</?[A-Za-z])         # shell, REPL, comment, mark-up
    """,
    re.VERBOSE,
)
_GAP = re.compile("  +")
_C_ENDS = ("{", "}", ";")
_SENTENCE_ENDS = ".!?:;,"
_NO_COLUMNS = frozenset[int]()
_TAB_COLUMN = frozenset({0})


def looks_like_code(line: str) -> bool:
    """Whether `line` alone, outside any fence, reads as source code."""
    return line.rstrip().endswith(_C_ENDS) or _CODE.match(line) is not None


def mark_code(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each line with whether it stays as it is: fenced, indented by four or a tab, code-like, or a table's row."""
    fence, before = "", _NO_COLUMNS
    gaps = [_columns(line) for line in lines] if len(lines) > 1 else [_NO_COLUMNS]
    gaps.append(_NO_COLUMNS)
    for number, line in enumerate(lines):
        opened = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if opened and not fence:
            fence = opened[1]
            kept = True
        elif opened and _closes(line, fence):
            fence, kept = "", True
        else:
            kept = bool(fence) or _is_raw(line) or bool(gaps[number] & (before | gaps[number + 1]))
        before = gaps[number]
        yield line, kept


def _is_raw(line: str) -> bool:
    return bool(line.strip(EDGES)) and (_INDENTED.match(line) is not None or looks_like_code(line))


def _closes(line: str, fence: str) -> bool:
    bare = line.strip(EDGES)
    return len(bare) >= len(fence) and bare == fence[0] * len(bare)


def _columns(line: str) -> frozenset[int]:
    """Where the cells of a table's row would begin (column + 1) and end (−column); a tab is column 0 of every row.

    Rows that share one are a table: an empty cell of theirs is nothing but white space.
    """
    body = line.strip(EDGES)
    if "\t" in body:
        return _TAB_COLUMN
    if "  " not in body:
        return _NO_COLUMNS
    inside = (gap.span() for gap in _GAP.finditer(line.rstrip(EDGES)))
    ends = ((start, end) for start, end in inside if start and line[start - 1] not in _SENTENCE_ENDS)
    return frozenset(column for start, end in ends for column in (-start, end + 1))
