"""ONNX files: real models, both ends of a network, the three forms of quantization, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_builder import MICROSOFT, OnnxBuilder, runtime
from onnx_cases import outputs

import gatecast
from gatecast import golden
from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.reader.onnx.model_file import Damaged, parse
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
    with pytest.raises(Damaged, match=r"its functions cannot be inlined: .*recursive"):
        parse(with_function(calls="Function")[1])


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
     "found values that a Reshape or Transpose before has moved between rows and channels"),
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
