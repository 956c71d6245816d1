"""The driver half: inputs through the board that holds a build."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import CheckError, InputError
from .operators.operator import Int8
from .serial_device import Device, Statistics
from .settings import read_settings

__all__ = ["Device", "RunResult", "Statistics", "run"]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Outputs int8 [n, height, width, channels] of all inputs, how long they took, what the line lost."""

    outputs: Int8
    seconds: float
    statistics: Statistics

    @property
    def inferences_per_second(self) -> float:
        """Through the serial line, which is far slower than the accelerator."""
        return len(self.outputs) / self.seconds


def run(folder: Path, port: str, inputs: Int8, *,
        progress: Callable[[int], None] = lambda _done: None) -> RunResult:
    """Send `inputs`, int8 [n, height, width, channels], through the board on `port` with the build `folder`.

    Raises InputError where the folder holds no build or the inputs do not fit it, CheckError where the board
    does not answer or holds another build.
    """
    settings = read_settings(folder)
    shape = settings.input_shape
    if inputs.dtype != np.int8 or inputs.shape[1:] != shape or not len(inputs):
        raise InputError(f"the inputs must be int8 of shape [n, {', '.join(map(str, shape))}], not "
                         f"{inputs.dtype} of shape {list(inputs.shape)}")
    with Device(port, settings.baud) as device:
        expected = settings.input_bytes, settings.output_bytes, settings.build_id
        identity = device.identity
        if (identity.input_bytes, identity.output_bytes, identity.build_id) != expected:
            raise CheckError(f"the board on {port} holds another build ({identity.build_id:08x}) than "
                             f"{folder} ({settings.build_id:08x}); load this one with "
                             f"`gatecast program {folder}`")
        started = time.monotonic()
        results = device.infer_all([frame.tobytes() for frame in inputs], progress=progress)
        seconds = time.monotonic() - started
    outputs = np.frombuffer(b"".join(results), np.int8).reshape(len(inputs), *settings.output_shape)
    return RunResult(outputs=outputs, seconds=seconds, statistics=device.statistics)
