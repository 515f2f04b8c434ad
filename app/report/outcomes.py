"""What outcomes cost, by feature and type: each one, and each success, which carries what the failures cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.ledger.reading import LedgerReader, Numbers, named
from app.ledger.rollups import MEASURES
from app.report.remembering import Remembering
from app.report.sums import Row, Sums, summed
from app.report.window import Window, covered, iso, stretches

MILLIONTHS = 1_000_000
COST = "outcome_micro_usd"


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """Of a tenant in [since, until), seconds since 1970: when the requests were, not when the app told of them.

    `features` has all that each feature spent, told of or not. Who told of two types of a request counts its cost in
    each of them: types do not add up.
    """

    tenant: str
    since: int
    until: int
    sums: Sums
    types: Sums
    features: dict[str, Numbers]

    def told(self) -> dict[str, Any]:
        """For JSON."""
        rest = self.sums.rest
        return {
            "object": "report.outcomes",
            "tenant": self.tenant,
            "since": iso(self.since),
            "until": iso(self.until),
            "rows": self.rows(),
            "other": {"rows": rest.rows, **_counts(rest.sums)} if rest else None,
            "types": [{"type": row.values[0], **_counts(row.sums), **_shares(row.sums)} for row in self.types.rows],
        }

    def rows(self) -> list[dict[str, Any]]:
        """One for each feature and type, the dearest first."""
        return [self._row(row) for row in self.sums.rows]

    def _row(self, row: Row) -> dict[str, Any]:
        (feature, kind), sums = row.values, row.sums
        whole = named(self.features.get(feature, np.zeros(len(MEASURES), np.int64)))
        said = {"feature_requests": whole["requests"], "feature_micro_usd": whole["micro_usd"]}
        return {"feature": feature, "type": kind, **_counts(sums), **_shares(sums), **said}


async def outcome_report(reader: LedgerReader, tenant: str, window: Window, limit: int = 100) -> OutcomeReport:
    """Read it. Raises StoreUnavailable."""
    of, source = stretches(window), Remembering(reader)
    sums = await summed(source, tenant, "outcome", ("feature", "type"), of, limit, COST)
    types = await summed(source, tenant, "outcome", ("type",), of, limit, COST)
    features = await summed(source, tenant, "feature", ("feature",), of)
    by_feature = {row.values[0]: row.sums for row in features.rows}
    return OutcomeReport(tenant, *covered(window), sums, types, by_feature)


def _counts(sums: Numbers) -> dict[str, Any]:
    found = named(sums)
    return {
        "outcomes": found["outcomes"],
        "successes": found["successes"],
        "value": found["value_micro"] / MILLIONTHS,
        "micro_usd": found[COST],
    }


def _shares(sums: Numbers) -> dict[str, float | None]:
    found = named(sums)
    return {
        "micro_usd_per_outcome": _share(found[COST], found["outcomes"]),
        "micro_usd_per_success": _share(found[COST], found["successes"]),
    }


def _share(whole: int, parts: int) -> float | None:
    return whole / parts if parts > 0 else None
