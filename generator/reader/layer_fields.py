"""What the builders of layers read: fields that several operators share, and the arrays of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..hints import did_you_mean
from ..network import Tensor
from ..quantization import Quantization
from .fields import KEY, SCALE, Fields, Kind, choice, integer, integers, listed, pair
from .random_weights import RandomWeights
from .same_padding import same_padding
from .weights_file import Array, WeightsFile

__all__ = ["CHANNELS", "KERNEL", "MAX_SIZE", "STEP", "LayerFields", "Weights", "quantization", "written"]

Pair = tuple[int, int]
# Where the arrays of a description come from.
Weights = WeightsFile | RandomWeights | None

# The largest height, width or number of channels.
MAX_SIZE = 4096
MAX_KERNEL = 256

CHANNELS = integer(1, MAX_SIZE)
KERNEL = pair(1, MAX_KERNEL)
STEP = pair(1, MAX_KERNEL)
MARGINS = integers("top, left, bottom, right", 0, MAX_KERNEL - 1)
NAMED_PADDING = choice("same", "valid")
PADDING: Kind[str | tuple[int, ...]] = Kind(
    f"same, valid or {MARGINS.allowed}", lambda node: NAMED_PADDING.parse(node) or MARGINS.parse(node),
    NAMED_PADDING.words)
ACTIVATION = choice("none", "relu", "relu6", "relu_n1_to_1")
ZERO_POINT = integer(-128, 127)
QUANTIZATION_ALLOWED = "{scale: NUMBER, zero_point: INTEGER}"


def quantization(fields: Fields, default: Quantization | None = None) -> Quantization:
    """The field ``quantization`` of the input or of a layer; required where there is no ``default``."""
    if default is not None and "quantization" not in fields:
        return default
    inner = fields.inner("quantization", QUANTIZATION_ALLOWED)
    inner.only(("scale", "zero_point"))
    return Quantization(scale=inner.get("scale", SCALE), zero_point=inner.get("zero_point", ZERO_POINT))


def written(meaning: Quantization) -> str:
    """A quantization for a message."""
    return f"{{scale: {meaning.scale:.6g}, zero_point: {meaning.zero_point}}}"


@dataclass(frozen=True)
class LayerFields:
    """One layer of a description: its name, its fields, what it reads, and where its arrays come from."""

    name: str
    fields: Fields
    sources: tuple[Tensor, ...]
    weights: Weights

    @property
    def source(self) -> Tensor:
        """What a layer with one input reads, and any other reads first."""
        return self.sources[0]

    @property
    def meanings(self) -> tuple[Quantization, ...]:
        """Those of the sources; descriptions know int8 tensors only."""
        found = tuple(source.quantization for source in self.sources)
        return tuple(meaning for meaning in found if meaning is not None)

    @property
    def meaning(self) -> Quantization:
        """That of the source."""
        return self.meanings[0]

    def padding(self, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[int, int, int, int]:
        """Rows and columns added: top, left, bottom, right."""
        padding = self.fields.get_or("padding", PADDING, "valid")
        if padding == "valid":
            return 0, 0, 0, 0
        if padding == "same":
            top, bottom = same_padding(self.source.shape[0], kernel[0], stride[0], dilation[0])
            left, right = same_padding(self.source.shape[1], kernel[1], stride[1], dilation[1])
            return top, left, bottom, right
        top, left, bottom, right = map(int, padding)
        return top, left, bottom, right

    def activation(self) -> str:
        """The activation, none by default."""
        return self.fields.get_or("activation", ACTIVATION, "none")

    def output(self, activation: str) -> Quantization:
        """The quantization of a convolution or a dense layer, which only random weights choose themselves."""
        default = self.weights.quantization(activation) if isinstance(self.weights, RandomWeights) else None
        return quantization(self.fields, default)

    def same(self, of: str) -> Quantization:
        """The quantization of an operator that keeps its input's, which is that ``of`` something."""
        if "quantization" in self.fields and (found := quantization(self.fields)) != self.meaning:
            raise self.fields.refusal("quantization", f"found {written(found)}, allowed: nothing, or that of "
                                                      f"{of}, {written(self.meaning)}")
        return self.meaning

    def arrays(self, shape: tuple[int, ...], axes: str, channels: int, output: Quantization,
               activation: str) -> Mapping[str, Array]:
        """``weights`` of ``shape``, ``bias [channels]`` and ``weight_scales [channels]`` or ``[1]``.

        ``axes`` names those of ``shape`` for messages; random arrays are made for ``output`` and
        ``activation``.
        """
        if isinstance(self.weights, RandomWeights):
            for key in ("weights", "bias", "scales"):
                if key in self.fields:
                    raise self.fields.refusal(key, "found the name of an array, allowed: nothing, because "
                                                   "all weights of this description are random")
            return self.weights.arrays(self.name, shape, channels, source=self.source, output=output,
                                       activation=activation)
        return {"weights": self._array("weights", ("int8",), axes, shape),
                "bias": self._array("bias", ("int32",), "channels", (channels,)),
                "weight_scales": self._scales(channels)}

    def _array(self, key: str, dtypes: tuple[str, ...], axes: str, *shapes: tuple[int, ...]) -> Array:
        """The array of field ``key``, by default ``<layer>/<key>``, of one of ``dtypes`` and ``shapes``."""
        name = self.fields.get_or(key, KEY, f"{self.name}/{key}")
        if not isinstance(self.weights, WeightsFile):
            raise self.fields.refusal(key, "found no weights file, allowed: 'weights: FILE.npz' or "
                                           "'weights: {random: SEED}' at the top of the description")
        if name not in self.weights.names:
            raise self.fields.refusal(key, f"found no array '{name}' in {self.weights.name}"
                                           f"{did_you_mean(name, self.weights.names)}, "
                                           f"allowed: {listed(self.weights.names)}")
        try:
            array = self.weights.array(name)
        except ValueError as error:
            raise self.fields.refusal(key, str(error)) from error
        if array.dtype.name not in dtypes or array.dtype.byteorder == ">" or array.shape not in shapes:
            allowed = " or ".join(f"{dtype} {list(shape)}" for dtype in dtypes for shape in shapes)
            raise self.fields.refusal(key, f"found {array.dtype} {list(array.shape)} in '{name}' of "
                                           f"{self.weights.name}, allowed: {allowed} ({axes})")
        return array

    def _scales(self, channels: int) -> npt.NDArray[np.float64]:
        """The weight scales, one or one for each output channel, as the float32 values of the arithmetic."""
        shapes = ((channels,), (1,)) if channels > 1 else ((1,),)
        array = self._array("scales", ("float32", "float64"), "channels, or one for all", *shapes)
        with np.errstate(over="ignore", under="ignore"):
            scales = array.astype(np.float32).astype(np.float64)
        wrong = array[~((scales > 0) & np.isfinite(scales))]
        if len(wrong):
            raise self.fields.refusal("scales", f"found {wrong[0]:g}, allowed: positive float32 numbers")
        return scales
