"""Small quantized ONNX networks, one for each operator that is read and each of its attributes."""

from __future__ import annotations

import numpy as np
from onnx_builder import MICROSOFT, OnnxBuilder
from onnx_case import Case, Make, finish, sign, some
from onnx_moves import MOVES


def window(b: OnnxBuilder, kernel: tuple[int, ...], *, dilate: bool = True) -> dict:
    """Strides, dilations and padding for a kernel."""
    kind = some(b, 0, 4)
    attributes = {"strides": [some(b, 1, 2) for _ in kernel]}
    dilations = [some(b, 1, 2) if dilate else 1 for _ in kernel]
    if dilate:
        attributes["dilations"] = dilations
    if kind < 3:
        attributes["pads"] = [some(b, 0, size - 1) for size in kernel * 2]
    else:
        attributes["auto_pad"] = ("SAME_UPPER", "SAME_LOWER")[kind - 3]
        attributes["dilations"] = [1 for _ in kernel]
    return attributes


def asymmetric(b: OnnxBuilder, dtype) -> dict:
    """Type and zero point of weights: every other time those of uint8, which take 9 bits without it."""
    if dtype == np.int8 or some(b, 0, 1):
        return {}
    return {"dtype": np.uint8, "zero": some(b, 0, 255)}


def qlinear_conv(b: OnnxBuilder, *, axes: int = 2) -> Case:
    """Groups, depthwise too; scales of the whole or of each channel; with and without a bias."""
    unsigned, dtype = sign(b)
    group, kernel = some(b, 1, 3), tuple(some(b, 1, 3) for _ in range(axes))
    each, filters = some(b, 1, 3), group * some(b, 1, 3)
    shape = (1, group * each, *(some(b, 5, 9) for _ in kernel))
    x, y = b.meaning(unsigned=unsigned), b.meaning(2.0 ** b.rng.uniform(-6, -2), unsigned=unsigned)
    weights = b.weights((filters, each, *kernel), 0 if some(b, 0, 1) else None, **asymmetric(b, dtype))
    bias = (b.constant(b.rng.integers(-5000, 5000, filters), np.int32),) if some(b, 0, 1) else ()
    output = b.node("QLinearConv", "x", *x, *weights, *y, *bias, group=group, **window(b, kernel))
    return finish(b, output, shape, dtype, rank=2 + axes)


def qlinear_matmul(b: OnnxBuilder) -> Case:
    unsigned, dtype = sign(b)
    rows, n, m = some(b, 1, 3), some(b, 1, 20), some(b, 1, 9)
    shape = (1, rows, n) if some(b, 0, 1) else (1, n)
    x, y = b.meaning(unsigned=unsigned), b.meaning(2.0 ** b.rng.uniform(-5, -2), unsigned=unsigned)
    weights = b.weights((n, m), 1 if some(b, 0, 1) else None, **asymmetric(b, dtype))
    return finish(b, b.node("QLinearMatMul", "x", *x, *weights, *y), shape, dtype, rank=len(shape))


def qgemm(b: OnnxBuilder) -> Case:
    unsigned, dtype = sign(b)
    n, m, transposed = some(b, 1, 20), some(b, 1, 9), some(b, 0, 1)
    x, y = b.meaning(unsigned=unsigned), b.meaning(2.0 ** b.rng.uniform(-5, -2), unsigned=unsigned)
    weights = b.weights((m, n) if transposed else (n, m), None)
    bias = b.constant(b.rng.integers(-5000, 5000, m), np.int32) if some(b, 0, 1) else ""
    output = b.node("QGemm", "x", *x, *weights, bias, *y, domain=MICROSOFT, transB=transposed)
    return finish(b, output, (1, n), dtype, rank=2)


