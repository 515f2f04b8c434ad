"""Rendezvous hashing: every router names the same home, and few prefixes move when replicas come and go."""

from collections import Counter

from deployments.affinity import weight

REPLICAS = [f"replica-{i}" for i in range(5)]
PREFIXES = [f"You are helper number {i}." for i in range(2000)]


def home(prefix: str, replicas: list[str]) -> str:
    """The highest bidder."""
    return max(replicas, key=lambda replica: weight(prefix, replica))


def test_prefixes_spread_evenly() -> None:
    """A fifth each, give or take."""
    shares = Counter(home(prefix, REPLICAS) for prefix in PREFIXES)
    assert all(300 < shares[replica] < 500 for replica in REPLICAS)


def test_only_the_prefixes_of_a_lost_replica_move() -> None:
    """What is cached elsewhere stays where it is."""
    left = REPLICAS[1:]
    moved = [prefix for prefix in PREFIXES if home(prefix, REPLICAS) != home(prefix, left)]
    assert moved
    assert all(home(prefix, REPLICAS) == REPLICAS[0] for prefix in moved)
