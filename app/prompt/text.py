"""The canonical form of a text: what is left when only what cannot change the answer is taken away.

Unicode is composed (NFC), never folded by compatibility: NFKC would make `x²` into `x2`, `①` into `1` and `ﬁ` into two
letters, and a question about such a character would lose its subject; NFC only joins what is canonically the same
character. White space outside code is one space, at most one empty line stands between lines. Invisible characters go
where they stand between letters or spaces, a typographic apostrophe inside a word (`don’t`) becomes a plain one; other
typographic quotes stay. Final punctuation stays: "." and "?" want different answers.

Kept byte for byte: code and tables (`app.prompt.code`), inline code, quoted text, URLs.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

import regex

from app.config.policy import NormalizerPolicy
from app.prompt.code import BLANK, EDGES, INVISIBLE, mark_code
from app.prompt.patterns import compile_rule, substitute
from app.prompt.stamps import (
    Line,
    References,
    Spoken,
    is_labelled_id,
    nothing_spoken,
    references_of_question,
    replace_stamps,
)

Case = Literal["sentence", "fold", "keep"]

# Each alternative begins with a plain character and looks back after it: so the scan skips prose at memory speed.
# Runs of up to three backticks are tried, all others stop at their own mark: the search stays linear.
_QUOTED = (
    r"""`(?<!``)(`{0,2})(?!`).+?(?<!`)`\1(?!`)|"[^"]*"|“[^“”]*”|«[^«»]*»"""
    r"""|'(?:(?<=[\s(\[{,:=]')|(?<![\s\S]'))[^']+'(?=[\s)\]},.;:!?]|$)"""
)
_LITERAL = re.compile(_QUOTED)
_LITERAL_OR_URL = re.compile(rf"{_QUOTED}|(?<!\w)\w{{1,20}}://\S+|(?<!\w)www\.\S+")
_ODD_BLANK = re.compile(f"[{BLANK[1:]}]")
_INVISIBLE = re.compile(rf"(?<=[\w\s])[{INVISIBLE}]+(?=[\w\s])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])’(?=[^\W\d_])")
_LONE_CR = re.compile(r"\r(?!\n)")
_GREEK_VARIA = "\u1fef"

_FIRST_WORD = re.compile(r"((?:<[a-z][a-z0-9_]*>\s*)*)([A-Z][a-z]+)(?![\w@/\\-]|[.:]\w)")
_TITLE_WORD = regex.compile(
    r"(?<![\w@./\\:#$%&=<>~'’-])\p{Lu}\p{Ll}++(?:['’-]\p{Lu}?\p{Ll}++)*+(?![\p{M}\w@/\\=<>'’-]|[.:]\w)"
)
_OPENING_WORDS = """
about after all am an and any are as ask at based before between but by calculate can come compare complete compute
consider convert could create define describe determine did discuss do does draft during each edit either evaluate
every explain extract fill find fix for from generate get give given had has have having hello help here hey hi how
identify if imagine improve in into is it its let list make many might more most much must my name no not now of on
once one or our outline over please provide read rephrase review rewrite shall she should show simplify since so some
someone sometimes suggest suppose summarise summarize tell thank thanks that the their then there these they this
those to translate under use using was we were what whats when where whether which while who whom whose why with
without would write yes you your
"""  # not "may" (a month) nor "will" (a name)
_OPENERS = frozenset(_OPENING_WORDS.split())


def canonical_text(
    text: str, policy: NormalizerPolicy, *, case: Case | None = None, spoken: Spoken = nothing_spoken
) -> str:
    """The canonical form of `text`; `canonical_text(canonical_text(x)) == canonical_text(x)` but for rules of the user.

    `case` overrides the policy's. `sentence` folds the first letter of the text's first word, where that is one of
    about 200 words that open questions and requests (they begin 94% of Quora's questions) and mean the same with a
    capital: "Polish" and "March" do not, and after "e.g." or "Dr." nobody knows where a sentence begins. `fold` folds
    every word in title case outside literals; a capital inside or alone ("WHO", "iPhone", "I", "vitamin C") stays.
    """
    blocks = _blocks(text, policy.stamps, spoken)
    rules = _rules(policy)
    done: list[str] = []
    for block, kept in blocks:
        changed = block
        if not kept:
            for compiled, replacement in rules:
                changed = substitute(compiled, replacement, changed)
            changed = _with_case(changed, case or policy.case, first=not done)
        done.append(changed)
    return "\n".join(done)


