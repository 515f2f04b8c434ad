"""What an audit says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sin stands: in a feature, by a cause (a time-out, a prefix, two tiers; empty where there is but one).

    `micro_usd` is what its `requests` paid for it, of `spent_micro_usd` that the feature spent in all; `certain` is how
    much of it assumes nothing. `part` of `whole` is its evidence in the sin's unit: of all that the feature has of it,
    or of the cause's own where that stands by itself. `exact` is how many of the requests were counted by their tier's
    own tokenizer. `examples` are request ids, those that paid most first.
    """

    feature: str
    cause: str
    micro_usd: int
    certain_micro_usd: int
    compound_micro_usd: int
    requests: int
    exact: int
    part: int
    whole: int
    spent_micro_usd: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """The change in configuration that ends a sin.

    `policy` is a part of the Ingress's `user_config`, which `load_policy` takes as it is; lists in it are added to
    those that are there. `args` are parts of the application's identity: a tier in it replaces what it names of the
    tier of that name, and replicas restart. `advice` is what only the app itself can do.
    """

    policy: Mapping[str, Any] = field(default_factory=dict)
    args: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sin on this traffic.

    `micro_usd` is what ending this one alone saves, at least `certain_micro_usd`; `compound_micro_usd` what it saves
    after those that come before it in the audit were ended too. `exact_share`, 0–1, is the share of its requests whose
    parts the tier's own tokenizer counted. `unit` is what its evidence is counted in.
    """

    sin: str
    title: str
    rule: str
    assumed: str
    micro_usd: int
    certain_micro_usd: int
    compound_micro_usd: int
    requests: int
    exact_share: float
    unit: str
    places: tuple[Place, ...]
    change: Change


@dataclass(frozen=True, slots=True)
class Audit:
    """A window of one tenant, seconds since 1970. `findings` are in the order of their fixes.

    `compound_micro_usd` is what ending all of them saves: the sum of theirs. `unpriced` is how many requests have an
    attempt whose backend has no price any more: what a fix would save of it is not known and counts as nothing.
    `unasked_micro_usd` was paid for answers of named models on which the router was not asked: which of them a cheaper
    tier could have given is not known. `truncated`: the window holds more records, from `until` on, than were read.
    """

    tenant: str
    since: float
    until: float
    requests: int
    spent_micro_usd: int
    unpriced: int
    unasked_micro_usd: int
    compound_micro_usd: int
    findings: tuple[Finding, ...]
    truncated: bool = False
