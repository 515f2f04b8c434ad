"""The graph that is written by hand."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from app.embed import wire
from app.embed.bert import Graph, Linear8, Shape, sentence_model
from app.embed.session import open_session


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, b"\x00"), (127, b"\x7f"), (300, b"\xac\x02"), (-1, b"\xff" * 9 + b"\x01")]
)
def test_integers_are_protobuf_s(number: int, encoded: bytes) -> None:
    """The examples of protobuf's own description of its encoding."""
    assert wire.varint(number) == encoded


def test_onnx_reads_what_was_written() -> None:
    """Names, domains, attributes, shapes, types and values arrive."""
    values = np.arange(6, dtype=np.float32).reshape(2, 3).T
    parts = [wire.tensor("c", values), wire.node("Gelu", ["x", "c"], ["y"], "some.domain", axis=-1, epsilon=0.5)]
    ends = [wire.graph_input("x", wire.INT64, "rows", 3), wire.graph_output("y", wire.FLOAT, "rows")]
    graph = onnx.load_model_from_string(wire.model([*parts, *ends])).graph
    assert np.array_equal(numpy_helper.to_array(graph.initializer[0]), values)
    [node] = graph.node
    assert (node.op_type, node.domain, list(node.input), list(node.output)) == (
        "Gelu",
        "some.domain",
        ["x", "c"],
        ["y"],
    )
    assert {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute} == {"axis": -1, "epsilon": 0.5}
    rows, columns = graph.input[0].type.tensor_type.shape.dim
    assert (rows.dim_param, columns.dim_value, graph.output[0].type.tensor_type.elem_type) == ("rows", 3, wire.FLOAT)


def test_another_bert_is_computed_like_transformers_does(tmp_path: Path) -> None:
    """Other sizes, heads, epsilon and weights than MiniLM's, biases and norms included; no constant is MiniLM's own."""
    import torch
    from safetensors import safe_open
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40}
    bert = BertModel(BertConfig(vocab_size=50, max_position_embeddings=20, layer_norm_eps=0.01, **sizes)).eval()
    with torch.no_grad():
        for parameter in bert.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    bert.save_pretrained(tmp_path)
    ids = np.array([[3, 4, 5, 6], [7, 8, 0, 0]])
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    with torch.no_grad():
        states = bert(torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state.numpy()
    means = np.einsum("btw,bt->bw", states, mask) / mask.sum(axis=1, keepdims=True)
    with safe_open(tmp_path / "model.safetensors", "np") as file:
        session = open_session(sentence_model(file.get_tensor, Shape(2, 3, 0.01, 16), "float32"), 1)
    (found,) = session.run(None, {"ids": ids, "mask": mask})
    assert found == pytest.approx(means / np.linalg.norm(means, axis=1, keepdims=True), abs=1e-5)


def multiply(states: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The int8 product."""
    graph = Graph()
    made = Linear8(graph)("x", weight)
    ends = [
        wire.graph_input("x", wire.FLOAT, "texts", "tokens", weight.shape[1]),
        wire.graph_output(made, wire.FLOAT, "texts", "tokens", weight.shape[0]),
    ]
    found: np.ndarray = open_session(wire.model([*graph.parts, *ends]), 1).run(None, {"x": states})[0]
    return found


def test_each_token_and_each_output_has_its_own_scale() -> None:
    """A large one costs its neighbours no precision, and a token or an output of zeros is zero."""
    rng = np.random.default_rng(0)
    states, weight = rng.normal(size=(2, 5, 64)).astype("f4"), rng.normal(size=(8, 64)).astype("f4")
    states[0, 1] *= 10_000
    weight[3] *= 10_000
    states[1, 2], weight[4] = 0, 0
    scale = np.linalg.norm(states, axis=-1)[..., None] * np.linalg.norm(weight, axis=-1) + 1e-9
    assert np.abs((multiply(states, weight) - states @ weight.T) / scale).max() < 0.01


def test_sums_fit_the_16_bits_of_a_machine_without_vnni() -> None:
    """No token, 0 to 255, makes two neighbours' products exceed 2¹⁵: no machine saturates, all get the same sums."""
    rows = [[1, 1, 0, 0], [-0.9, -1, 0.3, 0.2], [1, -1, 0.5, 0.5], *np.random.default_rng(0).normal(size=(200, 4))]
    graph = Graph()
    Linear8(graph)("x", np.array(rows, dtype=np.float32))
    tensors = onnx.load_model_from_string(wire.model(graph.parts)).graph.initializer
    [kept] = [numpy_helper.to_array(each).astype(int).T for each in tensors if each.data_type == wire.INT8]
    assert 255 * np.abs(kept[:, ::2] + kept[:, 1::2]).max() < 2**15
    assert kept[2].tolist() == [127, -127, 64, 64]
