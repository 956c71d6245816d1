"""Any function of one int8, the same for all channels or one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatecast.hdl.requantization import Requantization

from ..bounds import Bounds, dot_bounds, sum_bounds
from ..quantization import INT8_MAX, INT8_MIN
from ..requantizations import identity, repeated
from ..staircase import Reference, fit
from .arithmetic import Ints
from .checks import check_array, only_input, text
from .elementwise import operand
from .operator import Int8, Operator, Shape
from .window import Window

__all__ = ["Lookup"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lookup(Operator):
    """``y = table[x + 128]`` for each value; ``function`` is the name of what it computes.

    ``table`` is int8 ``[256]``, or ``[256, c]`` with a function for each channel.
    """

    function: str
    table: Int8

    def __post_init__(self) -> None:
        check_array("table", self.table, np.int8, "256 c" if np.ndim(self.table) == 2 else "256")
        if len(self.table) != 256:
            raise ValueError(f"table must hold 256 values, one for each int8, not {len(self.table)}")
        super().__post_init__()

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions: that of its function."""
        return self.function

    def __str__(self) -> str:
        return self.function

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input."""
        shape = only_input(inputs)
        if self.table.ndim == 2 and self.table.shape[1] != shape[2]:
            raise ValueError(f"table must hold functions for the {shape[2]} channels of the input "
                             f"{text(shape)}, not for {self.table.shape[1]}")
        return shape

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """The table's entry for each value."""
        x, = inputs
        index = x.astype(np.int64) - INT8_MIN
        found: Int8 = self.table[index] if self.table.ndim == 1 else self.table[index, np.arange(x.shape[3])]
        return found

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` of one tap where a staircase equals the table, else a ``lookup`` as it stands.

        Where each channel has a function of its own, it must rise or fall: a ``multiply`` by 1 or -1.
        """
        height, width, channels = shape = self.output_shape(inputs)
        if self.table.ndim == 2:
            return self._lower_channels(shape)
        staircase = self._staircase()
        if staircase is not None:
            return Window(operation="sum", operands=(operand(shape, shape),), size=(height, width),
                          out_channels=channels, requantizations=(repeated(staircase, channels),))
        reader = operand(shape, shape, table=self.table.astype(np.int64))
        return Window(operation="lookup", operands=(reader,), size=(height, width), out_channels=channels,
                      requantizations=(identity(channels),))

    def _lower_channels(self, shape: Shape) -> Window:
        """A ``multiply`` of one tap by the direction of each channel's function."""
        height, width, channels = shape
        rises = np.diff(self.table.astype(np.int64), axis=0)
        falling = (rises < 0).any(axis=0)
        mixed = falling & (rises > 0).any(axis=0)
        if mixed.any():
            raise ValueError(f"channel {mixed.argmax()} has a function of its own that rises and falls; use "
                             f"the same function for all channels")
        signs = np.where(falling, np.int16(-1), np.int16(1))
        weights = signs[np.newaxis, np.newaxis]
        bounds = dot_bounds(weights[0].T)

        def entries(sums: Ints) -> Int8:
            x = np.clip(sums * signs, INT8_MIN, INT8_MAX)
            found: Int8 = self.table[x - INT8_MIN, np.arange(channels)]
            return found

        staircases = self._fit_channels(entries, bounds)
        return Window(operation="multiply", operands=(operand(shape, shape, weights=weights),),
                      size=(height, width), out_channels=channels, requantizations=(staircases,))

    def _fit_channels(self, entries: Reference, bounds: Bounds) -> Requantization:
        """Staircases of all channels; steps may lie at ties, which go to even or to odd values."""
        for zero in (0, 1):
            try:
                return fit(entries, bounds, bias=np.zeros(len(bounds.lowest), np.int64),
                           low=int(self.table.min()), high=int(self.table.max()), zero=zero)
            except ValueError as error:
                reason = error
        raise ValueError(f"{reason}, as its function is its own and no straight line; use the same function "
                         f"for all channels") from reason

    def _staircase(self) -> Requantization | None:
        """A requantization of ``x`` that equals the table; None where there is none.

        Rounding half away from zero makes the step around zero the narrowest, so that is where another
        offset may help.
        """
        steps = np.flatnonzero(np.diff(self.table.astype(np.int64)))
        if (np.diff(self.table.astype(np.int64)) < 0).any():
            return None
        splits = [0]
        if len(steps) > 2:
            narrowest = int(np.diff(steps).argmin())
            splits += [int(steps[narrowest]) + 1 + INT8_MIN, int(steps[narrowest + 1]) + INT8_MIN]
        for split in splits:
            try:
                return fit(self._entries, sum_bounds(1, 1), bias=np.array([-split], np.int64),
                           low=int(self.table.min()), high=int(self.table.max()))
            except ValueError:
                continue
        return None

    def _entries(self, x: Ints) -> Int8:
        entries: Int8 = self.table[np.clip(x, INT8_MIN, INT8_MAX) - INT8_MIN]
        return entries
