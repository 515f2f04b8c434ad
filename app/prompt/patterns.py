"""Stamp rules of the user, compiled with a clock on them: `re` cannot be stopped, `regex` can."""

from functools import lru_cache
from typing import Any

import regex

COMPILE_PROBES = tuple(unit * 2_000 + "!" for unit in ("a", "0", " ", "-", "a1", "a ", "0.", "\n"))
"""Texts on which nested quantifiers explode: long runs that almost match, with an end that does not."""

PROBE_TIMEOUT_S = 0.05
MATCH_TIMEOUT_S = 0.01
MAX_MATCH_CHARS = 65_536


@lru_cache(maxsize=1024)
def compile_rule(pattern: str) -> Any:
    """Compile `pattern` (multi-line), or raise `ValueError`.

    Refused: what does not compile, what matches nothing at all (it would put its name everywhere), and what is still
    busy after 50 ms with one of the probes. A pattern can pass and still be slow: `substitute` watches it too.
    """
    try:
        compiled = regex.compile(pattern, regex.MULTILINE)
        if compiled.search("") or any(_is_empty_match(compiled, probe) for probe in COMPILE_PROBES):
            raise ValueError(f"pattern {pattern!r} matches the empty text")
    except regex.error as error:
        raise ValueError(f"pattern {pattern!r} is not a regular expression: {error}") from None
    except TimeoutError:
        raise ValueError(f"pattern {pattern!r} backtracks without end") from None
    return compiled


def substitute(compiled: Any, replacement: str, text: str) -> str:
    """`text` with every match replaced; unchanged when it is over 65,536 characters or the rule runs over 10 ms.

    Unchanged is the safe answer: a stamp that stays makes a miss, never a false hit.
    """
    if len(text) > MAX_MATCH_CHARS:
        return text
    try:
        replaced: str = compiled.sub(lambda _: replacement, text, timeout=MATCH_TIMEOUT_S)
    except TimeoutError:
        return text
    return replaced


def _is_empty_match(compiled: Any, probe: str) -> bool:
    found = compiled.search(probe, timeout=PROBE_TIMEOUT_S)
    return found is not None and found.end() == found.start()
