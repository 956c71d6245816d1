"""Weights drawn from a seed: for networks whose structure is of interest before anybody has trained them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..network import Tensor
from ..operators.arithmetic import INT32_MAX, Activation, activation_range
from ..operators.avg_pool import AvgPool
from ..operators.linear import Linear
from ..operators.max_pool import MaxPool
from ..operators.mean import Mean
from ..operators.operator import Int8, Operator
from ..quantization import INT8_MAX, INT8_MIN, Quantization
from .weights_file import Array

__all__ = ["RandomWeights"]

# Of all layers together: as many bytes as a weights file may hold.
MAX_WEIGHTS = 1 << 28
LARGEST_WEIGHT = 127
# What a value of a tensor may be away from its zero point.
LARGEST_VALUE = INT8_MAX - INT8_MIN
# Where nothing is said about a tensor: the zero point is the least value where an activation cuts off
# negative numbers, and a ReLU6 uses all values.
DEFAULT_SCALE = float(np.float32(6 / 255))
# Outputs of a layer spread so far, in parts of the way from the zero point to the farthest value: one in 260
# lies beyond that value if they are distributed normally.
SPREAD = 3 / 8
# What pools make of the root mean square of what they read: neighbours are alike, so less than for
# independent values.
MAX_POOL_GAIN, MEAN_GAIN = 1.25, 0.75
# Scales of the channels of a layer differ from the layer's by these parts of 256.
LEAST_FACTOR, FACTORS = 224, 64


class RandomWeights:
    """The arrays of layers, each drawn from ``seed`` and the name of its layer, in whatever order.

    Values come from the raw stream of PCG64, which is the same in every version of NumPy; scales come from
    the four operations and square roots, which IEEE 754 rounds to the nearest number. So every machine gets
    the same bytes.

    A sum of ``n`` products with independent weights of mean 0 has the root mean square
    ``sqrt(n) * rms(inputs) * rms(weights)``, however the inputs are distributed. Scales follow from that:
    the outputs of each layer spread over the int8 range, and few of them saturate. Weights shrink where ``n``
    is so large that sums could leave 32 bits. :meth:`follow` keeps account of the root mean squares.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._weights = 0
        # By tensor, away from its zero point, in steps of its scale.
        self._rms: dict[str, float] = {}

    def input(self, tensor: Tensor) -> None:
        """``tensor`` is the input of the network: its values are taken to be equally frequent."""
        self._rms[tensor.name] = LARGEST_VALUE / math.sqrt(12)

    def quantization(self, activation: str = "none") -> Quantization:
        """Of an output, where the description says nothing."""
        return Quantization(scale=DEFAULT_SCALE, zero_point=INT8_MIN if activation.startswith("relu")
                            and activation != "relu_n1_to_1" else 0)

    def sum_quantization(self, sources: Sequence[Tensor], activation: str) -> Quantization:
        """Of the sum of ``sources``, where the description says nothing: wide enough for it."""
        zero_point = self.quantization(activation).zero_point
        wanted = SPREAD * max(INT8_MAX - zero_point, zero_point - INT8_MIN)
        return Quantization(scale=float(np.float32(self._sum_rms(sources) / wanted)), zero_point=zero_point)

    def arrays(self, name: str, shape: tuple[int, ...], channels: int, *, source: Tensor,
               output: Quantization, activation: str) -> Mapping[str, Array]:
        """``weights`` of ``shape``, ``bias`` and ``weight_scales`` of layer ``name``, which reads ``source``.

        A ``ValueError`` where all layers together get too many weights.
        """
        size = math.prod(shape)
        self._weights += size
        if self._weights > MAX_WEIGHTS:
            raise ValueError(f"found {self._weights} random weights up to this layer, "
                             f"allowed: at most {MAX_WEIGHTS}")
        terms = size // channels
        shift = 0
        while (LARGEST_WEIGHT >> shift) * (LARGEST_VALUE + 1) * terms > INT32_MAX and shift < 6:
            shift += 1
        largest = LARGEST_WEIGHT >> shift
        sum_rms = math.sqrt(terms) * math.sqrt(largest * (largest + 1) / 3) * self._rms[source.name]
        scale = output.scale * self._spread(output, activation) / (_scale(source) * sum_rms)
        bias = self._bytes(f"{name}/bias", 4 * channels).view("<i4").astype(np.int64)
        factors = LEAST_FACTOR + self._bytes(f"{name}/scales", channels).astype(np.int64) % FACTORS
        # Quantizations that are written may be too far apart for float32, which the operator refuses.
        with np.errstate(over="ignore", under="ignore"):
            scales = (factors * (scale / 256)).astype(np.float32).astype(np.float64)
        return {
            "weights": self._drawn(f"{name}/weights", size, shift).reshape(shape),
            # Up to a quarter of what sums spread.
            "bias": ((bias * max(1, int(sum_rms / 4))) >> 31).astype(np.int32),
            "weight_scales": scales}

    def follow(self, operator: Operator, sources: Sequence[Tensor], output: Tensor) -> None:
        """Take note of what ``operator`` makes of ``sources``: the root mean square of ``output``."""
        rms = [self._rms[source.name] for source in sources]
        match operator:
            case Linear():
                found = self._spread(operator.output, operator.activation)
                # Half of the values are cut off.
                low, _ = activation_range(operator.activation, operator.output)
                found /= math.sqrt(2) if low >= operator.output.zero_point else 1
            case MaxPool():
                found = rms[0] * MAX_POOL_GAIN
            case AvgPool() | Mean():
                found = rms[0] * MEAN_GAIN * _scale(sources[0]) / _scale(output)
            case _ if len(sources) > 1 and output.shape == sources[0].shape:
                found = self._sum_rms(sources) / _scale(output)
            case _:
                found = math.sqrt(sum(each * each for each in rms) / len(rms))
        self._rms[output.name] = min(found, float(LARGEST_VALUE))

    def _sum_rms(self, sources: Sequence[Tensor]) -> float:
        """Root mean square of the sum of ``sources``, as a real number."""
        squares = [self._rms[source.name] * _scale(source) for source in sources]
        return math.sqrt(sum(each * each for each in squares))

    def _spread(self, output: Quantization, activation: Activation) -> float:
        """How many steps of ``output`` the results of a layer are to spread before its activation."""
        low, high = activation_range(activation, output)
        return SPREAD * max(high - output.zero_point, output.zero_point - low, 1)

    def _drawn(self, name: str, count: int, shift: int) -> Int8:
        """``count`` weights, positive and negative ones alike: else large sums would all lean to one side."""
        drawn = self._bytes(name, count)
        drawn[drawn == INT8_MIN] = 0
        return drawn if not shift else (np.sign(drawn) * (np.abs(drawn) >> shift)).astype(np.int8)

    def _bytes(self, name: str, count: int) -> Int8:
        """``count`` bytes that the seed and ``name`` decide."""
        key = hashlib.sha256(f"{self._seed}/{name}".encode()).digest()
        raw = np.random.PCG64(int.from_bytes(key, "little")).random_raw(-(-count // 8))
        drawn: npt.NDArray[np.int8] = np.asarray(raw).astype("<u8", copy=False).view(np.int8)[:count]
        return drawn


def _scale(tensor: Tensor) -> float:
    """That of ``tensor``; descriptions know int8 tensors only."""
    assert tensor.quantization is not None
    return tensor.quantization.scale
