"""The two latencies: an exact hit beside a no-op, a miss beside Ray Serve's own ingress over the same engine."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from statistics import median
from typing import Any

from app.config.gateway import EmbedderSpec
from app.embed.sentence import open_encoder
from app.embed.source import find_embedder
from tests.benchmarks.client import Client, Refused, Streamed
from tests.benchmarks.stand import Stand, say
from tests.benchmarks.summary import Row, median_interval, spread

CHAT = "/v1/chat/completions"
ROUNDS = 5
WARM_UP = 6
HIT_RATIO = 2.0
HIT = {"model": "auto", "messages": [{"role": "user", "content": "What is a river?"}], "temperature": 0, "stop": ["."]}
"""Ends by itself: an answer that was cut at `max_tokens` is not cached."""
PAUSE_S = 0.05
"""After a miss: its answer is stored behind the client's back, and must not be in the next request's way."""
TARGETS = {"inline": ("/inline", 6.0), "as deployments": ("", 15.0)}
WORDS = """
river candle market violin desert engine garden mirror bridge planet coffee helmet island jacket kettle lantern
mountain needle ocean pepper quilt rocket saddle temple umbrella village window yogurt zebra anchor basket castle
dragon eagle feather guitar hammer insect jungle kitchen ladder magnet notebook orchid pillow rabbit shadow tunnel
"""
"""What the prompts are about."""


def prompts(seed: int) -> Iterator[str]:
    """Easy prompts of one length, no two alike and no two meaning the same."""
    chosen = random.Random(seed)
    for number in count():
        yield f"Write one line about a {', a '.join(chosen.sample(WORDS.split(), 4))} and the number {number}."


def exact_hit(stand: Stand, requests: int) -> Row:
    """An exact hit beside a no-op, in alternating batches over one connection each."""
    hit, noop = Client(stand.url), Client(stand.url)
    body = json.dumps(HIT).encode()
    size = _seed(hit, body)
    paths = {"noop": (noop, f"/noop/?size={size}"), "hit": (hit, CHAT)}
    seconds: dict[str, list[float]] = {name: [] for name in paths}
    for round_ in range(ROUNDS * 4 + 1):
        for name, (client, path) in paths.items():
            replies = [client.post(path, body) for _ in range(requests)]
            assert name == "noop" or all(reply.headers["x-leanserve-cache"] == "exact" for reply in replies)
            seconds[name] += [reply.seconds for reply in replies] if round_ else []
    reference, measured = spread(seconds["noop"], 1e3), spread(seconds["hit"], 1e3)
    ratio = measured.p50 / reference.p50
    return Row(
        f"exact hit p50, 1 client: ≤ {HIT_RATIO:g} × no-op FastAPI ingress",
        reference.show("ms", 2),
        measured.show("ms", 2),
        f"{ratio:.2f} ×",
        ratio <= HIT_RATIO,
        {"reference": reference, "measured": measured, "ratio": ratio, "bytes": size},
        (f"exact hit: {measured.n} requests each, {size} bytes answered",),
    )


def _seed(client: Client, body: bytes) -> int:
    """Ask until the cache answers; the size of its answer in bytes."""
    for _ in range(20):
        with suppress(Refused):  # a Redis that starves on a busy machine
            reply = client.post(CHAT, body)
            if reply.headers["x-leanserve-cache"] == "exact":
                return len(reply.body)
        time.sleep(0.05)
    raise AssertionError("an answer was not cached")


class Misses:
    """Every prompt is new; the paths take turns request by request, and so does the embedder alone."""

    def __init__(self, stand: Stand) -> None:
        self._client = Client(stand.url)
        self._model = stand.tier["model"]
        self._prompts = prompts(7)
        self._spec = EmbedderSpec()
        self._encode = open_encoder(find_embedder(self._spec.model), self._spec.threads)
        self.answers: dict[str, list[Streamed]] = {"reference": [], **{name: [] for name in TARGETS}}
        self.embedding_s: list[float] = []
        self.discarded = 0

    def turn(self, number: int) -> None:
        """One request on every path, in an order that rotates; all kept or none."""
        names = list(self.answers)
        names = names[number % len(names) :] + names[: number % len(names)]
        try:
            taken = {name: self._ask(name) for name in names}
        except Refused as fault:
            say(f"a request was refused: {fault}")
            taken = {}
        if not taken or any(answer.headers.get("x-leanserve-cache", "miss") != "miss" for answer in taken.values()):
            self.discarded += 1
            return
        for name, answer in taken.items():
            self.answers[name].append(answer)
        self.embedding_s.append(self._embed())

    def forget(self) -> None:
        """What was measured while things warmed up."""
        self.answers = {name: [] for name in self.answers}
        self.embedding_s, self.discarded = [], 0

    def _ask(self, name: str) -> Streamed:
        prefix, model = ("/openai", self._model) if name == "reference" else (TARGETS[name][0], "auto")
        messages = [{"role": "user", "content": next(self._prompts)}]
        answer = self._client.stream(
            prefix + CHAT, {"model": model, "messages": messages, "max_tokens": 4, "temperature": 0}
        )
        assert answer.headers.get("x-leanserve-tier", "small") == "small"
        time.sleep(PAUSE_S)
        return answer

    def _embed(self) -> float:
        text = next(self._prompts)
        started = time.perf_counter()
        self._encode([text])
        seconds = time.perf_counter() - started
        time.sleep(PAUSE_S)
        return seconds


def misses(stand: Stand, requests: int) -> list[Row]:
    """Both placements beside Ray Serve's own ingress."""
    measured = Misses(stand)
    for number in range(WARM_UP):
        measured.turn(number)
    measured.forget()
    for number in range(ROUNDS * requests):
        measured.turn(number)
        if number % requests == 0:
            say(f"misses: round {number // requests + 1} of {ROUNDS}")
    return [_row(measured, name, goal, _embedding_ms(measured)) for name, (_, goal) in TARGETS.items()]


