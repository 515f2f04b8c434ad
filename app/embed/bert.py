"""BERT with mean pooling as one ONNX graph, in float32 or int8.

Written from the weights in a second, in memory: no exporter, no torch, and no file that could be stale or half written.
The operators are onnxruntime's fused ones, which its optimizer would put there as well.

int8 follows LLM.int8() (https://arxiv.org/abs/2208.07339, section 2.1): one scale for each token's vector and one for
each output of a weight. onnxruntime's own dynamic quantization has one scale for a whole batch: there the vector of a
text moved by up to 0.018 (1 - cosine) with the texts that shared its batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.config.gateway import Arithmetic
from app.embed import wire

Array = npt.NDArray[np.float32]
Weights = Callable[[str], Array]
"""A tensor of `BertModel` by its name there."""

LEVELS = 127
"""Integers on either side of zero, of a token and of a weight."""

FUSED = {"MultiHeadAttention", "SkipLayerNormalization", "BiasGelu", "MatMulIntegerToFloat"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the weights do not say themselves. `tokens`: the most that are read of a text, marks included."""

    layers: int
    heads: int
    epsilon: float
    tokens: int


class Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def keep(self, values: Any, kind: type[np.generic] = np.float32) -> str:
        """A constant."""
        name = f"c{len(self.parts)}"
        self.parts.append(wire.tensor(name, np.asarray(values, dtype=kind)))
        return name

    def add(self, kind: str, *inputs: str, **attributes: int | float) -> str:
        """An operator with one output."""
        return self.many(kind, *inputs, outputs=1, **attributes)[0]

    def many(self, kind: str, *inputs: str, outputs: int, **attributes: int | float) -> list[str]:
        """An operator with several."""
        names = [f"v{len(self.parts)}.{i}" for i in range(outputs)]
        self.parts.append(wire.node(kind, inputs, names, wire.CONTRIB if kind in FUSED else "", **attributes))
        return names


def sentence_model(weights: Weights, shape: Shape, arithmetic: Arithmetic) -> bytes:
    """The ONNX file. In: `ids` and `mask` (1 where a token is), int64, shape (texts, tokens). Out: `vectors`, float32
    unit vectors, shape (texts, dimensions)."""
    graph = Graph()
    linear = Linear8(graph) if arithmetic == "int8" else Linear32(graph)
    bert = Bert(graph, linear, weights, shape)
    mask = graph.add("Cast", "mask", to=wire.INT32)
    states = bert.embed("ids")
    for layer in range(shape.layers):
        states = bert.layer(states, mask, f"encoder.layer.{layer}.")
    vectors = pool(graph, states, "mask")
    ends = [wire.graph_input(name, wire.INT64, "texts", "tokens") for name in ("ids", "mask")]
    return wire.model([*graph.parts, *ends, wire.graph_output(vectors, wire.FLOAT, "texts", bert.width)])


