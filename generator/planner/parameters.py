"""Parameters: the array and the requantizer of an engine, with all that its layers keep in memories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gatecast.hdl.channel import ChannelParams
from gatecast.hdl.pipeline import bits_for_range
from gatecast.hdl.requantization import TIE_BITS, Requantization
from gatecast.hdl.requantizer import RequantizerParams
from gatecast.hdl.systolic import SystolicParams, Weights

from ..bounds import Bounds
from ..operators.window import Window
from .numbers import blocks, dot_weights, layer_window, tables, word_span
from .plan import EnginePlan, Plan

__all__ = ["array_params", "parameter_bits", "requantizer_params", "x_bounds"]

Ints = npt.NDArray[np.int64]


def array_params(plan: Plan, engine: EnginePlan) -> SystolicParams | ChannelParams:
    """The array of one engine, with its weights and tables."""
    windows = [layer_window(plan.network.layer(name)) for name in engine.layers]
    sum_width = max(8, *(window.sum_bounds.width for window in windows))
    if engine.kind == "systolic":
        return SystolicParams(weights=_weights(plan, engine), group=engine.group, sum_width=sum_width,
                              weights_in=engine.weights_in, multipliers_in=engine.array_in)
    found = tables(plan, engine)
    return ChannelParams(
        lanes=engine.lanes, group=engine.group, sum_width=sum_width,
        operations={window.operation for window in windows},
        weights=_channel_weights(plan, engine), tables=np.stack(found) if found else None,
        weights_in=engine.weights_in, tables_in=engine.tables_in, multipliers_in=engine.array_in)


def _weights(plan: Plan, engine: EnginePlan) -> Weights:
    """The weight words of all layers in the order of the walk: block, operand, kernel row, column, word."""
    parts = []
    dtype: Any = dot_weights(layer_window(plan.network.layer(name)) for name in engine.layers)
    for name in engine.layers:
        window = layer_window(plan.network.layer(name))
        count = blocks(window, engine)
        operands = []
        for operand in window.operands:
            assert operand.weights is not None
            first, words = word_span(operand, engine.lanes)
            taken = operand.weights[..., first * engine.lanes:(first + words) * engine.lanes]
            padded = np.zeros((count * engine.columns, *operand.kernel, words * engine.lanes), dtype)
            padded[:window.out_channels, :, :, :taken.shape[3]] = taken
            by_word = padded.reshape(count, engine.columns, operand.taps * words, engine.lanes)
            operands.append(by_word.transpose(0, 2, 1, 3))
        parts.append(np.concatenate(operands, axis=1).reshape(-1, engine.columns, engine.lanes))
    return np.concatenate(parts)


def _channel_weights(plan: Plan, engine: EnginePlan) -> npt.NDArray[np.int16] | None:
    """The weights of all lanes in the order of the walk: layer, block, operand, kernel row and column."""
    parts = []
    for name in engine.layers:
        window = layer_window(plan.network.layer(name))
        if window.operation != "multiply":
            continue
        count = blocks(window, engine)
        operands = []
        for operand in window.operands:
            assert operand.weights is not None
            padded = np.zeros((operand.taps, count * engine.lanes), np.int16)
            padded[:, :window.out_channels] = operand.weights.reshape(operand.taps, -1)
            operands.append(padded.reshape(operand.taps, count, engine.lanes).transpose(1, 0, 2))
        parts.append(np.concatenate(operands, axis=1).reshape(-1, engine.lanes))
    return np.concatenate(parts) if parts else None


def requantizer_params(plan: Plan, engine: EnginePlan) -> RequantizerParams:
    """The requantizer of one engine: parameters in the order in which the drain asks for them.

    A layer with several requantizations has them one after the other. Lanes without an output channel get
    parameters that make zero of everything.
    """
    windows = [layer_window(plan.network.layer(name)) for name in engine.layers]
    parts = [_in_drain_order(requantization, blocks(window, engine), engine)
             for window in windows for requantization in window.requantizations]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # The shift of a channel that is constant is free; as one of the others it does not widen their range.
    constant = joined["multiplier"] == 0
    # Channels that settle ties are left fractions of a step.
    fractions = TIE_BITS * joined["ties"]
    least = 0 if constant.all() else max((joined["shift"] + fractions)[~constant].min(), 0)
    for name in ("offset_negative", "offset_positive"):
        joined[name] = np.where(constant, joined[name] >> joined["shift"] << least, joined[name])
    joined["shift"] = np.where(constant, least, joined["shift"])
    return RequantizerParams(requantization=Requantization(**joined), lanes=engine.group, x=x_bounds(windows),
                             sums=_span([window.sum_bounds for window in windows]),
                             parameters_in=engine.parameters_in, multipliers_in=engine.requantizer_in)


def parameter_bits(window: Window) -> int:
    """Bits of the requantizer's parameters for a channel of ``window``, those that differ."""
    bits = 0
    for name in Requantization.__dataclass_fields__:
        numbers = np.concatenate([getattr(each, name) for each in window.requantizations])
        low, high = int(numbers.min()), int(numbers.max())
        bits += bits_for_range(low, high).width if low < high else 0
    return bits


def x_bounds(windows: Sequence[Window]) -> tuple[int, int]:
    """Least and greatest sum with its bias over all channels of ``windows``, zero among them."""
    return _span([window.bounds for window in windows])


def _span(bounds: Sequence[Bounds]) -> tuple[int, int]:
    return (min(0, *(int(each.lowest.min()) for each in bounds)),
            max(0, *(int(each.highest.max()) for each in bounds)))


def _in_drain_order(table: Requantization, block_count: int, engine: EnginePlan) -> dict[str, Ints]:
    """The columns of ``table``, slot by slot as they leave the array, zero where a lane has no channel."""
    ordered = {}
    for name in Requantization.__dataclass_fields__:
        padded = np.zeros(block_count * engine.columns, dtype=np.int64)
        padded[:table.channels] = getattr(table, name)
        groups = padded.reshape(block_count, engine.groups, engine.group)
        ordered[name] = groups[:, ::-1].reshape(-1)
    return ordered
