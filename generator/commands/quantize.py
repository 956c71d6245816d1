"""``gatecast quantize``: a float ONNX model to a quantized one."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from .. import console, figures
from ..arrays import load_arrays
from ..errors import InputError
from ..quantizer import quantize
from .command import Command, Outcome
from .options import path

__all__ = ["QUANTIZE"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", type=path, help="a float32 .onnx file")
    parser.add_argument("--calibration", metavar="FILE", type=path, required=True,
                        help=".npy, or .npz with x: frames that activations are measured on; with label in "
                             "the .npz also how often they are classified right before and after")
    parser.add_argument("-o", "--output", metavar="FILE", type=path, required=True,
                        help="the .onnx file to write")


def _run(arguments: Namespace) -> Outcome:
    """Quantize, read what came out, write it."""
    model: Path = arguments.model
    output: Path = arguments.output
    for what, file in (("model", model), ("output", output)):
        if file.suffix.lower() != ".onnx":
            raise InputError(f"{file}: found the suffix '{file.suffix}' for the {what}, allowed: .onnx")
    if not model.is_file():
        raise InputError(f"{model}: found no file, allowed: the path of a float32 ONNX model")
    if os.path.realpath(model) == os.path.realpath(output):
        raise InputError(f"{output}: found the model itself, allowed for --output: a file of its own")
    arrays = load_arrays(arguments.calibration, "x")
    frames, labels = arrays["x"], arrays.get("label")
    if frames.ndim < 2 or frames.dtype.kind not in "fiu":
        raise InputError(f"{arguments.calibration}: found x as {frames.dtype} of shape {list(frames.shape)}, "
                         f"allowed: numbers of shape [n, ...]")
    if labels is not None and (labels.shape != (len(frames),) or labels.dtype.kind not in "iu"):
        raise InputError(f"{arguments.calibration}: found label as {labels.dtype} of shape "
                         f"{list(labels.shape)}, allowed: integers of shape [{len(frames)}]")
    made = quantize(model, frames, output, labels=None if labels is None else labels.astype(np.int64))
    result = {"network": made.network.name, "output": str(output), "frames": made.frames,
              "float_accuracy": made.float_accuracy, "accuracy": made.accuracy}
    rows = [("calibrated on", f"{figures.count(made.frames)} frames"), ("written", str(output))]
    if made.accuracy is not None and made.float_accuracy is not None:
        rows.append(("accuracy on them", f"{figures.percent(made.float_accuracy)} before, "
                                         f"{figures.percent(made.accuracy)} after"))
    return Outcome(result=result, shown=(console.facts(f"quantized {made.network.name}", rows),))


QUANTIZE = Command(name="quantize", add=_add, run=_run,
                   help="quantize a float ONNX model with calibration frames")
