"""Operators that work value by value: sums, products, functions of one value, conversions, softmax."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, prod

from ...operators.add import Add, Sub
from ...operators.elementwise import Elementwise
from ...operators.lookup import Lookup
from ...operators.lookup_tables import hard_swish, leaky_relu, logistic, relu, requantize, tanh
from ...operators.mul import Mul
from ...operators.operator import Int8
from ...operators.quantize import Dequantize, Quantize
from ...operators.softmax import Softmax
from ...quantization import Quantization
from ..refusals import Refused, sizes
from .conversion import Conversion, meaning

__all__ = ["VALUES"]

Converter = Callable[[Conversion], None]


def _elementwise(kind: type[Elementwise], table: str) -> Converter:
    """ADD, SUB or MUL of two tensors, or of a tensor and a constant for each channel."""
    def convert(c: Conversion) -> None:
        c.operands(2)
        activation, y = c.activation(table), c.output()
        constants = [c.tensors.is_constant(c.index(position)) for position in (0, 1)]
        if all(constants):
            raise Refused("inputs: found two constants, allowed: one")
        if not any(constants):
            first, second = c.input(0), c.input(1)
            c.emit(kind(first=meaning(first), second=meaning(second), output=meaning(y),
                        activation=activation), [first, second], y)
            return
        x, index = c.input(int(constants[0])), c.index(int(constants[1]))
        constant, fixed = c.tensors.constant(index, "INT8"), c.tensors.quantization(index)
        if constant.size not in (1, x.shape[2]) or prod(constant.shape[:-1]) != 1:
            raise Refused(f"constant: found the shape {sizes(constant.shape)}, allowed: one value, or one "
                          f"for each of the {x.shape[2]} channels")
        operands = (fixed, meaning(x)) if constants[0] else (meaning(x), fixed)
        c.emit(kind(first=operands[0], second=operands[1], output=meaning(y), activation=activation,
                    constant=constant.reshape(-1), constant_first=constants[0]), [x], y)

    return convert


def _lookup(kind: str, table: Callable[[Conversion, Quantization, Quantization], Int8]) -> Converter:
    """A function of one value; ``table`` makes its 256 entries of the quantizations of input and output."""
    def convert(c: Conversion) -> None:
        c.operands(1)
        x, y = c.input(), c.output()
        c.emit(Lookup(function=kind, table=table(c, meaning(x), meaning(y))), [x], y)

    return convert


def _fixed_output(function: Callable[[Quantization, Quantization], Int8], scale: float, zero_point: int,
                  ) -> Callable[[Conversion, Quantization, Quantization], Int8]:
    """A function whose reference knows only one quantization of the output."""
    def table(c: Conversion, x: Quantization, y: Quantization) -> Int8:
        _expect(y, scale, zero_point)
        return function(x, y)

    return table


def _expect(output: Quantization, scale: float, zero_point: int) -> None:
    if (output.scale, output.zero_point) != (scale, zero_point):
        raise Refused(f"output: found the scale {output.scale:g} and zero point {output.zero_point}, "
                      f"allowed: 1/{1 / scale:g} and {zero_point}")


def _leaky(c: Conversion, x: Quantization, y: Quantization) -> Int8:
    return leaky_relu(x, y, float(c.option("LeakyReluOptions", "alpha")))


def _softmax(c: Conversion) -> None:
    c.operands(1)
    x, y = c.input(), c.output()
    beta = float(c.option("SoftmaxOptions", "beta"))
    if not (isfinite(beta) and beta > 0):
        raise Refused(f"beta: found {beta:g}, allowed: a positive number")
    _expect(meaning(y), 1 / 256, -128)
    _last(c)
    c.emit(Softmax(input=meaning(x), output=meaning(y), beta=beta), [x], y)


def _quantize(c: Conversion) -> None:
    """From float32 at the start of the network, from int8 anywhere."""
    c.operands(1)
    x, y = c.tensors.value(c.index(0)), c.output()
    if x.quantization is not None:
        c.emit(Lookup(function="quantize", table=requantize(x.quantization, meaning(y))), [x], y)
        return
    if not c.graph.at_start(c.operator):
        raise Refused("input: found float32 inside the network, allowed: the input of the network")
    c.emit(Quantize(output=meaning(y)), [x], y)


def _dequantize(c: Conversion) -> None:
    c.operands(1)
    x, y = c.input(), c.tensors.value(c.operator.outputs[0])
    if y.quantization is not None:
        raise Refused("output: found the type INT8, allowed: FLOAT32")
    _last(c)
    c.emit(Dequantize(input=meaning(x)), [x], y)


def _last(c: Conversion) -> None:
    follower = c.graph.follower(c.operator)
    if follower is not None:
        raise Refused(f"position: found {follower} after it, allowed: the end of the network, with nothing "
                      f"but RESHAPE, QUANTIZE and DEQUANTIZE after it")


VALUES: dict[str, Converter] = {
    "ADD": _elementwise(Add, "AddOptions"),
    "SUB": _elementwise(Sub, "SubOptions"),
    "MUL": _elementwise(Mul, "MulOptions"),
    "LOGISTIC": _lookup("logistic", _fixed_output(logistic, 1 / 256, -128)),
    "TANH": _lookup("tanh", _fixed_output(tanh, 1 / 128, 0)),
    "HARD_SWISH": _lookup("hard_swish", lambda c, x, y: hard_swish(x, y)),
    "LEAKY_RELU": _lookup("leaky_relu", _leaky),
    "RELU": _lookup("relu", lambda c, x, y: relu("relu", x, y)),
    "RELU6": _lookup("relu6", lambda c, x, y: relu("relu6", x, y)),
    "RELU_N1_TO_1": _lookup("relu_n1_to_1", lambda c, x, y: relu("relu_n1_to_1", x, y)),
    "SOFTMAX": _softmax,
    "QUANTIZE": _quantize,
    "DEQUANTIZE": _dequantize,
}
