"""An ONNX file as plain values: nodes with attributes, constants, inputs and outputs; nothing interpreted.

Only this module knows the classes of :mod:`onnx`. It runs where a crash or an endless parse does no harm, see
:mod:`.child`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError

from ..limits import MAX_CONSTANTS, MAX_DIMENSION, MAX_OPERANDS, MAX_TENSORS
from ..refusals import printable
from .damage import Damaged, first_line
from .inlining import inlined

__all__ = ["Array", "FileNode", "FileValue", "ModelFile", "parse"]

Array = npt.NDArray[Any]

# Nodes of a graph: a quantized operator is up to five.
MAX_NODES = 1 << 13
# Values of an attribute that is a list.
MAX_LIST = 1 << 16

# The oldest and the newest version of the operator set that is known to mean what is read here.
OLDEST, NEWEST = 7, 28

DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, kw_only=True, eq=False)
class FileNode:
    """One node: ``operator`` is its name, with the domain before it where that is not ONNX's own."""

    index: int
    name: str
    operator: str
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"node {self.index}{f' {self.name!r}' if self.name else ''} ({self.operator})"


@dataclass(frozen=True, kw_only=True)
class FileValue:
    """An input or output: ``type`` is the name of its numbers; sizes that are left open are None."""

    name: str
    type: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFile:
    """The graph of a model; ``constants`` are its initializers, ``opset`` the version of ONNX's operators."""

    opset: int
    nodes: tuple[FileNode, ...]
    constants: Mapping[str, Array]
    inputs: tuple[FileValue, ...]
    outputs: tuple[FileValue, ...]


def parse(data: bytes) -> ModelFile:
    """The values in ``data``; :class:`Damaged` where it is no model or its parts do not belong together."""
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise Damaged("it is no ONNX protocol buffer") from error
    model = inlined(model)
    graph = model.graph
    if not graph.node and not graph.output:
        raise Damaged("it holds no graph")
    opset = max((entry.version for entry in model.opset_import
                 if _text(entry.domain) in DEFAULT_DOMAINS), default=1)
    if not OLDEST <= opset <= NEWEST:
        raise Damaged(f"it has version {opset} of the operator set, which must be {OLDEST} to {NEWEST}")
    for what, found, most in (("nodes", len(graph.node), MAX_NODES),
                              ("initializers", len(graph.initializer), MAX_TENSORS),
                              ("inputs", len(graph.input), MAX_TENSORS)):
        if found > most:
            raise Damaged(f"it has {found} {what}, which must be at most {most}")
    if graph.sparse_initializer:
        raise Damaged(f"it holds {len(graph.sparse_initializer)} sparse initializers, which must be dense")
    constants = _constants(graph)
    nodes = tuple(_node(index, node) for index, node in enumerate(graph.node))
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise Damaged(f"it does not pass ONNX's own check: {first_line(error)}") from error
    return ModelFile(
        opset=opset, nodes=nodes, constants=constants,
        # Old models list their initializers among the inputs.
        inputs=tuple(_value(value) for value in graph.input if _text(value.name) not in constants),
        outputs=tuple(_value(value) for value in graph.output))


def _text(value: str | bytes) -> str:
    """A string of a protocol buffer, which is bytes where it is no UTF-8."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _constants(graph: onnx.GraphProto) -> dict[str, Array]:
    total = sum(prod(tensor.dims) if all(size >= 0 for size in tensor.dims) else MAX_CONSTANTS
                for tensor in graph.initializer)
    if total > MAX_CONSTANTS:
        raise Damaged(f"its initializers claim {total} values, which must be at most {MAX_CONSTANTS}")
    constants: dict[str, Array] = {}
    for tensor in graph.initializer:
        name = _text(tensor.name)
        if name in constants:
            raise Damaged(f"its initializer '{printable(name)}' is there twice")
        constants[name] = _array(tensor, f"initializer '{printable(name)}'")
    return constants


def _array(tensor: onnx.TensorProto, what: str) -> Array:
    """The values of a tensor."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise Damaged(f"its {what} lies in another file, which is not read; save the model in one file, as "
                      f"onnx.save does")
    if any(size < 0 or size > MAX_CONSTANTS for size in tensor.dims) or prod(tensor.dims) > MAX_CONSTANTS:
        raise Damaged(f"its {what} has the shape [{', '.join(map(str, tensor.dims))}]")
    try:
        array: Array = onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
        raise Damaged(f"its {what} has data that do not fit its type and shape") from error
    return array


def _node(index: int, node: onnx.NodeProto) -> FileNode:
    domain, operator = _text(node.domain), _text(node.op_type)
    operator = operator if domain in DEFAULT_DOMAINS else f"{domain}.{operator}"
    where = f"node {index} ({printable(operator)})"
    if max(len(node.input), len(node.output)) > MAX_OPERANDS:
        raise Damaged(f"its {where} has more than {MAX_OPERANDS} inputs or outputs")
    attributes = {_text(attribute.name): _attribute(attribute, where) for attribute in node.attribute}
    return FileNode(index=index, name=printable(_text(node.name)), operator=printable(operator),
                    attributes=attributes, inputs=tuple(map(_text, node.input)),
                    outputs=tuple(map(_text, node.output)))


def _attribute(attribute: onnx.AttributeProto, where: str) -> Any:
    """A number, text, array, or tuple of them; graphs and other rare kinds as their type's number."""
    what = f"attribute '{printable(_text(attribute.name))}' of {where}"
    if max(len(attribute.ints), len(attribute.floats), len(attribute.strings)) > MAX_LIST:
        raise Damaged(f"its {what} has more than {MAX_LIST} values")
    match attribute.type:
        case onnx.AttributeProto.FLOAT:
            return float(attribute.f)
        case onnx.AttributeProto.INT:
            return int(attribute.i)
        case onnx.AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        case onnx.AttributeProto.TENSOR:
            return _array(attribute.t, what)
        case onnx.AttributeProto.FLOATS:
            return tuple(map(float, attribute.floats))
        case onnx.AttributeProto.INTS:
            return tuple(map(int, attribute.ints))
        case onnx.AttributeProto.STRINGS:
            return tuple(text.decode("utf-8", "replace") for text in attribute.strings)
        case other:
            return f"type {other}"


def _value(value: onnx.ValueInfoProto) -> FileValue:
    name = _text(value.name)
    if not value.type.HasField("tensor_type"):
        return FileValue(name=name, type=value.type.WhichOneof("value") or "nothing", shape=None)
    tensor = value.type.tensor_type
    types = onnx.TensorProto.DataType
    type_ = types.Name(tensor.elem_type) if tensor.elem_type in types.values() else f"type {tensor.elem_type}"
    shape: tuple[int | None, ...] | None = None
    if tensor.HasField("shape"):
        # Some tools write an open batch as a size that is none.
        shape = tuple(size.dim_value if size.HasField("dim_value") and (axis or size.dim_value > 0) else None
                      for axis, size in enumerate(tensor.shape.dim))
        if any(size is not None and size > MAX_DIMENSION for size in shape):
            raise Damaged(f"its value '{printable(name)}' has a size above {MAX_DIMENSION}")
    return FileValue(name=name, type=type_, shape=shape)