def flattened(b: OnnxBuilder) -> Case:
    """A map that is flattened channels first: the weights of the Gemm after it must move."""
    shape = (1, some(b, 2, 4), some(b, 2, 4), some(b, 2, 4))
    x, y = b.meaning(), b.meaning(2.0 ** b.rng.uniform(-5, -2))
    pooled = b.node("MaxPool", "x", kernel_shape=[2, 2])
    n = shape[1] * (shape[2] - 1) * (shape[3] - 1)
    flat = (b.node("Flatten", pooled) if some(b, 0, 1)
            else b.node("Reshape", pooled, b.constant([1, -1], np.int64)))
    weights = b.weights((n, 5), 1)
    return finish(b, b.node("QLinearMatMul", flat, *x, *weights, *y), shape, rank=2)


def qlinear_pair(operator: str) -> Make:
    def make(b: OnnxBuilder) -> Case:
        unsigned, dtype = sign(b)
        shape = (1, some(b, 1, 3), some(b, 2, 5), some(b, 2, 5))
        powers = some(b, 0, 2) == 0
        first, second, third, output = (
            b.meaning(2.0 ** -some(b, 2, 5) if powers else None, unsigned=unsigned) for _ in range(4))
        other = b.node("QLinearSigmoid", "x", *first, *second, domain=MICROSOFT)
        if some(b, 0, 3) == 0:
            other = b.node("QLinearGlobalAveragePool", other, *second, *third, domain=MICROSOFT,
                           channels_last=0)
            second = third
        return finish(b, b.node(f"QLinear{operator}", "x", *first, other, *second, *output, domain=MICROSOFT),
                      shape, dtype)

    return make


def pair(operator: str) -> Make:
    """Of two functions of the input, or its first channel; dequantized, joined and quantized as written."""
    def make(b: OnnxBuilder) -> Case:
        shape = (1, some(b, 1, 3), some(b, 2, 5), some(b, 2, 5))
        powers = some(b, 0, 2) == 0
        first, second, output = (b.meaning(2.0 ** -some(b, 2, 5) if powers else None) for _ in range(3))
        other = b.node("Gather", "x", b.constant([0], np.int64), axis=1) if some(b, 0, 1) else "x"
        other = b.dequantize(b.quantize(b.node("Tanh", b.dequantize(other, first)), second), second)
        real = b.node(operator, b.dequantize("x", first), other)
        return finish(b, b.quantize(b.node("Relu", real) if some(b, 0, 1) else real, output), shape)

    return make


def constant_pair(operator: str) -> Make:
    """With a constant on either side: one number, or one for each channel."""
    def make(b: OnnxBuilder) -> Case:
        channels = some(b, 1, 4)
        x, y = b.meaning(), b.meaning()
        constant = b.constant(b.rng.uniform(0.25, 2, (channels, 1, 1) if some(b, 0, 1) else ()), np.float32)
        real = b.dequantize("x", x)
        swapped = operator != "Div" and some(b, 0, 1)
        real = b.node(operator, constant, real) if swapped else b.node(operator, real, constant)
        return finish(b, b.quantize(real, y), (1, channels, 3, 4))

    return make


def function(operator: str, *, opset: int = 20, **attributes) -> Make:
    def make(b: OnnxBuilder) -> Case:
        b.opset = opset
        unsigned, dtype = sign(b)
        x = b.meaning(2.0 ** b.rng.uniform(-6, -4), unsigned=unsigned)
        y = b.meaning(2.0 ** b.rng.uniform(-8, -4), unsigned=unsigned)
        drawn = {name: value(b) if callable(value) else value for name, value in attributes.items()}
        return finish(b, b.quantize(b.node(operator, b.dequantize("x", x), **drawn), y), (1, 2, 8, 16), dtype)

    return make


def qlinear_function(operator: str, **attributes) -> Make:
    def make(b: OnnxBuilder) -> Case:
        unsigned, dtype = sign(b)
        x, y = b.meaning(unsigned=unsigned), b.meaning(unsigned=unsigned)
        return finish(b, b.node(operator, "x", *x, *y, domain=MICROSOFT, **attributes), (1, 2, 8, 16), dtype)

    return make


def clip(b: OnnxBuilder) -> Case:
    x, y = b.meaning(), b.meaning()
    limits = [b.constant(value, np.float32) if some(b, 0, 2) else "" for value in (-0.3, b.rng.uniform(0, 6))]
    return finish(b, b.quantize(b.node("Clip", b.dequantize("x", x), *limits), y), (1, 3, 4, 16))


