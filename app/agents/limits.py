"""From policy to the hard limits of sessions, which the ledger keeps like any others."""

from collections.abc import Sequence

from app.config.policy import Policy
from app.domain import Kin, Limit, Period, Scope, Window


def session_limits(tenant: str, lineage: Sequence[Kin], policy: Policy) -> list[Limit]:
    """The limits of each session of `lineage`, by the policy of the feature that began it; to be kept beside
    `limits_for`'s. `policy` is the whole one, of no feature."""
    return [
        Limit(Scope(tenant, (("session", kin.name),)), unit, amount, Window(Period.TOTAL), rules.action)
        for kin in lineage
        for rules in [policy.for_feature(kin.feature).sessions]
        for unit, amount in rules.amounts()
    ]
