"""RedisVL's SemanticCache as its documentation sets it up; it needs a Redis with the search module."""

from collections.abc import Sequence

import redis
from redisvl.extensions.cache.llm import SemanticCache
from redisvl.utils.vectorize import HFTextVectorizer

from tests.benchmarks.caches.job import Answers, Embeddings, Job, main, run


class RedisVL:
    """At one `distance_threshold`."""

    def __init__(self, name: str, distance: float, job: Job, embeddings: Embeddings) -> None:
        self.name = name
        self._embeddings = embeddings
        self._cache = SemanticCache(
            name=name.replace(" ", "-"),
            vectorizer=HFTextVectorizer(model=job.model),
            redis_url=job.redis_url,
            distance_threshold=distance,
            overwrite=True,
        )

    def clear(self) -> None:
        """Every entry of its index."""
        self._cache.clear()

    def keep(self, prompts: Sequence[str], answers: Sequence[str]) -> None:
        """One by one; there is no other way."""
        for prompt, answer in zip(prompts, answers, strict=True):
            self._cache.store(prompt=prompt, response=answer, vector=self._embeddings(prompt).tolist())

    def ask(self, prompt: str) -> str | None:
        """The nearest within the threshold."""
        found = self._cache.check(vector=self._embeddings(prompt).tolist(), num_results=1)
        return str(found[0]["response"]) if found else None


def compare(job: Job, embeddings: Embeddings) -> list[Answers]:
    """Its default, and the usual strict threshold."""
    with redis.Redis.from_url(job.redis_url) as server:
        if not any(module.get(b"name", module.get("name")) in {b"search", "search"} for module in server.module_list()):
            return [Answers("RedisVL", missing="it needs a Redis with the search module (FT.CREATE)")]
    return [
        run(RedisVL(name, distance, job, embeddings), job, embeddings)
        for name, distance in (("RedisVL, its default distance .1", 0.1), ("RedisVL, cosine .95", 0.05))
    ]


if __name__ == "__main__":
    main(compare)