def _embedding_ms(measured: Misses) -> float:
    """The embedding's own time, p50: the embedder alone or the inline stage around it, whichever says less."""
    alone = spread(measured.embedding_s, 1e3).p50
    return min(alone, float(_stages(measured.answers["inline"])["normalize"]))


def _row(measured: Misses, name: str, goal: float, embedding_ms: float) -> Row:
    ours, theirs = measured.answers[name], measured.answers["reference"]
    embedding = spread(measured.embedding_s, 1e3)
    first = {key: spread([a.first_text_s for a in answers], 1e3) for key, answers in (("o", ours), ("t", theirs))}
    differences = [(a.first_text_s - b.first_text_s) * 1e3 for a, b in zip(ours, theirs, strict=True)]
    pairs, (low, high) = spread(differences), median_interval(differences)
    added = first["o"].p50 - first["t"].p50
    own = added - embedding_ms
    stages = _stages(ours)
    return Row(
        f"miss, {name}: first token ≤ +{goal:g} ms over OpenAiIngress, embedding aside",
        first["t"].show("ms"),
        first["o"].show("ms"),
        f"{added:+.1f} ms − {embedding_ms:.1f} embedding = {own:+.1f} ms",
        own <= goal,
        {"reference": first["t"], "measured": first["o"], "embedding": embedding, "pairs": pairs, "stages": stages},
        (
            f"miss, {name}: {pairs.n} triples ({measured.discarded} discarded), difference in pairs "
            f"{pairs.show('ms')}, its median with 95% confidence {low:.1f}–{high:.1f} ms",
            f"miss, {name}: embedding alone {embedding.show('ms')}; first event "
            f"{spread([a.first_event_s for a in ours], 1e3).p50:.1f} against "
            f"{spread([a.first_event_s for a in theirs], 1e3).p50:.1f} ms",
            f"miss, {name}: stages p50 in ms: " + ", ".join(f"{key} {value:.2f}" for key, value in stages.items()),
        ),
        sure=not low <= goal + embedding_ms <= high,
    )


def _stages(answers: list[Streamed]) -> dict[str, Any]:
    found = [answer.stages_ms() for answer in answers]
    return {name: median(each[name] for each in found if name in each) for name in found[0]}
