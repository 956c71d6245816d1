"""What max and average pooling share: a window over each channel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ..quantization import Quantization
from .arithmetic import Activation, activation_range
from .checks import check_activation, check_scale, only_input, text
from .operator import Operator, Shape
from .taps import Taps

__all__ = ["PlainPool", "Pool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Operator):
    """A pool of ``kernel`` taps, each channel for itself; taps in the padding are left out.

    ``kernel``, ``stride`` and ``dilation`` are ``(height, width)``, ``padding`` is ``(top, left, bottom,
    right)``. ``activation`` clamps the output.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    activation: Activation = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)
        check_activation(self.activation)

    def __str__(self) -> str:
        return f"{self.kind} {text(self.kernel)} stride {text(self.stride)}"

    @property
    def taps(self) -> Taps:
        """Where the taps lie."""
        return Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    @property
    @abstractmethod
    def meaning(self) -> Quantization:
        """The quantization of the output."""

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest output."""
        return activation_range(self.activation, self.meaning)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width by the window, channels as in the input."""
        shape = only_input(inputs)
        return *self.taps.output_size(shape), shape[2]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainPool(Pool):
    """A pool with one ``quantization`` for input and output."""

    quantization: Quantization

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("quantization", self.quantization)

    @property
    def meaning(self) -> Quantization:
        """That of the input too."""
        return self.quantization
