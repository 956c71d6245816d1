"""What synthesis for ECP5 and iCE40 makes of accelerators, against the golden model, cycle by cycle."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx_builder import MICROSOFT, OnnxBuilder
from random_networks import network
from random_plans import random_plan
from tools import needs

import gatecast
from gatecast import golden, verilog
from gatecast.flows import flow_of
from gatecast.netlist import Netlist
from gatecast.planner import events
from gatecast.planner.numbers import layer_window
from gatecast.planner.schedule import schedule
from gatecast.reader.onnx.model_file import parse
from gatecast.reader.onnx.network_of import network_of
from gatecast.simulation import Stimulus
from gatecast.simulation.netlists import simulate_netlist

# Plans with few multipliers: of both kinds of arrays, in DSP blocks and in LUTs.
SMALL = [(2, "folded"), (3, "folded"), (14, "per-layer")]
FAMILIES = ("ecp5", "ice40")

# A systolic engine, and a channel engine with all that those do but products of maps.
ENGINES = """
name: engines
weights: {random: 7}
input: {shape: [4, 4, 2], quantization: {scale: 0.05, zero_point: 3}}
layers:
  - {name: conv, operator: conv2d, kernel: 2, channels: 2, padding: same,
     quantization: {scale: 0.05, zero_point: -5}}
  - {name: depthwise, operator: depthwise_conv2d, kernel: 2, padding: same,
     quantization: {scale: 0.04, zero_point: 9}}
  - {name: sum, operator: add, inputs: [conv, depthwise], quantization: {scale: 0.07, zero_point: -20}}
  - {name: largest, operator: max_pool, kernel: 2}
  - {name: average, operator: avg_pool, kernel: [2, 1]}
