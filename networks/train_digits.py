"""Train, quantize and write the shipped digits network: ``python -m gatecast.networks.train_digits``.

Needs the extra ``train`` (scikit-learn, for its images only): the network itself is trained by the few
lines of NumPy below. Everything is seeded; a second run on the same machine writes the same bytes.
Written are ``digits.yaml``, its weights ``digits.npz`` and the held-back labelled images
``digits_test.npz``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatecast import golden
from gatecast.reader import read

from .float_cnn import WEIGHT_MAX, FloatCnn, Floats, Ints, train, weight_scales

__all__ = ["main"]

SEED = 2026
EPOCHS = 150
# One image in so many is held back.
HELD_BACK = 5
PIXEL_MAX = 16

DESCRIPTION = """\
# A small CNN that reads scikit-learn's handwritten digits (8 x 8 pixels, grey values 0 to 16).
# Written by train_digits.py, in the format that docs/network-description.md explains.
name: digits
weights: digits.npz

input:
  name: image
  shape: [8, 8, 1]
  quantization: {{scale: {image_scale}, zero_point: {image_zero}}}  # the integers are the grey values

layers:
  - name: conv1
    operator: conv2d
    kernel: 3
    channels: 8
    padding: same
    activation: relu
    quantization: {{scale: {conv1_scale}, zero_point: {conv1_zero}}}

  - name: conv2
    operator: conv2d
    kernel: 3
    channels: 16
    padding: same
    activation: relu
    quantization: {{scale: {conv2_scale}, zero_point: {conv2_zero}}}

  - name: pool
    operator: max_pool
    kernel: 2

  - name: conv3
    operator: conv2d
    kernel: 3
    channels: 16
    activation: relu
    quantization: {{scale: {conv3_scale}, zero_point: {conv3_zero}}}

  - name: scores
    operator: dense
    channels: 10
    quantization: {{scale: {scores_scale}, zero_point: {scores_zero}}}
"""


def main() -> None:
    """Train, write the three files, print both accuracies."""
    parser = argparse.ArgumentParser(description="Train and quantize the digits network.")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("digits"),
                        help="folder to write to (default: where the shipped network lies)")
    folder = parser.parse_args().output

    pixels, labels = _images()
    held_back = _stratified(labels, np.random.default_rng(SEED))
    images = pixels / np.float32(PIXEL_MAX)
    model = train(images[~held_back], labels[~held_back], EPOCHS, SEED)
    scores = model.activations(images[held_back])["scores"]
    print(f"float32: {_accuracy(scores, labels[held_back])}")

    folder.mkdir(parents=True, exist_ok=True)
    description, arrays = _quantized(model, images[~held_back])
    (folder / "digits.yaml").write_text(description, encoding="utf-8", newline="\n")
    np.savez(folder / "digits.npz", **arrays)
    x, label = pixels[held_back].astype(np.int8), labels[held_back].astype(np.int8)
    np.savez(folder / "digits_test.npz", x=x, label=label)

    network = read(folder / "digits.yaml")
    print(f"int8:    {_accuracy(golden.run(network, x)[network.output].reshape(len(x), -1), label)}")


def _images() -> tuple[Floats, Ints]:
    """All images ``[n, 8, 8, 1]`` of grey values 0 to 16, and their digits."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return pixels.reshape(-1, 8, 8, 1).astype(np.float32), labels.astype(np.int64)


def _stratified(labels: Ints, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which images are held back: the same share of every digit, rounded up."""
    chosen = np.zeros(len(labels), np.bool_)
    for digit in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == digit))
        chosen[places[:-(-len(places) // HELD_BACK)]] = True
    return chosen


def _quantized(model: FloatCnn, images: Floats) -> tuple[str, dict[str, Any]]:
    """The description with its scales, and the arrays of the weights file.

    An output's range is what the training ``images`` reach, zero included. A bias has the scale of the
    sums that it is added to: input scale times weight scale.
    """
    input_scale = 1 / PIXEL_MAX
    numbers: dict[str, float] = {"image_scale": input_scale, "image_zero": 0}
    arrays: dict[str, Any] = {}
    outputs = model.activations(images)
    for layer in ("conv1", "conv2", "conv3", "scores"):
        weights, bias = model.parameters[f"{layer}/weights"], model.parameters[f"{layer}/bias"]
        scales = weight_scales(weights)
        steps = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1)))
        arrays[f"{layer}/weights"] = np.clip(steps, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)
        arrays[f"{layer}/bias"] = np.rint(bias / (input_scale * scales.astype(np.float64))).astype(np.int32)
        arrays[f"{layer}/scales"] = scales

        low, high = min(0.0, float(outputs[layer].min())), float(outputs[layer].max())
        # Six digits are plenty for a scale and make the description readable.
        input_scale = float(f"{(high - low) / 255:.6g}")
        numbers[f"{layer}_scale"] = input_scale
        numbers[f"{layer}_zero"] = round(-128 - low / input_scale)
    return DESCRIPTION.format_map(numbers), arrays


def _accuracy(scores: npt.NDArray[np.generic], labels: npt.NDArray[np.integer]) -> str:
    right = int((scores.argmax(axis=1) == labels).sum())
    return f"{right} of {len(labels)} held-back images right, {right / len(labels):.2%}"


if __name__ == "__main__":
    main()
