"""Sequencer: decides which job an engine runs next, from counts of rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .table import Table

__all__ = ["Job", "Sequencer", "SequencerLayer", "SequencerOperand"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One output row of one layer: which rows of one input it needs, counted from the oldest one kept."""

    want: int
    """Rows that must have been produced, from the oldest row that the layer has not released."""
    release: int
    """Rows that nobody needs after this job, at most ``want``."""
    padding_top: int
    """Kernel rows above the frame."""
    valid_rows: int
    """Kernel rows inside the frame."""
    skip: int = 0
    """Rows between the oldest one kept and the first valid kernel row: dilation and slices leave some."""


@dataclass(frozen=True, kw_only=True)
class SequencerOperand:
    """One input of a layer as its sequencer sees it."""

    jobs: tuple[Job, ...]
    """The jobs of one frame, top to bottom. The first one wants a row, or it would begin a frame before its
    data; together they want and release all rows of the frame."""
    region_base: int
    region_rows: int
    row_reads: int
    """The region that holds the input, in reads: its start, its rows and the size of a row."""

    def __post_init__(self) -> None:
        for job in self.jobs:
            if not 0 <= job.release <= job.want <= self.region_rows:
                raise ValueError(f"A job must have 0 <= release <= want <= {self.region_rows} rows, "
                                 f"not {job}")
        if self.jobs and not self.jobs[0].want:
            raise ValueError(f"The first job of a frame must want a row, or it would begin before its data, "
                             f"not {self.jobs[0]}")


@dataclass(frozen=True, kw_only=True)
class SequencerLayer:
    """One layer as its sequencer sees it."""

    job_cycles: int
    operands: tuple[SequencerOperand, ...]
    """One entry for each input, all with a job for each output row."""
    credits: tuple[int, ...]
    """Rows of each region that the layer writes, one for each reading operand of a layer, and the sink."""

    def __post_init__(self) -> None:
        counts = [len(operand.jobs) for operand in self.operands]
        if not counts or len(set(counts)) != 1 or not counts[0]:
            raise ValueError(f"A layer must have as many jobs for each operand, at least one, not {counts}")

    @property
    def jobs(self) -> int:
        """Jobs of one frame."""
        return len(self.operands[0].jobs)


