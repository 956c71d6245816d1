"""Grouped convolutions: wide groups become windows of their own, narrow ones one window; both are exact."""

from __future__ import annotations

import numpy as np
import pytest
from random_plans import random_plan
from random_views import UNIT, build

import gatecast
from gatecast import golden
from gatecast.layer_checks import GOLDEN, REFERENCE
from gatecast.layer_trial import compare
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.operators.add import Add
from gatecast.operators.concat import Concat
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.depthwise_conv2d import DepthwiseConv2d
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.slice import Slice
from gatecast.planner.schedule import schedule
from gatecast.planner.work import engine_work
from gatecast.summary import network_summary

ADD = Add(first=UNIT, second=UNIT, output=UNIT)
POOL = MaxPool(kernel=(2, 2), stride=(1, 1), padding=(1, 1, 0, 0), quantization=UNIT)


def numbers(seed: int, channels: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    return {"bias": rng.integers(-500, 500, channels).astype(np.int32), "input": UNIT, "output": UNIT,
            "weight_scales": rng.uniform(0.001, 0.01, channels)}


def grouped(channels: int, to: int, groups: int, kernel: int = 3, seed: int = 0) -> Conv2d:
    rng = np.random.default_rng((seed, channels, to, groups))
    before, after = (kernel - 1) // 2, kernel // 2
    return Conv2d(weights=rng.integers(-128, 128, (to, kernel, kernel, channels // groups)).astype(np.int8),
                  padding=(before, before, after, after), **numbers(seed, to))


def depthwise(channels: int) -> DepthwiseConv2d:
    weights = np.random.default_rng(channels).integers(-128, 128, (2, 2, channels)).astype(np.int8)
    return DepthwiseConv2d(weights=weights, padding=(1, 1, 0, 0), **numbers(1, channels))


def names(network: Network) -> list[str]:
    return [layer.name for layer in network.layers]


# Two and three groups, each in both forms, then what reads them: pools, additions and convolutions, grouped
# alike, grouped otherwise and not at all.
MIXTURES = {
    "wide": build((3, 2, 16), [
        (grouped(16, 16, 2), "x"), (POOL, "t0"), (depthwise(16), "t1"), (ADD, "t0 t2"),
        (grouped(16, 24, 2, 2), "t3"), (grouped(24, 5, 1, 1), "t4")]),
    "narrow": build((3, 3, 8), [
        (grouped(8, 12, 2), "x"), (POOL, "t0"), (ADD, "t0 t1"), (grouped(12, 6, 3, 2), "t2"),
        (grouped(6, 3, 1, 1), "t3")]),
    "three": build((2, 2, 24), [
        (grouped(24, 24, 3, 2), "x"), (POOL, "t0"), (grouped(24, 32, 2, 1), "t1"),
        (grouped(32, 32, 4, 1, seed=1), "t2"), (grouped(24, 32, 1, 1), "t0"),
        (Concat(axis=2, count=2), "t3 t4"), (grouped(64, 4, 1, 1), "t5")]),
    "output": build((2, 2, 16), [
        (grouped(16, 16, 2, 2), "x"), (POOL, "t0"), (grouped(16, 16, 2, 3, 1), "t1")]),
}


@pytest.mark.parametrize(("mixture", "style", "seed"), [
    ("wide", "two", 1), ("narrow", "folded", 2), ("three", "any", 3),
    ("output", "folded", 4)])
def test_every_tensor_and_cycle(mixture: str, style: str, seed: int) -> None:
    """Of the RTL, on random engines; tensors of the network that are not stored are compared in parts."""
    network = MIXTURES[mixture]
    x = np.random.default_rng(seed).integers(-128, 128, (2, *network.tensors["x"].shape)).astype(np.int8)
    reference = golden.run(network, x)
    trial = compare(random_plan(lower(network), style, seed), x, network=network, reference=reference,
                    simulator="python")
    assert trial.failures == ()
    assert {check.against for check in trial.checks} == {GOLDEN, REFERENCE}
    # All values in feature memories, once against the golden model and once against the reference.
    stored = [check for check in trial.checks if " to " in check.place]
    assert sum(check.against == GOLDEN for check in stored) * 2 == len(stored)


def test_windows_of_wide_groups() -> None:
    lowered = lower(MIXTURES["wide"])
    assert names(lowered) == [*(f"l{layer}_{group}" for layer in range(5) for group in range(2)), "l5"]
    assert [layer.part_of for layer in lowered.layers[-3:]] == [("t4", 0), ("t4", 12), None]
    assert lowered.layer("l4_1").inputs == ("t3_1",)
    assert lowered.layer("l5").inputs == ("t4_0", "t4_1")
    # The first layer reads the input, which is stored as a whole; the weights of others are zero there.
    first, second = (lowered.layer(name).operator.operands[0].weights for name in ("l0_0", "l0_1"))
    assert first.shape == second.shape == (8, 3, 3, 16)
    assert not first[..., 8:].any() and not second[..., :8].any()
    summary = network_summary(MIXTURES["wide"], lowered)
    assert [layer["runs_on"] for layer in summary["layers"]] == ["chip"] * 6


def test_one_window_of_narrow_groups() -> None:
    assert names(lower(MIXTURES["narrow"])) == ["l0", "l1", "l2", "l3", "l4"]
    # Neither many groups, nor few of few output channels.
    assert names(lower(build((1, 1, 80), [(grouped(80, 80, 10, 1), "x"), (POOL, "t0")]))) == ["l0", "l1"]
    assert names(lower(build((1, 1, 80), [(grouped(80, 10, 2, 1), "x"), (POOL, "t0")]))) == ["l0", "l1"]


def test_what_is_read_as_a_whole() -> None:
    """One window more joins the parts, or the zeros are multiplied after all, whichever is less work."""
    assert names(lower(MIXTURES["output"])) == ["l0_0", "l0_1", "l1_0", "l1_1", "l2_0", "l2_1", "l2"]
    lowered = lower(build((3, 3, 16), [(grouped(16, 16, 2, 1), "x")]))
    assert names(lowered) == ["l0"]
    # A pool of some channels, and a convolution of all of them.
    lowered = lower(build((3, 3, 16), [
        (grouped(16, 32, 2, 1), "x"), (Slice(begin=(0, 0, 4), size=(3, 3, 8), stride=(1, 1, 1)), "t0"),
        (POOL, "t1"), (grouped(32, 4, 1, 1), "t0"), (Concat(axis=2, count=2), "t2 t3")]))
    assert names(lowered)[:3] == ["l0_0", "l0_1", "l1"]


def test_work_of_the_parts_is_that_of_the_layer() -> None:
    for network in MIXTURES.values():
        lowered = lower(network)
        plan = gatecast.plan(lowered, gatecast.Budget(multipliers=24))
        work = engine_work(plan, network, schedule(plan), gatecast.predict(plan))
        dots = [layer.operations for engine in work for layer in engine.layers
                if layer.window.operation == "dot"]
        assert sum(dots) == sum(layer.operator.macs(network.shapes(layer)) for layer in network.layers
                                if isinstance(layer.operator, Conv2d))
