"""Cases noted as they come, read again in the order that a question needs.

A database of SQLite without a name: as much of it as `CACHE_KB` stays in memory, the rest in a file that the system
removes when it is closed. So a month of records needs neither memory nor an order.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import msgspec

from app.audit.case import Case, total

CACHE_KB = 16_384
BATCH = 1_000
"""Cases that are written at once."""

OTHER = "(other)"
MOST_FEATURES = 200
"""A feature is whatever a client says: those that spent least are one, as in the rollups."""

_SCHEMA = """
CREATE TABLE cases (
  id TEXT PRIMARY KEY, at REAL, ended REAL, feature TEXT, session TEXT, step TEXT, memory TEXT, prefix TEXT,
  static INTEGER, hit INTEGER, micro_usd INTEGER, body BLOB) WITHOUT ROWID;
CREATE TABLE features (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE loops (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_ADD = "INSERT OR IGNORE INTO cases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NAMED = """
INSERT OR IGNORE INTO features SELECT feature FROM cases GROUP BY feature
ORDER BY SUM(micro_usd) DESC, feature LIMIT ?"""
_PREFIXES = """
SELECT feature, prefix, MIN(id) FROM cases WHERE prefix <> '' AND static >= ?
GROUP BY feature, prefix HAVING COUNT(*) >= ? ORDER BY SUM(static - hit) DESC, feature, prefix LIMIT ?"""
_STEPS = """
SELECT id, feature, session, step, at, ended FROM cases WHERE session <> '' AND step <> ''
ORDER BY session, at, id"""
# who asks the same again in one session wants another answer
_CASES = """
SELECT body, feature IN features, id IN loops, memory,
  session <> '' AND memory <> '' AND ROW_NUMBER() OVER (PARTITION BY memory, session ORDER BY at, id) > 1
FROM cases ORDER BY memory, at, id"""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a session; `ended` is when its answer did."""

    id: str
    feature: str
    session: str
    step: str
    at: float
    ended: float


@dataclass(frozen=True, slots=True)
class Noted:
    """A case and what is known of it beside the others: its `feature` (or `OTHER`), whether it is a step of a loop, its
    `memory` key (equal keys: one answer could serve; empty: none could), whether its session asked the same before."""

    case: Case
    feature: str
    looped: bool
    memory: str
    again: bool


class Notes:
    """Of one audit; to be closed. For one thread at a time, whichever."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = -{CACHE_KB}; {_SCHEMA}")

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def add(self, cases: Iterable[tuple[Case, str]]) -> None:
        """Note cases with their memory keys. One that is there already is not noted again."""
        self._db.execute("BEGIN")
        self._db.executemany(_ADD, (_row(case, memory) for case, memory in cases))
        self._db.execute("COMMIT")

    def name_features(self) -> None:
        """Choose the features that are told by name: those that spent most."""
        self._db.execute(_NAMED, (MOST_FEATURES,))

    def steps(self) -> Iterator[Step]:
        """Steps of sessions, those of one session together in the order of time."""
        with closing(self._db.cursor()) as cursor:
            for row in cursor.execute(_STEPS):
                yield Step(*row)

    def mark_loops(self, ids: Iterable[str]) -> None:
        """These cases are steps of loops."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO loops VALUES (?)", ((each,) for each in ids))
        self._db.execute("COMMIT")

    def prefixes(self, least_tokens: int, least_requests: int, most: int) -> dict[tuple[str, str], str]:
        """The first case's id by feature and prefix, of those `most` prefixes that were read uncached most."""
        rows = self._db.execute(_PREFIXES, (least_tokens, least_requests, most))
        return {(feature, prefix): first for feature, prefix, first in rows}

    def cases(self) -> Iterator[Noted]:
        """All of them, those of one memory key together in the order of time."""
        decoder = msgspec.msgpack.Decoder(Case)
        with closing(self._db.cursor()) as cursor:
            for body, named, looped, memory, again in cursor.execute(_CASES):
                case = decoder.decode(body)
                yield Noted(case, case.feature if named else OTHER, bool(looped), memory, bool(again))


def _row(case: Case, memory: str) -> tuple[object, ...]:
    names = (case.feature, case.session, case.step, memory, case.prefix)
    return (
        case.id,
        case.at,
        case.ended,
        *names,
        case.static,
        case.hit,
        total(case.lines),
        msgspec.msgpack.encode(case),
    )
