"""Between real numbers and integers: QuantizeLinear, DequantizeLinear, and the Quant of QONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx

from ...operators.half_even import Singles
from ..refusals import Refused, sizes
from .conversion import Conversion, Value, axis_of
from .host_side import host_dequantized, host_quantized
from .hosted import Hosted
from .model_file import Array
from .reals import Function, Target
from .values import Constant, Meaning, Stored, Weights

__all__ = ["QUANTIZERS", "clip_limits", "dequantized_input", "meaning", "target", "weights_input"]

UINT8_ZERO, INT8_ZERO = np.zeros((), np.uint8), np.zeros((), np.int8)

RANGES = {"int8": (-128, 127), "uint8": (0, 255)}
INTEGERS = ("int2", "uint2", "int4", "uint4", "int8", "uint8", "int16", "uint16", "int32")
# What `output_dtype` names, as ONNX numbers its types; 0 is the default.
OUTPUT_TYPES = {0: np.uint8, 2: np.uint8, 3: np.int8}


def meaning(c: Conversion, scale: int, zero: int, default: Array = UINT8_ZERO) -> Meaning:
    """That of a whole tensor: the inputs at ``scale`` and ``zero``, or ``default`` where that is missing."""
    scales = c.array(scale)
    zeros = c.array(zero) if c.has(zero) else default
    if scales.size != 1 or zeros.size != 1:
        raise Refused(f"scale: found {scales.size} scales and {zeros.size} zero points, allowed: one of each "
                      f"for what is no constant")
    if zeros.dtype.name not in RANGES:
        raise Refused(f"zero point: found {zeros.dtype}, allowed: int8 or uint8")
    low, high = RANGES[zeros.dtype.name]
    return Meaning(scale=_positive(scales), zero_point=int(zeros.reshape(-1)[0]),
                   unsigned=zeros.dtype == np.uint8, low=low, high=high)


def _positive(scales: Array) -> float:
    scale = float(np.float32(scales.reshape(-1)[0]))
    if not 0 < scale < float("inf"):
        raise Refused(f"scale: found {scale:g}, allowed: a positive number")
    return scale


def target(c: Conversion, meaning: Meaning) -> Target:
    """What the node's first output is quantized to."""
    return Target(meaning=meaning, name=c.node.outputs[0])


def weights_of(integers: Array, scale: Array, zero: Array, axis: int) -> Weights:
    """Weights of ``integers`` with scales and zero points of the whole or of each entry of ``axis``."""
    if integers.dtype.name not in INTEGERS or not integers.size:
        raise Refused(f"weights: found {integers.dtype} {sizes(integers.shape)}, allowed: "
                      f"{', '.join(INTEGERS)}, at least one")
    rank = integers.ndim
    parts = []
    for what, part in (("scale", scale), ("zero point", zero)):
        if part.size == 1:
            parts.append(part.reshape((1,) * rank))
            continue
        axis = axis_of(axis, rank)
        if part.ndim != 1 or len(part) != integers.shape[axis]:
            raise Refused(f"{what}: found the shape {sizes(part.shape)}, allowed: one, or one for each of "
                          f"the {integers.shape[axis]} entries of axis {axis}")
        parts.append(part.reshape([-1 if i == axis else 1 for i in range(rank)]))
    return Weights(integers=integers.astype(np.int64), scale=_all_positive(parts[0]),
                   zero=parts[1].astype(np.int64))


def _all_positive(scales: Array) -> Singles:
    """The scales in float32."""
    singles: Singles = scales.astype(np.float32)
    if not (np.isfinite(singles) & (singles > 0)).all():
        raise Refused("scale: found one that is no positive number, allowed: positive numbers")
    return singles


def _quantize_linear(c: Conversion) -> Value:
    """To int8 or uint8, with one scale and zero point; of the input and after a softmax on the host."""
    c.inputs(2, 3)
    value = c.value(0)
    if isinstance(value, Constant):
        return Constant(array=_quantized_constant(c, value.array))
    to = _narrowed(c, meaning(c, 1, 2, _without_zero_point(c)))
    if isinstance(value, Hosted):
        return host_quantized(c.builder, value, to, c.label, c.node.outputs[0])
    return c.real().quantized(c.builder, target(c, to))


def clip_limits(c: Conversion) -> tuple[float, float]:
    """The limits of a Clip, far out where there are none."""
    most = float(np.finfo(np.float32).max)
    low = c.scalar(1) if c.has(1) else c.attribute("min", -most)
    high = c.scalar(2) if c.has(2) else c.attribute("max", most)
    return min(low, high), high


def _narrowed(c: Conversion, to: Meaning) -> Meaning:
    """``to`` within the limits of a Clip, if that is all that reads the integers: fewer bits than 8."""
    following = c.following()
    if following is None or following.node.operator != "Clip":
        return to
    try:
        limits = clip_limits(following)
    except Refused:
        # The Clip itself will say so.
        return to
    low, high = np.clip(limits, to.low, to.high).astype(int).tolist()
    return replace(to, low=low, high=high)


def _without_zero_point(c: Conversion) -> Array:
    """The zero point, of the type that QuantizeLinear makes, where there is none."""
    c.expect("block_size", 0, (0,))
    c.expect("precision", 0, (0, 1))
    return np.zeros((), OUTPUT_TYPES[c.expect("output_dtype", 0, tuple(OUTPUT_TYPES))])


def _quantized_constant(c: Conversion, array: Array) -> Array:
    """The integers of a constant."""
    default = _without_zero_point(c)
    zero = c.array(2) if c.has(2) else default
    if zero.dtype.name not in RANGES:
        raise Refused(f"zero point: found {zero.dtype}, allowed: int8 or uint8")
    form = weights_of(np.zeros(array.shape, np.int8), c.array(1), zero, c.attribute("axis", 1))
    steps = np.rint(array.astype(np.float32) / form.scale) + form.zero
    return np.clip(steps, *RANGES[zero.dtype.name]).astype(zero.dtype)


