"""Means of windows as ONNX Runtime has them: rescaled, rounded once, half to even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..bounds import sum_bounds
from ..quantization import Quantization
from ..requantizations import repeated
from ..staircase import fit
from .arithmetic import Activation, Ints, activation_range
from .checks import check_activation, check_ints, check_scale, only_input, text
from .half_even import rescale, scale_product
from .operator import Int8, Operator, Shape
from .sliding import sliding
from .taps import Taps
from .window import Window

__all__ = ["Average"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Average(Operator):
    """The mean of the taps of each window, from ``input`` to ``output``, as ONNX Runtime computes it.

    ``kernel``, ``stride`` and ``dilation`` are ``(height, width)``, ``padding`` is ``(top, left, bottom,
    right)``. Taps in the padding add nothing. The sum is divided by the number
    of taps inside the map, or, where ``counted (bottom, right)`` is given, of those inside the map, the
    padding above and left of it, and so many rows below and columns right of it.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int] = (1, 1)
    input: Quantization
    output: Quantization
    activation: Activation = "none"
    counted: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)
        check_scale("input", self.input)
        check_scale("output", self.output)
        check_activation(self.activation)
        if self.counted is not None:
            check_ints("counted", self.counted, "bottom right", 0)

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions."""
        return "avg_pool"

    def __str__(self) -> str:
        return f"{self.kind} {text(self.kernel)} stride {text(self.stride)}"

    @property
    def taps(self) -> Taps:
        """Where the taps lie."""
        return Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width by the window, channels as in the input."""
        shape = only_input(inputs)
        return *self.taps.output_size(shape), shape[2]

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """ONNX Runtime's QLinearAveragePool on a batch."""
        x, = inputs
        sums = self.taps.gather(x, 0).sum(axis=(3, 4), dtype=np.int64)
        inside, divisors = self._counts((x.shape[1], x.shape[2]))
        return self._mean(sums, inside[..., np.newaxis], divisors[..., np.newaxis])

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` window whose staircases divide, one for each number of taps inside the map.

        A ``ValueError`` where as many taps inside the map are divided by different numbers.
        """
        height, width, channels = self.output_shape(inputs)
        shape, = inputs
        low, high = activation_range(self.activation, self.output)
        inside, divisors = self._counts(shape[:2])
        pairs = sorted(set(zip(inside.reshape(-1).tolist(), divisors.reshape(-1).tolist(), strict=True)))
        counts = tuple(count for count, _ in pairs)
        if len(set(counts)) < len(counts):
            raise ValueError("averages windows with as many taps inside the map by different numbers; leave "
                             "the padding out of the count, or the windows that reach beyond it")
        staircases = [fit(partial(self._mean, inside=count, divisors=divisor), sum_bounds(count, 1),
                          bias=np.array([-self.input.zero_point * count]), low=low, high=high,
                          zero=self.output.zero_point)
                      for count, divisor in pairs]
        return Window(operation="sum", operands=(sliding(self.taps, shape, 0),), size=(height, width),
                      out_channels=channels, counts=counts if len(counts) > 1 else (),
                      requantizations=tuple(repeated(staircase, channels) for staircase in staircases))

    def _counts(self, size: tuple[int, int]) -> tuple[Ints, Ints]:
        """Taps inside a map of ``size`` at each output, and what its sum is divided by, ``[oh, ow]``."""
        outputs = self.taps.output_size((*size, 1))
        inside = sliding(self.taps, (*size, 1), 0).inside(outputs)
        if self.counted is None:
            return inside, np.maximum(inside, 1)
        top, left, bottom, right = self.padding
        more = Taps(kernel=self.kernel, stride=self.stride, dilation=self.dilation,
                    padding=(0, 0, max(bottom - self.counted[0], 0), max(right - self.counted[1], 0)))
        padded = size[0] + top + min(self.counted[0], bottom), size[1] + left + min(self.counted[1], right)
        return inside, sliding(more, (*padded, 1), 0).inside(outputs)

    def _mean(self, sums: Ints, inside: Ints | int, divisors: Ints | int) -> Int8:
        """Outputs of the ``sums`` of raw values, of which ``inside`` are in the map."""
        # The order of ONNX Runtime: the output's scale times the count, in float32, divides the input's.
        scale = scale_product(self.input.scale, 1.0, 1.0) / scale_product(
            self.output.scale, np.asarray(divisors, np.float64), 1.0)
        means = rescale(sums - self.input.zero_point * inside, scale) + self.output.zero_point
        clamped: Int8 = np.clip(means, *activation_range(self.activation, self.output)).astype(np.int8)
        return clamped