class Bert:
    """The parts of `BertModel` (transformers' modeling_bert.py), without dropout and for one segment."""

    def __init__(self, graph: Graph, linear: "Linear32 | Linear8", weights: Weights, shape: Shape) -> None:
        self._graph, self._linear, self._weights, self._shape = graph, linear, weights, shape
        self.width = len(weights("embeddings.LayerNorm.bias"))

    def embed(self, ids: str) -> str:
        """Words, positions and the one segment, shape (texts, tokens, width)."""
        graph, read = self._graph, self._weights
        positions = read("embeddings.position_embeddings.weight")[: self._shape.tokens]
        places = graph.keep(positions + read("embeddings.token_type_embeddings.weight")[0])
        first, length = graph.keep([0], np.int64), graph.add("Shape", ids, start=1, end=2)
        words = graph.add("Gather", graph.keep(read("embeddings.word_embeddings.weight")), ids)
        total = graph.add("Add", words, graph.add("Slice", places, first, length, first))
        return graph.add("LayerNormalization", total, *self._scales("embeddings.LayerNorm"), **self._epsilon())

    def layer(self, states: str, mask: str, at: str) -> str:
        """One layer's states from those of the layer before."""
        attended = self._linear(self._attend(states, mask, f"{at}attention.self."), self._matrix(at, ATTENDED))
        states = self._join(attended, states, at, ATTENDED, "attention.output.LayerNorm")
        inner = self._linear(states, self._matrix(at, INNER))
        inner = self._graph.add("BiasGelu", inner, self._kept(f"{at}{INNER}.bias"))
        return self._join(self._linear(inner, self._matrix(at, OUTER)), states, at, OUTER, "output.LayerNorm")

    def _attend(self, states: str, mask: str, at: str) -> str:
        """The heads' values side by side; queries, keys and values are made in one multiplication."""
        names = [f"{at}{each}" for each in ("query", "key", "value")]
        weight = np.concatenate([self._weights(f"{name}.weight") for name in names])
        bias = self._graph.keep(np.concatenate([self._weights(f"{name}.bias") for name in names]))
        made, sizes = self._linear(states, weight), self._graph.keep([self.width] * 3, np.int64)
        three = self._graph.many("Split", made, sizes, outputs=3, axis=2)
        return self._graph.add("MultiHeadAttention", *three, bias, mask, num_heads=self._shape.heads)

    def _join(self, made: str, states: str, at: str, dense: str, norm: str) -> str:
        scales = (*self._scales(f"{at}{norm}"), self._kept(f"{at}{dense}.bias"))
        return self._graph.add("SkipLayerNormalization", made, states, *scales, **self._epsilon())

    def _matrix(self, at: str, name: str) -> Array:
        return self._weights(f"{at}{name}.weight")

    def _scales(self, name: str) -> tuple[str, str]:
        return self._kept(f"{name}.weight"), self._kept(f"{name}.bias")

    def _kept(self, name: str) -> str:
        return self._graph.keep(self._weights(name))

    def _epsilon(self) -> dict[str, float]:
        return {"epsilon": self._shape.epsilon}


ATTENDED, INNER, OUTER = "attention.output.dense", "intermediate.dense", "output.dense"


class Linear32:
    """x · Wᵀ; the weight's shape is (outputs, inputs). Biases are added by the operators that follow."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __call__(self, states: str, weight: Array) -> str:
        """The product, shape (texts, tokens, outputs)."""
        return self._graph.add("MatMul", states, self._graph.keep(weight.T))


class Linear8:
    """The same with integers: u8 tokens around 128, i8 weights, the sums in 32 bits."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._last = graph.keep([-1], np.int64)
        self._least, self._step = graph.keep(1e-9), graph.keep(1 / LEVELS)
        self._one, self._middle, self._zero = graph.keep(1), graph.keep(128), graph.keep(128, np.uint8)

    def __call__(self, states: str, weight: Array) -> str:
        """The product, shape (texts, tokens, outputs)."""
        add, keep = self._graph.add, self._graph.keep
        most = add("Max", add("ReduceMax", add("Abs", states), self._last, keepdims=1), self._least)
        scale = add("Mul", most, self._step)
        tokens = add("Cast", add("Add", add("Round", add("Div", states, scale)), self._middle), to=wire.UINT8)
        scales = np.maximum(widest(weight), 1e-12) / LEVELS
        integers = keep(np.rint(weight / scales[:, None]).T, np.int8)
        made = add("MatMulIntegerToFloat", tokens, integers, self._one, keep(scales), self._zero)
        return add("Mul", made, scale)


def widest(weight: Array) -> Array:
    """The magnitude that is `LEVELS`, for each output: of its largest weight, or of two neighbours together.

    Where there is AVX2 without VNNI, onnxruntime adds the products of neighbours in 16 bits, and saturates in silence
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). So they fit: 255 · 128 < 2¹⁵, and
    each machine gets the same sums.
    """
    pairs = np.abs(weight[:, :-1:2] + weight[:, 1::2])
    largest: Array = np.maximum(np.abs(weight).max(axis=1), pairs.max(axis=1))
    return largest


def pool(graph: Graph, states: str, mask: str) -> str:
    """The mean over a text's tokens at length 1: their sum at length 1 is the same."""
    axis = graph.keep([1], np.int64)
    counted = graph.add("Unsqueeze", graph.add("Cast", mask, to=wire.FLOAT), axis)
    total = graph.add("Squeeze", graph.add("MatMul", counted, states), axis)
    length = graph.add("Sqrt", graph.add("ReduceSum", graph.add("Mul", total, total), axis))
    return graph.add("Div", total, graph.add("Max", length, graph.keep(1e-12)))
