"""The digits network in float32: forward, backward and Adam in plain NumPy.

conv1 3x3 same, relu; conv2 3x3 same, relu; maximum over 2x2; conv3 3x3 valid, relu; dense. Layouts are those
of Gatecast: images ``[n, h, w, c]``, convolution weights ``[co, kh, kw, ci]``, dense weights
``[co, h * w * ci]``. Training is quantization-aware: after a warm-up the forward pass uses weights rounded
to int8 per output channel, and their gradients pass straight through to the float weights.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["WEIGHT_MAX", "FloatCnn", "Floats", "Ints", "train", "weight_scales"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Symmetric weights use -127..127, so that a weight and its negative are equally exact.
WEIGHT_MAX = 127
BATCH = 48
LEARNING_RATE = 4e-3
# The share of the epochs that trains with plain float weights, before they are rounded.
WARM_UP = 0.6
# Images are shifted by up to this many pixels in training; the digits fill their 8 x 8 almost wholly.
SHIFT = 1
ADAM_MEAN, ADAM_SQUARE, ADAM_EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)

PADDING = {"conv1": 1, "conv2": 1, "conv3": 0}

Parameters = dict[str, Floats]


def weight_scales(weights: Floats) -> Floats:
    """Scale of each output channel: its largest weight becomes 127."""
    peaks = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    return np.asarray(np.maximum(peaks / WEIGHT_MAX, 1e-8), np.float32)


class FloatCnn:
    """The network with its parameters, keyed ``<layer>/weights`` and ``<layer>/bias`` as in the ``.npz``."""

    def __init__(self, generator: np.random.Generator) -> None:
        shapes = {"conv1": (8, 3, 3, 1), "conv2": (16, 3, 3, 8), "conv3": (16, 3, 3, 16), "scores": (10, 64)}
        self.parameters: Parameters = {}
        for layer, shape in shapes.items():
            # He's initialization keeps the variance through ReLUs.
            deviation = np.sqrt(2 / np.prod(shape[1:]))
            self.parameters[f"{layer}/weights"] = generator.normal(0, deviation, shape).astype(np.float32)
            self.parameters[f"{layer}/bias"] = np.zeros(shape[0], np.float32)

    def activations(self, images: Floats, rounded: bool = True) -> dict[str, Floats]:
        """Every layer's output, by its name; ``rounded`` uses the weights as int8 will have them."""
        parameters = _rounded(self.parameters) if rounded else self.parameters
        conv1 = _relu(_conv(images, parameters, "conv1"))
        conv2 = _relu(_conv(conv1, parameters, "conv2"))
        pool = _blocks(conv2).max(axis=3)
        conv3 = _relu(_conv(pool, parameters, "conv3"))
        flat = conv3.reshape(len(images), -1)
        scores = flat @ parameters["scores/weights"].T + parameters["scores/bias"]
        return {"conv1": conv1, "conv2": conv2, "pool": pool, "conv3": conv3, "scores": scores}

    def gradients(self, images: Floats, labels: Ints, rounded: bool) -> Parameters:
        """Gradient of the mean cross entropy with respect to every parameter."""
        parameters = _rounded(self.parameters) if rounded else self.parameters
        values = self.activations(images, rounded)
        gradients: Parameters = {}

        error = _softmax(values["scores"])
        error[np.arange(len(labels)), labels] -= 1
        error /= np.float32(len(labels))
        gradients["scores/weights"] = error.T @ values["conv3"].reshape(len(images), -1)
        gradients["scores/bias"] = error.sum(axis=0)

        back = (error @ parameters["scores/weights"]).reshape(values["conv3"].shape)
        back = _conv_back(back * (values["conv3"] > 0), values["pool"], parameters, "conv3", gradients)
        # Equal maxima share the gradient: after a ReLU several zeros in a block are common.
        winners = _blocks(values["conv2"]) == values["pool"][:, :, :, None]
        back = _unblocks(winners * (back[:, :, :, None] / winners.sum(axis=3, keepdims=True)))
        back = _conv_back(back * (values["conv2"] > 0), values["conv1"], parameters, "conv2", gradients)
        _conv_back(back * (values["conv1"] > 0), images, parameters, "conv1", gradients)
        return gradients


