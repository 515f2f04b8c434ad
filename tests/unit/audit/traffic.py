"""Seeded traffic: what an honest app sends, and each sin by itself, with what the sin costs, reckoned apart."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.audit.terms import Terms, terms_of
from app.config.gateway import GatewayConfig
from app.config.policy import Policy
from app.domain.request_id import new_request_id
from app.ledger.record import Anatomy, AttemptEntry, LedgerRecord

START = 1_790_000_000.0
DAY_S = 86_400.0
RATES = {"small": (0.5, 0.25, 2.0), "large": (4.0, 1.0, 16.0)}
"""Micro-USD per token: input, cached input, output."""
POLICY: dict[str, Any] = {
    "prices": {name: {"input": i, "cached_input": c, "output": o} for name, (i, c, o) in RATES.items()},
    "features": {"private": {"cache": {"scope": "user"}}},
}


def terms() -> Terms:
    """Two echo tiers at `RATES`."""
    echo = {"context_tokens": 32_768, "max_output_tokens": 4_096, "backends": [{"kind": "echo"}]}
    tiers = [{"name": name, "model": f"echo-{name}", **echo} for name in RATES]
    return terms_of(GatewayConfig.model_validate({"tiers": tiers}).tiers, Policy.model_validate(POLICY))


def price(tier: str, input_tokens: int, cached: int, output: int) -> int:
    """Micro-USD of an attempt, rounded up."""
    rate = RATES[tier]
    return -int(-((input_tokens - cached) * rate[0] + cached * rate[1] + output * rate[2]) // 1)


@dataclass
class Ask:
    """One request, as the generator thinks of it."""

    feature: str
    at: float
    tier: str = "small"
    system: int = 300
    cached: int = 0
    user: int = 40
    output: int = 120
    docs: int = 0
    count: int = 0
    duplicate: int = 0
    unused: int = 0
    brief: int | None = None
    fails: Sequence[str] = ()
    others: tuple[AttemptEntry, ...] = ()
    prefix: str = ""
    anatomy: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def input(self) -> int:
        """Tokens of one attempt."""
        return self.system + self.docs + self.user + 10

    @property
    def micro_usd(self) -> int:
        """Of the attempt that answers."""
        return price(self.tier, self.input, self.cached, self.output)


class Traffic:
    """Requests with what the sins in them cost; `rng` draws everything."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.records: list[LedgerRecord] = []
        self.truth: dict[str, int] = {}

    def word(self) -> str:
        """A digest that nothing else has."""
        return f"{self.rng.getrandbits(64):016x}"

    def moment(self) -> float:
        """Some time of the day."""
        return START + self.rng.random() * DAY_S

    def failed(self, ask: Ask, cause: str) -> AttemptEntry:
        """An attempt at the same tier that came to nothing, at half its output."""
        output = ask.output // 2
        cost = price(ask.tier, ask.input, ask.cached, output)
        counts = {"input_tokens": ask.input, "cached_tokens": ask.cached, "output_tokens": output, "micro_usd": cost}
        kind = ("draft", "success") if cause == "invalid_output" else ("retry", "failed")
        return AttemptEntry(ask.tier, f"{ask.tier}/echo", "m", *kind, cause, **counts)  # type: ignore[arg-type]

    def add(self, ask: Ask) -> LedgerRecord:
        """Send it."""
        answer = AttemptEntry(
            ask.tier,
            f"{ask.tier}/echo",
            f"echo-{ask.tier}",
            input_tokens=ask.input,
            cached_tokens=ask.cached,
            output_tokens=ask.output,
            micro_usd=ask.micro_usd,
        )
        anatomy = Anatomy(
            system=ask.system,
            documents=ask.docs,
            user=ask.user,
            frame=10,
            exact=True,
            prefix=ask.prefix or ask.feature,
            documents_count=ask.count,
            documents_duplicate=ask.duplicate,
            documents_unused=ask.unused,
            brief_tokens=ask.brief,
            **{"repeat": self.word(), **ask.anatomy},
        )
        attempts = (*(self.failed(ask, cause) for cause in ask.fails), answer, *ask.others)
        told: dict[str, Any] = {"attempts": attempts, "anatomy": anatomy, "duration_ms": 900.0, **ask.more}
        record = plain(ask, self.rng, **told)
        self.records.append(record)
        return record

    def owe(self, sin: str, micro_usd: int) -> None:
        """So much was paid for a sin."""
        self.truth[sin] = self.truth.get(sin, 0) + micro_usd


