"""Jobs against brute force: which rows of the input does each row of the output touch?"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from gatecast.hdl.requantization import Requantization
from gatecast.hdl.sequencer import Job
from gatecast.operators.window import Window
from gatecast.planner.rows import jobs


def window(kernel: int, stride: int, dilation: int, top: int, bottom: int) -> Window:
    numbers = {name: np.zeros(1, np.int64) for name in Requantization.__dataclass_fields__}
    return Window(operation="max", kernel=(kernel, 1), stride=(stride, 1), dilation=(dilation, 1),
                  padding=(top, 0, bottom, 0), out_channels=1, pad_value=0,
                  requantization=Requantization(**numbers))


def cases() -> list[tuple[Window, int]]:
    """All small windows and heights that fit, up to the largest padding on both sides."""
    found = []
    for kernel, stride, dilation, top, bottom, height in product(
            range(1, 5), range(1, 4), range(1, 4), range(0, 6), range(0, 6), range(1, 9)):
        extent = (kernel - 1) * dilation + 1
        if max(top, bottom) < extent <= height + top + bottom and (kernel > 1 or dilation == 1):
            found.append((window(kernel, stride, dilation, top, bottom), height))
    return found


def made(of: Window, height: int) -> tuple[Job, ...]:
    return jobs(of, height, of.output_shape([(height, 1, 1)])[0])


def touched(of: Window, height: int, row: int) -> list[int]:
    """Input rows inside the frame that output row ``row`` reads, top to bottom."""
    first = row * of.stride[0] - of.padding[0]
    taps = range(first, first + of.kernel[0] * of.dilation[0], of.dilation[0])
    return [tap for tap in taps if 0 <= tap < height]


CASES = cases()


def test_there_are_cases():
    assert len(CASES) > 1500


def test_every_job_reads_what_it_says():
    """Rows that are kept when it runs, in steps of the dilation, between its rows of padding."""
    for of, height in CASES:
        oldest = 0
        for row, job in enumerate(made(of, height)):
            rows = touched(of, height, row)
            assert job.valid_rows == len(rows)
            first = row * of.stride[0] - of.padding[0]
            if rows:
                assert [oldest + job.skip + n * of.dilation[0] for n in range(job.valid_rows)] == rows
                assert first + job.padding_top * of.dilation[0] == rows[0]
                assert oldest + job.want > rows[-1]
            assert job.padding_top + job.valid_rows <= of.kernel[0]
            assert 0 <= job.release <= job.want
            oldest += job.release


def test_no_job_waits_for_rows_that_it_neither_reads_nor_releases():
    for of, height in CASES:
        oldest = 0
        for row, job in enumerate(made(of, height)):
            reads = [tap - oldest + 1 for tap in touched(of, height, row)]
            assert job.want == max([job.release, *reads])
            oldest += job.release


def test_a_frame_releases_all_rows_of_its_input():
    for of, height in CASES:
        assert sum(job.release for job in made(of, height)) == height


def test_rows_are_released_as_soon_as_no_later_job_reads_them():
    """Only dilation may keep a row for nothing, where a later kernel begins in the padding."""
    for of, height in CASES:
        made_jobs, oldest = made(of, height), 0
        for row, job in enumerate(made_jobs):
            oldest += job.release
            later = [tap for following in range(row + 1, len(made_jobs))
                     for tap in touched(of, height, following)]
            if of.dilation[0] == 1 or row + 1 == len(made_jobs):
                assert oldest == min(later, default=height)
            else:
                assert oldest <= min(later, default=height)


@pytest.mark.parametrize(("of", "height", "expected"), [
    # A kernel of three, one row of padding on both sides: two rows to begin with, then one more each.
    (window(3, 1, 1, 1, 1), 4, [(2, 0, 1, 2, 0), (3, 1, 0, 3, 0), (3, 1, 0, 3, 0), (2, 2, 0, 2, 0)]),
    # The stride leaves rows out; the last job takes the rest of the frame with it.
    (window(1, 3, 1, 0, 0), 6, [(3, 3, 0, 1, 0), (3, 3, 0, 1, 0)]),
    # Dilated: rows -1, 1; 0, 2; 1, 3.
    (window(2, 1, 2, 1, 0), 4, [(2, 0, 1, 1, 1), (3, 1, 0, 2, 0), (3, 3, 0, 2, 0)]),
    # The whole map in one job.
    (window(5, 1, 1, 0, 0), 5, [(5, 5, 0, 5, 0)]),
])
def test_by_hand(of, height, expected):
    assert made(of, height) == tuple(
        Job(want=want, release=release, padding_top=padding_top, valid_rows=valid_rows, skip=skip)
        for want, release, padding_top, valid_rows, skip in expected)
