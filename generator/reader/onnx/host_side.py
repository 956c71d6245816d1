"""The layers of the host half: what leads from the user's values to the chip and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...network import Tensor
from ...operators.host_layout import Rearrange, Relabel
from ...operators.quantize import Dequantize, DequantizeTable, Quantize
from ...quantization import Quantization, UnsignedQuantization
from ..limits import MAX_RANK
from ..refusals import Refused, printable, sizes
from .builder import Builder, Label, last_three
from .hosted import Hosted
from .model_file import FileValue
from .reals import Function, Given, Real
from .values import INT8_OFFSET, Meaning, Stored

__all__ = ["given", "host_dequantized", "host_quantized", "hosted", "output_of"]

INTEGER_TYPES = ("INT8", "UINT8")


def given(builder: Builder, value: FileValue) -> tuple[Tensor, Given | Stored]:
    """The tensor that the user gives for an input of the file, and the value that the nodes read."""
    what = f"input '{printable(value.name)}'"
    if value.type not in ("FLOAT", *INTEGER_TYPES):
        raise Refused(f"{what}: found the type {value.type}, allowed: FLOAT, INT8 or UINT8")
    shape = value.shape
    if (shape is None or any(size is None or size < 1 for size in shape[1:])
            or not 1 <= len(shape) <= MAX_RANK):
        shown = "none" if shape is None else sizes(["?" if size is None else size for size in shape])
        raise Refused(f"{what}: found the shape {shown}, allowed: 1 to {MAX_RANK} sizes of at least 1, only "
                      f"the batch left open")
    dims = tuple(1 if size is None else size for size in shape)
    try:
        plain = last_three(dims)
    except Refused as error:
        raise Refused(f"{what}: {error}") from error
    places = np.arange(int(np.prod(dims)), dtype=np.int64).reshape(dims)
    label = Label(name="input", origin=what)
    name = builder.name(value.name)
    if value.type == "FLOAT":
        tensor = Tensor(name=name, shape=plain, quantization=None)
        label = replace(label, name="quantize_input")
        return tensor, Given(tensor=tensor, dims=dims, places=places, label=label)
    # What the integers mean is said by who reads them; steps of 1 around 0 until then.
    unsigned = value.type == "UINT8"
    kind = UnsignedQuantization if unsigned else Quantization
    tensor = first = Tensor(name=name, shape=plain, quantization=kind(scale=1.0, zero_point=0))
    if unsigned:
        tensor = builder.emit(replace(label, name="relabel_input"), Relabel(), [first], f"{name}_int8",
                              Quantization(scale=1.0, zero_point=-INT8_OFFSET))
    builder.takes(tensor, dims)
    return first, Stored(tensor=tensor, places=places, unsigned=unsigned)


def _in_order(builder: Builder, stored: Stored, label: Label) -> Tensor:
    """The integers of ``stored`` in the order and shape of the file, rearranged by the host if need be."""
    stored = builder.settled(stored)
    shape = last_three(stored.shape)
    if stored.plain and stored.tensor.shape == shape:
        return stored.tensor
    order = stored.places.reshape(-1).astype(np.int64)
    return builder.emit(replace(label, name="arrange_output"), Rearrange(shape=shape, order=order),
                        [stored.tensor], f"{stored.tensor.name}_arranged", stored.tensor.quantization)


def hosted(builder: Builder, value: Function, label: Label) -> Hosted:
    """The real numbers of ``value`` on the host."""
    if value.by_channel:
        raise Refused("input: found a function for each channel, allowed: a quantized value at the end")
    tensor = _in_order(builder, value.stored, label)
    operator = (Dequantize(input=value.quantization) if value.linear
                else DequantizeTable(function=value.name, table=value.table))
    made = builder.emit(replace(label, name="dequantize"), operator, [tensor], f"{tensor.name}_real", None)
    return Hosted(tensor=made, shape=value.shape)


def host_quantized(builder: Builder, value: Hosted, to: Meaning, label: Label, name: str) -> Hosted:
    """What QuantizeLinear makes of real numbers on the host."""
    if value.tensor.quantization is not None:
        raise Refused("input: found integers, allowed: real numbers")
    output = Quantization(scale=to.scale, zero_point=to.zero_point - to.offset)
    tensor = builder.emit(label, Quantize(output=output, rounding="half_even"), [value.tensor], name, output)
    return Hosted(tensor=tensor, shape=value.shape, unsigned=to.unsigned)


def host_dequantized(builder: Builder, value: Hosted, to: Meaning, label: Label, name: str) -> Hosted:
    """What DequantizeLinear makes of integers on the host."""
    if value.tensor.quantization is None:
        raise Refused("input: found real numbers, allowed: integers")
    quantization = Quantization(scale=to.scale, zero_point=to.zero_point - to.offset)
    tensor = builder.emit(label, Dequantize(input=quantization), [value.tensor], name, None)
    return Hosted(tensor=tensor, shape=value.shape)


def output_of(builder: Builder, value: object, file: FileValue) -> Tensor:
    """The tensor that the user gets for an output of the file."""
    label = Label(name="output", origin=f"output '{printable(file.name)}'")
    if isinstance(value, Function):
        value = hosted(builder, value, label)
    if isinstance(value, Stored):
        # Of a graph whose output is its input nothing remains.
        value = Hosted(tensor=_in_order(builder, value, label), shape=value.shape, unsigned=value.unsigned)
    if isinstance(value, Real):
        raise Refused("found real numbers that are not quantized, allowed: QuantizeLinear after the last "
                      "operator")
    if not isinstance(value, Hosted):
        raise Refused("found a constant, allowed: what the network computes")
    tensor = value.tensor
    if value.unsigned and tensor.quantization is not None:
        meaning = UnsignedQuantization(scale=tensor.quantization.scale,
                                       zero_point=tensor.quantization.zero_point + INT8_OFFSET)
        label = replace(label, name="relabel_output")
        tensor = builder.emit(label, Relabel(), [tensor], f"{tensor.name}_uint8", meaning)
    return tensor