class Sequencer(wiring.Component):
    """Starts the ready job of the latest layer, job after job, frame after frame.

    A job is ready when the rows that it wants of every operand have been produced and a row is free in every
    region that it writes. All counts are of rows not yet released, so nothing ever overflows. Events and
    decisions keep these rules, which the cycle model repeats (see docs/architecture.md):

    * a decision falls on the flags of that cycle and the job's first tap issues :attr:`START` cycles later;
    * decisions are at least :attr:`START` cycles apart and never earlier than :attr:`START` cycles before the
      first cycle after the current job;
    * a decision reserves the output row and gives up the released rows for the layer's own next decision;
    * ``row_produced`` and ``rows_freed`` count in decisions :attr:`EVENT` cycles later;
    * ``released`` comes one cycle after the last tap.

    ===========  ====================================================================
    Throughput   a job every :attr:`START` cycles or more, jobs of that length without a gap
    Latency      :attr:`START` from a decision to the first tap
    Resources    row counters for each operand and reader, a table of one row for each job of a frame
    ===========  ====================================================================

    Layers of one engine that share its time by readiness alone, without a schedule, are Gatecast's own.

    Members
    -------
    row_produced_{layer}_{operand} : ``In(1)``
        One more row of this input is in the region.
    rows_freed_{layer}_{reader} : ``In``
        Rows that this reader of the layer's output has released.
    layer : ``Out``
        The layer decided for, steady from one cycle after the decision; for tables.
    row_{operand}, padding_top_{operand}, valid_rows_{operand}, load, issue : ``Out``
        What :class:`~gatecast.hdl.walk.Walk` wants.
    running_layer, last : ``Out``
        While ``issue``: whose job issues, and that this is its last cycle.
    released, released_layer, released_rows_{operand} : ``Out``
        After the last tap of a job: the rows of each input of the layer that may be overwritten. Those of
        operands that the layer lacks mean nothing.
    """

    START = 4
    EVENT = 2

    def __init__(self, layers: Sequence[SequencerLayer]) -> None:
        self.layers = tuple(layers)
        self.operands = max(len(layer.operands) for layer in layers)
        members = {
            **{f"row_produced_{index}_{operand}": In(1)
               for index, layer in enumerate(layers) for operand in range(len(layer.operands))},
            **{f"rows_freed_{index}_{reader}": In(range(rows + 1))
               for index, layer in enumerate(layers) for reader, rows in enumerate(layer.credits)},
            "layer": Out(range(len(layers))),
            "load": Out(1),
            "issue": Out(1),
            "running_layer": Out(range(len(layers))),
            "last": Out(1),
            "released": Out(1),
            "released_layer": Out(range(len(layers))),
        }
        for operand in range(self.operands):
            own = [layer.operands[operand] for layer in layers if len(layer.operands) > operand]
            jobs = [job for number in own for job in number.jobs]
            members |= {
                f"row_{operand}": Out(range(max(
                    number.region_base + number.region_rows * number.row_reads for number in own))),
                f"padding_top_{operand}": Out(range(max(job.padding_top for job in jobs) + 1)),
                f"valid_rows_{operand}": Out(range(max(job.valid_rows for job in jobs) + 1)),
                f"released_rows_{operand}": Out(range(max(job.release for job in jobs) + 1)),
            }
        super().__init__(members)

    @staticmethod
    def _operands(layer: SequencerLayer, layers: Sequence[SequencerLayer]) -> list[SequencerOperand]:
        """The operands of a layer; those that it lacks are another layer's: numbers that cost nothing."""
        most = max(layers, key=lambda each: len(each.operands))
        return [*layer.operands, *most.operands[len(layer.operands):]]

    @classmethod
    def job_rows(cls, layers: Sequence[SequencerLayer]) -> tuple[list[dict[str, int]], list[int]]:
        """The table of all jobs of all ``layers``, and where each layer's begin."""
        rows: list[dict[str, int]] = []
        firsts = []
        for layer in layers:
            firsts.append(len(rows))
            for index in range(layer.jobs):
                row = {"frame_end": int(index + 1 == layer.jobs)}
                for operand, number in enumerate(cls._operands(layer, layers)):
                    job = number.jobs[index % len(number.jobs)]
                    # From the oldest row to the first valid one: as it is, or from `skip_wrap_row` on around
                    # the ring. All zero where nothing is skipped, which costs nothing.
                    skip = job.skip * number.row_reads
                    region_reads = number.region_rows * number.row_reads
                    row |= {
                        f"release_{operand}": job.release,
                        f"release_reads_{operand}": job.release * number.row_reads,
                        f"skip_reads_{operand}": skip,
                        f"skip_wrap_reads_{operand}": skip - region_reads if skip else 0,
                        f"skip_wrap_row_{operand}": number.region_base + region_reads - skip if skip else 0,
                        f"next_want_{operand}": number.jobs[(index + 1) % len(number.jobs)].want,
                        f"padding_top_{operand}": job.padding_top,
                        f"valid_rows_{operand}": job.valid_rows,
                    }
                rows.append(row)
        return rows, firsts

    def _setting_rows(self, firsts: list[int]) -> list[dict[str, int]]:
        """The table of what is the same for all jobs of a layer."""
        rows = []
        for layer, first in zip(self.layers, firsts, strict=True):
            row = {"cycles_left": layer.job_cycles - 1, "first_job": first}
            for operand, number in enumerate(self._operands(layer, self.layers)):
                reads = number.region_rows * number.row_reads
                row |= {f"region_end_{operand}": number.region_base + reads,
                        f"region_reads_{operand}": reads}
            rows.append(row)
        return rows

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        job_rows, firsts = self.job_rows(self.layers)
        m.submodules.jobs = jobs = Table(job_rows)
        m.submodules.settings = settings = Table(self._setting_rows(firsts))

        # Decision, then three cycles in which tables are read and counts brought up to date.
        ready = Signal(len(self.layers))
        decide = Signal()
        looked_up = Signal()
        applied = Signal()
        cycles_left = Signal(range(max(layer.job_cycles for layer in self.layers)))
        m.d.comb += decide.eq(
            ready.any() & ~(looked_up | applied | port.load) & (~port.issue | (cycles_left < self.START)))
        pick = Signal.like(port.layer)
        for index in range(len(self.layers)):
            with m.If(ready[index]):
                m.d.comb += pick.eq(index)
        m.d.sync += [looked_up.eq(decide), applied.eq(looked_up), port.load.eq(applied)]
        with m.If(decide):
            m.d.sync += port.layer.eq(pick)
        m.d.comb += settings.index.eq(port.layer)

        # Where each layer stands: its next job.
        job_index = Array(Signal(range(len(job_rows)), name=f"job_{index}", init=first)
                          for index, first in enumerate(firsts))
        m.d.comb += jobs.index.eq(job_index[port.layer])
        with m.If(applied):
            m.d.sync += job_index[port.layer].eq(
                Mux(jobs.frame_end, settings.first_job, job_index[port.layer] + 1))
        for operand in range(self.operands):
            self._walk_rows(m, operand, applied=applied, jobs=jobs, settings=settings)
        for index, layer in enumerate(self.layers):
            self._count_rows(m, index, layer, start=applied & (port.layer == index), jobs=jobs, ready=ready)

        # The job that issues.
        m.d.comb += port.last.eq(port.issue & (cycles_left == 0))
        with m.If(port.load):
            m.d.sync += [port.issue.eq(1), cycles_left.eq(settings.cycles_left),
                         port.running_layer.eq(port.layer)]
        with m.Elif(port.last):
            m.d.sync += port.issue.eq(0)
        with m.Else():
            m.d.sync += cycles_left.eq(Mux(port.issue, cycles_left - 1, 0))
        m.d.sync += [port.released.eq(port.last), port.released_layer.eq(port.running_layer)]
        for operand in range(self.operands):
            released = getattr(self, f"released_rows_{operand}")
            running = Signal.like(released, name=f"running_release_{operand}", reset_less=True)
            with m.If(port.load):
                m.d.sync += running.eq(getattr(jobs, f"release_{operand}"))
            m.d.sync += released.eq(running)
        return m

    def _walk_rows(self, m: Module, operand: int, *, applied: Value, jobs: Any, settings: Any) -> None:
        """Keep the start of the oldest row that each layer still needs of this operand; find the job's.

        No sum stands behind another one in a cycle: the job's first row goes around the ring by numbers from
        the table, the oldest row of the layer's next job has two cycles.
        """
        port: Any = self
        row = getattr(self, f"row_{operand}")
        row_start = {index: Signal.like(row, name=f"row_start_{index}_{operand}",
                                        init=layer.operands[operand].region_base)
                     for index, layer in enumerate(self.layers) if len(layer.operands) > operand}
        oldest = Signal.like(row, name=f"oldest_{operand}", reset_less=True)
        starts = Array(row_start.get(index, Const(0)) for index in range(len(self.layers)))
        m.d.sync += oldest.eq(starts[port.layer])

        with m.If(applied):
            m.d.sync += row.eq(Mux(oldest >= getattr(jobs, f"skip_wrap_row_{operand}"),
                                   oldest + getattr(jobs, f"skip_wrap_reads_{operand}"),
                                   oldest + getattr(jobs, f"skip_reads_{operand}")))
        moved = Signal(len(row) + 1, name=f"moved_{operand}", reset_less=True)
        m.d.sync += moved.eq(oldest + getattr(jobs, f"release_reads_{operand}"))
        following = Mux(moved >= getattr(settings, f"region_end_{operand}"),
                        moved - getattr(settings, f"region_reads_{operand}"), moved)
        for index, start in row_start.items():
            with m.If(port.load & (port.layer == index)):
                m.d.sync += start.eq(following)
        for name in ("padding_top", "valid_rows"):
            m.d.comb += getattr(self, f"{name}_{operand}").eq(getattr(jobs, f"{name}_{operand}"))

    def _count_rows(self, m: Module, index: int, layer: SequencerLayer, *,
                    start: Value, jobs: Any, ready: Signal) -> None:
        """Count the rows of the layer's inputs and the free rows of its outputs; flag its next job."""
        conditions = []
        for operand, number in enumerate(layer.operands):
            rows = range(number.region_rows + 1)
            kept = Signal(rows, name=f"rows_kept_{index}_{operand}")
            want = Signal(rows, name=f"rows_wanted_{index}_{operand}", init=number.jobs[0].want)
            produced = getattr(self, f"row_produced_{index}_{operand}")
            m.d.sync += kept.eq(kept + produced - Mux(start, getattr(jobs, f"release_{operand}"), 0))
            with m.If(start):
                m.d.sync += want.eq(getattr(jobs, f"next_want_{operand}"))
            conditions.append(kept >= want)
        for reader, credit in enumerate(layer.credits):
            free = Signal(range(credit + 1), name=f"rows_free_{index}_{reader}", init=credit)
            m.d.sync += free.eq(free + getattr(self, f"rows_freed_{index}_{reader}") - start)
            conditions.append(free != 0)
        m.d.sync += ready[index].eq(Cat(*conditions).all())