def clipped_integers(b: OnnxBuilder) -> Case:
    """Fewer bits than 8 as Brevitas exports them: after QuantizeLinear; of any integers."""
    unsigned, dtype = sign(b)
    x, y, kind = b.meaning(unsigned=unsigned), b.meaning(unsigned=unsigned), some(b, 0, 3)
    low = 0 if unsigned else some(b, -9, 3)
    limits = [b.constant(value, dtype) for value in (low, low + some(b, 0, 15))]
    if kind == 0:
        return finish(b, b.node("Clip", "x", *limits), (1, 3, 4, 16), dtype)
    if kind == 1:
        scale = b.constant(0.25, np.float32)
        real = b.dequantize(b.node("Clip", b.quantize("x", (scale, y[1])), *limits), (scale, y[1]))
        return finish(b, b.quantize(b.node("Relu", real), y), (1, 3, 4, 16), np.float32, out=dtype)
    quantized = b.quantize(b.node("Tanh", b.dequantize("x", x)), y)
    value = b.node("Clip", quantized, *limits)
    if kind == 2:
        return finish(b, b.node("MaxPool", value, kernel_shape=[2, 2]), (1, 3, 4, 16), dtype)
    return finish(b, b.node("Concat", value, quantized, axis=1), (1, 3, 4, 16), dtype)


def max_pool(b: OnnxBuilder) -> Case:
    """Of integers, and of real numbers."""
    unsigned, dtype = sign(b)
    kernel = (some(b, 1, 3), some(b, 1, 3))
    shape = (1, some(b, 1, 3), some(b, 5, 9), some(b, 5, 9))
    attributes = {"kernel_shape": kernel, "ceil_mode": some(b, 0, 1), **window(b, kernel)}
    if some(b, 0, 1):
        return finish(b, b.node("MaxPool", "x", **attributes), shape, dtype)
    x = b.meaning(unsigned=unsigned)
    real = b.node("MaxPool", b.dequantize("x", x), **attributes)
    return finish(b, b.quantize(real, x if some(b, 0, 1) else b.meaning(unsigned=unsigned)), shape, dtype)


def qlinear_average_pool(b: OnnxBuilder) -> Case:
    unsigned, dtype = sign(b)
    kernel = (some(b, 1, 3), some(b, 1, 3))
    shape = (1, some(b, 1, 3), some(b, 5, 9), some(b, 5, 9))
    x, y = (b.meaning(2.0 ** b.rng.uniform(-6, -4), unsigned=unsigned) for _ in range(2))
    count = some(b, 0, 1)
    attributes = {"kernel_shape": kernel, "count_include_pad": count,
                  "ceil_mode": 0 if count else some(b, 0, 1), **window(b, kernel, dilate=False)}
    attributes.pop("dilations", None)
    output = b.node("QLinearAveragePool", "x", *x, *y, domain=MICROSOFT, **attributes)
    return finish(b, output, shape, dtype)


def qlinear_global_average_pool(b: OnnxBuilder) -> Case:
    unsigned, dtype = sign(b)
    shape = (1, some(b, 1, 5), some(b, 1, 9), some(b, 1, 9))
    x, y = (b.meaning(2.0 ** b.rng.uniform(-6, -4), unsigned=unsigned) for _ in range(2))
    output = b.node("QLinearGlobalAveragePool", "x", *x, *y, domain=MICROSOFT, channels_last=0)
    return finish(b, output, shape, dtype)


def concat(b: OnnxBuilder) -> Case:
    """Of values with one scale and with several."""
    axis, shape = some(b, 1, 3), (1, some(b, 1, 3), some(b, 2, 4), some(b, 2, 4))
    x, y, z = b.meaning(), b.meaning(), b.meaning()
    if some(b, 0, 1):
        other = b.node("QLinearSigmoid", "x", *x, *y, domain=MICROSOFT)
        return finish(b, b.node("QLinearConcat", *z, "x", *x, other, *y, domain=MICROSOFT, axis=axis), shape)
    real = b.dequantize("x", x)
    return finish(b, b.quantize(b.node("Concat", real, b.node("Relu", real), real, axis=axis), z), shape)


