"""ONNX files: real models, both ends of a network, the three forms of quantization, and what is refused."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_builder import MICROSOFT, OnnxBuilder, runtime
from onnx_case import outputs

import gatecast
from gatecast import golden
from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.reader.onnx.damage import Damaged
from gatecast.reader.onnx.model_file import parse
from gatecast.reader.onnx.network_of import network_of

QOPERATOR, QDQ, FLOAT = (f"digits_cnn_{form}.onnx" for form in ("int8_qoperator", "int8_qdq", "f32"))


@pytest.fixture(scope="module")
def vectors(shared_models):
    with np.load(shared_models / "vectors" / "digits_cnn.npz") as file:
        return dict(file)


def network(data: bytes):
    return network_of(parse(data), "model.onnx")


def test_qoperator_form_is_exact(shared_models, vectors):
    data = (shared_models / QOPERATOR).read_bytes()
    np.testing.assert_array_equal(outputs(network(data), vectors["x"]).reshape(-1, 10),
                                  runtime(data, vectors["x"]))


def test_qdq_form_is_exact_but_where_float_sums_are_not(shared_models, vectors):
    """ONNX Runtime computes this form in float32, whose sums are not exact: one step in one of 5,400."""
    read = gatecast.read(shared_models / QDQ)
    trace = golden.run(read, vectors["x"])
    found = trace[read.output].reshape(-1, 10).astype(int)
    assert np.abs(found - vectors["y_int8"]).max() <= 1
    assert (found != vectors["y_int8"]).sum() <= 1
    compared = 0
    for number, name in enumerate(vectors["q_names"]):
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", str(name)).strip("_")
        expected = vectors[f"q{number}"]
        if expected.ndim == 4 and plain in trace:
            found_here = trace[f"{plain}_arranged" if number == 0 else plain][:8]
            np.testing.assert_array_equal(found_here, expected.transpose(0, 2, 3, 1))
            compared += 1
    assert compared == 4
    assert (found.argmax(axis=1) == vectors["label"]).mean() > 0.97


def test_both_forms_are_one_network(shared_models):
    one, other = (lower(gatecast.read(shared_models / name)) for name in (QOPERATOR, QDQ))
    assert [layer.operator for layer in one.layers] == [layer.operator for layer in other.layers]


def test_float_model_is_sent_to_quantize(shared_models):
    with pytest.raises(InputError, match=r"node 0 .*quantize a float model with gatecast quantize"):
        gatecast.read(shared_models / FLOAT)


def test_float_ends_with_a_softmax():
    b = OnnxBuilder(0)
    x, y = b.meaning(0.02, 3), b.meaning(0.1, -5)
    value = b.dequantize(b.quantize("x", x), x)
    value = b.node("MatMul", value, b.real_weights((20, 7), 1))
    value = b.node("Softmax", b.dequantize(b.quantize(value, y), y))
    data = b.model({"x": (np.float32, ("batch", 20))}, value, np.float32, rank=2)
    read = network(data)
    kinds = [layer.operator.kind for layer in (*read.before, *read.after)]
    assert kinds == ["quantize", "dequantize", "softmax"]
    frames = np.random.default_rng(0).normal(0, 1, (50, 20)).astype(np.float32)
    np.testing.assert_allclose(outputs(read, frames).reshape(50, 7), runtime(data, frames), atol=1e-6)


def test_uint8_ends():
    """The host inverts the top bit of each byte, the chip computes with int8."""
    b = OnnxBuilder(1)
    x, y = b.meaning(unsigned=True), b.meaning(unsigned=True)
    value = b.node("QLinearConv", "x", *x, *b.weights((4, 3, 3, 3), 0), *y)
    data = b.model({"x": (np.uint8, (1, 3, 5, 6))}, value, np.uint8)
    read = network(data)
    assert [layer.operator.kind for layer in read.before] == ["relabel", "rearrange"]
    assert [layer.operator.kind for layer in read.after] == ["rearrange", "relabel"]
    frames = np.random.default_rng(0).integers(0, 256, (8, 3, 5, 6)).astype(np.uint8)
    np.testing.assert_array_equal(outputs(read, frames), runtime(data, frames))


def test_channels_last_needs_no_rearranging():
    """As Keras exports: transposed before the first convolution and after the last."""
    b = OnnxBuilder(2)
    x, y = b.meaning(), b.meaning()
    value = b.node("Transpose", "x", perm=[0, 3, 1, 2])
    value = b.node("QLinearConv", value, *x, *b.weights((4, 3, 3, 3), 0), *y)
    data = b.model({"x": (np.int8, (1, 5, 6, 3))}, b.node("Transpose", value, perm=[0, 2, 3, 1]), np.int8)
    read = network(data)
    assert not read.before
    assert not read.after
    frames = np.random.default_rng(0).integers(-128, 128, (8, 5, 6, 3)).astype(np.int8)
    np.testing.assert_array_equal(outputs(read, frames), runtime(data, frames))


def test_shapes_that_follow_from_others():
    """What PyTorch exports for ``x.view(x.size(0), -1)``."""
    b = OnnxBuilder(3)
    x, y = b.meaning(), b.meaning()
    pooled = b.node("MaxPool", "x", kernel_shape=[2, 2])
    batch = b.node("Gather", b.node("Shape", pooled), b.constant(0, np.int64), axis=0)
    batch = b.node("Unsqueeze", batch, b.constant([0], np.int64))
    shape = b.node("Concat", batch, b.constant([-1], np.int64), axis=0)
    flat = b.node("Reshape", pooled, shape)
    value = b.node("QLinearMatMul", flat, *x, *b.weights((12, 5), 1), *y)
    data = b.model({"x": (np.int8, ("batch", 2, 3, 4))}, value, np.int8, rank=2)
    frames = np.random.default_rng(0).integers(-128, 128, (8, 2, 3, 4)).astype(np.int8)
    np.testing.assert_array_equal(outputs(network(data), frames).reshape(8, 5), runtime(data, frames))


def test_a_bias_finer_than_the_sums_counts():
    """Sums are whole numbers, outputs tenths: what a bias has behind the point is four steps of them."""
    b = OnnxBuilder(4)
    x, y = b.meaning(1.0, 0), b.meaning(0.1, 0)
    weights = b.node("DequantizeLinear", b.constant(np.eye(3), np.int8), *b.meaning(1.0, 0))
    value = b.node("MatMul", b.dequantize("x", x), weights)
    value = b.node("Add", value, b.constant([0.4, -0.3, 1.2], np.float32))
    data = b.model({"x": (np.int8, (1, 3))}, b.quantize(value, y), np.int8, rank=2)
    frames = np.random.default_rng(0).integers(-11, 12, (50, 3)).astype(np.int8)
    read = network(data)
    np.testing.assert_array_equal(outputs(read, frames).reshape(50, 3), runtime(data, frames))
    np.testing.assert_array_equal(outputs(lower(read), frames), outputs(read, frames))


def with_function(*, calls: str):
    """A model whose work is in a function of its own, which calls ``calls``."""
    b = OnnxBuilder(7)
    x = b.meaning()
    y = b.quantize(b.node("Tanh", b.dequantize("x", x)), x)
    plain = b.model({"x": (np.int8, (1, 2, 3, 3))}, y, np.int8)
    model = onnx.load_model_from_string(plain)
    inner, = (node for node in model.graph.node if node.op_type == "Tanh")
    body = helper.make_node(calls, ["a"], ["b"], domain="" if calls == "Tanh" else "own")
    opsets = [*model.opset_import, helper.make_opsetid("own", 1)]
    model.functions.append(helper.make_function("own", "Function", ["a"], ["b"], [body], opsets))
    model.opset_import.append(opsets[-1])
    inner.op_type, inner.domain = "Function", "own"
    return plain, model.SerializeToString()


def test_functions_of_the_model_are_inlined():
    plain, data = with_function(calls="Tanh")
    frames = np.random.default_rng(0).integers(-128, 128, (5, 2, 3, 3)).astype(np.int8)
    np.testing.assert_array_equal(outputs(network(data), frames), outputs(network(plain), frames))
    with pytest.raises(Damaged, match="its functions call each other in a circle"):
        parse(with_function(calls="Function")[1])


def test_functions_that_grow_without_end_are_refused():
    """Each calls the next four times."""
    data = with_function(calls="Tanh")[1]
    model = onnx.load_model_from_string(data)
    last = model.functions[0]
    for number in range(14):
        caller = onnx.FunctionProto()
        caller.CopyFrom(last)
        caller.name = f"Function{number}"
        del caller.node[:]
        values = ["a", "c", "d", "e", "b"]
        caller.node.extend(helper.make_node(last.name, [one], [other], domain="own")
                           for one, other in pairwise(values))
        model.functions.append(caller)
        last = caller
    next(node for node in model.graph.node if node.op_type == "Function").op_type = last.name
    with pytest.raises(Damaged, match="its functions come to 268435458 nodes where they are called"):
        parse(model.SerializeToString())


def test_an_average_counts_padding_but_not_what_lets_the_last_window_in():
    b = OnnxBuilder(1, opset=19)
    x, y = b.meaning(0.03, 5), b.meaning(0.017, -3)
    value = b.node("AveragePool", b.dequantize("x", x), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4,
                   ceil_mode=1, count_include_pad=1)
    data = b.model({"x": (np.int8, (1, 2, 6, 6))}, b.quantize(value, y), np.int8)
    frames = np.random.default_rng(0).integers(-128, 128, (9, 2, 6, 6)).astype(np.int8)
    read = network(data)
    np.testing.assert_array_equal(outputs(read, frames).reshape(9, 2, 4, 4), runtime(data, frames))
    np.testing.assert_array_equal(outputs(lower(read), frames), outputs(read, frames))


def test_channels_that_two_read_in_one_order_are_gathered_once():
    b = OnnxBuilder(1)
    x, y = b.meaning(), b.meaning()
    value = b.node("MaxPool", "x", kernel_shape=[1, 1])
    orders = [b.node("Gather", value, b.constant([2, 0, 1], np.int64), axis=1) for _ in range(2)]
    pools = [b.node("MaxPool", order, kernel_shape=[size, 1], pads=[size - 1, 0, 0, 0])
             for size, order in zip((2, 3), orders, strict=True)]
    data = b.model({"x": (np.int8, (1, 3, 4, 4))},
                   b.node("QLinearAdd", pools[0], *x, pools[1], *x, *y, domain=MICROSOFT), np.int8)
    read = network(data)
    assert [layer.operator.kind for layer in read.layers] == [
        "max_pool", "gather_channels", "max_pool", "max_pool", "add"]


def test_slopes_of_their_own_are_read_but_no_hardware():
    b = OnnxBuilder(1)
    x, y = b.meaning(0.05, 0), b.meaning(0.05, 0)
    slopes = b.constant(np.array([0.1, 0.7]).reshape(2, 1, 1), np.float32)
    data = b.model({"x": (np.int8, (1, 2, 4, 16))}, b.quantize(
        b.node("PRelu", b.dequantize("x", x), slopes), y), np.int8)
    frames = np.random.default_rng(0).integers(-128, 128, (5, 2, 4, 16)).astype(np.int8)
    read = network(data)
    np.testing.assert_array_equal(outputs(read, frames).reshape(5, 2, 4, 16), runtime(data, frames))
    with pytest.raises(InputError, match="as its function is its own and no straight line; use the same"):
        lower(read)


def test_what_only_a_shape_is_taken_of_does_no_harm():
    """A difference that nobody reads, beside the input that is quantized."""
    b = OnnxBuilder(1)
    x = b.meaning(0.02)
    size = b.node("Shape", b.node("Sub", "x", b.constant(0.5, np.float32)))
    value = b.node("Reshape", b.node("MaxPool", b.quantize("x", x), kernel_shape=[1, 1]), size)
    data = b.model({"x": (np.float32, (1, 2, 3, 4))}, value, np.int8)
    frames = np.random.default_rng(0).normal(size=(3, 2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(outputs(network(data), frames).reshape(3, 2, 3, 4), runtime(data, frames))


def test_what_is_no_number_becomes_the_least():
    b = OnnxBuilder(1)
    x = b.meaning(0.02)
    value = b.node("MaxPool", b.quantize("x", x), kernel_shape=[1, 1])
    data = b.model({"x": (np.float32, (1, 1, 2, 2))}, value, np.int8)
    frames = np.array([[np.nan, 1], [np.inf, -np.inf]], np.float32).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(outputs(network(data), frames).reshape(1, 1, 2, 2), runtime(data, frames))


def test_an_input_that_each_reader_quantizes_alike():
    b = OnnxBuilder(1)
    x, y = b.meaning(0.02), b.meaning(0.04)
    value = b.node("Sub", "x", b.constant([[[0.5]], [[0.25]]], np.float32))
    pools = [b.node("MaxPool", b.quantize(value, x), kernel_shape=[size, 1], pads=[size - 1, 0, 0, 0])
             for size in (1, 2)]
    data = b.model({"x": (np.float32, (1, 2, 3, 3))},
                   b.node("QLinearAdd", pools[0], *x, pools[1], *x, *y, domain=MICROSOFT), np.int8)
    frames = np.random.default_rng(0).normal(size=(4, 2, 3, 3)).astype(np.float32)
    read = network(data)
    assert [layer.operator.kind for layer in read.before] == ["host_arithmetic", "quantize", "rearrange"]
    np.testing.assert_array_equal(outputs(read, frames), runtime(data, frames))


@pytest.mark.parametrize("indices", [[0, 0, 1], [0, 0, 1, 1], [1, 1, 1]])
def test_rows_again_at_the_output(indices):
    b = OnnxBuilder(1)
    value = b.node("MaxPool", "x", kernel_shape=[1, 1])
    value = b.node("Unsqueeze", b.node("Gather", value, b.constant(indices, np.int64), axis=2),
                   b.constant([1], np.int64))
    value = b.node("Tile", value, b.constant([1, 1, 2, 1, 1], np.int64))
    # As many rows as before, so that only the values tell.
    height, width = len(indices), 4
    value = b.node("Reshape", value, b.constant([1, 6, height, width], np.int64))
    data = b.model({"x": (np.int8, (1, 3, height, width))}, value, np.int8)
    frames = np.random.default_rng(0).integers(-128, 128, (3, 3, height, width)).astype(np.int8)
    read = network(data)
    np.testing.assert_array_equal(outputs(read, frames).reshape(3, 6, height, width), runtime(data, frames))
    np.testing.assert_array_equal(outputs(lower(read), frames), outputs(read, frames))


def test_a_clip_of_integers_costs_nothing_where_nobody_else_reads_them():
    def layers(*others):
        b = OnnxBuilder(3)
        x, y = b.meaning(), b.meaning()
        quantized = b.quantize(b.node("Tanh", b.dequantize("x", x)), y)
        value = b.node("Clip", quantized, *(b.constant(limit, np.int8) for limit in (-8, 7)))
        value = b.node("Concat", value, *(quantized for _ in others), axis=1) if others else value
        return [layer.operator.kind for layer in network(
            b.model({"x": (np.int8, (1, 2, 3, 3))}, value, np.int8)).layers]

    assert layers() == ["tanh"]
    assert layers("too") == ["tanh", "clip", "concat"]


@pytest.mark.parametrize("bits", [8, 5, 2])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
def test_qonnx(bits, signed, narrow):
    """Against the same network in QDQ form, where a Clip makes the integers narrow."""
    rng = np.random.default_rng(bits)
    high = (1 << bits - signed) - 1 - (narrow and not signed)
    low = -(1 << bits - 1) + narrow if signed else 0
    scale, weights = 2.0 ** -(bits - 3), rng.normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
    weight_scales = rng.uniform(0.3, 0.6, (4, 1, 1, 1)).astype(np.float32) / 2 ** (bits - 2)
    data = []
    for brevitas in (True, False):
        b = OnnxBuilder(0)

        def quantized(value, scales, lowest, highest, *, of_weights=False, b=b, brevitas=brevitas):
            if brevitas:
                return b.node("Quant", value, b.constant(scales, np.float32), b.constant(0, np.float32),
                              b.constant(bits, np.float32), domain="onnx.brevitas",
                              signed=1 if of_weights else signed, narrow=1 if of_weights else narrow,
                              rounding_mode="ROUND")
            if of_weights:
                integers = np.clip(np.rint(weights / scales), lowest, highest)
                return b.node("DequantizeLinear", b.constant(integers, np.int8),
                              b.constant(scales.reshape(-1), np.float32), b.constant(np.zeros(4), np.int8),
                              axis=0)
            limits = (b.constant(end * scales, np.float32) for end in (lowest, highest))
            meaning = b.meaning(scales, 0, unsigned=highest > 127)
            return b.dequantize(b.quantize(b.node("Clip", value, *limits) if bits < 8 or narrow else value,
                                           meaning), meaning)

        first = b.meaning(scale, 0)
        value = b.dequantize(b.quantize("x", first), first)
        filters = quantized(b.constant(weights, np.float32), weight_scales, -(1 << bits - 1) + 1,
                            (1 << bits - 1) - 1, of_weights=True)
        value = quantized(b.node("Relu", b.node("Conv", value, filters)), 4 * scale, low, high)
        data.append(_model(b, value))
    frames = rng.normal(0, 60 * scale, (10, 3, 5, 6)).astype(np.float32)
    found = outputs(network(data[0]), frames)
    assert np.abs(found - runtime(data[1], frames)).max() <= 4 * scale * 1.001
    assert (found != runtime(data[1], frames)).mean() < 1e-3
    assert len(np.unique(found)) > min(bits, 3) - 1


def _model(b: OnnxBuilder, output: str) -> bytes:
    model = onnx.load_model_from_string(b.model({"x": (np.float32, (1, 3, 5, 6))}, output, np.float32))
    model.opset_import.append(helper.make_opsetid("onnx.brevitas", 1))
    return model.SerializeToString()


def refused(make, *, dtype=np.int8, shape=(1, 3, 4, 5), out=None) -> str:
    b = OnnxBuilder(0, opset=20)
    with pytest.raises(InputError) as caught:
        network(b.model({"x": (dtype, shape)}, make(b), out or dtype))
    return str(caught.value)


@pytest.mark.parametrize(("make", "message"), [
    (lambda b: b.node("QLinearConv", "x", *b.meaning(), *b.weights((4, 3, 3, 3), 0), *b.meaning(), group=3),
     "model.onnx: node 0 'n0' (QLinearConv): group: found 3 for 3 channels and weights [4, 3, 3, 3], "
     "allowed: one that divides both"),
    (lambda b: b.node("ArgMax", "x"),
     "model.onnx: node 0 'n0' (ArgMax): found an operator that is not supported, allowed: the output before "
     "it, whose largest value the driver can find"),
    (lambda b: b.node("Hardmax", b.node("Einsum", "x", equation="ij->ji")),
     "model.onnx: 2 things are not supported: node 0 'n0' (Einsum): found an operator that is not supported, "
     "allowed: the operators in docs/onnx.md; node 1 'n1' (Hardmax): found an operator that is not "
     "supported, allowed: the operators in docs/onnx.md"),
    (lambda b: b.node("Conv", b.dequantize("x", b.meaning()), b.constant(np.ones((1, 3, 1, 1)), np.float32)),
     "model.onnx: node 1 'n1' (Conv): input 1: found a constant, allowed: quantized constant weights"),
    (lambda b: b.node("Conv", b.dequantize("x", b.meaning()), b.real_weights((1, 3, 1, 1), None)),
     "model.onnx: output 'v_8': found real numbers that are not quantized, allowed: QuantizeLinear after the "
     "last operator"),
    (lambda b: b.node("MaxPool", b.node("Transpose", b.node("MaxPool", "x", kernel_shape=[1, 1]),
                                        perm=[0, 2, 1, 3]), kernel_shape=[1, 1]),
     "found values that are moved between rows, columns and channels, allowed: such moves before a Gemm"),
    (lambda b: b.node("Gather", b.node("MaxPool", "x", kernel_shape=[1, 1]), b.constant([1, 0], np.int64),
                      axis=2),
     "node 1 'n1' (Gather): input: found rows or columns that are read backwards, again from the start, or "
     "in unequal steps, allowed: forwards, in equal steps or each as often as the others"),
    (lambda b: b.node("Gather", "x", b.constant([0, 3], np.int64), axis=1),
     "node 0 'n0' (Gather): indices: found some that are none of 3 entries, allowed: -3 to 2, at least one"),
    (lambda b: b.node("Gather", "x", b.constant([0, 0], np.int64), axis=0),
     "node 0 'n0' (Gather): input: found the shape [2, 3, 4, 5], allowed: a batch of 1"),
    (lambda b: b.node("Slice", "x", *(b.constant([each], np.int64) for each in (0, 2, 1, 0))),
     "node 0 'n0' (Slice): steps: found 0, allowed: any other number"),
    (lambda b: b.node("Slice", "x", *(b.constant([each], np.int64) for each in (2, 2, 1))),
     "node 0 'n0' (Slice): starts and ends: found 2 to 2 of 3 entries, allowed: a part that is not empty"),
    (lambda b: b.node("Tile", "x", b.constant([1, 0, 1, 1], np.int64)),
     "node 0 'n0' (Tile): repeats: found [1, 0, 1, 1] for 4 axes, allowed: at least 1 for each"),
    (lambda b: b.node("Tile", "x", b.constant([1, 2**24, 1, 1], np.int64)),
     "node 0 'n0' (Tile): output: found 1006632960 values, allowed: at most 16777216"),
    (lambda b: b.node("Expand", "x", b.constant([1, 2, 4, 4], np.int64)),
     "node 0 'n0' (Expand): shape: found [1, 2, 4, 4] for [1, 3, 4, 5], allowed: one that this spreads over"),
    (lambda b: b.node("Expand", b.node("Gather", "x", b.constant([0], np.int64), axis=1),
                      b.constant([1, 0, 4, 4], np.int64)),
     "shape: found [1, 0, 4, 4] for [1, 1, 4, 5], allowed: one that this spreads over"),
    (lambda b: b.node("SpaceToDepth", "x", blocksize=3),
     "node 0 'n0' (SpaceToDepth): blocksize: found 3 for 4x5 pixels, allowed: one that divides both"),
    (lambda b: b.node("DepthToSpace", "x", blocksize=2),
     "blocksize: found 2 for 3 channels, allowed: one whose square divides them"),
    (lambda b: b.node("DepthToSpace", "x", blocksize=0),
     "blocksize: found 0 for 4 axes, allowed: at least 1"),
    (lambda b: b.node("ReduceMax", "x", b.constant([1, 3], np.int64)),
     "axes: found [1, 3] of [1, 3, 4, 5], allowed: those of height and width, all of them"),
    (lambda b: b.node("MaxPool", "x", kernel_shape=[1, 1], strides=[4, 4], auto_pad="SAME_UPPER"),
     "auto_pad: found SAME_UPPER with windows that leave out 3 entries between them and at the ends, where "
     "tools differ, allowed: pads"),
    (lambda b: b.node("QGemm", "x", *b.meaning(), domain=MICROSOFT),
     "(com.microsoft.QGemm): inputs: found 3, allowed: 6 to 9 of them"),
    (lambda b: b.quantize(b.node("BatchNormalization", b.dequantize("x", b.meaning()), *(
        b.constant([number] * 3, np.float32) for number in (1, 0, 0, -2))), b.meaning()),
     "(BatchNormalization): variance: found one that is not positive, allowed: positive ones"),
    (lambda b: b.node("Cast", "x", to=11), "node 0 'n0' (Cast): to: found DOUBLE, allowed: FLOAT"),
    (lambda b: b.quantize(b.node("PRelu", b.dequantize("x", b.meaning()), b.constant([0.1] * 7, np.float32)),
                          b.meaning()),
     "(PRelu): constant: found the shape [7], allowed: one that spreads over [1, 3, 4, 5]"),
    (lambda b: b.node("Clip", b.constant(1, np.int8),
                      b.quantize(b.dequantize("x", b.meaning()), b.meaning())),
     "(Clip): input 1: found quantized integers, allowed: a constant"),
    (lambda b: b.node("Resize", "x", "", b.constant([1, 1, 2, 2], np.float32), mode="linear"),
     "model.onnx: node 0 'n0' (Resize): mode: found linear, allowed: nearest"),
    (lambda b: b.node("QuantizeLinear", b.dequantize("x", b.meaning()), b.constant(-1, np.float32),
                      b.constant(0, np.int8)),
     "scale: found -1, allowed: a positive number"),
])
def test_refusals(make, message):
    assert message in refused(make)


def test_refuses_a_batch():
    assert refused(lambda b: b.node("MaxPool", "x", kernel_shape=[1, 1]), shape=(2, 3, 4, 5)) == (
        "model.onnx: input 'x': shape: found [2, 3, 4, 5], allowed: at most 4 axes, the first one a batch of "
        "1")


@pytest.mark.parametrize(("data", "message"), [
    (b"", "it holds no graph"),
    (b"not a model", "it is no ONNX protocol buffer"),
    (b"\x08\x08" * 300, "it holds no graph"),
])
def test_refuses_files_through_the_child(data, message, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(message)):
        gatecast.read(path)


def test_refuses_data_in_other_files(tmp_path):
    b = OnnxBuilder(0)
    value = b.node("QLinearConv", "x", *b.meaning(), *b.weights((4, 3, 3, 3), 0), *b.meaning())
    model = onnx.load_model_from_string(b.model({"x": (np.int8, (1, 3, 4, 5))}, value, np.int8))
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, size_threshold=0,
              location="weights")
    with pytest.raises(InputError, match="lies in another file, which is not read; save the model in one"):
        gatecast.read(tmp_path / "model.onnx")


def test_is_limited(tmp_path, monkeypatch):
    """A child that crashes, and one that takes too long, are a sentence."""
    from gatecast.reader.onnx import child

    for code, message in (("import os; os.abort()", "stops its reader"),
                          ("raise MemoryError", "takes more than"),
                          ("from gatecast.reader.onnx import child\nchild.MAX_CPU_SECONDS = 1\n"
                           "child._limit()\nwhile True: pass", "takes more than"),
                          ("import time; time.sleep(60)", "takes more than")):
        command = ["-c", code]
        original = child.subprocess.run

        def run(arguments, *, original=original, command=command, **options):
            return original([arguments[0], *command], **{**options, "timeout": 8})

        monkeypatch.setattr(child.subprocess, "run", run)
        with pytest.raises(InputError, match=message):
            child.network_in_child(b"", "model.onnx")
        monkeypatch.undo()


def test_names_of_microsoft_are_read_in_their_domain_only():
    b = OnnxBuilder(0)
    x = b.meaning()
    value = b.node("QLinearSigmoid", "x", *x, *x, domain=MICROSOFT)
    model = onnx.load_model_from_string(b.model({"x": (np.int8, (1, 3, 4, 5))}, value, np.int8))
    model.graph.node[0].domain = "elsewhere"
    model.opset_import.append(helper.make_opsetid("elsewhere", 1))
    with pytest.raises(InputError, match=r"elsewhere\.QLinearSigmoid.*not supported"):
        network(model.SerializeToString())
