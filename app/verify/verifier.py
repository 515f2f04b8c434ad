"""The Verifier port: words first, the pair model for what they leave open."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.domain import StoredPrompt, Verdict
from app.verify.calibration import Calibration
from app.verify.lexicon.tables import Lexicon
from app.verify.pair_model import WEIGHTS, PairModel, fits
from app.verify.verdicts import RULES_VERSION, ByWords, judge_words

SURE = 0.9999
"""P(same) of what differs in spelling, politeness or small print only: in 0.2% of such QQP pairs people saw a
difference, all of them debatable."""


class PairVerifier:
    """Judges pairs of canonical texts. `judge` blocks; `verify` runs it on a thread of its own."""

    def __init__(self, model: PairModel, calibration: Calibration, lexicon: Lexicon) -> None:
        self._model = model
        self._calibration = calibration
        self._lexicon = lexicon
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verifier")

    @classmethod
    def open(cls, threads: int = 1, folder: Path = WEIGHTS) -> "PairVerifier":
        """Load the packaged weights; `threads` compute one batch. Raises OSError when there are none."""
        model = PairModel.open(folder, threads)
        verifier = cls(model, Calibration.load(folder), Lexicon.of(model.vocabulary()))
        verifier.judge([(StoredPrompt("how to warm up a model", 0.5), "what the first request would wait for")])
        return verifier

    @property
    def version(self) -> str:
        """Changes with the weights and with the rules."""
        return f"{RULES_VERSION}-{self._calibration.version}"

    async def verify(self, asked: str, stored: Sequence[StoredPrompt]) -> list[Verdict]:
        """One verdict per stored prompt, in order."""
        pairs = [(each, asked) for each in stored]
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.judge, pairs)

    def operating_point(self, max_false_hit_rate: float) -> float:
        """P(same) at that false rate: see `app.verify.calibration`."""
        return self._calibration.of_rate(max_false_hit_rate)

    def judge(self, pairs: Sequence[tuple[StoredPrompt, str]]) -> list[Verdict]:
        """One verdict per (stored, asked), in order."""
        words = [judge_words(stored.text, asked, self._lexicon) for stored, asked in pairs]
        found = {i: _by_words(said) for i, said in enumerate(words) if said.same is not None}
        open_ones = [i for i in range(len(pairs)) if i not in found]
        found |= self._by_model(open_ones, pairs, words)
        return [found[i] for i in range(len(pairs))]

    def close(self) -> None:
        """Let the thread end after the pairs it judges."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _by_model(
        self, places: Sequence[int], pairs: Sequence[tuple[StoredPrompt, str]], words: Sequence[ByWords]
    ) -> dict[int, Verdict]:
        tokens = self._model.tokens([text for i in places for text in (pairs[i][0].text, pairs[i][1])])
        sides = {i: (tokens[2 * k], tokens[2 * k + 1]) for k, i in enumerate(places)}
        readable = [i for i in places if all(map(fits, sides[i]))]
        found = {i: Verdict(0.0, "too long to compare") for i in places}
        if not readable:
            return found
        logits = self._model.logits([sides[i] for i in readable])
        for i, logit in zip(readable, logits, strict=True):
            regime = words[i].regime
            assert regime is not None
            found[i] = Verdict(self._calibration.p_same(float(logit), pairs[i][0].similarity, regime), words[i].reason)
        return found


def _by_words(said: ByWords) -> Verdict:
    return Verdict(SURE if said.same else 0.0, said.reason)


def packaged_version(folder: Path = WEIGHTS) -> str:
    """The version of the packaged verifier, without loading it: part of every cache key."""
    return f"{RULES_VERSION}-{Calibration.load(folder).version}"
