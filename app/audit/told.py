"""An audit in words and numbers: for JSON, and for people in a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from app.audit.change import as_yaml
from app.audit.finding import Audit, Change, Finding, Place
from app.domain import MicroUsd
from app.observe.logline import dollars
from app.trial.table import NOTHING, aligned

HEAD = ("sin", "USD", "at least", "of all", "after the others", "requests", "counted exactly")


def told(audit: Audit) -> dict[str, Any]:
    """For JSON. Amounts are US dollars as text, exact to the micro-dollar; times ISO 8601."""
    return {
        "object": "audit",
        "tenant": audit.tenant,
        "since": moment(audit.since),
        "until": moment(audit.until),
        "requests": audit.requests,
        "spent_usd": usd(audit.spent_micro_usd),
        "compound_usd": usd(audit.compound_micro_usd),
        "unasked_usd": usd(audit.unasked_micro_usd),
        "unpriced_requests": audit.unpriced,
        "truncated": audit.truncated,
        "findings": [_finding(each) for each in audit.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "sin": finding.sin,
        "title": finding.title,
        "usd": usd(finding.micro_usd),
        "certain_usd": usd(finding.certain_micro_usd),
        "compound_usd": usd(finding.compound_micro_usd),
        "requests": finding.requests,
        "unit": finding.unit,
        "exact_share": round(finding.exact_share, 4),
        "rule": finding.rule,
        "assumed": finding.assumed,
        "places": [_place(each) for each in finding.places],
        "change": _change(finding.change),
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "feature": place.feature,
        "cause": place.cause,
        "usd": usd(place.micro_usd),
        "certain_usd": usd(place.certain_micro_usd),
        "compound_usd": usd(place.compound_micro_usd),
        "feature_spent_usd": usd(place.spent_micro_usd),
        "requests": place.requests,
        "part": place.part,
        "whole": place.whole,
        "examples": list(place.examples),
    }


def _change(change: Change) -> dict[str, str]:
    return {"policy": as_yaml(change.policy), "args": as_yaml(change.args), "advice": change.advice}


def summary(audit: Audit) -> str:
    """In one sentence, and what is to be known of the numbers."""
    window = f"{audit.tenant}, {moment(audit.since)} to {moment(audit.until)}"
    spent = f"{audit.requests} requests, {usd(audit.spent_micro_usd)} USD"
    if not audit.requests:
        return f"{window}: no request of this tenant."
    if not audit.findings:
        return f"{window}: {spent}. No sin stands."
    saved = f"{usd(audit.compound_micro_usd)} USD ({share(audit.compound_micro_usd, audit.spent_micro_usd)})"
    return f"{window}: {spent}. Ending all that is found below saves {saved}."


def remarks(audit: Audit) -> Iterator[str]:
    """What the numbers do not hold."""
    if audit.truncated:
        yield f"The window holds more records than were read: this ends at {moment(audit.until)}."
    if audit.unpriced:
        yield f"{audit.unpriced} requests went to backends without a price of now: fixes save nothing of them here."
    if audit.unasked_micro_usd:
        yield (
            f"{usd(audit.unasked_micro_usd)} USD went to models that clients named and on which the router was not "
            "asked: whether a cheaper tier would have done is not known. With routing.appraise it is asked on a share."
        )


def rows(audit: Audit) -> list[Sequence[str]]:
    """One of each finding, and the sum; in the order of the fixes."""
    found = [_row(each, audit.spent_micro_usd) for each in audit.findings]
    total = share(audit.compound_micro_usd, audit.spent_micro_usd)
    return [*found, ("all of them", usd(audit.compound_micro_usd), "", total, usd(audit.compound_micro_usd), "", "")]


def _row(finding: Finding, spent: int) -> Sequence[str]:
    amounts = usd(finding.micro_usd), usd(finding.certain_micro_usd), share(finding.micro_usd, spent)
    counts = usd(finding.compound_micro_usd), str(finding.requests), f"{finding.exact_share:.0%}"
    return (finding.title, *amounts, *counts)


def places(finding: Finding) -> list[Sequence[str]]:
    """Where it stands, under a head."""
    head = ("feature", "cause", "USD", "of the feature", "requests", "evidence", "such as")
    return [head, *(_place_row(place, finding.unit) for place in finding.places)]


def _place_row(place: Place, unit: str) -> Sequence[str]:
    of_feature, evidence = share(place.micro_usd, place.spent_micro_usd), f"{place.part} of {place.whole} {unit}"
    names = (_shown(place.feature) or NOTHING, _shown(place.cause) or NOTHING)
    return (*names, usd(place.micro_usd), of_feature, str(place.requests), evidence, ", ".join(place.examples[:2]))


def text(audit: Audit) -> Iterator[str]:
    """For a terminal, below the table of `rows`."""
    for finding in audit.findings:
        yield ""
        yield f"{finding.title}: {usd(finding.micro_usd)} USD, at least {usd(finding.certain_micro_usd)}"
        yield f"  Counted: {finding.rule}"
        yield f"  Assumed: {finding.assumed}"
        yield from (f"  {line}" for line in aligned(places(finding)))
        for name, part in (("policy", finding.change.policy), ("args", finding.change.args)):
            if part:
                yield f"  Change of the {name}:"
                yield from (f"    {line}" for line in as_yaml(part).splitlines())
        if finding.change.advice:
            yield f"  In the app: {finding.change.advice}"


def usd(micro_usd: int) -> str:
    """US dollars, six decimals."""
    return dollars(MicroUsd(micro_usd))


def share(part: int, whole: int) -> str:
    """Per cent; of nothing, nothing."""
    return f"{part / whole:.1%}" if whole else NOTHING


def moment(at: float) -> str:
    """ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(name: str) -> str:
    """A client's name on one line of a terminal: what is not printable is escaped."""
    return name if name.isprintable() else repr(name)
