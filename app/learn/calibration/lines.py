"""Outcomes from a file: one JSON object a line."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from app.config.policy import Policy
from app.domain import Judgement, TierTerms
from app.embed.batching import Encode
from app.errors import InvalidRequest
from app.learn.calibration.evidence import Both, Evidence, Judged
from app.route.chances import by_tier
from app.route.heads import Head
from app.route.trial.judging import canonical_texts
from app.trial.lines import rows

BATCH = 64

Judge = Callable[[Sequence[str]], list[Judgement]]
"""Prompts to what the head says of each."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: how a tier did on a request. `key` joins the lines of one request, empty: nothing to join."""

    tier: str
    success: bool
    prompt: str = ""
    p: float | None = None
    score: float | None = None
    key: str = ""


def read_rows(lines: Iterable[bytes], tiers: Sequence[str]) -> list[Row]:
    """The rows of `{"tier", "p", "success", "score"?, "id"?}` or `{"prompt", "tier", "success"}`.

    `success` is true, false, 0 or 1. Lines of one `id`, or of one prompt, are one request on several tiers. Raises
    InvalidRequest, naming the line.
    """
    return [_row(fields, number, tiers) for number, fields in rows(lines)]


def _row(fields: Mapping[str, Any], number: int, tiers: Sequence[str]) -> Row:
    tier, success, prompt, p = (fields.get(name) for name in ("tier", "success", "prompt", "p"))
    if tier not in tiers:
        raise InvalidRequest(f'line {number}: "tier" is none of {", ".join(tiers)}')
    if not isinstance(success, int) or success not in {0, 1}:
        raise InvalidRequest(f'line {number}: "success" is neither true nor false')
    if isinstance(prompt, str) and prompt:
        return Row(str(tier), bool(success), prompt, key=f"prompt {prompt}")
    if not _is_share(p):
        raise InvalidRequest(f'line {number} has neither a string "prompt" nor a "p" from 0 to 1')
    score, name = fields.get("score"), fields.get("id")
    if score is not None and not _is_share(score):
        raise InvalidRequest(f'line {number}: "score" is no number from 0 to 1')
    return Row(str(tier), bool(success), "", float(p), score, "" if name is None else f"id {name}")  # type: ignore[arg-type]


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def of_rows(found: Sequence[Row], tiers: Sequence[TierTerms], judge: Judge) -> Evidence:
    """The evidence in a file's rows; `tiers` from the cheapest to the best. What the head doubts is left out."""
    judged = _judgements(found, judge)
    known = [row for row in found if not (row.prompt and judged[row.prompt].doubt)]
    evidence = Evidence()
    evidence.left_out["prompts that the head cannot judge"] += len(found) - len(known)
    scored = [_scored(row, judged, tiers) for row in known]
    evidence.judged = [Judged(row.tier, row.p, row.success) for row in scored if row.p is not None]
    evidence.both = list(_pairs(scored, tiers[-1].name))
    return evidence


def _scored(row: Row, judged: Mapping[str, Judgement], tiers: Sequence[TierTerms]) -> Row:
    if not row.prompt:
        return row
    judgement = judged[row.prompt]
    own = [tier for tier in tiers if tier.name == row.tier]
    p = float(by_tier(np.array([judgement.chances]), own, {})[0, 0])
    return Row(row.tier, row.success, row.prompt, p, judgement.score, row.key)


def _judgements(found: Sequence[Row], judge: Judge) -> dict[str, Judgement]:
    prompts = iter(dict.fromkeys(row.prompt for row in found if row.prompt))
    judged: dict[str, Judgement] = {}
    while batch := list(islice(prompts, BATCH)):
        judged |= zip(batch, judge(batch), strict=True)
    return judged


def _pairs(scored: Sequence[Row], best: str) -> Iterator[Both]:
    """Each cheaper tier's row beside the best tier's row of the same request, where both are there."""
    groups: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for row in scored:
        if row.key and row.score is not None:
            groups[row.key][row.tier] = row
    for rows_of in groups.values():
        if best in rows_of:
            others = (row for row in rows_of.values() if row.tier != best)
            yield from (Both(r.tier, r.score or 0.0, r.success, rows_of[best].success) for r in others)


def judging(head: Head, encode: Encode, policy: Policy) -> Judge:
    """The packaged head behind the packaged embedder, on the text that the gateway would hand to them by `policy`."""

    def judge(prompts: Sequence[str]) -> list[Judgement]:
        texts = canonical_texts(prompts, policy)
        return [head.judge(vector, text) for vector, text in zip(encode(texts), texts, strict=True)]

    return judge
