"""What convolution and dense layers share: requantized sums of products, and how they lower."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..bounds import Bounds, dot_bounds
from ..quantization import Quantization
from ..staircase import fit
from .arithmetic import (
    INT32_MAX,
    INT32_MIN,
    MULTIPLIER_BITS,
    Activation,
    Floats,
    Ints,
    Rounding,
    activation_range,
    channel_scale,
    multiply,
    quantize_multiplier,
)
from .checks import check_activation, check_array, check_rounding, check_scale, check_weights
from .groups import group_dot, widened
from .half_even import rescale, scale_product
from .operator import Int8, Operator, Shape
from .sliding import sliding
from .taps import Taps, Weights
from .window import Window

__all__ = ["Linear"]

# Outputs that are requantized at a time, which bounds memory and stays near the processor.
CHUNK = 2**18


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Operator):
    """``y = clamp(rescale(sum((x - zp_in) * weights) + bias) + zp_out)``.

    Weights that need 9 bits, as differences of two int8 do, are int16. ``addend``, float64 ``[co]``, is added
    to the rescaled sums in float32 before they are rounded half to even.
    """

    weights: Weights
    bias: npt.NDArray[np.int32]
    input: Quantization
    output: Quantization
    weight_scales: Floats
    activation: Activation = "none"
    rounding: Rounding = "twice"
    addend: Floats | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_array("bias", self.bias, np.int32, "co")
        if len(self.bias) != self.out_channels:
            raise ValueError(f"bias must hold {self.out_channels} values, one for each output channel of the "
                             f"weights, not {len(self.bias)}")
        if self.addend is not None:
            check_array("addend", self.addend, np.float64, "co")
        check_scale("input", self.input)
        check_scale("output", self.output)
        check_activation(self.activation)
        check_rounding(self.rounding)

    @property
    def filters(self) -> Weights:
        """The weights of each output channel, ``[co, ...]``."""
        return self.weights

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return len(self.filters)

    @property
    def scales(self) -> Floats:
        """Real multiplier of each channel in double precision, ``[co]``, or ``[1]`` of all."""
        return channel_scale(self.input, self.weight_scales, self.output)

    @property
    def multiplier_bits(self) -> int:
        """Width of the multipliers by the rule that it rounds by."""
        return MULTIPLIER_BITS[self.rounding]

    @abstractmethod
    def kernel_of(self, shape: Shape) -> tuple[Weights, Taps]:
        """Weights ``[co, kh, kw, cg]`` and geometry on an input of ``shape``; groups have ``cg`` channels."""

    @cached_property
    def folded_bias(self) -> Ints:
        """Bias ``[co]`` for sums over raw int8: the input's zero point times all weights comes off."""
        total = self.filters.reshape(self.out_channels, -1).sum(axis=1, dtype=np.int64)
        bias: Ints = self.bias.astype(np.int64) - self.input.zero_point * total
        return bias

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """The reference kernel on a batch; padding reads the zero point, which adds nothing."""
        x, = inputs
        shape = (x.shape[1], x.shape[2], x.shape[3])
        weights, taps = self.kernel_of(shape)
        y = np.empty((len(x), *taps.output_size(shape), self.out_channels), np.int8)
        step = max(1, CHUNK // int(np.prod(y.shape[1:])))
        for first in range(0, len(x), step):
            sums = group_dot(x[first:first + step], weights, taps, self.input.zero_point)
            y[first:first + step] = self._requantize(sums)
        return y

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``multiply`` window where each channel has one filter for itself, else a ``dot`` window.

        Other groups weigh nothing there, and channels that are constant over every input lose their weights.
        A ``ValueError`` where another channel can leave the 32 bits that the reference accumulates in.
        """
        height, width, channels = self.output_shape(inputs)
        shape, = inputs
        weights, taps = self.kernel_of(shape)
        apart = weights.shape[3] == 1 < channels == shape[2]
        if not apart:
            check_weights(weights.size // weights.shape[3] * shape[2], weights.size)
        bounds = dot_bounds(weights)
        self._check_width(bounds)
        low, high = activation_range(self.activation, self.output)
        requantization = fit(self._requantize, bounds, bias=self.folded_bias, low=low, high=high,
                             zero=self.output.zero_point if self.rounding == "half_even" else None)
        constant = requantization.multiplier == 0
        alive = np.where(constant[:, np.newaxis, np.newaxis, np.newaxis], weights.dtype.type(0), weights)
        operand = sliding(taps, shape, self.input.zero_point,
                          np.moveaxis(alive[..., 0], 0, -1).astype(np.int16) if apart
                          else widened(alive, shape[2]))
        return Window(operation="multiply" if apart else "dot", operands=(operand,), size=(height, width),
                      out_channels=channels, requantizations=(requantization,))

    def macs(self, inputs: Sequence[Shape]) -> int:
        """One product for each weight at each output position."""
        height, width, _ = self.output_shape(inputs)
        return height * width * self.weights.size

    def _check_width(self, bounds: Bounds) -> None:
        """Beyond 32 bits the reference is undefined, unless all sums give the same output anyway.

        Sums that TFLite-Micro shifts left first, for multipliers above 1, must fit then too.
        """
        within = bounds.plus(self.folded_bias)
        alive = self._requantize(bounds.lowest) != self._requantize(bounds.highest)
        wrong = alive & ((within.lowest < INT32_MIN) | (within.highest > INT32_MAX))
        if wrong.any():
            channel = int(wrong.argmax())
            bits = Bounds(lowest=within.lowest[[channel]], highest=within.highest[[channel]]).width
            raise ValueError(f"channel {channel} adds up to {bits} bits, but the reference accumulates in "
                             f"32; use fewer inputs, smaller weights or a smaller bias")
        left = np.maximum(quantize_multiplier(self.scales)[1], 0) * (self.rounding == "twice")
        shifted = (left > 0) & (np.maximum(-within.lowest, within.highest + 1) > 2**31 >> left)
        if shifted.any():
            channel = int(shifted.argmax())
            scale = np.broadcast_to(self.scales, shifted.shape)[channel]
            raise ValueError(f"channel {channel} multiplies its sums by {scale:.3g}, which takes them beyond "
                             f"the 32 bits that the reference computes in; use a larger output scale")

    def _requantize(self, sums: Ints) -> Int8:
        """Sums of raw products (channels last) to outputs."""
        if self.rounding == "half_even":
            single = scale_product(self.input.scale, self.weight_scales, self.output.scale)
            scaled = rescale(sums + self.folded_bias, single, self.addend)
        else:
            scaled = multiply(sums + self.folded_bias, *quantize_multiplier(self.scales))
        return np.clip(scaled + self.output.zero_point,
                       *activation_range(self.activation, self.output)).astype(np.int8)