def prelu(b: OnnxBuilder) -> Case:
    channels = some(b, 1, 4)
    slope = b.constant(np.full((channels, 1, 1) if some(b, 0, 1) else (1,), b.rng.uniform(-0.5, 1.5)),
                       np.float32)
    x, y = b.meaning(), b.meaning()
    return finish(b, b.quantize(b.node("PRelu", b.dequantize("x", x), slope), y), (1, channels, 4, 16))


def reduce_max(b: OnnxBuilder) -> Case:
    """Of integers, and of real numbers."""
    unsigned, dtype = sign(b)
    x, keeps = b.meaning(unsigned=unsigned), some(b, 0, 1)
    shape = (1, some(b, 2, 5), some(b, 2, 5), some(b, 2, 5))
    attributes = {"axes": [1, 2] if some(b, 0, 1) else [2, -1], "keepdims": keeps}
    if some(b, 0, 1):
        return finish(b, b.node("ReduceMax", "x", **attributes), shape, dtype, rank=4 if keeps else 2)
    value = b.node("ReduceMax", b.dequantize("x", x), **attributes)
    return finish(b, b.quantize(value, x), shape, dtype, rank=4 if keeps else 2)


def cast(b: OnnxBuilder) -> Case:
    """Of images in bytes, which the network brings to 0 to 1 and around 0."""
    unsigned, dtype = sign(b)
    value = b.node("Cast", "x", to=1)
    value = b.node("Sub", b.node("Div", value, b.constant(255, np.float32)),
                   b.constant(b.rng.uniform(0.3, 0.6, (3, 1, 1)), np.float32))
    y = b.meaning(2.0 ** b.rng.uniform(-8, -6), unsigned=unsigned)
    return finish(b, b.quantize(value, y), (1, 3, 4, 16), dtype)


def normalized(b: OnnxBuilder) -> Case:
    """The same of real numbers, which the host computes; channels first or last."""
    shape = (1, 3, some(b, 1, 4), some(b, 1, 4)) if some(b, 0, 1) else (1, some(b, 1, 4), some(b, 1, 4), 3)
    spread = (3, 1, 1) if shape[1] == 3 else (3,)
    mean, deviation = (b.constant(b.rng.uniform(0.2, 0.6, spread), np.float32) for _ in range(2))
    value = b.node("Div", b.node("Sub", "x", mean), deviation)
    if some(b, 0, 1):
        value = b.node("Mul", b.node("Sub", b.constant(1, np.float32), value), mean)
    if some(b, 0, 1):
        value = b.node("Div", deviation, b.node("Add", value, b.constant(9, np.float32)))
    y = b.meaning(0.04)
    value = b.node("MaxPool", b.quantize(value, y), kernel_shape=[1, 1])
    return finish(b, value, shape, np.float32, out=np.int8)


def pad(b: OnnxBuilder) -> Case:
    x = b.meaning()
    pads = [0, some(b, 0, 1), some(b, 0, 2), some(b, 0, 2), 0, some(b, 0, 1), some(b, 0, 2), some(b, 0, 2)]
    shape = (1, some(b, 1, 3), some(b, 2, 5), some(b, 2, 5))
    value = b.node("Pad", b.dequantize("x", x), b.constant(pads, np.int64))
    return finish(b, b.quantize(value, x), shape)


def resize(b: OnnxBuilder) -> Case:
    shape = (1, some(b, 1, 2), some(b, 2, 5), some(b, 2, 5))
    # The others put some outputs on the edge of two inputs, where rounding in float32 decides unevenly.
    mode, nearest = b.rng.choice([
        ("half_pixel", "round_prefer_floor"), ("pytorch_half_pixel", "round_prefer_ceil"),
        ("half_pixel_symmetric", "round_prefer_floor"), ("align_corners", "round_prefer_ceil"),
        ("asymmetric", "floor"), ("half_pixel", "round_prefer_ceil")])
    if some(b, 0, 1):
        how = ("", b.constant([1, 1, some(b, 1, 3), some(b, 1, 3)], np.float32))
    else:
        how = ("", "", b.constant([1, shape[1], some(b, 2, 9), some(b, 2, 9)], np.int64))
    return finish(b, b.node("Resize", "x", *how, mode="nearest", coordinate_transformation_mode=str(mode),
                            nearest_mode=str(nearest)), shape)


