"""Rows: which rows of its input each job of a layer needs and gives up."""

from gatecast.hdl.sequencer import Job

from ..operators.window import Window

__all__ = ["jobs"]


def jobs(window: Window, input_rows: int, output_rows: int) -> tuple[Job, ...]:
    """One job for each output row of a frame, top to bottom.

    Rows are released as soon as no later job of the frame reads them; the last job wants and releases all
    that is left, so that every frame starts afresh.
    """
    kernel, stride, dilation, top = (
        window.kernel[0], window.stride[0], window.dilation[0], window.padding[0])

    def oldest(row: int) -> int:
        """First input row that output row ``row`` or a later one may read."""
        return input_rows if row == output_rows else min(max(row * stride - top, 0), input_rows)

    result = []
    for row in range(output_rows):
        taps = [row * stride - top + tap * dilation for tap in range(kernel)]
        valid = [tap for tap in taps if 0 <= tap < input_rows]
        base, following = oldest(row), oldest(row + 1)
        result.append(Job(
            want=max([following, *(tap + 1 for tap in valid)]) - base,
            release=following - base,
            padding_top=sum(tap < 0 for tap in taps),
            valid_rows=len(valid),
            skip=valid[0] - base if valid else 0,
        ))
    return tuple(result)
