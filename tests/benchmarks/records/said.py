"""What each of those who know says of the same requests, and where they do not agree."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.cost.prices import PriceSheet
from app.domain import Usage
from app.ledger.record import LedgerRecord
from app.tiers.echo_journal import Produced
from tests.benchmarks.budgets.crowd import Got
from tests.benchmarks.records.scrape import Counted
from tests.benchmarks.records.spans import Received, Spent

NAMES = ("input_tokens", "output_tokens", "micro_usd")


@dataclass
class Said:
    """Of one tenant's requests, all there were. `metrics` are by replica, of those that live at the end."""

    records: list[LedgerRecord]
    rollup: Mapping[str, int]
    made: Mapping[str, Produced]
    answers: list[Got]
    received: Received
    metrics: Mapping[str, Counted]
    prices: PriceSheet
    wrong: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> Counter[str]:
        """How the requests ended, in a word."""
        return Counter(each.cause or each.cache for each in self.records)

    @property
    def unheard(self) -> dict[str, tuple[int, int]]:
        """By cause, requests whose engine did not say in time what it made: how many, and tokens beyond the record."""
        left = [each for each in self.records if each.estimated and each.cause != "lost"]
        beyond: defaultdict[str, list[int]] = defaultdict(list)
        for each in left:
            made = self.made.get(each.id, Produced())
            beyond[each.cause].append(made.tokens - each.input_tokens - each.output_tokens)
        return {cause: (len(some), sum(some)) for cause, some in beyond.items()}

    @property
    def roles(self) -> Counter[str]:
        """What the attempts were for."""
        return Counter(entry.role for each in self.records for entry in each.attempts)

    def check(self) -> "Said":
        """Note all that does not agree: of each request by itself, so that no two errors make one truth."""
        self._engines()
        self._prices()
        self._clients()
        self._spans()
        self._metrics()
        self._sums()
        return self

    def _engines(self) -> None:
        """To the token. What a killed replica had under way is booked as held, which is as much or more.

        Where an engine did not say in time what it made for a client that left or was stopped, it is at least what was
        seen.
        """
        known = {each.id for each in self.records}
        self.wrong += [f"no record of {name}: {made}" for name, made in self.made.items() if name not in known]
        shown = {each.request_id: each.delivered for each in self.answers}
        for each in self.records:
            made, spent = self.made.get(each.id, Produced()), Produced(each.input_tokens, each.output_tokens)
            least = made.output_tokens if each.cause == "lost" else min(made.output_tokens, shown.get(each.id, 0))
            enough = spent.input_tokens >= made.input_tokens and spent.output_tokens >= least
            if not (enough if each.estimated else spent == made):
                self.wrong.append(f"{each.id} {each.cause} {each.detail}: {spent}, its engine {made}")

    def _prices(self) -> None:
        for each in self.records:
            for entry in () if each.estimated else each.attempts:
                usage = Usage(entry.input_tokens, entry.cached_tokens, entry.output_tokens)
                if entry.micro_usd != self.prices.cost(entry.tier, entry.backend, usage):
                    self.wrong.append(f"{each.id}: {entry.micro_usd} micro-USD for {usage} of {entry.backend}")

    def _clients(self) -> None:
        """Who was told a usage was told that of the answer."""
        known = {each.id: each for each in self.records}
        for answer in self.answers:
            found = known.get(answer.request_id)
            if answer.request_id and found is None:
                self.wrong.append(f"no record of {answer.request_id}, which answered {answer.status}")
            if answer.usage and answer.whole and found and found.cache == "miss":
                given = [each for each in found.attempts if each.role == "answer"]
                tokens = sum(each.input_tokens + each.output_tokens for each in given)
                if sum(answer.usage) != tokens:
                    self.wrong.append(f"{found.id}: {tokens} tokens, its client was told {answer.usage}")

    def _spans(self) -> None:
        """Of replicas that lived on: a killed one takes the spans along that it had not sent."""
        spent: defaultdict[str, Spent] = defaultdict(Spent)
        living = [each for each in self.records if each.replica in self.metrics]
        for each in living:
            _add(spent[each.trace], each)
        for trace, sums in spent.items():
            if self.received.spent[trace] != sums:
                self.wrong.append(f"trace {trace}: its spans say {self.received.spent[trace]}, the ledger {sums}")

    def _metrics(self) -> None:
        """The same: what a killed one had counted, nobody can ask any more."""
        for replica, counted in self.metrics.items():
            own = [each for each in self.records if each.replica == replica]
            ledger = (_asked(own), *_totals(own).values(), 0)
            told = (counted.requests, counted.input_tokens, counted.output_tokens, counted.micro_usd, counted.dropped)
            if told != ledger:
                self.wrong.append(f"replica {replica}: its metrics say {told}, the ledger {ledger}")

    def _sums(self) -> None:
        sums = {"requests": _asked(self.records), **_totals(self.records)}
        if {name: self.rollup[name] for name in sums} != sums:
            self.wrong.append(f"the sums say {dict(self.rollup)}, the records {sums}")


def _asked(records: Sequence[LedgerRecord]) -> int:
    """Nobody asked for a shadow call."""
    return sum(not each.id.endswith("-shadow") for each in records)


def _totals(records: Sequence[LedgerRecord]) -> dict[str, int]:
    return {name: sum(getattr(each, name) for each in records) for name in NAMES}


def _add(sums: Spent, record: LedgerRecord) -> None:
    sums.input_tokens += record.input_tokens
    sums.output_tokens += record.output_tokens
    sums.micro_usd += record.micro_usd
