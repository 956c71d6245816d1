"""One layer of a description as an operator: its keys, their defaults and the arrays that it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..network import Tensor
from ..operators.add import Add
from ..operators.avg_pool import AvgPool
from ..operators.concat import Concat
from ..operators.conv2d import Conv2d
from ..operators.dense import Dense
from ..operators.depthwise_conv2d import DepthwiseConv2d
from ..operators.max_pool import MaxPool
from ..operators.mean import Mean
from ..operators.operator import Operator
from ..quantization import Quantization
from .fields import Fields
from .layer_fields import CHANNELS, KERNEL, STEP, LayerFields, Weights, quantization, written
from .random_weights import RandomWeights

__all__ = ["KEYS", "SEVERAL", "build"]

# Operators with the field ``inputs``, and the least and the greatest number of names in it.
SEVERAL = {"add": (2, 2), "concat": (2, 64)}

COMMON = ("name", "operator", "input")
COMMON_OF_SEVERAL = ("name", "operator", "inputs")
WINDOW = ("kernel", "stride", "padding")
OUTPUT = ("activation", "quantization")
ARRAYS = ("weights", "bias", "scales")
KEYS = {
    "conv2d": (*COMMON, "channels", *WINDOW, "dilation", "groups", *OUTPUT, *ARRAYS),
    "depthwise_conv2d": (*COMMON, "multiplier", *WINDOW, "dilation", *OUTPUT, *ARRAYS),
    "dense": (*COMMON, "channels", *OUTPUT, *ARRAYS),
    "max_pool": (*COMMON, *WINDOW, *OUTPUT),
    "avg_pool": (*COMMON, *WINDOW, *OUTPUT),
    "mean": (*COMMON, "quantization"),
    "add": (*COMMON_OF_SEVERAL, *OUTPUT),
    "concat": (*COMMON_OF_SEVERAL, "quantization"),
}

Built = tuple[Operator, Quantization]


def build(name: str, operator: str, fields: Fields, sources: tuple[Tensor, ...], weights: Weights) -> Built:
    """The operator of layer ``name`` on ``sources``, and what its output means.

    Raises :class:`InputError` for a field and ``ValueError`` for values that do not fit together.
    """
    return BUILDERS[operator](LayerFields(name, fields, sources, weights))


def _conv2d(layer: LayerFields) -> Built:
    fields, (_, _, source_channels) = layer.fields, layer.source.shape
    channels, kernel = fields.get("channels", CHANNELS), fields.get("kernel", KERNEL)
    stride, dilation = fields.get_or("stride", STEP, (1, 1)), fields.get_or("dilation", STEP, (1, 1))
    groups = fields.get_or("groups", CHANNELS, 1)
    if source_channels % groups or channels % groups:
        raise fields.refusal("groups", f"found {groups}, allowed: a divisor of the {source_channels} "
                                       f"channels of the input and of the {channels} of the output")
    padding, activation = layer.padding(kernel, stride, dilation), layer.activation()
    output = layer.output(activation)
    axes = "channels, kernel height, kernel width, input channels" + " of a group" * (groups > 1)
    arrays = layer.arrays((channels, *kernel, source_channels // groups), axes, channels, output, activation)
    return Conv2d(weights=arrays["weights"], bias=arrays["bias"],
                  weight_scales=np.broadcast_to(arrays["weight_scales"], channels).copy(), stride=stride,
                  padding=padding, dilation=dilation, activation=activation, input=layer.meaning,
                  output=output), output


def _depthwise_conv2d(layer: LayerFields) -> Built:
    fields, (_, _, source_channels) = layer.fields, layer.source.shape
    channels = source_channels * fields.get_or("multiplier", CHANNELS, 1)
    kernel = fields.get("kernel", KERNEL)
    stride, dilation = fields.get_or("stride", STEP, (1, 1)), fields.get_or("dilation", STEP, (1, 1))
    padding, activation = layer.padding(kernel, stride, dilation), layer.activation()
    output = layer.output(activation)
    arrays = layer.arrays((*kernel, channels), "kernel height, kernel width, channels", channels, output,
                          activation)
    return DepthwiseConv2d(weights=arrays["weights"], bias=arrays["bias"],
                           weight_scales=np.broadcast_to(arrays["weight_scales"], channels).copy(),
                           stride=stride, padding=padding, dilation=dilation, activation=activation,
                           input=layer.meaning, output=output), output


def _dense(layer: LayerFields) -> Built:
    channels = layer.fields.get("channels", CHANNELS)
    activation = layer.activation()
    output = layer.output(activation)
    arrays = layer.arrays((channels, layer.source.size), "channels, input values", channels, output,
                          activation)
    return Dense(weights=arrays["weights"], bias=arrays["bias"], weight_scales=arrays["weight_scales"],
                 activation=activation, input=layer.meaning, output=output), output


def _pool(operator: type[MaxPool] | type[AvgPool], layer: LayerFields) -> Built:
    kernel = layer.fields.get("kernel", KERNEL)
    stride = layer.fields.get_or("stride", STEP, kernel)
    padding, activation = layer.padding(kernel, stride, (1, 1)), layer.activation()
    same = layer.same("the pool's input")
    return operator(kernel=kernel, stride=stride, padding=padding, activation=activation,
                    quantization=same), same


def _mean(layer: LayerFields) -> Built:
    output = quantization(layer.fields, layer.meaning)
    return Mean(input=layer.meaning, output=output), output


def _add(layer: LayerFields) -> Built:
    activation, (first, second) = layer.activation(), layer.meanings
    default = (layer.weights.sum_quantization(layer.sources, activation)
               if isinstance(layer.weights, RandomWeights) else None)
    output = quantization(layer.fields, default)
    return Add(first=first, second=second, output=output, activation=activation), output


def _concat(layer: LayerFields) -> Built:
    for source, meaning in zip(layer.sources, layer.meanings, strict=True):
        if meaning != layer.meaning:
            raise layer.fields.refusal(
                "inputs", f"found '{layer.source.name}' with {written(layer.meaning)} and '{source.name}' "
                          f"with {written(meaning)}, allowed: inputs of one quantization")
    return Concat(axis=2, count=len(layer.sources)), layer.same("the inputs")


BUILDERS: dict[str, Callable[[LayerFields], Built]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "dense": _dense,
    "max_pool": partial(_pool, MaxPool),
    "avg_pool": partial(_pool, AvgPool),
    "mean": _mean,
    "add": _add,
    "concat": _concat,
}
