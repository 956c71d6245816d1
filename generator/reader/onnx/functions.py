"""Functions of one real number: clamps, tables, and what the host computes of a whole row."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ...operators.arithmetic import Floats
from ...operators.half_even import Singles
from ...operators.lookup import Lookup
from ...operators.real_softmax import RealSoftmax
from ...quantization import INT8_MAX, INT8_MIN
from ..refusals import Refused
from .conversion import Conversion, Value, axis_of
from .host_side import host_quantized, hosted
from .hosted import Hosted
from .quantizers import clip_limits, dequantized_input, meaning, target
from .reals import Function, Mapping
from .values import INPUTS, INT8_OFFSET, Stored

__all__ = ["FUNCTIONS"]

Converter = Callable[[Conversion], Value]


def _in_double(function: Callable[[Floats], Floats]) -> Mapping:
    """``function`` computed in double precision, rounded to float32 once."""
    def mapping(table: Singles) -> Singles:
        return function(table.astype(np.float64)).astype(np.float32)

    return mapping


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def _erf(x: Floats) -> Floats:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


# Functions without attributes.
PLAIN: dict[str, Callable[[Floats], Floats]] = {
    "Abs": np.abs,
    "Erf": _erf,
    "Exp": np.exp,
    "Log": np.log,
    "Mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Sigmoid": _sigmoid,
    "Softplus": lambda x: np.logaddexp(0, x),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Sqrt": np.sqrt,
    "Tanh": np.tanh,
}


def _plain(operator: str, c: Conversion) -> Mapping:
    return _in_double(PLAIN[operator])


def _leaky_relu(c: Conversion) -> Mapping:
    alpha = np.float32(c.attribute("alpha", 0.01))
    return lambda x: np.where(x >= 0, x, alpha * x)


def _elu(c: Conversion) -> Mapping:
    alpha = c.attribute("alpha", 1.0)
    return _in_double(lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))))


def _hard_sigmoid(c: Conversion) -> Mapping:
    alpha, beta = np.float32(c.attribute("alpha", 0.2)), np.float32(c.attribute("beta", 0.5))
    return lambda x: np.clip(alpha * x + beta, np.float32(0), np.float32(1))


def _hard_swish(c: Conversion) -> Mapping:
    return lambda x: x * np.clip(np.float32(1 / 6) * x + np.float32(0.5), np.float32(0), np.float32(1))


def _gelu(c: Conversion) -> Mapping:
    if c.expect("approximate", "none", ("none", "tanh")) == "none":
        return _in_double(lambda x: x / 2 * (1 + _erf(x / math.sqrt(2))))
    return _in_double(lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


# Functions with attributes.
SHAPED: dict[str, Callable[[Conversion], Mapping]] = {
    "Elu": _elu,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky_relu,
}


def _called(operator: str) -> str:
    """``HardSwish`` as descriptions write it: ``hard_swish``."""
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(operator))


def _function(operator: str, make: Callable[[Conversion], Mapping]) -> Converter:
    """The converter of a function of one number."""
    def convert(c: Conversion) -> Value:
        c.inputs(1)
        value = c.value(0)
        # Behind other work of the host a function of one number would be one more kind of host layer.
        if isinstance(value, Hosted):
            raise Refused("position: found it after what the host computes, allowed: before it")
        return c.real().mapped(make(c), _called(operator), c.label)

    convert.__doc__ = "A function of one value, a table of 256 entries."
    return convert


def _quantized_function(name: str, make: Callable[[Conversion], Mapping]) -> Converter:
    """The same of integers, from the scale after the input to that after it."""
    def convert(c: Conversion) -> Value:
        c.inputs(4, 5)
        real = dequantized_input(c, 0).mapped(make(c), name, c.label)
        return real.quantized(c.builder, target(c, meaning(c, 3, 4)))

    convert.__doc__ = "A function of one value, a table of 256 entries."
    return convert


def _relu(c: Conversion) -> Value:
    """Of real numbers; a clamp."""
    c.inputs(1)
    return c.real().clamped(0.0, math.inf, c.label)


def _clip(c: Conversion) -> Value:
    """To constant limits, of real numbers and of integers; a clamp."""
    c.inputs(1, 3)
    value, (low, high) = c.value(0), clip_limits(c)
    if not isinstance(value, Stored):
        return c.real().clamped(low, high, c.label)
    offset = INT8_OFFSET * value.unsigned
    least, most = np.clip(np.ceil([low - offset, high - offset]), INT8_MIN, INT8_MAX).astype(int).tolist()
    if least <= value.low and value.high <= most:
        return value
    stored = c.builder.settled(value)
    operator = Lookup(function="clip", table=np.clip(INPUTS, least, most).astype(np.int8))
    tensor = c.builder.emit(c.label, operator, [stored.tensor], c.node.outputs[0], stored.tensor.quantization)
    return replace(stored, tensor=tensor, low=least, high=most)


def _softmax(logarithm: bool) -> Converter:
    """Softmax or LogSoftmax at the end, which the host computes."""
    def convert(c: Conversion) -> Value:
        c.inputs(1)
        value = c.value(0)
        shape = c.real().shape if not isinstance(value, Hosted) else value.shape
        axis = axis_of(c.attribute("axis", -1 if c.opset >= 13 else 1), len(shape))
        # Before version 13 all axes from this one on are one row; where only one is long, that is the same.
        row = shape[axis:] if c.opset < 13 else shape[axis:axis + 1]
        if c.opset >= 13 and math.prod(shape[axis + 1:]) != 1:
            raise Refused(f"axis: found {axis} of {len(shape)}, allowed: the last axis longer than 1")
        if isinstance(value, Function):
            value = hosted(c.builder, value, c.label)
        if not isinstance(value, Hosted) or value.tensor.quantization is not None:
            raise Refused("input: found real numbers that are not quantized, allowed: a value that goes "
                          "through QuantizeLinear and DequantizeLinear first")
        operator = RealSoftmax(size=math.prod(row), logarithm=logarithm)
        tensor = c.builder.emit(c.label, operator, [value.tensor], c.node.outputs[0], None)
        return replace(value, tensor=tensor)

    convert.__doc__ = "At the end, over the last axis longer than 1; the host computes it."
    return convert


def _qlinear_softmax(c: Conversion) -> Value:
    """At the end, in integers; the host computes it in float32, to a step."""
    c.inputs(4, 5)
    value = dequantized_input(c, 0)
    axis = axis_of(c.attribute("axis", -1), len(value.shape))
    if math.prod(value.shape[axis + 1:]) != 1:
        raise Refused(f"axis: found {axis} of {len(value.shape)}, allowed: the last axis longer than 1")
    real = hosted(c.builder, value, c.label)
    operator = RealSoftmax(size=value.shape[axis])
    tensor = c.builder.emit(c.label, operator, [real.tensor], f"{c.node.outputs[0]}_real", None)
    real = replace(real, tensor=tensor)
    return host_quantized(c.builder, real, meaning(c, 3, 4), c.label, c.node.outputs[0])


FUNCTIONS: dict[str, Converter] = {
    **{name: _function(name, partial(_plain, name)) for name in PLAIN},
    **{name: _function(name, make) for name, make in SHAPED.items()},
    "com.microsoft.QLinearLeakyRelu": _quantized_function("leaky_relu", _leaky_relu),
    "com.microsoft.QLinearSigmoid": _quantized_function("sigmoid", lambda c: _in_double(_sigmoid)),
    "Relu": _relu,
    "Clip": _clip,
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
    "com.microsoft.QLinearSoftmax": _qlinear_softmax,
}
