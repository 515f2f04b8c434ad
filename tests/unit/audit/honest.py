"""Honest traffic, close to every sin: what must not be found."""

import msgspec

from app.ledger.record import AttemptEntry
from tests.unit.audit.traffic import DAY_S, Ask, Traffic, price


def honest(traffic: Traffic) -> None:
    """All of it, beside which a sin must still be found by itself."""
    for each in (questions, agents, careful_clients, cached_rules, retrieval, short_answers, ordinary_failures):
        each(traffic)
    for each in (hits_and_repeats, own_calls):
        each(traffic)


def questions(traffic: Traffic) -> None:
    """A thousand different ones."""
    for _ in range(1_000):
        traffic.add(Ask("faq", traffic.moment(), output=traffic.rng.randint(20, 400)))


def agents(traffic: Traffic) -> None:
    """Each step another, now and then one tried twice; one polls every 15 s, one looks for what changes."""
    for _ in range(40):
        at, session = traffic.moment(), traffic.word()
        for step in [traffic.word() + traffic.word() for _ in range(12)]:
            for _ in range(2 if traffic.rng.random() < 0.1 else 1):
                traffic.add(Ask("agent", at, more={"session": session, "step": step}))
                at += 3
    poll, look, at = traffic.word(), traffic.word(), traffic.moment()
    for place in range(40):
        traffic.add(Ask("agent", at + place * 15, more={"session": "polls", "step": poll + poll}))
    for place in range(15):
        traffic.add(Ask("agent", at + place * 2, more={"session": "looks", "step": look + traffic.word()}))


def careful_clients(traffic: Traffic) -> None:
    """Name the large model for what needs it; for some things nobody knows."""
    for _ in range(300):
        routed = "small" if traffic.rng.random() < 0.08 else "large"
        unsure = routed == "small" and traffic.rng.random() < 0.5
        named = {"model": "large", "reason": "requested tier", "score": None, "routed": routed, "uncertain": unsure}
        traffic.add(Ask("law", traffic.moment(), "large", more=named))
    for _ in range(100):
        traffic.add(Ask("art", traffic.moment(), "large", more={"model": "large", "reason": "requested tier"}))


def cached_rules(traffic: Traffic) -> None:
    """A long prefix, nine times of ten cached; long prompts of their own, each once; a short one that is not cached."""
    for _ in range(300):
        hit = 4_000 if traffic.rng.random() < 0.9 else 0
        traffic.add(Ask("tutor", traffic.moment(), "large", system=4_000, cached=hit, prefix="tutor"))
    for _ in range(50):
        traffic.add(Ask("books", traffic.moment(), system=6_000, prefix=traffic.word()))


def retrieval(traffic: Traffic) -> None:
    """Four documents, of which one or two were not needed."""
    for _ in range(300):
        unused = 300 * traffic.rng.choice((0, 1, 1, 2))
        traffic.add(Ask("search", traffic.moment(), docs=1_200, count=4, unused=unused))


def short_answers(traffic: Traffic) -> None:
    """Yes, and a sentence; one in ten explains itself."""
    for _ in range(300):
        output = traffic.rng.randint(60, 120) if traffic.rng.random() < 0.05 else traffic.rng.randint(2, 30)
        traffic.add(Ask("votes", traffic.moment(), brief=8, output=output))


def ordinary_failures(traffic: Traffic) -> None:
    """One in a hundred; and clients that leave."""
    for place in range(500):
        fails = ["timeout"] if place % 100 == 0 else ["client_left"] if place % 10 == 0 else []
        traffic.add(Ask("jobs", traffic.moment(), fails=fails))


def hits_and_repeats(traffic: Traffic) -> None:
    """Repeats that are hits, that are too late, of the asker or the moment, or in one session; failures tried again."""
    for place in range(60):
        repeat, at = {"repeat": traffic.word()}, traffic.moment()
        traffic.add(Ask("chat", at, anatomy=repeat))
        hit = {"attempts": (), "cache": "exact", "cache_reason": "", "kept": False}
        traffic.add(Ask("chat", at + 60, anatomy=repeat, more=hit))
        traffic.add(Ask("chat", at + 1.1 * DAY_S, anatomy=repeat))
        reason = ("about_asker", "about_now", "temperature", "n")[place % 4]
        no = {"eligibility": "no", "cache_reason": reason, "kept": False, "cache": "bypass"}
        mine = {"repeat": traffic.word()}
        for _ in range(5):
            traffic.add(Ask("chat", traffic.moment(), anatomy=mine, more=no))
        off = {"eligibility": "no", "cache_reason": "policy", "kept": False, "cache": "bypass"}
        again = {"repeat": traffic.word()}
        for late in (0, 40):
            traffic.add(Ask("chat", at + late, anatomy=again, more={**off, "session": f"s{place}"}))
        users = {"repeat": traffic.word()}
        for user in ("ann", "bob", "cid"):
            traffic.add(Ask("private", traffic.moment(), anatomy=users, more={"user": user}))


def own_calls(traffic: Traffic) -> None:
    """Losers of hedges, first answers of cascades, shadow calls: dear, and meant."""
    for role in ("hedge", "draft", "shadow"):
        for _ in range(50):
            counts = {"input_tokens": 350, "output_tokens": 60, "micro_usd": price("large", 350, 0, 60)}
            outcome = "success" if role == "draft" else "ignored"
            other = AttemptEntry("large", "large/echo", "m", role, outcome, **counts)  # type: ignore[arg-type]
            traffic.add(Ask("beta", traffic.moment(), others=(other,)))
    for _ in range(50):
        ask = Ask("beta", traffic.moment(), more={"session": traffic.word(), "step": traffic.word() * 2})
        made = traffic.add(ask)
        [answer] = made.attempts
        shadow = msgspec.structs.replace(answer, role="shadow")
        traffic.records.append(msgspec.structs.replace(made, id=f"{made.id}-shadow", attempts=(shadow,)))
