"""Float ONNX models through ``gatecast quantize``: what comes out is read, exact, and nearly as good."""

from __future__ import annotations

import numpy as np
import pytest
from cli_runner import cli, numbers
from onnx_builder import OnnxBuilder, runtime
from onnx_case import outputs

import gatecast
from gatecast.errors import InputError


def test_digits(shared_models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors = shared_models / "vectors" / "digits_cnn.npz"
    made = gatecast.read(_quantized(shared_models / "digits_cnn_f32.onnx", vectors, "out/made.onnx"))
    with np.load(vectors) as file:
        x, label = file["x"], file["label"]
    found = outputs(made, x).reshape(len(x), 10)
    np.testing.assert_array_equal(found, runtime((tmp_path / "out" / "made.onnx").read_bytes(), x))
    assert (found.argmax(axis=1) == label).mean() > 0.97


def _quantized(model, calibration, output):
    code, out, err = cli("quantize", str(model), "--calibration", str(calibration), "-o", output)
    assert code == 0, err
    assert "written" in out
    return output


def test_a_softmax_at_the_end(tmp_path):
    b = OnnxBuilder(0)
    weights, bias = b.rng.normal(0, 1, (12, 5)), b.rng.normal(0, 1, 5)
    value = b.node("Gemm", "x", b.constant(weights, np.float32), b.constant(bias, np.float32))
    data = b.model({"x": (np.float32, ("batch", 12))}, b.node("Softmax", value), np.float32, rank=2)
    (tmp_path / "model.onnx").write_bytes(data)
    frames = b.rng.normal(0, 1, (60, 12)).astype(np.float32)
    np.save(tmp_path / "frames.npy", frames)
    path = _quantized(tmp_path / "model.onnx", tmp_path / "frames.npy", str(tmp_path / "made.onnx"))
    made = gatecast.read(path)
    np.testing.assert_allclose(outputs(made, frames).reshape(60, 5), runtime(data, frames), atol=0.06)


@pytest.mark.parametrize(("arguments", "message"), [
    (["gone.onnx", "--calibration", "x.npy", "-o", "out.onnx"],
     "gone.onnx: found no file, allowed: the path of a float32 ONNX model"),
    (["model.tflite", "--calibration", "x.npy", "-o", "out.onnx"],
     "model.tflite: found the suffix '.tflite' for the model, allowed: .onnx"),
    (["model.onnx", "--calibration", "x.npy", "-o", "model.onnx"],
     "model.onnx: found the model itself, allowed for --output: a file of its own"),
    (["model.onnx", "--calibration", "x.npy", "-o", "out.onnx"],
     "the calibration frames must be float32 of shape [n, 3], not of shape [4, 2]"),
])
def test_refusals(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    b = OnnxBuilder(0)
    data = b.model({"x": (np.float32, ("batch", 3))}, b.node("Relu", "x"), np.float32, rank=2)
    (tmp_path / "model.onnx").write_bytes(data)
    np.save(tmp_path / "x.npy", np.zeros((4, 2), np.float32))
    code, _, err = cli("quantize", *arguments)
    assert code == 2
    assert err.strip() == f"gatecast: {message}"
    assert not (tmp_path / "out.onnx").exists()
    assert (tmp_path / "model.onnx").read_bytes() == data


@pytest.mark.parametrize(("x", "label", "message"), [
    (np.ones((4, 3)), [0, 1, 2, 0], "the calibration frames hold 1 everywhere, which tells no ranges; use "
                                    "frames that are typical for the network"),
    (np.eye(4, 3), [0, 1, 3, 0], "label: found 0 to 3, allowed: classes from 0 to 2, one for each output of "
                                 "the model, and -1 for what does not count"),
    (np.eye(4, 3), [-1, -1, -1, -1], "label: found -1 to -1, allowed: classes from 0 to 2, one for each "
                                     "output of the model, and -1 for what does not count"),
])
def test_refuses_calibrations_that_say_nothing(x, label, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _identity(tmp_path)
    np.savez(tmp_path / "x.npz", x=x.astype(np.float32), label=np.array(label))
    code, _, err = cli("quantize", "model.onnx", "--calibration", "x.npz", "-o", "out.onnx")
    assert (code, err.strip()) == (2, f"gatecast: {message}")
    assert not (tmp_path / "out.onnx").exists()


def test_frames_without_a_class_do_not_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _identity(tmp_path)
    np.savez(tmp_path / "x.npz", x=np.eye(3, dtype=np.float32)[[0, 1, 2, 2]], label=np.array([0, 1, -1, 0]))
    found = numbers("quantize", "model.onnx", "--calibration", "x.npz", "-o", "out.onnx")
    assert found["float_accuracy"] == found["accuracy"] == 2 / 3


def _identity(folder):
    """A float model of three classes that gives its input."""
    b = OnnxBuilder(0)
    value = b.node("Gemm", "x", b.constant(np.eye(3), np.float32), b.constant(np.zeros(3), np.float32))
    (folder / "model.onnx").write_bytes(b.model({"x": (np.float32, ("batch", 3))}, value, np.float32, rank=2))


def test_without_onnx_runtime(tmp_path, monkeypatch):
    from gatecast import quantizer

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(quantizer, "import_module", missing)
    with pytest.raises(InputError, match=r"pip install 'gatecast\[quantize\]'"):
        quantizer.quantize(tmp_path / "model.onnx", np.zeros((1, 3)), tmp_path / "out.onnx")
