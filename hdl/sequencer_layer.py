"""Sequencer layer: the jobs of a layer and the rows that each of them needs, as numbers."""

from dataclasses import dataclass

__all__ = ["Job", "SequencerLayer", "SequencerOperand"]


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

    def following(self, index: int) -> Job:
        """The job behind that of this ``index``, frame after frame."""
        return self.jobs[(index + 1) % len(self.jobs)]

    def more(self, index: int) -> int:
        """Rows that must be produced between the job of this ``index`` and the one behind it."""
        job = self.jobs[index % len(self.jobs)]
        return job.release + self.following(index).want - job.want

    def step(self, index: int) -> int:
        """Rows around the ring from the first valid row of the job of this ``index`` to that of the next."""
        job = self.jobs[index % len(self.jobs)]
        return (job.release + self.following(index).skip - job.skip) % self.region_rows


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