def train(images: Floats, labels: Ints, epochs: int, seed: int) -> FloatCnn:
    """A network trained with Adam on ``images`` ``[n, 8, 8, 1]`` in 0..1 and their digits."""
    generator = np.random.default_rng(seed)
    model = FloatCnn(generator)
    means = {key: np.zeros_like(value) for key, value in model.parameters.items()}
    squares = {key: np.zeros_like(value) for key, value in model.parameters.items()}
    steps = epochs * (len(images) // BATCH)
    step = 0
    for epoch in range(epochs):
        order = generator.permutation(len(images))
        for first in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[first:first + BATCH]
            gradients = model.gradients(_shifted(images[chosen], generator), labels[chosen],
                                        rounded=epoch >= WARM_UP * epochs)
            step += 1
            # Half a cosine from the full rate down to nothing.
            rate = np.float32(LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / steps)))
            for key, gradient in gradients.items():
                means[key] += (1 - ADAM_MEAN) * (gradient - means[key])
                squares[key] += (1 - ADAM_SQUARE) * (gradient * gradient - squares[key])
                mean = means[key] / (1 - ADAM_MEAN**step)
                square = squares[key] / (1 - ADAM_SQUARE**step)
                model.parameters[key] -= rate * mean / (np.sqrt(square) + ADAM_EPSILON)
    return model


def _shifted(images: Floats, generator: np.random.Generator) -> Floats:
    """Each image moved by its own few pixels, empty pixels coming in."""
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    windows = sliding_window_view(padded, (height, width), axis=(1, 2))
    rows, columns = generator.integers(0, 2 * SHIFT + 1, (2, count))
    return np.asarray(windows[np.arange(count), rows, columns].transpose(0, 2, 3, 1))


def _rounded(parameters: Parameters) -> Parameters:
    """Weights at the values that int8 can hold, biases as they are."""
    result = dict(parameters)
    for key, weights in parameters.items():
        if key.endswith("/weights"):
            scales = weight_scales(weights).reshape(-1, *[1] * (weights.ndim - 1))
            result[key] = np.rint(weights / scales) * scales
    return result


def _relu(values: Floats) -> Floats:
    return np.asarray(np.maximum(values, 0), np.float32)


def _softmax(scores: Floats) -> Floats:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def _blocks(values: Floats) -> Floats:
    """``[n, h, w, c]`` to ``[n, h/2, w/2, 4, c]``: the 2 x 2 blocks that the pool looks at."""
    n, h, w, c = values.shape
    return values.reshape(n, h // 2, 2, w // 2, 2, c).swapaxes(2, 3).reshape(n, h // 2, w // 2, 4, c)


def _unblocks(blocks: Floats) -> Floats:
    """The inverse of ``_blocks``."""
    n, h, w, _, c = blocks.shape
    return blocks.reshape(n, h, w, 2, 2, c).swapaxes(2, 3).reshape(n, 2 * h, 2 * w, c)


def _patches(values: Floats, padding: int) -> Floats:
    """Every 3 x 3 neighbourhood as one row: ``[n, oh, ow, 9 * c]``, taps in the order of the weights."""
    padded = np.pad(values, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*windows.shape[:3], -1)


def _conv(values: Floats, parameters: Parameters, layer: str) -> Floats:
    weights = parameters[f"{layer}/weights"]
    patches = _patches(values, PADDING[layer])
    return np.asarray(patches @ weights.reshape(len(weights), -1).T + parameters[f"{layer}/bias"])


def _conv_back(error: Floats, values: Floats, parameters: Parameters, layer: str,
               gradients: Parameters) -> Floats:
    """Note the layer's gradients and give the error with respect to its input ``values``."""
    weights, padding = parameters[f"{layer}/weights"], PADDING[layer]
    rows = error.reshape(-1, len(weights))
    patches = _patches(values, padding).reshape(len(rows), -1)
    gradients[f"{layer}/weights"] = (rows.T @ patches).reshape(weights.shape)
    gradients[f"{layer}/bias"] = rows.sum(axis=0)
    # The input's error is a convolution too: of the output's error with the kernel turned around.
    turned = weights[:, ::-1, ::-1].transpose(3, 1, 2, 0)
    back = _patches(error, 2 - padding)
    return np.asarray(back @ turned.reshape(len(turned), -1).T)
