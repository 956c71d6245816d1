"""The node tests that ONNX itself holds backends against: quantized ones exactly, float ones quantized first.

A float test says what a node means with each of its attributes. Its data are quantized, the node is read
between DequantizeLinear and QuantizeLinear, and the golden model of that is compared with ONNX Runtime.
"""

from __future__ import annotations

import functools
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator
from onnx_builder import OnnxBuilder, runtime
from onnx_case import outputs

from gatecast.errors import InputError
from gatecast.reader.onnx.model_file import parse
from gatecast.reader.onnx.network_of import network_of

QUANTIZED = ("QLinearConv", "QLinearMatMul")
# Of one value, of any shape.
POINTWISE = ("Abs", "BatchNormalization", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish",
             "Identity", "LeakyRelu", "Mish", "Neg", "Relu", "Sigmoid", "Softplus", "Softsign", "Sqrt",
             "Tanh")
SHAPED = ("AveragePool", "Conv", "DepthToSpace", "Expand", "Flatten", "Gather", "Gemm", "GlobalAveragePool",
          "GlobalMaxPool", "MatMul", "MaxPool", "PRelu", "Pad", "ReduceMax", "ReduceMean", "Reshape",
          "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze")
# Of these that keep values as they are.
MOVES = ("DepthToSpace", "Expand", "Flatten", "Gather", "GlobalMaxPool", "MaxPool", "Pad", "ReduceMax",
         "Reshape", "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze")
# Operators whose second input is weights.
WEIGHTED = ("Conv", "Gemm", "MatMul")
# Tests that are about what is refused here: other types, batches, axes, indices; found by trying.
READ_AT_LEAST = 140


@functools.cache
def cases(operators):
    """Tests of one node of ``operators``, by name: the model, inputs and outputs."""
    found = {}
    with warnings.catch_warnings():
        # Some of the tests are made of numbers that overflow.
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    for case in collected:
        nodes = case.model.graph.node
        values = [value for part in case.data_sets[0] for value in part]
        plain = all(isinstance(value, np.ndarray | np.generic) for value in values)
        if len(nodes) == 1 and nodes[0].op_type in operators and plain:
            inputs, expected = (list(map(np.asarray, part)) for part in case.data_sets[0])
            found[case.name] = case.model, inputs, expected
    return found


def with_constants(model, inputs):
    """The model with all inputs but the first in the file."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for value, array in list(zip(model.graph.input, inputs, strict=True))[1:]:
        changed.graph.input.remove(value)
        changed.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return changed


def test_quantized_nodes():
    """All whose weights are those of the whole batch."""
    read = []
    for name, (model, inputs, expected) in cases(QUANTIZED).items():
        if inputs[3].ndim == 3:
            continue
        changed, x = with_constants(model, inputs), inputs[0]
        if x.ndim == 2:
            # Two rows are a map here, not a batch.
            x = x[np.newaxis]
            sizes = changed.graph.input[0].type.tensor_type.shape.dim
            sizes.insert(0, onnx.TensorShapeProto.Dimension(dim_value=1))
        network = network_of(parse(changed.SerializeToString()), "model.onnx")
        np.testing.assert_array_equal(outputs(network, x).reshape(expected[0].shape), expected[0])
        read.append(name)
    assert len(read) == 5


def test_quantizers():
    """Those of bytes with one scale, which the host computes at either end."""
    read = []
    for name, (model, inputs, expected) in cases(("QuantizeLinear", "DequantizeLinear")).items():
        try:
            network = network_of(parse(with_constants(model, inputs).SerializeToString()), "model.onnx")
        except InputError as error:
            assert "allowed" in str(error), name
            continue
        np.testing.assert_array_equal(outputs(network, inputs[0][np.newaxis]).reshape(expected[0].shape),
                                      expected[0])
        read.append(name)
    assert read == ["test_dequantizelinear", "test_quantizelinear"]


def quantized(model, inputs, expected):
    """The node between DequantizeLinear and QuantizeLinear, as bytes, and its input as int8."""
    node, x = model.graph.node[0], inputs[0].astype(np.float32)
    b = OnnxBuilder(0, opset=next(entry.version for entry in model.opset_import if not entry.domain))
    if x.ndim < 4 and node.op_type in POINTWISE:
        x = x.reshape(*(1,) * (4 - x.ndim), *x.shape)
    # One frame of a batch.
    x = x[:1] if x.ndim > 1 else x
    given = dict(zip((value.name for value in model.graph.input), inputs, strict=True))

    def meaning(array):
        finite = array[np.isfinite(array)] if array.size else array
        return b.meaning(max(float(np.abs(finite).max(initial=0.0)), 1e-3) / 120, 3)

    first = meaning(x)
    names = [b.dequantize("x", first)]
    for position, input_name in enumerate(node.input[1:], 1):
        array = given.get(input_name)
        if array is None:
            names.append("")
        elif node.op_type in WEIGHTED and position == 1:
            scale = max(float(np.abs(array).max()), 1e-3) / 127
            names.append(b.node("DequantizeLinear", b.constant(np.rint(array / scale), np.int8),
                                b.constant(scale, np.float32), b.constant(0, np.int8)))
        else:
            names.append(b.constant(array))
    made = [b.name() for _ in node.output]
    b.nodes.append(helper.make_node(node.op_type, names, made))
    b.nodes[-1].attribute.extend(node.attribute)
    last = meaning(expected[0].astype(np.float32))
    rank = expected[0].ndim if node.op_type in SHAPED else 4
    data = b.model({"x": (np.int8, x.shape)}, b.quantize(made[0], last), np.int8, rank=rank)
    scale = b.constants[first[0]]
    return data, np.clip(np.rint(x / scale) + 3, -128, 127).astype(np.int8)


def test_float_nodes():
    """All that are read equal ONNX Runtime, but for a step where its own float sums are not exact."""
    read, refused = [], {}
    for name, (model, inputs, expected) in cases(POINTWISE + SHAPED).items():
        least = 2 if model.graph.node[0].op_type in SHAPED else 0
        if not inputs or inputs[0].dtype != np.float32 or not least <= inputs[0].ndim <= 4:
            continue
        data, x = quantized(model, inputs, expected)
        try:
            network = network_of(parse(data), "model.onnx")
        except InputError as error:
            refused[name] = str(error)
            continue
        try:
            want = runtime(data, x)
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
            # Other inputs are those of the whole batch.
            continue
        except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
            # A newer version of the operator set than ONNX Runtime has; ONNX's own evaluator has all.
            want, = ReferenceEvaluator(onnx.load_model_from_string(data)).run(None, {"x": x})
        found = outputs(network, x)
        apart = np.abs(found.reshape(want.shape).astype(int) - want)
        assert apart.max(initial=0) <= (0 if model.graph.node[0].op_type in MOVES else 1), name
        assert np.count_nonzero(apart) <= 0.02 * apart.size, name
        read.append(name)
    assert len(read) >= READ_AT_LEAST, (len(read), refused)
    assert all("allowed" in message for message in refused.values()), refused