def plain(ask: Ask, rng: random.Random, **told: Any) -> LedgerRecord:
    """A record with what every one has."""
    said: dict[str, Any] = {
        "id": new_request_id(ask.at)[:16] + f"{rng.getrandbits(80):020x}",
        "at": ask.at,
        "operation": "chat",
        **dict.fromkeys(("team", "user", "session", "key"), ""),
        "tenant": "acme",
        "feature": ask.feature,
        "lane": "interactive",
        "model": "auto",
        "stream": True,
        "tier": ask.tier,
        "backend": f"{ask.tier}/echo",
        "served": f"echo-{ask.tier}",
        "decided": ask.tier,
        "reason": "below the threshold of small",
        "score": 0.2,
        "uncertain": False,
        "cache": "miss",
        "cache_reason": "",
        "outcome": "success",
        "cause": "",
        "detail": "",
        "eligibility": "semantic",
        "kept": True,
    }
    return LedgerRecord(**{**said, **told})


Sinner = Callable[[Traffic], None]


def loops(traffic: Traffic) -> None:
    """Four agents that do one thing forty times, one that goes round three things forty times."""
    for session in ("a", "b", "c", "d", "round"):
        length = 3 if session == "round" else 1
        cycle = [traffic.word() + traffic.word() for _ in range(length)]
        at = traffic.moment()
        for place in range(40 * length):
            more = {"session": session, "step": cycle[place % length], "cache_reason": "tools", "eligibility": "exact"}
            ask = Ask("robot", at + place * 2, output=traffic.rng.randint(50, 90), more=more)
            traffic.add(ask)
            traffic.owe("agent_loops", ask.micro_usd if place >= length else 0)


def amnesia(traffic: Traffic) -> None:
    """Thirty questions, each asked thirty times within the day, in a feature whose cache is off."""
    off = {"eligibility": "no", "cache_reason": "policy", "kept": False, "cache": "bypass"}
    for _ in range(30):
        repeat = traffic.word()
        asked = sorted(traffic.moment() for _ in range(30))
        for place, at in enumerate(asked):
            more = {**off, "user": traffic.word(), "session": traffic.word()}
            ask = Ask("help", at, output=150, anatomy={"repeat": repeat}, more=more)
            traffic.add(ask)
            traffic.owe("context_amnesia", ask.micro_usd if place else 0)


def one_model(traffic: Traffic) -> None:
    """A client that names the large model for everything, most of it easy."""
    for _ in range(400):
        easy = traffic.rng.random() < 0.8
        routed = "small" if easy else "large"
        named = {"model": "large", "reason": "requested tier", "score": None, "routed": routed}
        p = (("small", 0.93 if easy else 0.3), ("large", 0.97))
        ask = Ask("mail", traffic.moment(), "large", output=traffic.rng.randint(80, 300), more={**named, "p": p})
        traffic.add(ask)
        traffic.owe("one_model_for_all", ask.micro_usd - price("small", ask.input, 0, ask.output) if easy else 0)


def monolith(traffic: Traffic) -> None:
    """Five thousand tokens of rules before every question, seldom found cached."""
    for place in range(300):
        hit = 5_000 if traffic.rng.random() < 0.15 else 0
        ask = Ask("desk", traffic.moment(), "large", system=5_000, cached=hit, prefix="rules")
        traffic.add(ask)
        cached = price("large", ask.input, ask.system, ask.output)
        traffic.owe("monolithic_prompt", ask.micro_usd - cached if place else 0)


def firehose(traffic: Traffic) -> None:
    """Ten documents, of which one comes twice and the answer uses two."""
    for _ in range(300):
        size = traffic.rng.randint(150, 350)
        ask = Ask("wiki", traffic.moment(), docs=10 * size, count=10, duplicate=size, unused=7 * size)
        traffic.add(ask)
        lean = price("small", ask.input - 8 * size, 0, ask.output)
        traffic.owe("retrieval_firehose", ask.micro_usd - lean)


def verbose(traffic: Traffic) -> None:
    """Yes or no, in paragraphs."""
    for _ in range(300):
        ask = Ask("check", traffic.moment(), brief=8, output=traffic.rng.randint(150, 400))
        traffic.add(ask)
        traffic.owe("verbose_output", ask.micro_usd - price("small", ask.input, 0, 8))


def retries(traffic: Traffic) -> None:
    """A third of the requests needs two to four attempts."""
    causes = ("timeout", "timeout", "overload", "server_error", "invalid_output")
    for _ in range(300):
        fails = traffic.rng.choices(causes, k=traffic.rng.randint(1, 3)) if traffic.rng.random() < 0.33 else []
        ask = Ask("batch", traffic.moment(), fails=fails)
        record = traffic.add(ask)
        traffic.owe("retry_spiral", record.micro_usd - ask.micro_usd)


SINS: dict[str, Sinner] = {
    "agent_loops": loops,
    "context_amnesia": amnesia,
    "one_model_for_all": one_model,
    "monolithic_prompt": monolith,
    "retrieval_firehose": firehose,
    "verbose_output": verbose,
    "retry_spiral": retries,
}
"""By the audit's name, in the order of the fixes."""
