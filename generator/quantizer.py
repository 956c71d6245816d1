"""Float ONNX models to quantized ones, by ONNX Runtime's static quantizer."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import golden
from .errors import InputError
from .files import written_whole
from .network import Network
from .reader import read

__all__ = ["Quantized", "quantize"]

Values = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """The network in a model that was quantized, and, where labels are known, how often both are right."""

    network: Network
    frames: int
    float_accuracy: float | None
    accuracy: float | None


def quantize(model: Path, calibration: Values, output: Path, *, labels: Values | None = None) -> Quantized:
    """Quantize the float ONNX file ``model`` with the frames ``calibration`` and write it as ``output``.

    ``calibration [n, ...]`` has the shape of the model's input behind the batch; ranges of activations are
    those that occur on it. Weights are int8 for each channel around 0, activations int8. ``labels [n]`` are
    the classes of the frames, -1 for one that does not count. Raises :class:`InputError` for what cannot be
    quantized, or can but not be mapped afterwards; ``output`` is only written if the network in it can be
    read.
    """
    runtime, quantization, preprocess = _libraries()
    frames = calibration.astype(np.float32)
    with written_whole(output) as made, tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder, "prepared.onnx")
        try:
            before = runtime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
            name = _check_frames(before, frames, model)
            preprocess(str(model), str(prepared), skip_symbolic_shape=True)
            network = _first_read(quantization, prepared, made, name, frames)
            expected = [] if labels is None else [
                before.run(None, {name: frame[np.newaxis]})[0] for frame in frames]
        except InputError:
            raise
        # ONNX Runtime has exceptions of its own for each kind of failure, with no common class.
        except Exception as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(f"{model}: ONNX Runtime cannot quantize it ({line[:200]}), allowed: a float32 "
                             f"model that it runs") from error
        accuracies: tuple[float | None, float | None] = None, None
        if labels is not None:
            given = network.tensors[network.first_input].shape
            found = golden.run(network, frames.reshape(len(frames), *given))[network.last_output]
            _check_labels(labels, found[0].size)
            accuracies = _accuracy(np.concatenate(expected), labels), _accuracy(found, labels)
    return Quantized(network=network, frames=len(frames), float_accuracy=accuracies[0],
                     accuracy=accuracies[1])


def _first_read(quantization: Any, prepared: Path, made: Path, name: str, frames: Values) -> Network:
    """Quantize in the first form that can be read: QOperator, whose kernels are exact, else QDQ."""
    for form in quantization.QuantFormat.QOperator, quantization.QuantFormat.QDQ:
        quantization.quantize_static(
            str(prepared), str(made), _reader(quantization, name, frames), quant_format=form,
            per_channel=True, activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8)
        try:
            return read(made)
        except InputError as error:
            reason = error
    raise reason


def _libraries() -> tuple[Any, Any, Any]:
    """ONNX Runtime, its quantizer, and what prepares models for it."""
    try:
        runtime = import_module("onnxruntime")
        quantization = import_module("onnxruntime.quantization")
        shapes = import_module("onnxruntime.quantization.shape_inference")
    except ImportError as error:
        raise InputError("gatecast quantize needs ONNX Runtime, which is not installed; install it with "
                         "pip install 'gatecast[quantize]'") from error
    # Both give advice that is followed here already.
    logging.getLogger().setLevel(logging.ERROR)
    runtime.set_default_logger_severity(3)
    return runtime, quantization, shapes.quant_pre_process


def _check_frames(session: Any, frames: Values, model: Path) -> str:
    """The name of the only input; an ``InputError`` where the frames do not fit it."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        raise InputError(f"{model}: found {len(inputs)} inputs, the first a {inputs[0].type}, allowed: one "
                         f"of float32")
    wanted = inputs[0].shape[1:]
    if len(wanted) != frames.ndim - 1 or any(isinstance(size, int) and size != found
                                             for size, found in zip(wanted, frames.shape[1:], strict=True)):
        raise InputError(f"the calibration frames must be float32 of shape "
                         f"[n, {', '.join(map(str, wanted))}], not of shape {list(frames.shape)}")
    if not len(frames) or not np.isfinite(frames).all():
        raise InputError("the calibration frames must be finite numbers, at least one frame")
    if frames.min() == frames.max():
        raise InputError(f"the calibration frames hold {frames.min():g} everywhere, which tells no ranges; "
                         f"use frames that are typical for the network")
    return str(inputs[0].name)


def _check_labels(labels: Values, classes: int) -> None:
    """Labels must be classes of the network, or -1 for what does not count."""
    if labels.min() < -1 or not 0 <= labels.max() < classes:
        raise InputError(f"label: found {labels.min()} to {labels.max()}, allowed: classes from 0 to "
                         f"{classes - 1}, one for each output of the model, and -1 for what does not count")


def _reader(quantization: Any, name: str, frames: Values) -> Any:
    """The frames as ONNX Runtime takes them."""
    class Frames(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._frames: Iterator[Values] = iter(frames)

        def get_next(self) -> Mapping[str, Values] | None:
            frame = next(self._frames, None)
            return None if frame is None else {name: frame[np.newaxis]}

    return Frames()


def _accuracy(values: Values, labels: Values) -> float:
    """The share of frames, of those that count, whose largest value is that of their class."""
    right = values.reshape(len(values), -1).argmax(axis=1) == labels
    return float(right[labels >= 0].mean())
