"""What the audit keeps of a ledger record: numbers and names, small enough to be noted by the million."""

import msgspec

from app.domain import AUTO_MODEL
from app.ledger.record import AttemptEntry, LedgerRecord

OWN_ROLES = frozenset({"answer", "retry", "hedge", "draft"})
"""What attempts were for that the request itself needed; the others are LeanServe's own calls."""

CHARGE = "charge"
"""The role of the line that is what a hit of the cache was priced at."""


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One thing that was paid for: an attempt, or a hit's price. Its tokens, and what they cost."""

    tier: str
    backend: str
    role: str
    cause: str
    micro_usd: int
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    failed: bool = False

    @property
    def own(self) -> bool:
        """Whether the request itself needed it."""
        return self.role in OWN_ROLES


Lines = tuple[Line, ...]


class Case(msgspec.Struct, frozen=True, array_like=True):
    """One request. `at` and `ended` are seconds since 1970; `static` and `hit` are tokens of the system prompt and the
    tools, and how many of those the engine had cached. `step` names what a step of a session did, empty where it came
    to nothing; `repeat` names the whole canonical request, or where nobody knows its key, its texts. `answered`: a
    model gave a whole answer. `p` is P(good enough) of the tier `routed`, None where nobody knows. `wasted` tokens of
    documents were not needed, `repeated` of those came before in the same prompt. `exact`: the tier's own tokenizer
    counted the parts.
    """

    id: str
    at: float
    ended: float
    feature: str
    user: str
    session: str
    step: str
    repeat: str
    tier: str
    reason: str
    cache: str
    cache_reason: str
    eligibility: str
    kept: bool
    answered: bool
    uncertain: bool
    model: str
    routed: str
    p: float | None
    lines: Lines
    prefix: str
    static: int
    hit: int
    documents: int
    documents_count: int
    wasted: int
    repeated: int
    brief: int | None
    exact: bool
    estimated: bool

    @property
    def named(self) -> bool:
        """Whether the client said who is to answer."""
        return self.model != AUTO_MODEL

    @property
    def answer(self) -> Line | None:
        """The attempt whose answer was given."""
        return next((line for line in self.lines if line.role == "answer"), None)


def total(lines: Lines) -> int:
    """Micro-USD."""
    return sum(line.micro_usd for line in lines)


def case_of(record: LedgerRecord) -> Case:
    """The same request, less what no sin asks for."""
    anatomy, static = record.anatomy, record.anatomy.system + record.anatomy.tools
    answer = next((each for each in record.attempts if each.role == "answer"), None)
    void = record.outcome == "failed" and not record.micro_usd
    beside, repeat = _is_beside(record), record.canonical or anatomy.repeat
    repeated = min(anatomy.documents, anatomy.documents_duplicate)
    return Case(
        id=record.id,
        at=record.at,
        ended=record.at + record.duration_ms / 1000,
        feature=record.feature,
        user=record.user,
        session=record.session,
        step="" if void or beside else record.step or repeat,
        repeat="" if beside else repeat,
        tier=record.tier,
        reason=record.reason,
        cache=record.cache,
        cache_reason=record.cache_reason,
        eligibility=record.eligibility,
        kept=record.kept,
        answered=record.outcome == "success" and answer is not None and answer.outcome == "success",
        uncertain=record.uncertain,
        model=record.model,
        routed=record.routed,
        p=dict(record.p).get(record.routed),
        lines=_lines(record),
        prefix=anatomy.prefix,
        static=static,
        hit=min(answer.cached_tokens, static) if answer else 0,
        documents=anatomy.documents,
        documents_count=anatomy.documents_count,
        wasted=min(anatomy.documents, repeated + anatomy.documents_unused),
        repeated=repeated,
        brief=anatomy.brief_tokens,
        exact=anatomy.exact,
        estimated=record.estimated,
    )


def _is_beside(record: LedgerRecord) -> bool:
    """Whether it is a call of LeanServe's own beside a request, a shadow's: it repeats that, and nobody asked twice."""
    return bool(record.attempts) and not any(each.role in OWN_ROLES for each in record.attempts)


def _lines(record: LedgerRecord) -> Lines:
    charge = (Line("", "", CHARGE, "", record.charged_micro_usd),) if record.charged_micro_usd else ()
    return (*map(_line, record.attempts), *charge)


def _line(entry: AttemptEntry) -> Line:
    return Line(
        entry.tier,
        entry.backend,
        entry.role,
        entry.cause,
        entry.micro_usd,
        entry.input_tokens,
        min(entry.cached_tokens, entry.input_tokens),
        entry.output_tokens,
        min(entry.reasoning_tokens, entry.output_tokens),
        entry.outcome == "failed",
    )
