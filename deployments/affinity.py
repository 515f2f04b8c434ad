"""Prefix-aware request routing: equal beginnings go where they are cached.

Ray's own `PrefixCacheAffinityRouter` keeps its tree in one detached actor that every request asks with a blocking
`ray.get`: with that actor's node the ingress freezes, and an empty prompt divides by zero in it. This one needs no
state: rendezvous hashing of the prompt's beginning names a home among the replicas, and only the prefixes whose home
came or went move (Thaler and Ravishankar, 1998).
"""

from hashlib import blake2b

from ray.serve._private.request_router.pow_2_router import PowerOfTwoChoicesRequestRouter
from ray.serve.request_router import LocalityMixin, MultiplexMixin, PendingRequest, RequestRouter, RunningReplica


class PrefixAffinityRouter(LocalityMixin, MultiplexMixin, RequestRouter):  # type: ignore[misc]
    """The home of the prompt's first `prefix_chars` characters, unless it is busier than the least busy replica by more
    than `imbalanced_threshold` requests; then, and for calls without a prompt or with an adapter, power of two."""

    def initialize_state(self, prefix_chars: int = 1024, imbalanced_threshold: int = 8) -> None:
        """Ray Serve's hook for `request_router_kwargs`."""
        self._prefix_chars = prefix_chars
        self._imbalanced_threshold = imbalanced_threshold

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Replicas by rank: Serve takes the first rank that has room."""
        usual: list[list[RunningReplica]] = await PowerOfTwoChoicesRequestRouter.choose_replicas(
            self, candidate_replicas, pending_request
        )
        prefix = self._prefix(pending_request)
        if not prefix or len(candidate_replicas) < 2:
            return usual
        home = max(candidate_replicas, key=lambda replica: weight(prefix, replica.replica_id.unique_id))
        return usual if self._is_busier(home, candidate_replicas) else [[home], *usual]

    def _prefix(self, pending: PendingRequest | None) -> str:
        """An adapter's requests are routed by who has loaded it."""
        if pending is None or pending.metadata.multiplexed_model_id or not pending.args:
            return ""
        return str(getattr(pending.args[0], "prompt", ""))[: self._prefix_chars]

    def _is_busier(self, home: RunningReplica, replicas: list[RunningReplica]) -> bool:
        """By the queue lengths that this router saw last; one that it has not seen counts as idle."""
        lengths = {each: self.replica_queue_len_cache.get(each.replica_id) or 0 for each in replicas}
        return bool(lengths[home] - min(lengths.values()) > self._imbalanced_threshold)


def weight(prefix: str, replica: str) -> bytes:
    """What the replica bids for the prefix; the highest bid wins."""
    return blake2b(f"{replica}\0{prefix}".encode("utf-8", "replace"), digest_size=8).digest()