"""


def quiet(_step: str) -> None:
    """Say nothing."""


def check(plan: gatecast.Plan, frames: int, family: str = "ecp5", simulator: str = "verilator") -> Netlist:
    """Play the netlist of ``plan`` on random frames; the netlist, if all is right."""
    lowered, flow = plan.network, flow_of(family)
    shape = lowered.tensors[lowered.input].shape
    x = np.random.default_rng(frames).integers(-128, 128, (frames, *shape)).astype(np.int8)
    expected = golden.run_chip(lowered, x)[lowered.output].reshape(frames, -1)
    assert len(np.unique(expected)) > 1
    accelerator = gatecast.elaborate(plan)
    netlist = flow.synthesize(verilog.convert_rtlil(accelerator, "core"), "core", quiet)
    predicted = events.run(schedule(plan), frames, offered=frames).frame_cycles
    result = simulate_netlist(flow.modelled(netlist, quiet), "core", Stimulus(
        frames=x.reshape(frames, -1), output_bytes=accelerator.output_bytes, deadline=predicted[-1] + 10),
        simulator=simulator)
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.frame_cycles == predicted
    assert not result.tlast_error
    return Netlist(netlist, "core")


def registers(netlist: Netlist) -> Counter[str]:
    """How many multipliers there are, and how many of each of their registers are in use."""
    found = Counter[str]()
    for cell in netlist.cells.values():
        if cell["type"] == "MULT18X18D":
            found.update(["multipliers", *(name for name in cell["parameters"] if name.endswith("_CLK"))])
        elif cell["type"] == "SB_MAC16":
            found.update(["multipliers", *(name for name in ("A_REG", "B_REG", "PIPELINE_16x16_MULT_REG1",
                                                             "PIPELINE_16x16_MULT_REG2")
                                           if int(cell["parameters"][name], 2))])
    return found


@needs("yosys", "verilator")
def test_digits() -> None:
    network = gatecast.lower(gatecast.read("digits"))
    found = registers(check(
        gatecast.plan(network, gatecast.budget("ulx3s-85f", multipliers=12)), frames=2))
    # All registers of all multipliers are used.
    assert found["multipliers"] == found["REG_OUTPUT_CLK"] == found["REG_INPUTA_CLK"] == (
        found["REG_INPUTB_CLK"]) > 12


@needs("yosys", "verilator")
@pytest.mark.parametrize("board", ["icebreaker", "hx8k-evn"])
def test_digits_on_ice40(board: str) -> None:
    network = gatecast.lower(gatecast.read("digits"))
    plan = gatecast.plan(network, gatecast.budget(board, multipliers=4))
    netlist = check(plan, frames=1, family="ice40")
    need, found = gatecast.resources(plan, "ice40"), registers(netlist)
    assert netlist.types()["SB_RAM40_4K"] == need.block_rams
    # Arrays use all registers; products of requantizers, which are cut for blocks of 16 bits, those before.
    assert found["multipliers"] == need.dsps == (8 if board == "icebreaker" else 0)
    assert found["A_REG"] == found["B_REG"] == found["multipliers"]
    assert found["PIPELINE_16x16_MULT_REG1"] == found["PIPELINE_16x16_MULT_REG2"] >= need.dsps // 2


@needs("yosys", "icarus")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["dsp", "lut"])
def test_each_kind_of_engine(kind: str, family: str, tmp_path: Path) -> None:
    """Multipliers of arrays and requantizers in DSP blocks and in LUTs, contents in block RAM and in LUTs."""
    (tmp_path / "engines.yaml").write_text(ENGINES)
    network = gatecast.lower(gatecast.read(tmp_path / "engines.yaml"))
    plan = gatecast.plan(network, gatecast.Budget(multipliers=2), engines="folded")
    store = "block" if kind == "dsp" else "lut"
    plan = replace(
        plan, regions=tuple(replace(region, memory_in="block") for region in plan.regions),
        engines=tuple(replace(engine, array_in=kind, requantizer_in=kind, weights_in=store, tables_in=store,
                              parameters_in=store) for engine in plan.engines))
    assert {engine.kind for engine in plan.engines} == {"systolic", "channel"}
    assert {layer_window(layer).operation for layer in network.layers} == {
        "dot", "multiply", "lookup", "max", "sum"}
    # Small and short: Icarus needs no compiler, which would take longer than all frames.
    found = registers(check(plan, frames=2, family=family, simulator="icarus"))
    assert bool(found["multipliers"]) == (kind == "dsp")


@needs("yosys", "icarus")
@pytest.mark.parametrize(("seed", "style"), SMALL)
def test_random_plans(seed: int, style: str) -> None:
    check(random_plan(gatecast.lower(network(seed, layers=1 + seed % 3)), style, seed), frames=3,
          simulator="icarus")


@needs("yosys", "verilator")
def test_ds_cnn(shared_models: Path) -> None:
    network = gatecast.lower(gatecast.read(shared_models / "kws_ref_model.tflite"))
    check(gatecast.plan(network, gatecast.budget("ulx3s-85f", multipliers=16)), frames=1)


@needs("yosys", "icarus")
@pytest.mark.parametrize("family", FAMILIES)
def test_ties_and_weights_of_9_bits(family: str) -> None:
    """Of an ONNX network: scales that are powers of two, weights with a zero point of their own."""
    b = OnnxBuilder(5)
    first, second, last = (b.meaning(2.0 ** -exponent, unsigned=True) for exponent in (5, 3, 4))
    weights = b.weights((3, 2, 2, 2), None, dtype=np.uint8, zero=100, scale=2.0**-6)
    value = b.node("QLinearConv", "x", *first, *weights, *second)
    value = b.node("QLinearGlobalAveragePool", value, *second, *last, domain=MICROSOFT, channels_last=0)
    data = b.model({"x": (np.uint8, (1, 2, 4, 4))}, value, np.uint8)
    network = gatecast.lower(network_of(parse(data), "ties.onnx"))
    conv = layer_window(network.layers[0])
    assert conv.requantization.ties.any()
    assert conv.operands[0].weights is not None and conv.operands[0].weights.dtype == np.int16
    check(gatecast.plan(network, gatecast.Budget(multipliers=2), engines="folded"), frames=3, family=family,
          simulator="icarus")
