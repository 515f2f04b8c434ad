"""ONNX files written by hand: their protobuf is a dozen fields, and the package `onnx` would be needed for them only.

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3), IR version 8.
"""

import struct
from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

FLOAT, UINT8, INT8, INT32, INT64 = 1, 2, 3, 6, 7
"""`TensorProto.DataType`."""

TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.uint8): UINT8, np.dtype(np.int8): INT8, np.dtype(np.int64): INT64}
IR_VERSION, OPSET = 8, 18
CONTRIB = "com.microsoft"
"""The domain of onnxruntime's own operators."""

_INT, _FLOAT32, _BLOCK = 0, 5, 2
"""Protobuf's wire types."""


def varint(number: int) -> bytes:
    """Protobuf's integer, seven bits a byte, the lowest first; a negative one as its 64-bit complement."""
    number, out = number & (1 << 64) - 1, bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def integer(field: int, number: int) -> bytes:
    """A field that holds an integer."""
    return varint(field << 3 | _INT) + varint(number)


def block(field: int, *parts: bytes | str) -> bytes:
    """A field that holds a text, bytes or a message: its `parts` in a row."""
    content = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | _BLOCK) + varint(len(content)) + content


def tensor(name: str, values: npt.NDArray[np.generic]) -> bytes:
    """A constant of a graph (`TensorProto` as an initializer)."""
    dims = b"".join(integer(1, size) for size in values.shape)
    return block(5, dims, integer(2, TYPES[values.dtype]), block(8, name), block(9, values.tobytes()))


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], domain: str, **attributes: int | float) -> bytes:
    """An operator (`NodeProto`)."""
    ends = [*(block(1, name) for name in inputs), *(block(2, name) for name in outputs)]
    return block(1, *ends, block(4, kind), *(attribute(*each) for each in attributes.items()), block(7, domain))


def attribute(name: str, value: int | float) -> bytes:
    """A setting of an operator (`AttributeProto`): a float or an integer."""
    if isinstance(value, float):
        return block(5, block(1, name), varint(2 << 3 | _FLOAT32), struct.pack("<f", value), integer(20, 1))
    return block(5, block(1, name), integer(3, value), integer(20, 2))


def graph_input(name: str, kind: int, *dims: str | int) -> bytes:
    """What a run is given; a dimension with a name is free."""
    return _value(11, name, kind, dims)


def graph_output(name: str, kind: int, *dims: str | int) -> bytes:
    """What a run gives."""
    return _value(12, name, kind, dims)


def _value(field: int, name: str, kind: int, dims: Sequence[str | int]) -> bytes:
    sizes = [block(1, block(2, dim) if isinstance(dim, str) else integer(1, dim)) for dim in dims]
    return block(field, block(1, name), block(2, block(1, integer(1, kind), block(2, *sizes))))


def model(graph: Sequence[bytes]) -> bytes:
    """The file: a graph of nodes, tensors, inputs and outputs, in any order."""
    domains = [block(8, block(1, name), integer(2, version)) for name, version in (("", OPSET), (CONTRIB, 1))]
    return b"".join(chain([integer(1, IR_VERSION), block(7, block(2, "embedder"), *graph)], domains))
