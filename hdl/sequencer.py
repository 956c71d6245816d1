"""Sequencer: decides which job an engine runs next, from counts of rows alone."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .one_hot import choose
from .pipeline import delay, shape_for
from .sequencer_layer import Job, SequencerLayer, SequencerOperand
from .table import Table

__all__ = ["Job", "Sequencer", "SequencerLayer", "SequencerOperand"]


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
    Resources    a row counter for each operand and reader, a table of one row for each job of a frame
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
                    row |= {
                        f"release_{operand}": job.release,
                        f"step_reads_{operand}": number.step(index) * number.row_reads,
                        f"next_more_{operand}": number.more(index + 1),
                        f"padding_top_{operand}": job.padding_top,
                        f"valid_rows_{operand}": job.valid_rows,
                    }
                rows.append(row)
        return rows, firsts

    def _setting_rows(self, firsts: list[int]) -> list[dict[str, int]]:
        """The table of what is the same for all jobs of a layer."""
        rows = []
        for layer, first in zip(self.layers, firsts, strict=True):
            row = {"cycles_left": layer.job_cycles - self.START - 2, "first_job": first,
                   "short": int(layer.job_cycles <= self.START)}
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

        # The job that issues: the cycles behind this one, less as many as make the sign say that the next
        # cycle may decide. While it is negative its low bits say all; it stays so until the next job.
        early = self.START + 1
        longest = max(layer.job_cycles for layer in self.layers)
        cycles_left = Signal(range(-early - 1, max(0, longest - early)), init=-1)
        low = ceil_log2(early)
        m.d.comb += port.last.eq(
            port.issue & cycles_left[-1] & (cycles_left[:low] == -early % (1 << low)))

        # A decision; in the next cycle its layer is known, then its job, then what the tables say of it.
        ready = Signal(len(self.layers))
        decide = Signal()
        may_decide = Signal(init=1)
        pick = Signal.like(port.layer)
        layer_known = Signal()
        job_known = Signal()
        m.d.comb += decide.eq(may_decide & ready.any())
        m.d.sync += [
            layer_known.eq(decide),
            job_known.eq(layer_known),
            port.load.eq(job_known),
            may_decide.eq(Mux(port.load, settings.short, cycles_left[-1])
                          & ~(decide | layer_known | job_known)),
        ]
        for index in range(len(self.layers)):
            with m.If(ready[index]):
                m.d.comb += pick.eq(index)
        with m.If(decide):
            m.d.sync += port.layer.eq(pick)
        m.d.comb += settings.index.eq(port.layer)

        # The same one-hot: for one cycle after the decision, and from then on.
        taken = Signal(len(self.layers))
        chosen = Signal(len(self.layers))
        m.d.sync += taken.eq(Cat(may_decide & own & ~ready[index + 1:].any()
                                 for index, own in enumerate(ready)))
        with m.If(layer_known):
            m.d.sync += chosen.eq(taken)

        # Where each layer stands: its next job.
        next_jobs = [Signal(range(len(job_rows)), name=f"job_{index}", init=first)
                     for index, first in enumerate(firsts)]
        following = Mux(jobs.frame_end, settings.first_job, jobs.index + 1)
        with m.If(layer_known):
            m.d.sync += jobs.index.eq(choose(taken, next_jobs))
        for index, next_job in enumerate(next_jobs):
            with m.If(port.load & chosen[index]):
                m.d.sync += next_job.eq(following)
        for operand in range(self.operands):
            self._walk_rows(m, operand, taken=taken, layer_known=layer_known, chosen=chosen, jobs=jobs,
                            settings=settings)
        for index, layer in enumerate(self.layers):
            self._count_rows(m, index, layer, taken=taken[index], loaded=port.load & chosen[index], jobs=jobs,
                             ready=ready[index])

        with m.If(port.load):
            m.d.sync += [port.issue.eq(1), cycles_left.eq(settings.cycles_left),
                         port.running_layer.eq(port.layer)]
        with m.Elif(port.issue):
            m.d.sync += [port.issue.eq(~port.last), cycles_left.eq(cycles_left - 1)]
        m.d.sync += [port.released.eq(port.last), port.released_layer.eq(port.running_layer)]
        for operand in range(self.operands):
            released = getattr(self, f"released_rows_{operand}")
            running = Signal.like(released, name=f"running_release_{operand}", reset_less=True)
            with m.If(port.load):
                m.d.sync += running.eq(getattr(jobs, f"release_{operand}"))
            m.d.sync += released.eq(running)
        return m

    def _walk_rows(self, m: Module, operand: int, *, taken: Value, layer_known: Value, chosen: Value,
                   jobs: Any, settings: Any) -> None:
        """Keep the first valid row of each layer's next job, of this operand.

        It goes around the ring after each job, in two cycles: no sum stands behind another one.
        """
        port: Any = self
        row = getattr(self, f"row_{operand}")
        firsts = {}
        for index, layer in enumerate(self.layers):
            if len(layer.operands) > operand:
                number = layer.operands[operand]
                skipped = number.jobs[0].skip % number.region_rows * number.row_reads
                firsts[index] = Signal.like(row, name=f"first_row_{index}_{operand}",
                                            init=number.region_base + skipped)
        with m.If(layer_known):
            m.d.sync += row.eq(choose((taken[index] for index in firsts), firsts.values()))

        moved = Signal(len(row) + 1, name=f"moved_{operand}", reset_less=True)
        m.d.sync += moved.eq(row + getattr(jobs, f"step_reads_{operand}"))
        following = Mux(moved >= getattr(settings, f"region_end_{operand}"),
                        moved - getattr(settings, f"region_reads_{operand}"), moved)
        has_moved = delay(m, port.load, 1, f"has_moved_{operand}", reset=True)
        for index, first in firsts.items():
            with m.If(has_moved & chosen[index]):
                m.d.sync += first.eq(following)
        for name in ("padding_top", "valid_rows"):
            m.d.comb += getattr(self, f"{name}_{operand}").eq(getattr(jobs, f"{name}_{operand}"))

    def _count_rows(self, m: Module, index: int, layer: SequencerLayer, *,
                    taken: Value, loaded: Value, jobs: Any, ready: Value) -> None:
        """Count what the layer's next job has too much or too little of, and flag it when nothing lacks.

        Of an input that is the rows kept, less those wanted; of an output the free rows, less one.
        """
        enough = []
        for operand, number in enumerate(layer.operands):
            numbers = [number.more(job) for job in range(layer.jobs)]
            more: Any = Const(numbers[0])
            if len(set(numbers)) > 1:
                more = Signal(shape_for(numbers), name=f"more_{index}_{operand}", init=numbers[0])
                with m.If(loaded):
                    m.d.sync += more.eq(getattr(jobs, f"next_more_{operand}"))
            enough.append(self._margin(
                m, f"rows_kept_{index}_{operand}", range(-number.region_rows, number.region_rows + 1),
                -number.jobs[0].want, taken=taken, loss=more,
                gain=getattr(self, f"row_produced_{index}_{operand}")))
        for reader, credit in enumerate(layer.credits):
            enough.append(self._margin(
                m, f"rows_free_{index}_{reader}", range(-1, credit), credit - 1, taken=taken, loss=Const(1),
                gain=getattr(self, f"rows_freed_{index}_{reader}")))
        m.d.sync += ready.eq(Cat(*enough).all())

    @staticmethod
    def _margin(m: Module, name: str, numbers: range, init: int, *,
                gain: Value, taken: Value, loss: Value) -> Value:
        """Count a margin, from the registered ``gain`` on; give whether it is enough with the gain.

        A gain of several rows meets no margin below -1. The loss may count later: no decision looks so soon.
        """
        margin = Signal(numbers, name=name, init=init)
        gained = delay(m, gain, 1, f"{name}_gain", reset=True)
        m.d.sync += margin.eq(margin + gained - Mux(taken, loss, 0))
        lacks_one = margin[-1] if numbers.start == -1 else margin.all()
        return ~margin[-1] | (lacks_one & gained.any())