def batch_normalization(b: OnnxBuilder) -> Case:
    channels = some(b, 1, 4)
    x, y = b.meaning(), b.meaning()
    numbers = [b.constant(b.rng.uniform(low, 1.5, channels), np.float32) for low in (-1.5, -1, -1, 0.5)]
    return finish(b, b.quantize(b.node("BatchNormalization", b.dequantize("x", x), *numbers), y),
                  (1, channels, 3, 4))


def fused_constant(operator: str) -> Make:
    """QLinearAdd and QLinearMul of a constant on either side, or of a value with itself; ties among them."""
    def make(b: OnnxBuilder) -> Case:
        unsigned, dtype = sign(b)
        channels, kind = some(b, 1, 3), some(b, 0, 2)
        first, second, output = (b.meaning(2.0 ** -some(b, 1, 4), unsigned=unsigned) for _ in range(3))
        limits = np.iinfo(dtype)
        constant = b.constant(b.rng.integers(limits.min, limits.max + 1, (channels, 1, 1)), dtype)
        operands = (("x", *first, constant, *second), (constant, *second, "x", *first),
                    ("x", *first, "x", *second))[kind]
        return finish(b, b.node(f"QLinear{operator}", *operands, *output, domain=MICROSOFT),
                      (1, channels, 5, 17), dtype)

    return make


def output_types(b: OnnxBuilder) -> Case:
    """The type that QuantizeLinear makes without a zero point."""
    b.opset = 21
    x, scale, kind = b.meaning(), b.constant(0.1, np.float32), some(b, 0, 1)
    value = b.node("QuantizeLinear", b.dequantize("x", x), scale, **({"output_dtype": 3} if kind else {}))
    return finish(b, value, (1, 2, 8, 16), out=np.int8 if kind else np.uint8)


# Equal to ONNX Runtime in every bit.
EXACT: dict[str, Make] = {
    "QLinearConv": qlinear_conv,
    "QLinearConv of one axis": lambda b: qlinear_conv(b, axes=1),
    "QLinearMatMul": qlinear_matmul,
    "QGemm": qgemm,
    "Flatten": flattened,
    "QLinearAdd": qlinear_pair("Add"),
    "QLinearMul": qlinear_pair("Mul"),
    "QLinearAdd of a constant": fused_constant("Add"),
    "QLinearMul of a constant": fused_constant("Mul"),
    "output_dtype": output_types,
    "Add": pair("Add"),
    "Sub": pair("Sub"),
    "Mul": pair("Mul"),
    **{f"{operator} of a constant": constant_pair(operator) for operator in ("Add", "Sub", "Mul", "Div")},
    **{operator: function(operator) for operator in (
        "Abs", "Erf", "Exp", "Gelu", "HardSwish", "Mish", "Neg", "Relu", "Sigmoid", "Softplus", "Softsign",
        "Tanh")},
    "Gelu by tanh": function("Gelu", approximate="tanh"),
    "LeakyRelu": function("LeakyRelu", alpha=lambda b: float(b.rng.uniform(-0.5, 0.5))),
    "Elu": function("Elu", alpha=lambda b: float(b.rng.uniform(0.5, 2))),
    "HardSigmoid": function("HardSigmoid", alpha=lambda b: float(b.rng.uniform(0.1, 0.3))),
    "QLinearLeakyRelu": qlinear_function("QLinearLeakyRelu", alpha=0.1),
    "QLinearSigmoid": qlinear_function("QLinearSigmoid"),
    "Clip": clip,
    "Clip of integers": clipped_integers,
    "MaxPool": max_pool,
    "QLinearAveragePool": qlinear_average_pool,
    "QLinearGlobalAveragePool": qlinear_global_average_pool,
    "Concat": concat,
    "PRelu": prelu,
    "ReduceMax": reduce_max,
    "Cast": cast,
    "normalization of the input": normalized,
    "Pad": pad,
    "Resize": resize,
    "BatchNormalization": batch_normalization,
    **MOVES,
}


