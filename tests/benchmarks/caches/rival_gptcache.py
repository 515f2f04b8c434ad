"""GPTCache as its own documentation sets it up: SQLite and Faiss, and one of its evaluations.

Its ONNX evaluation (ALBERT, a pair model) is fetched from its model hub; where that does not answer, it is not run.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptcache import Cache, Config
from gptcache.adapter.api import get
from gptcache.manager import CacheBase, VectorBase, get_data_manager
from gptcache.processor.pre import get_prompt
from gptcache.similarity_evaluation import OnnxModelEvaluation, SearchDistanceEvaluation

from tests.benchmarks.caches.job import Answers, Embeddings, Job, main, run

SIMILARITY_95 = (2 + 2 * 0.95) / 4
"""Its distance evaluation is 4 - |a - b|² = 2 + 2 cos for unit vectors, of at most 4."""
ONNX = "GPTCache, ONNX evaluation, its default .8"
DIMENSIONS = 384
MOST = 1_000_000
"""Entries; by default it forgets all but the last thousand."""
CANDIDATES = 5
"""For the pair model to choose from; by distance alone the nearest decides."""


class GptCache:
    """One evaluation at one `similarity_threshold`."""

    def __init__(
        self, name: str, evaluation: Any, threshold: float, embeddings: Embeddings, folder: Path, candidates: int = 1
    ) -> None:
        self.name = name
        self._candidates = candidates
        self._cache = Cache()
        sqlite = CacheBase("sqlite", sql_url=f"sqlite:///{folder}/{name}.db")
        faiss = VectorBase("faiss", dimension=DIMENSIONS, index_path=f"{folder}/{name}.index")
        self._manager = get_data_manager(sqlite, faiss, max_size=MOST)
        self._cache.init(
            pre_embedding_func=get_prompt,
            embedding_func=lambda prompt, **_: embeddings(prompt),
            data_manager=self._manager,
            similarity_evaluation=evaluation,
            config=Config(similarity_threshold=threshold, enable_token_counter=False),
        )

    def clear(self) -> None:
        """Faiss forgets at once, SQLite marks and then deletes."""
        if ids := self._manager.s.get_ids(deleted=False):
            self._manager.v.delete(ids)
            self._manager.s.mark_deleted(ids)
            self._manager.s.clear_deleted_data()

    def keep(self, prompts: Sequence[str], answers: Sequence[str]) -> None:
        """Its way to load many at once."""
        self._cache.import_data(list(prompts), list(answers))

    def ask(self, prompt: str) -> str | None:
        """Its plain `get`."""
        found = get(prompt, cache_obj=self._cache, top_k=min(self._candidates, self._manager.v._index.ntotal))
        return None if found is None else str(found)


def onnx_evaluation() -> Any:
    """Its pair model. Raises whatever the hub's client raises where it cannot be had."""
    evaluation = OnnxModelEvaluation()
    if not hasattr(evaluation.tokenizer, "encode_plus"):
        # transformers 5 renamed it; GPTCache takes the error for "not similar" and would never hit
        evaluation.tokenizer.encode_plus = evaluation.tokenizer.__call__
    return evaluation


def compare(job: Job, embeddings: Embeddings) -> list[Answers]:
    """Its defaults, the usual strict threshold, and its pair model."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        distance = SearchDistanceEvaluation()
        rivals = [
            GptCache("GPTCache, distance, its default .8", distance, 0.8, embeddings, folder),
            GptCache("GPTCache, distance, cosine .95", distance, SIMILARITY_95, embeddings, folder),
        ]
        answers = [run(rival, job, embeddings) for rival in rivals]
        try:
            onnx = GptCache(ONNX, onnx_evaluation(), 0.8, embeddings, folder, CANDIDATES)
        except Exception as error:
            reason = f"its model is on a hub that did not answer ({type(error).__name__})"
            answers.append(Answers(ONNX, missing=reason))
        else:
            answers.append(run(onnx, job, embeddings))
        return answers


if __name__ == "__main__":
    main(compare)
