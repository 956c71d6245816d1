"""Accelerators of networks that branch and join: every output, frame and job start, exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from random_networks import linear, quantization
from random_plans import STYLES, random_plan
from tools import needs

from gatecast import golden
from gatecast.elaboration import elaborate
from gatecast.hdl.accelerator import Accelerator
from gatecast.hdl.channel import ChannelArray
from gatecast.lowering import lower
from gatecast.network import Layer, Network, Tensor
from gatecast.operators.add import Add, Sub
from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.concat import Concat
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.depthwise_conv2d import DepthwiseConv2d
from gatecast.operators.lookup import Lookup
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.mean import Mean
from gatecast.operators.mul import Mul
from gatecast.operators.operator import Operator
from gatecast.operators.resize_nearest import ResizeNearest
from gatecast.planner import events
from gatecast.planner.plan import Plan
from gatecast.planner.schedule import schedule
from gatecast.simulation import Stimulus, simulate


class Drawing:
    """A network, layer by layer; all tensors have one quantization, so that pools and copies fit anywhere."""

    def __init__(self, seed: int, *, channels: int | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.quantization = quantization(self.rng)
        shape = *map(int, self.rng.integers(2, 6, 2)), channels or int(self.rng.integers(1, 6))
        self.tensors = {"input": Tensor(name="input", shape=shape, quantization=self.quantization)}
        self.layers: list[Layer] = []

    def put(self, operator: Operator, *inputs: str) -> str:
        name = f"layer_{len(self.layers)}"
        shape = operator.output_shape([self.tensors[tensor].shape for tensor in inputs])
        self.tensors[name] = Tensor(name=name, shape=shape, quantization=self.quantization)
        self.layers.append(Layer(name=name, operator=operator, inputs=inputs, output=name, origin="drawn"))
        return name

    def conv(self, source: str, channels: int, kernel: int = 1) -> str:
        side = kernel // 2
        numbers = linear(self.rng, (channels, kernel, kernel, self.tensors[source].shape[2]),
                         self.quantization)
        return self.put(Conv2d(**{**numbers, "output": self.quantization}, padding=(side,) * 4), source)

    def depthwise(self, source: str) -> str:
        channels = self.tensors[source].shape[2]
        numbers = linear(self.rng, (channels, 3, 3), self.quantization)
        weights = np.moveaxis(numbers.pop("weights"), 0, -1)
        return self.put(DepthwiseConv2d(**{**numbers, "output": self.quantization}, weights=weights,
                                        padding=(1, 1, 1, 1)), source)

    def pair(self, kind: type[Add | Sub | Mul], *inputs: str) -> str:
        q = self.quantization
        return self.put(kind(first=q, second=q, output=q), *inputs)

    def pool(self, kind: type[AvgPool | MaxPool], source: str) -> str:
        return self.put(kind(kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1),
                             quantization=self.quantization), source)

    def lookup(self, source: str) -> str:
        table = self.rng.integers(-128, 128, 256).astype(np.int8)
        return self.put(Lookup(function="drawn", table=table), source)

    def network(self) -> Network:
        return Network(name="drawn", tensors=self.tensors, layers=tuple(self.layers), input="input",
                       output=self.layers[-1].output).verify()


def residual(seed: int) -> Network:
    """A tensor that two engines read, one that is added to itself, one that is multiplied by itself."""
    drawing = Drawing(seed)
    first = drawing.conv("input", 3, 3)
    second = drawing.conv(first, 3, 3)
    total = drawing.pair(Add, first, second)
    double = drawing.pair(Add, total, total)
    drawing.pair(Mul, double, double)
    return drawing.network()


def inception(seed: int) -> Network:
    """Four branches of the input, of very different length, read together."""
    drawing = Drawing(seed)
    branches = (drawing.conv("input", 2), drawing.pool(AvgPool, "input"), drawing.depthwise("input"),
                drawing.pool(MaxPool, drawing.conv("input", 2, 3)))
    joined = drawing.put(Concat(axis=2, count=4), *branches)
    drawing.pool(AvgPool, drawing.conv(joined, 3))
    return drawing.network()


def excitation(seed: int) -> Network:
    """Every row of a map waits for the mean of all of them."""
    drawing = Drawing(seed)
    first = drawing.conv("input", 4, 3)
    mean = drawing.put(Mean(input=drawing.quantization, output=drawing.quantization), first)
    scaled = drawing.pair(Mul, first, drawing.lookup(mean))
    drawing.pair(Sub, scaled, mean)
    return drawing.network()


def upsampling(seed: int) -> Network:
    """A map that grows by a ratio that is no whole number, beside one that is read as it is."""
    drawing = Drawing(seed, channels=2)
    height, width, _ = drawing.tensors["input"].shape
    size = height + int(drawing.rng.integers(1, 4)), width + int(drawing.rng.integers(0, 4))
    grown = drawing.put(ResizeNearest(size=size, half_pixel_centers=bool(seed % 2)), "input")
    other = drawing.put(ResizeNearest(size=size), drawing.lookup("input"))
    joined = drawing.put(Concat(axis=2, count=2), grown, other)
    drawing.pair(Sub, drawing.conv(joined, 2, 3), grown)
    return drawing.network()


def mixture(seed: int) -> Network:
    """All operations of both kinds of engines, several operands, averages that count, columns that resize."""
    drawing = Drawing(seed, channels=2)
    joined = drawing.put(Concat(axis=2, count=2), drawing.depthwise("input"), drawing.pool(AvgPool, "input"))
    first = drawing.conv(joined, 2)
    mean = drawing.put(Mean(input=drawing.quantization, output=drawing.quantization), first)
    scaled = drawing.pair(Mul, first, drawing.lookup(mean))
    height, width, _ = drawing.tensors["input"].shape
    grown = drawing.put(ResizeNearest(size=(height + 1, width + 2)), scaled)
    drawing.pair(Add, drawing.pool(MaxPool, grown), mean)
    return drawing.network()


DRAWINGS = (residual, inception, excitation, upsampling)


def make(draw: Callable[[int], Network], seed: int, style: str,
         frames: int) -> tuple[Plan, Accelerator, events.Timeline, dict[str, Any], np.ndarray]:
    """A random plan of a drawing, its accelerator, what should happen, a stimulus and the right outputs."""
    whole = draw(seed)
    x = np.random.default_rng(seed).integers(
        -128, 128, (frames, *whole.tensors[whole.input].shape)).astype(np.int8)
    expected = golden.run(whole, x)[whole.output].reshape(frames, -1)
    plan = random_plan(lower(whole), style, seed)
    predicted = events.run(schedule(plan), frames, offered=frames)
    accelerator = elaborate(plan)
    stimulus = {"frames": x.reshape(frames, -1), "output_bytes": accelerator.output_bytes,
                "deadline": predicted.frame_cycles[-1] + 10}
    return plan, accelerator, predicted, stimulus, expected


@pytest.mark.parametrize(("seed", "style"), [*enumerate(STYLES)])
@pytest.mark.parametrize("draw", DRAWINGS)
def test_outputs_and_cycles(draw: Callable[[int], Network], seed: int, style: str) -> None:
    plan, accelerator, predicted, stimulus, expected = make(draw, seed, style, frames=3)
    probes = {f"{plan.engines[index].name}.{what}": signal for index, engine in enumerate(accelerator.engines)
              for what, signal in (("start", engine.job_start), ("layer", engine.job_layer))}
    result = simulate(accelerator, Stimulus(**stimulus), simulator="python", probes=probes)
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.frame_cycles == predicted.frame_cycles
    starts = sorted(
        (cycle + 1, engine.name, engine.layers[layer])
        for engine in plan.engines
        for cycle, (start, layer) in enumerate(
            zip(result.probes[f"{engine.name}.start"], result.probes[f"{engine.name}.layer"], strict=True))
        if start)
    names = [engine.name for engine in plan.engines]
    assert starts == sorted((job.cycle, job.actor, job.layer) for job in predicted.jobs if job.actor in names)


@needs("icarus")
def test_a_reset_of_one_cycle_in_mid_frame() -> None:
    """Where what the reset leaves out is unknown at power-on; with stalls on both links besides."""
    _, accelerator, _, stimulus, expected = make(mixture, 7, "two", frames=2)
    assert {layer.operation for engine in accelerator.params.engines for layer in engine.layers} == {
        "dot", *ChannelArray.OPERATIONS}
    result = simulate(accelerator, Stimulus(
        **{**stimulus, "deadline": 50 * stimulus["deadline"]}, seed=1, source_stall=0.3, sink_stall=0.3,
        reset_after_bytes=stimulus["frames"].size * 3 // 4, reset_delay=9, reset_cycles=1), "icarus")
    np.testing.assert_array_equal(result.outputs, expected)
