"""Feature traces: writes to feature memories put together to tensors again, every address checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .operators.operator import Int8
from .planner import Plan
from .planner.layout import MemoryLayout, RegionLayout, layouts
from .simulation.probes import UNKNOWN, Writes

__all__ = ["FeatureTrace", "feature_traces"]

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTrace:
    """What was written of one tensor to one feature memory."""

    tensor: str
    writer: str
    reader: str
    """Engine or link on either side of the memory."""
    rows: Int8
    """``[n, width, channels]``: the rows that were written to the right addresses, frame after frame."""
    fault: str | None
    """Why there are no more; None if all rows of all frames are there."""


def feature_traces(plan: Plan, writes: Sequence[Writes], frames: int) -> tuple[FeatureTrace, ...]:
    """The tensors in the feature memories of ``plan``, from the ``writes`` to each memory, for ``frames``.

    A region is a ring of rows, and rows come one after the other, frame after frame: so the place of each
    row is known, and that each of its words is written exactly once is checked.
    """
    traces = []
    for memory, noted in zip(layouts(plan), writes, strict=True):
        inside = {tensor: _inside(memory, region, noted) for tensor, region in memory.regions.items()}
        stray = np.flatnonzero(~np.any(list(inside.values()), axis=0))
        lost = [_lost(noted.addresses[stray])] if len(stray) else []
        for tensor, region in memory.regions.items():
            ring = _Ring(memory, region, plan.network.tensors[tensor].shape)
            own, wanted = np.flatnonzero(inside[tensor]), frames * ring.height
            faults = []
            if lost and len(own) < wanted * len(ring.offsets):
                # What went to no region is missed where too little came, and what came after it is askew.
                own, faults = own[own < stray[0]], lost
                lost = []
            rows, fault = _rows(ring, noted, own, wanted)
            faults = ([] if fault is None else [fault]) + faults
            traces.append(FeatureTrace(tensor=tensor, writer=memory.writer, reader=memory.reader, rows=rows,
                                       fault="; ".join(faults) or None))
        if lost:
            traces[-1] = replace(traces[-1], fault="; ".join(filter(None, [traces[-1].fault, *lost])))
    return tuple(traces)


def _inside(memory: MemoryLayout, region: RegionLayout, noted: Writes) -> npt.NDArray[np.bool_]:
    """Which writes went to a region."""
    part_bits = memory.params.write_radix.part_bits
    first, size = region.base << part_bits, region.rows * region.row_words << part_bits
    return (noted.addresses >= first) & (noted.addresses < first + size)


def _lost(addresses: npt.NDArray[np.uint32]) -> str:
    """What is to be said of writes to no region."""
    address = "an address that is X or Z" if addresses[0] == UNKNOWN else f"address {addresses[0]}"
    return f"{_writes(len(addresses))} went to no region of the memory, the first to {address}"


def _writes(number: int) -> str:
    return f"{number} write{'s' * (number != 1)}"


class _Ring:
    """Where the rows of a tensor of ``shape`` belong in its region, in addresses of writes."""

    def __init__(self, memory: MemoryLayout, region: RegionLayout, shape: tuple[int, int, int]) -> None:
        radix = memory.params.write_radix
        self.height, self.width, self.channels = shape
        slots = -(-self.channels // memory.params.write_bytes)
        pixels = np.arange(self.width)[:, np.newaxis] * region.pixel_words << radix.part_bits
        # Words are padded to the wider side of the memory; what no channel needs is not written.
        parts = np.array([radix.address(slot) for slot in range(slots)], np.int64)
        self.offsets: Indices = (pixels + parts).reshape(-1)
        self._first, self._row = region.base << radix.part_bits, region.row_words << radix.part_bits
        self._rows = region.rows

    def addresses(self, rows: Indices) -> Indices:
        """The addresses of rows, which count from the first frame on: ``[n, writes of a row]``, ascending."""
        starts: Indices = self._first + rows % self._rows * self._row
        return starts[:, np.newaxis] + self.offsets

    def named(self, row: int) -> str:
        """A row by its frame."""
        return f"frame {row // self.height}, row {row % self.height}"


def _rows(ring: _Ring, noted: Writes, own: Indices, wanted: int) -> tuple[Int8, str | None]:
    """The first ``wanted`` rows from the writes with the indices ``own``, and why there are fewer."""
    count = len(ring.offsets)
    whole = min(len(own) // count, wanted)
    found = noted.addresses[own[:whole * count]].astype(np.int64).reshape(whole, count)
    order = np.argsort(found, axis=1)
    right = (np.take_along_axis(found, order, axis=1) == ring.addresses(np.arange(whole))).all(axis=1)
    good = whole if right.all() else int(np.argmin(right))
    indices = np.take_along_axis(own[:whole * count].reshape(whole, count)[:good], order[:good], axis=1)
    values = noted.values[indices.reshape(-1)].reshape(good, ring.width, -1)[:, :, :ring.channels]
    if good == wanted:
        surplus = len(own) - wanted * count
        return values, f"{_writes(surplus)} came after the last row" if surplus else None
    return values, _fault(ring, good, noted.addresses[own[good * count:(good + 1) * count]].tolist())


def _fault(ring: _Ring, row: int, addresses: list[int]) -> str:
    """What is wrong with the writes to a row."""
    allowed = ring.addresses(np.array([row]))[0].tolist()
    missing = set(allowed)
    for address in addresses:
        if address not in missing:
            again = "again" if address in allowed else f"where {allowed[0]} to {allowed[-1]} belong"
            return f"{ring.named(row)}: address {address} is written {again}"
        missing.remove(address)
    return f"{ring.named(row)}: address {min(missing)} is never written"
