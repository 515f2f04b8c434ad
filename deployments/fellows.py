"""A policy on all replicas of the ingress at once: whoever has a new one first tells the others.

Ray Serve brings a changed `user_config` to a fifth of the replicas at a time, some 0.2 s each; a limit that was lowered
must act on every replica within a second.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import cache
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from app.background import Background
from app.config.load import INGRESS
from app.config.policy import Policy

Told = Callable[[dict[str, Any], float], Coroutine[Any, Any, None]]
MEET_TRIES = 60
"""One a second."""
LATE_S = 10.0
"""For Ray Serve to catch up with what was told: it brings a policy to all replicas of a large ingress in two or so."""
MOST_REPLACED = 32
TELL_S = 1.0
"""For replicas to take a policy. Who takes longer gets it from Ray Serve."""


async def tell_all(application: str, user_config: dict[str, Any], since: float) -> None:
    """Call `heed` of every replica of an application's ingress. Raises where there is no such application.

    What a replica raises it tells its own log. Call it on one event loop of a process.
    """
    response = _replicas(application).broadcast("heed", user_config, since)
    await response.results_async(timeout_s=TELL_S, return_exceptions=True)


async def tell_fellows(user_config: dict[str, Any], since: float) -> None:
    """The same for the application that this process is a replica of."""
    await tell_all(serve.get_replica_context().app_name, user_config, since)


@cache
def _replicas(application: str) -> DeploymentHandle:
    return serve.get_deployment_handle(INGRESS, application)


class Fellows:
    """One replica among its like. `take` puts a policy into force, or raises; `tell` tells all. On one event loop.

    What was told is ahead of Ray Serve, which may yet bring what it replaced. That is not taken, much less told, unless
    Ray Serve has brought nothing else `late_s` later: the last word is its.
    """

    def __init__(self, take: Callable[[Policy], None], tell: Told = tell_fellows, *, late_s: float = LATE_S) -> None:
        self._take, self._tell, self._late_s = take, tell, late_s
        self._policy: Policy | None = None
        self._since = 0.0
        self._replaced: deque[Policy] = deque(maxlen=MOST_REPLACED)
        self._words = 0
        self._background = Background()

    async def meet(self) -> None:
        """Tell nothing, until that succeeds: the first call over a handle takes a third of a second."""
        for _ in range(MEET_TRIES):
            with suppress(Exception):
                await self._tell({}, 0.0)
                break
            await asyncio.sleep(1)

    def brought(self, user_config: dict[str, Any]) -> None:
        """By Ray Serve, which brings the first one to each, and later what others may have told before."""
        policy, first = Policy.model_validate(user_config), self._policy is None
        self._words += 1
        if policy in self._replaced:
            late = self._last_word(user_config, self._words)
            self._background.start(late, "the policy that Ray Serve brought last is not in force")
            return
        self._replaced.clear()
        if policy == self._policy:
            return
        self._enforce(policy, max(time.time(), math.nextafter(self._since, math.inf)))  # newer by any node's clock
        told = self.meet() if first else self._tell(user_config, self._since)
        self._background.start(told, "the other replicas hear of a new policy from Ray Serve only")

    def heard(self, user_config: dict[str, Any], since: float) -> None:
        """From who has it in force since then (seconds of the epoch): what is as old or older changes nothing."""
        if since <= self._since:
            return
        policy, before = Policy.model_validate(user_config), self._policy
        self._enforce(policy, since)
        if policy in self._replaced:
            self._replaced.remove(policy)
        if before is not None and before != policy:
            self._replaced.append(before)

    async def _last_word(self, user_config: dict[str, Any], words: int) -> None:
        since = self._since
        await asyncio.sleep(self._late_s)
        if (words, since) == (self._words, self._since):
            self._replaced.clear()
            self.brought(user_config)

    def _enforce(self, policy: Policy, since: float) -> None:
        self._take(policy)
        self._policy, self._since = policy, since
