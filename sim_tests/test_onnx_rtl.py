"""ONNX networks in RTL: every tensor and frame cycle of each operator, and of a real network."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_builder import OnnxBuilder
from onnx_case import frames_of
from onnx_cases import EXACT
from random_onnx import random_network
from random_plans import STYLES, random_plan
from tools import needs

import gatecast
from gatecast.lowering import lower
from gatecast.planner import events
from gatecast.planner.regions import with_two_frames
from gatecast.planner.schedule import schedule
from gatecast.reader.onnx.model_file import parse
from gatecast.reader.onnx.network_of import network_of

FRAMES = 3
# Each operation of a window, ties and weights of 9 bits among them.
OPERATORS = ("QLinearConv", "QLinearMatMul", "Flatten", "QLinearAdd", "QLinearMul", "Sub",
             "Mul of a constant", "HardSwish", "MaxPool", "QLinearAveragePool", "Concat", "Resize",
             "BatchNormalization", "Gather", "channel shuffle", "SpaceToDepth", "Clip of integers", "Cast")


@pytest.mark.parametrize("seed", range(1))
@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name, seed):
    case = EXACT[name](OnnxBuilder([seed, *name.encode()]))
    network = network_of(parse(case.data), "model.onnx")
    plan = random_plan(lower(network), STYLES[seed % len(STYLES)], seed)
    x = frames_of(case, FRAMES).reshape(FRAMES, *network.tensors[network.first_input].shape)
    assert gatecast.compare(plan, x, network=network, simulator="python", seed=seed).failures == ()


@pytest.mark.parametrize("seed", [9, 20, 23, 24])
def test_random_network(seed):
    case = random_network(seed, blocks=2)
    network = network_of(parse(case.data), "model.onnx")
    lowered = lower(network)
    plan = random_plan(lowered, STYLES[seed % len(STYLES)], seed)
    try:
        events.run(schedule(plan), FRAMES, offered=FRAMES)
    except events.Deadlock:
        plan = with_two_frames(plan)
    x = frames_of(case, FRAMES).reshape(FRAMES, *network.tensors[network.first_input].shape)
    assert gatecast.compare(plan, x, network=network, simulator="python", seed=seed).failures == ()


@needs("cxxrtl")
def test_digits(shared_models):
    """Quantized by ONNX Runtime's own quantizer: requantizers that settle ties beside ones that need not."""
    network = gatecast.read(shared_models / "digits_cnn_int8_qoperator.onnx")
    lowered = lower(network)
    assert any(layer.operator.requantization.ties.any() for layer in lowered.layers)
    plan = gatecast.plan(lowered, gatecast.budget("ulx3s-85f", multipliers=16), engines="folded")
    vectors = np.load(shared_models / "vectors" / "digits_cnn.npz")
    assert gatecast.compare(plan, vectors["x"][:20], network=network, simulator="cxxrtl").failures == ()
