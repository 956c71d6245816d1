"""The driver half: inputs through the board that holds a build, and what it must know of the build."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatecast.hdl.frame_link import FrameLinkParams

from .errors import CheckError, InputError
from .quantization import Quantization
from .serial_device import Device, Statistics

__all__ = ["SETTINGS", "Device", "RunResult", "Statistics", "driver_settings", "run"]

SETTINGS = "settings.json"

Int8 = npt.NDArray[np.int8]


def driver_settings(*, board: str, clock_hz: float, baud: int, link: FrameLinkParams,
                    input_shape: Sequence[int], input_quantization: Quantization,
                    output_shape: Sequence[int], output_quantization: Quantization) -> dict[str, Any]:
    """Return what `settings.json` of a build folder must hold for `run`; shapes: height, width, channels."""
    return {
        "board": board, "clock_hz": clock_hz, "baud": baud, "build_id": link.build_id,
        "input_bytes": link.input_bytes, "output_bytes": link.output_bytes,
        "input": {"shape": list(input_shape), **asdict(input_quantization)},
        "output": {"shape": list(output_shape), **asdict(output_quantization)},
    }


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
    settings = _read_settings(folder)
    shape = tuple(settings["input"]["shape"])
    if inputs.dtype != np.int8 or inputs.shape[1:] != shape or not len(inputs):
        raise InputError(f"The inputs must be int8 of shape [n, {', '.join(map(str, shape))}], not "
                         f"{inputs.dtype} of shape {list(inputs.shape)}.")
    with Device(port, settings["baud"]) as device:
        expected = settings["input_bytes"], settings["output_bytes"], settings["build_id"]
        identity = device.identity
        if (identity.input_bytes, identity.output_bytes, identity.build_id) != expected:
            raise CheckError(f"The board on {port} holds another build ({identity.build_id:08x}) than "
                             f"{folder} ({settings['build_id']:08x}); load this one with "
                             f"`gatecast program {folder}`.")
        started = time.monotonic()
        results = device.infer_all([frame.tobytes() for frame in inputs], progress=progress)
        seconds = time.monotonic() - started
    outputs = np.frombuffer(b"".join(results), np.int8).reshape(len(inputs), *settings["output"]["shape"])
    return RunResult(outputs=outputs, seconds=seconds, statistics=device.statistics)


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    try:
        settings: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{folder} holds no {SETTINGS}; make a build with `gatecast build`.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}; make the build again.") from None
    missing = {"baud", "build_id", "input_bytes", "output_bytes", "input", "output"} - set(settings)
    if missing:
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}; make a build for a board with "
                         f"`gatecast build`.")
    return settings