def unify_line_ends(text: str) -> str:
    """`\\n` for a lone `\\r`, and for `\\r\\n` where every line ends so: mixed ends may be what a question is about."""
    if "\r" not in text:
        return text
    text = _LONE_CR.sub("\n", text)
    return text.replace("\r\n", "\n") if text.count("\r\n") == text.count("\n") else text


@lru_cache(maxsize=256)
def _rules(policy: NormalizerPolicy) -> tuple[tuple[regex.Pattern[str], str], ...]:
    return tuple((compile_rule(rule.pattern), f"<{rule.name}>") for rule in policy.rules)


def _blocks(text: str, stamps: bool, spoken: Spoken) -> list[tuple[str, bool]]:
    """The text as (block, kept as it is) in turns; blocks are joined by line ends."""
    lines = _cleaned(text)
    if stamps:
        lines = replace_stamps(lines, spoken)
    blocks: list[tuple[list[str], bool]] = []
    for line, kept in lines:
        if not blocks or blocks[-1][1] != kept:
            blocks.append(([], kept))
        blocks[-1][0].append(line)
    return [("\n".join(block), kept) for block, kept in blocks]


def references(text: str) -> References:
    """What `text` as the last user message speaks of, so that stamps elsewhere in the conversation stay."""
    return references_of_question(_cleaned(text))


def _cleaned(text: str) -> list[Line]:
    raw = list(mark_code(unify_line_ends(text).strip(EDGES + "\n").split("\n")))
    marked = [(line, kept and not is_labelled_id(line)) for line, kept in raw]
    # Where code is, indentation and the number of lines ("an error in line 12") carry meaning.
    has_code = len(raw) > 1 and any(kept for _, kept in marked)
    lines: list[Line] = []
    for line, kept in raw if has_code else marked:
        if kept:
            lines.append((line, True))
            continue
        clean = _clean_line(line, has_code)
        if clean or has_code or not lines or lines[-1][0]:
            lines.append((clean, False))
    return lines


def _clean_line(line: str, keep_indent: bool) -> str:
    body = line.strip(EDGES)
    if not body:
        return ""
    indent = line[: len(line) - len(line.lstrip(" "))] if keep_indent else ""
    pieces = _split_literals(body)
    pieces[::2] = [_clean_piece(piece) for piece in pieces[::2]]
    return indent + "".join(pieces)


def _split_literals(text: str, literal: re.Pattern[str] = _LITERAL) -> list[str]:
    """Prose at even places, literals at odd ones."""
    pieces: list[str] = []
    end = 0
    for found in literal.finditer(text):
        pieces += [text[end : found.start()], found[0]]
        end = found.end()
    return [*pieces, text[end:]]


def _clean_piece(piece: str) -> str:
    if not piece.isascii():
        # Composed before and after: an invisible character may stand between two parts of one letter.
        piece = _compose(_INVISIBLE.sub("", _compose(piece)))
        piece = _APOSTROPHE.sub("'", piece)
    piece = _ODD_BLANK.sub(" ", piece)
    while "  " in piece:
        piece = piece.replace("  ", " ")
    return piece


def _compose(text: str) -> str:
    """NFC, except that U+1FEF stays: it composes to a backtick, and would open code where there was none."""
    if _GREEK_VARIA not in text:
        return unicodedata.normalize("NFC", text)
    return _GREEK_VARIA.join(unicodedata.normalize("NFC", part) for part in text.split(_GREEK_VARIA))


def _with_case(block: str, case: Case, *, first: bool) -> str:
    if case == "fold":
        pieces = _split_literals_by_line(block)
        pieces[::2] = [_TITLE_WORD.sub(lambda word: word[0].lower(), piece) for piece in pieces[::2]]
        return "".join(pieces)
    return _fold_first_word(block) if case == "sentence" and first else block


def _split_literals_by_line(block: str) -> list[str]:
    pieces = [""]
    for line in block.splitlines(keepends=True):
        found = _split_literals(line, _LITERAL_OR_URL)
        pieces[-1] += found[0]
        pieces += found[1:]
    return pieces


def _fold_first_word(text: str) -> str:
    found = _FIRST_WORD.match(text)
    if found is None or found[2].lower() not in _OPENERS:
        return text
    return found[1] + found[2].lower() + text[found.end() :]
