"""Weights from outside the chip: plans for networks that no chip here holds, and refusals to build them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runner import cli, numbers, refused
from random_networks import network as random_network

import gatecast
from gatecast.commands.plan_tables import shown
from gatecast.errors import InputError
from gatecast.planner import Budget, search
from gatecast.planner.parameters import array_params
from gatecast.planner.weight_stream import weight_stream_bytes
from gatecast.summary import plan_summary

SENTENCE = ("a weight stream from external memory is not built yet; plan with the weights on the chip, for a "
            "larger board or a smaller network")


def test_alexnet_with_the_multipliers_of_dnnbuilder() -> None:
    """X. Zhang et al. (ICCAD 2018) plan AlexNet with 456 multipliers, 71.3 % of them busy."""
    network = gatecast.read("alexnet")
    found = search(gatecast.lower(network), Budget(multipliers=456), external_weights=True)
    assert found.plan.external_weights and found.exact
    assert gatecast.resources(found.plan).weight_bits == 0
    assert network.macs / (456 * found.cycles) > 0.985
    # The bound is close: of the half a percent that regions may cost, this plan pays 0.29 %.
    assert found.cycles < 1.003 * found.bound


@pytest.mark.parametrize("seed", range(4))
def test_bytes_of_weights(seed: int) -> None:
    """Each job reads all words of its layer: those that would be on the chip, once for each row."""
    lowered = gatecast.lower(random_network(seed))
    plan = gatecast.plan(lowered, Budget(multipliers=20), engines="per-layer")
    streamed = 0
    for engine in plan.engines:
        weights, (name,) = array_params(plan, engine).weights, engine.layers
        if weights is not None:
            bits = 8 if weights.min() >= -128 and weights.max() <= 127 else 9
            streamed += -(-weights.size * bits // 8) * lowered.tensors[lowered.layer(name).output].shape[0]
    external = replace(plan, external_weights=True)
    assert weight_stream_bytes(external) == streamed
    result = plan_summary(external)
    assert result["weight_stream_bytes_per_inference"] == streamed
    assert result["weight_stream_bytes_per_cycle"] == streamed / result["cycles_per_inference"]
    assert {engine["weights_in"] for engine in result["engines"]} == {"external"}
    assert plan_summary(plan)["weight_stream_bytes_per_inference"] is None
    assert shown(plan_summary(external, clock_mhz=100.0))


def test_memories_are_smaller_by_the_weights() -> None:
    lowered = gatecast.lower(random_network(1))
    inside, outside = (gatecast.planner.plan(lowered, Budget(multipliers=8), engines="folded",
                                             external_weights=external) for external in (False, True))
    assert gatecast.resources(outside).weight_bits == 0 < gatecast.resources(inside).weight_bits
    # A chip too small for the weights holds what is left.
    tight = Budget(multipliers=8, block_rams=0, luts=gatecast.resources(outside).luts * 3)
    assert search(lowered, tight, external_weights=True).plan.external_weights


def test_nothing_is_built() -> None:
    network = random_network(1)
    plan = gatecast.plan(gatecast.lower(network), Budget(multipliers=8), external_weights=True)
    x = np.zeros((1, *network.tensors[network.first_input].shape), np.int8)
    for build in (gatecast.elaborate, lambda plan: gatecast.simulate(plan, x)):
        with pytest.raises(InputError) as caught:
            build(plan)
        assert str(caught.value) == f"network '{network.name}': {SENTENCE}"


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("digits", "--external-weights", "--multipliers", "9")
    found = numbers("plan", *options, "-o", "plan.json")
    assert found["weight_bits"] == 0 < found["weight_stream_bytes_per_inference"]
    _, text, _ = cli("plan", *options, "--clock", "50")
    assert "weights from outside the chip" in text and "MB a second" in text
    for command, more in (("generate", ("-o", "out")), ("build", ("-o", "out")), ("simulate", ()),
                          ("compare", ())):
        assert refused(command, *options, *more) == f"found --external-weights, but {SENTENCE}"
        # One that was planned before is refused too.
        assert refused(command, "digits", "--plan", "plan.json", *more).endswith(SENTENCE)
    for goal in (("latency",), ("area", "--target-fps", "1000")):
        result = numbers("plan", *options, "--goal", *goal)
        assert result["plan"]["external_weights"] and result["weight_bits"] == 0
        assert result["weight_stream_bytes_per_inference"] > 0
    points = numbers("plan", "digits", "--external-weights", "--multipliers", "3", "--pareto")["points"]
    assert all(point["plan"]["external_weights"] for point in points) and len(points) == 3
