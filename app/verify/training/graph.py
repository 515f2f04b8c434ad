"""The pair model as one ONNX graph in int8: what `training.model.PairModel` computes, with `app.embed.bert`'s layers.

One scale for each token's vector and one for each output of a weight (see there): a pair's logit is its own, whatever
shares its batch, and the same on every machine. onnxruntime's dynamic quantization moved it by up to 2.6.
"""

import numpy as np

from app.embed import wire
from app.embed.bert import LEVELS, Bert, Graph, Linear8, Shape, Weights
from app.verify.pairing import ABSENT, MOVED


def pair_graph(weights: Weights, shape: Shape) -> bytes:
    """The ONNX file. In: `ids` (0 is padding), `segments` and `matches`, int64, shape (pairs, tokens). Out: `logits`,
    float32, shape (pairs,). `weights` are the tensors of `PairModel` by name."""
    graph = Graph()
    bert = PairBert(graph, Linear8(graph), lambda name: weights(f"encoder.{name}"), shape)
    real = graph.add("Sign", "ids")
    mask = graph.add("Cast", real, to=wire.INT32)
    states = bert.embed_pair(weights("match.weight"))
    for layer in range(shape.layers):
        states = bert.layer(states, mask, f"encoder.layer.{layer}.")
    logits = head(graph, states, graph.add("Cast", real, to=wire.FLOAT), weights)
    ends = [wire.graph_input(name, wire.INT64, "pairs", "tokens") for name in ("ids", "segments", "matches")]
    return wire.model([*graph.parts, *ends, wire.graph_output(logits, wire.FLOAT, "pairs")])


class PairBert(Bert):
    """With words in int8, two segments, and what is told of each token."""

    def embed_pair(self, matches: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> str:
        """Words, matches, segments and positions, shape (pairs, tokens, width)."""
        graph, read = self._graph, self._weights
        words = read("embeddings.word_embeddings.weight")
        scales = np.maximum(np.abs(words).max(axis=1, keepdims=True), 1e-12) / LEVELS
        rows = graph.add("Gather", graph.keep(np.rint(words / scales), np.int8), "ids")
        total = graph.add("Mul", graph.add("Cast", rows, to=wire.FLOAT), graph.add("Gather", graph.keep(scales), "ids"))
        total = graph.add("Add", total, graph.add("Gather", graph.keep(matches), "matches"))
        segments = graph.keep(read("embeddings.token_type_embeddings.weight"))
        total = graph.add("Add", total, graph.add("Gather", segments, "segments"))
        places = graph.keep(read("embeddings.position_embeddings.weight")[: self._shape.tokens])
        first, length = graph.keep([0], np.int64), graph.add("Shape", "ids", start=1, end=2)
        total = graph.add("Add", total, graph.add("Slice", places, first, length, first))
        return graph.add("LayerNormalization", total, *self._scales("embeddings.LayerNorm"), **self._epsilon())


def head(graph: Graph, states: str, mask: str, weights: Weights) -> str:
    """The logits from the first mark, the mean of all tokens and the mean of those that differ."""
    kinds = [graph.add("Equal", "matches", graph.keep(kind, np.int64)) for kind in (ABSENT, MOVED)]
    differs = graph.add("Mul", mask, graph.add("Cast", graph.add("Or", *kinds), to=wire.FLOAT))
    first = graph.add("Gather", states, graph.keep([0], np.int64), axis=1)
    pooled = graph.add("Concat", first, _mean(graph, states, mask), _mean(graph, states, differs), axis=2)
    made = graph.add("MatMul", pooled, graph.keep(weights("head.weight").T))
    made = graph.add("Add", made, graph.keep(weights("head.bias")))
    return graph.add("Squeeze", made, graph.keep([1, 2], np.int64))


def _mean(graph: Graph, states: str, counted: str) -> str:
    """Of the counted tokens, shape (pairs, 1, width); zeros where none is."""
    row = graph.add("Unsqueeze", counted, graph.keep([1], np.int64))
    number = graph.add("ReduceSum", row, graph.keep([2], np.int64), keepdims=1)
    return graph.add("Div", graph.add("MatMul", row, states), graph.add("Max", number, graph.keep(1.0)))
