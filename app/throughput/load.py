"""Keeping a server busy for a while, and counting what it does meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.cost.usage import read_usage
from app.domain import Usage
from app.errors import ConfigError

Clock = Callable[[], float]
HEADERS = {"x-leanserve-cache": "no-store, no-cache"}
"""LeanServe itself may be measured: its caches shall not answer."""
FAULTS_IN_A_ROW = 3
"""After which one of the workers gives up: the server is not there, or refuses."""
PATIENCE_S = 120.0
"""For answers that are under way when the time is over."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked: a model of a server. `client` has the base URL (with its `/v1`), the key and the time-outs."""

    client: httpx.AsyncClient
    model: str
    clock: Clock


@dataclass(slots=True)
class Work:
    """What was done in `seconds`: parts of tokens, since an answer counts by the part of its time that lies within."""

    seconds: float
    input: float = 0.0
    cached: float = 0.0
    output: float = 0.0
    answers: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, usage: Usage, share: float) -> None:
        """Count `share` (0–1) of one answer; `input` is without what was cached."""
        self.input += share * (usage.input_tokens - usage.cached_tokens)
        self.cached += share * usage.cached_tokens
        self.output += share * usage.output_tokens
        self.answers += 1


async def work(target: Target, prompts: Iterator[str], output_tokens: int, at_once: int, seconds: float) -> Work:
    """Keep `at_once` requests under way for `seconds`, each for at most `output_tokens`.

    Raises `ConfigError` where nothing was answered, in the words of the server.
    """
    until = target.clock() + seconds
    done = Work(seconds)
    workers = [_worker(target, prompts, output_tokens, until, done) for _ in range(at_once)]
    try:
        async with asyncio.timeout(seconds + PATIENCE_S):
            await asyncio.gather(*workers)
    except TimeoutError as error:
        raise ConfigError(f"{target.model}: answers did not end {PATIENCE_S:.0f} s after the time was over") from error
    if not done.answers:
        raise ConfigError(f"{target.model}: nothing was answered ({done.failures[0] if done.failures else 'no time'})")
    return done


async def _worker(target: Target, prompts: Iterator[str], output_tokens: int, until: float, done: Work) -> None:
    faults = 0
    while (started := target.clock()) < until and faults < FAULTS_IN_A_ROW:
        try:
            usage = await _ask(target, next(prompts), output_tokens)
        except (httpx.HTTPError, ValueError, ConfigError) as error:
            done.failures.append(str(error) or type(error).__name__)
            faults += 1
            continue
        ended, faults = target.clock(), 0
        done.add(usage, 1.0 if ended <= until else (until - started) / (ended - started))


async def _ask(target: Target, prompt: str, output_tokens: int) -> Usage:
    body: dict[str, Any] = {
        "model": target.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": output_tokens,
        "temperature": 1.0,
    }
    response = await target.client.post("chat/completions", json=body, headers=HEADERS)
    if not response.is_success:
        raise ConfigError(f"status {response.status_code}: {response.text[:200]}")
    usage = read_usage(response.json())
    if usage is None or not usage.total_tokens:
        raise ConfigError("the server tells no usage")
    return usage
