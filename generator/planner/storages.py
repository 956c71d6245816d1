"""Storages: every memory of a plan, with the numbers that decide what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatecast.boards.packing import block_rams, lut_ram_luts
from gatecast.hdl.sequencer import Sequencer
from gatecast.hdl.storage import MemoryKind
from gatecast.hdl.systolic import SystolicParams
from gatecast.hdl.table import Table

from .counts import varying_bits
from .dsps import used_lanes
from .layout import layouts
from .numbers import engine_layers
from .parameters import array_params, requantizer_params
from .plan import EnginePlan, Plan

__all__ = ["Storage", "storages"]


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A memory, or several alike: ``depth`` words of ``width`` bits that are no constants."""

    owner: str
    """The engine, or the names of writer and reader."""
    what: str
    """``weights``, ``tables``, ``parameters``, ``jobs`` or ``features``."""
    depth: int
    width: int
    write_bits: int | None = None
    """Bits of a write that is narrower than a word."""
    read_ports: int = 1
    copies: int = 1
    kind: MemoryKind

    @property
    def writable(self) -> bool:
        """Whether the accelerator writes it; all others are filled when the chip is configured."""
        return self.what == "features"

    @property
    def bits(self) -> int:
        """Of all copies."""
        return self.depth * self.width * self.copies

    def block_rams(self, family: str) -> int:
        """Those that it takes in block RAM."""
        if self.writable and self.depth == 1:
            # Synthesis makes registers of a memory of a single word.
            return 0
        return self.copies * block_rams(family, depth=self.depth, width=self.width, writable=self.writable,
                                        write_bits=self.write_bits, read_ports=self.read_ports)

    def luts(self, family: str) -> int:
        """LUTs that it takes without."""
        return self.copies * lut_ram_luts(family, depth=self.depth, width=self.width,
                                          writable=self.writable)


def storages(plan: Plan) -> tuple[Storage, ...]:
    """The memories of all engines, then those between them."""
    found = [storage for engine in plan.engines for storage in _of_engine(plan, engine)]
    for memory in layouts(plan):
        params = memory.params
        found.append(Storage(
            owner=memory.name, what="features", depth=params.words, width=8 * params.word_bytes,
            write_bits=8 * params.write_bytes if params.writes_per_word > 1 else None, kind=params.kind))
    return tuple(found)


def _of_engine(plan: Plan, engine: EnginePlan) -> list[Storage]:
    array, requantizer = array_params(plan, engine), requantizer_params(plan, engine)
    found = []
    if not plan.external_weights and array.weights is not None:
        groups: npt.NDArray[np.integer]
        if isinstance(array, SystolicParams):
            groups = array.weights.reshape(array.depth, engine.groups, -1).transpose(1, 0, 2)
            width = array.weight_bits
        else:
            groups, width = array.weights[np.newaxis], array.weight_shape.width
        found += [Storage(owner=engine.name, what="weights", depth=array.depth, kind=engine.weights_in,
                          width=_varying(group, width)) for group in groups]
    if not isinstance(array, SystolicParams) and array.tables is not None:
        # Two lanes share a memory, one port for each that is used.
        used = np.resize(used_lanes(requantizer), array.lanes)
        ports = used[::2] + np.append(used[1::2], np.zeros(array.lanes % 2, bool)).astype(int)
        found += [Storage(owner=engine.name, what="tables", depth=array.tables.size, kind=engine.tables_in,
                          width=_varying(array.tables.reshape(-1, 1), array.entry_shape.width),
                          read_ports=count, copies=int(np.sum(ports == count))) for count in (1, 2)]
    for names in requantizer.tables.values():
        columns = np.concatenate([requantizer.columns[name] for name in names], axis=1)
        found.append(Storage(owner=engine.name, what="parameters", depth=requantizer.slots,
                             width=sum(varying_bits(columns)), kind=engine.parameters_in))
    # The sequencer's table is the only one of the small ones that grows with the network.
    jobs, _ = Sequencer.job_rows([layer.sequencer for layer in engine_layers(plan, engine, layouts(plan))])
    found.append(Storage(owner=engine.name, what="jobs", depth=len(jobs), width=_varying_rows(jobs),
                         kind=Table.kind(jobs)))
    return [storage for storage in found if storage.width and storage.copies]


def _varying(words: npt.NDArray[np.integer], width: int) -> int:
    """Bits of ``words [depth, numbers]`` of ``width`` bits that are not the same in all of them.

    Synthesis drops the others.
    """
    differing = np.bitwise_or.reduce(words) ^ np.bitwise_and.reduce(words)
    return sum((number & ((1 << width) - 1)).bit_count() for number in differing.tolist())


def _varying_rows(rows: Sequence[Mapping[str, int]]) -> int:
    """The same of the rows of a table, whose columns are as wide as they need to be."""
    return sum(varying_bits(np.array([list(row.values()) for row in rows], np.int64)))