def _dequantize_linear(c: Conversion) -> Value:
    """Of int8 and uint8; of constants of up to 32 bits also with a scale for each entry of an axis."""
    c.inputs(2, 3)
    c.expect("block_size", 0, (0,))
    c.expect("output_dtype", 0, (0, 1))
    value = c.value(0)
    if isinstance(value, Constant):
        zero = c.array(2) if c.has(2) else np.zeros((), value.array.dtype)
        return weights_of(value.array, c.array(1), zero, c.attribute("axis", 1))
    if isinstance(value, Hosted):
        return host_dequantized(c.builder, value, _of_integers(c, value, 1), c.label, c.node.outputs[0])
    stored = c.of(Stored)
    return Function.of(stored, _of_integers(c, stored, 1), c.label)


def _cast(c: Conversion) -> Value:
    """Of int8 and uint8 to float32; left out where numbers are float32 already."""
    c.inputs(1)
    to, types = c.attribute("to", 0), onnx.TensorProto.DataType
    if to != types.Value("FLOAT"):
        raise Refused(f"to: found {types.Name(to) if to in types.values() else to}, allowed: FLOAT")
    value = c.value(0)
    if not isinstance(value, Stored):
        return c.real()
    low, high = RANGES["uint8" if value.unsigned else "int8"]
    return Function.of(value, Meaning(scale=1.0, zero_point=0, unsigned=value.unsigned, low=low, high=high),
                       c.label)


def _of_integers(c: Conversion, value: Stored | Hosted, scale: int) -> Meaning:
    """What the inputs at ``scale`` and after it say of integers that are there already."""
    found = meaning(c, scale, scale + 1, UINT8_ZERO if value.unsigned else INT8_ZERO)
    if found.unsigned != value.unsigned:
        raise Refused(f"zero point: found {'uint8' if found.unsigned else 'int8'} for "
                      f"{'uint8' if value.unsigned else 'int8'} values, allowed: equal types")
    return found


def dequantized_input(c: Conversion, position: int) -> Function:
    """The integers at ``position`` with the scale and the zero point that follow it."""
    stored = c.of(Stored, position)
    return Function.of(stored, _of_integers(c, stored, position + 1), c.label)


def weights_input(c: Conversion, position: int, axis: int) -> Weights:
    """The constant integers at ``position`` with the scales and zero points that follow it."""
    return weights_of(c.of(Constant, position).array, c.array(position + 1), c.array(position + 2), axis)


def _quant(c: Conversion) -> Value:
    """To 2 to 8 bits, signed or not, narrow or not, rounded half to even; the zero point an integer."""
    c.inputs(4)
    value, scales, zeros, bits = c.value(0), c.array(1), c.array(2), c.scalar(3)
    if bits != int(bits) or not 2 <= bits <= 8:
        raise Refused(f"bit_width: found {bits:g}, allowed: a whole number from 2 to 8")
    if c.attribute("rounding_mode", "ROUND").upper() not in ("ROUND", "HALF_EVEN"):
        raise Refused(f"rounding_mode: found {c.attribute('rounding_mode', 'ROUND')[:16]}, allowed: ROUND")
    if not (np.isfinite(zeros) & (zeros == np.rint(zeros)) & (abs(zeros) <= 255)).all():
        raise Refused("zeropt: found numbers that are none of few bits, allowed: integers")
    signed, narrow = c.expect("signed", 1, (0, 1)), c.expect("narrow", 0, (0, 1))
    low, high = (-(1 << int(bits) - 1), (1 << int(bits) - 1) - 1) if signed else (0, (1 << int(bits)) - 1)
    low, high = (low + narrow, high) if signed else (low, high - narrow)
    if isinstance(value, Constant):
        return _quant_weights(value.array, scales, zeros, low, high)
    if scales.size != 1 or zeros.size != 1:
        raise Refused(f"scale: found {scales.size} scales and {zeros.size} zero points, allowed: one of each "
                      f"for what is no constant")
    to = Meaning(scale=_positive(scales), zero_point=int(zeros.reshape(-1)[0]), unsigned=high > 127, low=low,
                 high=high)
    if not low <= to.zero_point <= high:
        raise Refused(f"zeropt: found {to.zero_point}, allowed: {low} to {high} for these bits")
    return Function.of(c.real().quantized(c.builder, target(c, to)), to, c.label)


def _quant_weights(array: Array, scales: Array, zeros: Array, low: int, high: int) -> Weights:
    rank = array.ndim
    full = []
    for what, part in (("scale", scales), ("zeropt", zeros)):
        if part.size == 1:
            part = part.reshape((1,) * rank)
        if part.ndim != rank or any(size not in (1, whole) for size, whole in zip(part.shape, array.shape,
                                                                                  strict=True)):
            raise Refused(f"{what}: found the shape {sizes(part.shape)}, allowed: one that spreads over "
                          f"{sizes(array.shape)}")
        full.append(part)
    scale = _all_positive(full[0])
    steps = np.rint(np.nan_to_num(array.astype(np.float32) / scale) + full[1])
    return Weights(integers=np.clip(steps, low, high).astype(np.int64), scale=scale,
                   zero=full[1].astype(np.int64))


QUANTIZERS: dict[str, Callable[[Conversion], Value]] = {
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "Cast": _cast,
    "onnx.brevitas.Quant": _quant,
    "qonnx.custom_op.general.Quant": _quant,
}