def real_conv(b: OnnxBuilder) -> Case:
    """A float bias, in the node or added after it, or a batch normalization, with a Relu."""
    channels, kind = some(b, 1, 4), some(b, 0, 2)
    x, y = b.meaning(), b.meaning(2.0 ** b.rng.uniform(-4, -1))
    weights = b.real_weights((channels, 2, 2, 3), 0)
    bias = b.constant(b.rng.uniform(-3, 3, channels), np.float32)
    value = b.node("Conv", b.dequantize("x", x), weights, *((bias,) if kind == 0 else ()))
    if kind == 1:
        value = b.node("Add", value, b.constant(b.constants[bias].reshape(-1, 1, 1)))
    if kind == 2:
        numbers = (b.constant(b.rng.uniform(0.5, 1.5, channels), np.float32) for _ in range(4))
        value = b.node("BatchNormalization", value, *numbers)
    value = b.node("Relu", value) if some(b, 0, 1) else value
    return finish(b, b.quantize(value, y), (1, 2, 5, 6))


def gemm(b: OnnxBuilder) -> Case:
    """alpha, beta, either order of the weights, and any shape of the bias."""
    n, m, transposed = some(b, 1, 20), some(b, 1, 9), some(b, 0, 1)
    x, y = b.meaning(), b.meaning(2.0 ** b.rng.uniform(-4, -1))
    weights = b.real_weights((m, n) if transposed else (n, m), 0 if transposed else 1)
    shape = ((m,), (1, m), (1,), ())[some(b, 0, 3)]
    bias = b.constant(b.rng.uniform(-2, 2, shape), np.float32)
    value = b.node("Gemm", b.dequantize("x", x), weights, bias, transB=transposed,
                   alpha=float(b.rng.uniform(0.5, 2)), beta=float(b.rng.uniform(-1, 2)))
    return finish(b, b.quantize(value, y), (1, n), rank=2)


def matmul_add(b: OnnxBuilder) -> Case:
    rows, n, m = some(b, 1, 3), some(b, 1, 20), some(b, 1, 9)
    x, y = b.meaning(), b.meaning(2.0 ** b.rng.uniform(-4, -1))
    value = b.node("MatMul", b.dequantize("x", x), b.real_weights((n, m), 1))
    value = b.node("Add", value, b.constant(b.rng.uniform(-2, 2, m), np.float32))
    return finish(b, b.quantize(value, y), (1, rows, n), rank=3)


def average_pool(b: OnnxBuilder) -> Case:
    """Any padding and rounding, the padding counted or not."""
    kernel = (some(b, 1, 3), some(b, 1, 3))
    b.opset = (19, 22)[some(b, 0, 1)]
    x, y = b.meaning(), b.meaning(0.05)
    attributes = {"kernel_shape": kernel, "count_include_pad": some(b, 0, 1), "ceil_mode": some(b, 0, 1),
                  **window(b, kernel)}
    value = b.node("AveragePool", b.dequantize("x", x), **attributes)
    return finish(b, b.quantize(value, y), (1, some(b, 1, 3), some(b, 5, 9), some(b, 5, 9)))


def reduce_mean(b: OnnxBuilder) -> Case:
    x, y, last = b.meaning(), b.meaning(), some(b, 0, 1)
    keeps = some(b, 0, 1)
    value = b.node("ReduceMean", b.dequantize("x", x), axes=[1, 2] if last else [2, -1], keepdims=keeps)
    return finish(b, b.quantize(value, y), (1, some(b, 2, 5), some(b, 2, 5), some(b, 2, 5)),
                  rank=4 if keeps else 2)


# ONNX Runtime adds up in float32: a step in rare values, where a sum lies near the middle of two.
NEARLY: dict[str, Make] = {
    "Conv": real_conv, "Gemm": gemm, "MatMul": matmul_add, "AveragePool": average_pool,
    "ReduceMean": reduce_mean,
}
