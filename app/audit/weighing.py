"""Cases weighed by every sin: what each costs by itself, where it stands, what it saves after those before it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.audit.case import Case, total
from app.audit.finding import Place
from app.audit.notes import Noted
from app.audit.sins.sin import LEAST_REQUESTS, LEAST_SHARE, Sin

EXAMPLES = 5
Key = tuple[str, str, str]
"""A sin, a feature, a cause."""
Fresh = Callable[[], Sequence[Sin]]
"""The sins in the order of their fixes, new: some remember what they were shown."""


@dataclass(slots=True)
class Tally:
    """Sums over the cases of one key, as `Place` says; none of them depends on an order."""

    micro_usd: int = 0
    certain_micro_usd: int = 0
    compound_micro_usd: int = 0
    requests: int = 0
    exact: int = 0
    part: int = 0
    whole: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)

    def note(self, case: Case, saved: int, certain: int) -> None:
        """One case more that pays for the sin."""
        self.micro_usd += saved
        self.certain_micro_usd += min(saved, certain)
        self.requests += 1
        self.exact += case.exact
        self.examples = sorted([*self.examples, (-saved, case.id)])[:EXAMPLES]


@dataclass(slots=True)
class Scales:
    """One audit's. `spent` is micro-USD by feature; the rest is as `Audit` has it."""

    fresh: Fresh
    spent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: int = 0
    unpriced: int = 0
    unasked_micro_usd: int = 0
    _tallies: dict[Key, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def weigh(self, cases: Iterable[Noted], is_priced: Callable[[Case], bool]) -> None:
        """Each sin by itself."""
        sins = self.fresh()
        for noted in cases:
            self._sum(noted, is_priced(noted.case))
            for sin in sins:
                self._look(sin, noted)

    def _sum(self, noted: Noted, priced: bool) -> None:
        case, paid = noted.case, total(noted.case.lines)
        self.requests += 1
        self.unpriced += not priced
        self.spent[noted.feature] += paid
        self.unasked_micro_usd += paid if case.named and case.answered and not case.routed else 0

    def _look(self, sin: Sin, noted: Noted) -> None:
        case, paid = noted.case, total(noted.case.lines)
        for look in sin.looks(noted):
            tally = self._tallies[sin.name, noted.feature, look.cause]
            tally.part += look.part
            tally.whole += look.whole
            saved = paid - total(sin.fixed(case, case.lines, look.cause)) if look.part else 0
            if saved > 0:
                tally.note(case, saved, sin.sure(case, saved))

    def compound(self, cases: Iterable[Noted]) -> None:
        """Those that stand, one after the other on what the earlier left of each case."""
        sins, standing = self.fresh(), {key for sin in self.fresh() for key, *_ in self._standing(sin)}
        for noted in cases:
            lines = noted.case.lines
            for sin in sins:
                for look in sin.looks(noted):
                    key = (sin.name, noted.feature, look.cause)
                    if look.part and key in standing:
                        left = sin.fixed(noted.case, lines, look.cause)
                        self._tallies[key].compound_micro_usd += total(lines) - total(left)
                        lines = left

    def places(self, sin: Sin) -> tuple[Place, ...]:
        """Where it stands, the dearest first."""
        found = [self._place(key, tally, whole) for key, tally, whole in self._standing(sin)]
        return tuple(sorted(found, key=lambda place: (-place.micro_usd, place.feature, place.cause)))

    def _place(self, key: Key, tally: Tally, whole: int) -> Place:
        _, feature, cause = key
        return Place(
            feature=feature,
            cause=cause,
            micro_usd=tally.micro_usd,
            certain_micro_usd=tally.certain_micro_usd,
            compound_micro_usd=tally.compound_micro_usd,
            requests=tally.requests,
            exact=tally.exact,
            part=tally.part,
            whole=whole,
            spent_micro_usd=self.spent[feature],
            examples=tuple(case_id for _, case_id in tally.examples),
        )

    def _standing(self, sin: Sin) -> Iterator[tuple[Key, Tally, int]]:
        """With the whole of what stands or falls with it."""
        for group in self._groups(sin).values():
            if self._stands(sin, group):
                whole = sum(tally.whole for tally in group.values())
                yield from ((key, tally, whole) for key, tally in group.items() if tally.micro_usd)

    def _groups(self, sin: Sin) -> Mapping[tuple[str, str], dict[Key, Tally]]:
        """Its tallies that stand or fall together: a feature's, or each by itself."""
        found: dict[tuple[str, str], dict[Key, Tally]] = defaultdict(dict)
        for key, tally in self._tallies.items():
            name, feature, cause = key
            if name == sin.name:
                found[feature, cause if sin.by_cause else ""][key] = tally
        return found

    def _stands(self, sin: Sin, group: Mapping[Key, Tally]) -> bool:
        tallies, feature = group.values(), next(iter(group))[1]
        part, whole = sum(each.part for each in tallies), sum(each.whole for each in tallies)
        enough = sum(each.requests for each in tallies) >= LEAST_REQUESTS
        worth = sum(each.micro_usd for each in tallies) >= max(1, LEAST_SHARE * self.spent[feature])
        return enough and worth and part >= sin.least_ratio * whole
