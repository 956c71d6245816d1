"""Regions: how many rows each one gets, so that nothing deadlocks and nothing waits for lack of rows."""

from __future__ import annotations

from dataclasses import replace

from .events import Deadlock
from .numbers import layer_window, readers
from .plan import Plan, Region
from .predict import predict_schedule
from .rows import jobs
from .schedule import Schedule, schedule

__all__ = ["least_rows", "size_regions"]

# What shrinking all regions together may cost of the throughput.
TOLERANCE = 0.005


def least_rows(plan: Plan, tensor: str, layer: str | None) -> int:
    """Rows without which ``layer`` (or the sink) could never run a job on ``tensor``."""
    if layer is None:
        return 1
    read = plan.network.layer(layer)
    input_rows = plan.network.tensors[tensor].shape[0]
    output_rows = plan.network.tensors[read.output].shape[0]
    return max(1, *(job.want for job in jobs(layer_window(read), input_rows, output_rows)))


def size_regions(plan: Plan) -> Plan:
    """``plan`` with regions of its own choice.

    Two frames in every region let the busiest engine work all the time. From there the largest region is
    shrunk first, each as far as the throughput of the event model allows.
    """
    least: dict[tuple[str, str], int] = {}
    for tensor in plan.network.tensors:
        for reader, layer in readers(plan, tensor):
            least[tensor, reader] = max(least.get((tensor, reader), 0), least_rows(plan, tensor, layer))
    rows = {key: max(2 * plan.network.tensors[key[0]].shape[0], minimum + 1)
            for key, minimum in least.items()}
    plan = _with_rows(plan, rows)
    numbers = schedule(plan)
    slowest = predict_schedule(numbers).cycles_per_inference * (1 + TOLERANCE)

    def row_bytes(key: tuple[str, str]) -> int:
        _, columns, channels = plan.network.tensors[key[0]].shape
        return columns * channels

    for key in sorted(rows, key=lambda key: -rows[key] * row_bytes(key)):
        low, high = least[key], rows[key]
        while low < high:
            middle = (low + high) // 2
            if _fast_enough(numbers, {**rows, key: middle}, slowest):
                high = middle
            else:
                low = middle + 1
        rows[key] = high
    return _with_rows(plan, rows)


def _fast_enough(numbers: Schedule, rows: dict[tuple[str, str], int], slowest: float) -> bool:
    try:
        prediction = predict_schedule(replace(numbers, credits=tuple(rows[edge] for edge in numbers.edges)))
    except Deadlock:
        return False
    return prediction.cycles_per_inference <= slowest


def _with_rows(plan: Plan, rows: dict[tuple[str, str], int]) -> Plan:
    return replace(plan, regions=tuple(
        Region(tensor=tensor, writer=plan.writer_of(tensor), reader=reader, rows=count)
        for (tensor, reader), count in rows.items()))
