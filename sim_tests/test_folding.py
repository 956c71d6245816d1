"""Lowering of graphs with views: what stays is as read, what does not fold is copied or refused."""

import time
from dataclasses import replace

import numpy as np
import pytest
from random_views import UNIT, build, conv, random_views

from gatecast import golden, lowering
from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.operators.add import Add
from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.concat import Concat
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.depthwise_conv2d import DepthwiseConv2d
from gatecast.operators.gather_channels import GatherChannels
from gatecast.operators.lookup import Lookup
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.pad import Pad
from gatecast.operators.reshape import Reshape
from gatecast.operators.resize_nearest import ResizeNearest
from gatecast.operators.slice import Slice
from gatecast.operators.softmax import Softmax
from gatecast.quantization import Quantization

ADD = Add(first=UNIT, second=UNIT, output=UNIT)
NEGATIVE = Lookup(function="negative", table=np.arange(-128, 128).astype(np.int8)[::-1])
POOL = MaxPool(kernel=(2, 2), stride=(1, 1), padding=(1, 1, 0, 0), quantization=UNIT)


def cut(begin, size, stride=(1, 1, 1)):
    return Slice(begin=begin, size=size, stride=stride)


def concat(axis, count):
    return Concat(axis=axis, count=count)


def check(network):
    """The lowered network, once all of its tensors that were there before have the same values."""
    x = np.random.default_rng(1).integers(-128, 128, (3, *network.tensors["x"].shape)).astype(np.int8)
    lowered = lower(network)
    want, got = golden.run(network, x), golden.run(lowered, x)
    assert network.output in got
    for name in got.keys() & want.keys():
        assert np.array_equal(got[name], want[name]), name
    return lowered


def refused(network):
    """Why lowering refuses it, which must be found out at once."""
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        lower(network)
    assert time.process_time() - start < 5
    return str(caught.value)


def operations(network):
    return [layer.operator.operation for layer in network.layers]


@pytest.mark.parametrize("first", range(0, 300, 75))
def test_random_graphs(first):
    lowered = [check(network) for seed in range(first, first + 75)
               if (network := random_views(np.random.default_rng(seed))) is not None]
    assert len(lowered) > 60
    found = {operation for one in lowered for operation in operations(one)}
    assert found == {"dot", "sum", "max", "multiply", "lookup", "product"}


def test_what_was_split_and_put_together_again_is_whole():
    network = check(build((4, 4, 6), [
        (cut((0, 0, 0), (4, 4, 2)), "x"), (cut((0, 0, 2), (4, 4, 4)), "x"), (concat(2, 2), "t0 t1"),
        (POOL, "t2")]))
    assert operations(network) == ["max"]
    assert network.layers[0].inputs == ("x",)


def test_a_tensor_beside_itself_is_worked_on_twice_and_put_together():
    network = check(build((4, 4, 3), [(concat(2, 2), "x x"), (POOL, "t0")]))
    assert operations(network) == ["max", "max", "dot"]
    assert [layer.name for layer in network.layers] == ["l1_0", "l1_1", "l1"]
    network = check(build((4, 4, 3), [(concat(2, 2), "x x"), (conv(6, 2), "t0")]))
    assert operations(network) == ["dot"]
    assert network.layers[0].inputs == ("x", "x")


def test_parts_take_no_name_that_is_taken():
    network = build((4, 4, 3), [(conv(3, 1), "x"), (concat(2, 2), "x t0"), (POOL, "t1"), (NEGATIVE, "t2")])
    first, second, third, last = network.layers
    first, second = replace(first, name="l2_0", output="t2_0"), replace(second, inputs=("x", "t2_0"))
    tensors = {**network.tensors, "t2_0": replace(network.tensors["t0"], name="t2_0")}
    lowered = check(replace(network, tensors=tensors, layers=(first, second, third, last)).verify())
    assert [layer.name for layer in lowered.layers] == ["l2_0", "l2_0_", "l2_1", "l3_0", "l3_1", "l3"]
    assert [layer.output for layer in lowered.layers] == ["t2_0", "t2_0_", "t2_1", "t3_0", "t3_1", "t3"]


def test_channel_work_on_some_channels_copies_them_first():
    network = check(build((4, 4, 6), [(cut((0, 0, 1), (4, 4, 3), (1, 1, 2)), "x"), (POOL, "t0")]))
    assert operations(network) == ["dot", "max"]
    picked = network.layers[0].operator.operands[0].weights[:, 0, 0]
    assert picked.tolist() == np.eye(6, dtype=int)[1::2].tolist()


def shuffled(*channels):
    return GatherChannels(channels=channels)


def test_a_dot_product_reads_channels_where_they_are():
    network = check(build((4, 4, 4), [(shuffled(2, 0, 3, 1), "x"), (conv(4, 2), "t0")]))
    assert operations(network) == ["dot"]
    assert network.layers[0].inputs == ("x",)
    sliced = [(shuffled(2, 0, 3, 1), "x"), (cut((0, 0, 1), (4, 4, 2)), "t0"), (conv(2, 2), "t1")]
    assert operations(check(build((4, 4, 4), sliced))) == ["dot"]
    assert operations(check(build((4, 4, 4), [(shuffled(2, 0, 3, 1), "x"), (POOL, "t0")]))) == ["dot", "max"]


def test_a_channel_for_many_is_read_once():
    network = check(build((4, 4, 2), [(shuffled(*[1] * 6), "x"), (POOL, "t0")]))
    assert operations(network) == ["dot", "max"]
    assert network.layers[0].inputs == ("x",)
    assert network.layers[0].operator.operands[0].weights.reshape(6, 2).tolist() == [[0, 1]] * 6


def test_weights_that_do_not_add_up_to_a_weight_stay_apart():
    filters = Conv2d(weights=np.array([[100, 100], [1, 1]], np.int8).reshape(2, 1, 1, 2), input=UNIT,
                     bias=np.zeros(2, np.int32), output=UNIT, weight_scales=np.full(2, 0.01))
    network = check(build((4, 4, 2), [(shuffled(1, 1), "x"), (filters, "t0")]))
    assert network.layers[0].inputs == ("x", "x")


def test_additions_of_equal_parts_are_made_apart_and_of_others_together():
    halves = [(NEGATIVE, "x"), (concat(2, 2), "x t0"), (concat(2, 2), "t0 x"), (ADD, "t1 t2")]
    assert operations(check(build((4, 4, 3), halves))) == ["lookup", "lookup", "lookup", "dot"]
    others = [(conv(2, 1), "x"), (concat(2, 2), "x t0"), (concat(2, 2), "t0 x"), (ADD, "t1 t2")]
    assert operations(check(build((4, 4, 2), others))) == ["dot", "dot", "dot", "lookup"]


def test_padding_of_another_value_is_stored():
    beside = Pad(padding=(1, 1, 1, 1), value=9)
    assert operations(check(build((4, 4, 2), [(beside, "x"), (conv(2, 1), "t0")]))) == ["dot"]
    assert operations(check(build((4, 4, 2), [(beside, "x"), (conv(2, 2), "t0")]))) == ["sum", "dot"]
    assert operations(check(build((4, 4, 2), [(beside, "x"), (POOL, "t0")]))) == ["sum", "max"]
    assert operations(check(build((4, 4, 2), [
        (beside, "x"), (Pad(padding=(1, 0, 0, 0), value=8), "t0"), (conv(2, 1), "t1")]))) == ["sum", "dot"]


def test_averages_that_count_their_taps_store_padding_first():
    pool = AvgPool(kernel=(2, 2), stride=(1, 1), padding=(1, 1, 0, 0), quantization=UNIT)
    network = check(build((4, 4, 2), [(Pad(padding=(1, 1, 1, 1), value=0), "x"), (pool, "t0")]))
    assert operations(network) == ["sum", "sum"]
    assert network.layers[1].operator.counts == (1, 2, 4)


def test_resizing_does_not_skip():
    resize = ResizeNearest(size=(6, 7))
    assert operations(check(build((8, 8, 2), [(cut((1, 0, 0), (3, 8, 2)), "x"), (resize, "t0")]))) == ["sum"]
    skipping = cut((1, 0, 0), (4, 8, 2), (2, 1, 1))
    assert operations(check(build((8, 8, 2), [(skipping, "x"), (resize, "t0")]))) == ["sum", "sum"]
    halved = ResizeNearest(size=(2, 4), half_pixel_centers=True)
    network = check(build((8, 8, 2), [(skipping, "x"), (halved, "t0")]))
    assert operations(network) == ["sum"]
    assert network.layers[0].operator.operands[0].offset == (2, 1)


@pytest.mark.parametrize("operator", [NEGATIVE, conv(2, 3), POOL, ADD])
def test_what_reads_padding_alone(operator):
    """Slices that miss the map leave nothing to read."""
    layers = [(Pad(padding=(5, 0, 0, 0), value=-3), "x"), (cut((1, 1, 0), (3, 2, 2)), "t0")]
    check(build((4, 4, 2), [*layers, (operator, "t1 t1" if operator is ADD else "t1")]))
    check(build((4, 4, 2), layers))


def test_dead_ends_are_gone():
    network = check(build((4, 4, 2), [
        (conv(2, 3), "x"), (conv(2, 3), "x"), (concat(2, 2), "t0 t1"), (cut((0, 0, 3), (4, 4, 3)), "t2"),
        (conv(3, 1), "t3")]))
    assert [layer.output for layer in network.layers] == ["t1", "t4"]
    assert set(network.tensors) == {"x", "t1", "t4"}


def test_flattened_maps_are_kernels_of_dense_layers_only():
    def flat(*then):
        return build((3, 4, 2), [(Reshape(shape=(1, 1, 24)), "x"), *then])

    dense = Dense(weights=np.ones((5, 24), np.int8), bias=np.zeros(5, np.int32), input=UNIT, output=UNIT,
                  weight_scales=np.array([0.1]))
    network = check(flat((dense, "t0")))
    assert network.layers[0].operator.operands[0].kernel == (3, 4)
    assert operations(check(flat((Reshape(shape=(3, 4, 2)), "t0"), (POOL, "t1")))) == ["max"]
    each = Dense(weights=np.ones((5, 6), np.int8), bias=np.zeros(5, np.int32), input=UNIT, output=UNIT,
                 weight_scales=np.array([0.1]))
    with pytest.raises(InputError, match="reads a map of 3x4x2 as one of 2x2x6, which moves"):
        lower(build((3, 4, 2), [(Reshape(shape=(2, 2, 6)), "x"), (each, "t0")]))
    for then in ([(NEGATIVE, "t0")], [(conv(24, 2), "t0")], []):
        at = len(then)
        assert refused(flat(*then)) == (
            f"test.tflite: operator {at}: layer 'l{at}': reads a map of 3x4x2 as one of 1x1x24, which moves "
            "values between rows or channels; reshape only to flatten for a fully connected layer, to cut or "
            "join at most 16 rows, or at the ends of the network")


@pytest.mark.parametrize(("shape", "other"), [
    ((3, 4), (1, 12)), ((1, 12), (3, 4)), ((5, 1), (1, 5)), ((1, 6), (6, 1)), ((4, 3), (3, 4)),
    ((2, 6), (4, 3)), ((16, 2), (1, 32)), ((1, 16), (16, 1))])
def test_few_rows_are_cut_and_joined(shape, other):
    reshape = Reshape(shape=(*other, 2))
    assert operations(check(build((*shape, 2), [(reshape, "x")]))) == ["sum"]
    assert operations(check(build((*shape, 2), [
        (NEGATIVE, "x"), (reshape, "t0"), (conv(2, 2), "t1"), (POOL, "t1"), (concat(2, 2), "t2 t3")]))) == [
            "lookup", "sum", "dot", "max", "dot"]
    wider = Pad(padding=(0, 1, 0, 0), value=0), cut((0, 1, 0), (shape[0], shape[1], 2))
    assert operations(check(build((*shape, 2), [
        (wider[0], "x"), (wider[1], "t0"), (reshape, "t1"), (POOL, "t2")]))) == ["sum", "max"]


def test_rows_are_cut_out_of_views_of_whole_tensors():
    view = cut((1, 0, 0), (2, 3, 2), (2, 2, 1))
    joined = Reshape(shape=(1, 6, 2))
    assert operations(check(build((4, 6, 2), [(view, "x"), (joined, "t0"), (POOL, "t1")]))) == ["sum", "max"]
    padded = Pad(padding=(0, 1, 0, 0), value=0)
    network = check(build((2, 2, 2), [(padded, "x"), (joined, "t0"), (POOL, "t1")]))
    assert operations(network) == ["sum", "max"]
    for refuse in (Pad(padding=(0, 1, 0, 0), value=9), Pad(padding=(0, 1, 0, 0), channels=(0, 0), value=1)):
        assert "reads a map of 2x3x2 as one of 1x6x2" in refused(
            build((2, 2, 2), [(refuse, "x"), (joined, "t0"), (POOL, "t1")]))
    assert "reads a map of 2x3x2 as one of 1x6x2" in refused(
        build((2, 3, 4), [(cut((0, 0, 1), (2, 3, 2)), "x"), (joined, "t0"), (POOL, "t1")]))
    assert "reads a map of 17x1x2 as one of 1x17x2" in refused(
        build((17, 1, 2), [(Reshape(shape=(1, 17, 2)), "x"), (POOL, "t0")]))


def test_refuses_what_belongs_to_the_host():
    softmax = Softmax(input=UNIT, output=Quantization(scale=1 / 256, zero_point=-128))
    assert refused(build((1, 1, 4), [(softmax, "x"), (NEGATIVE, "t0")])) == (
        "test.tflite: operator 0: layer 'l0': softmax runs on the host only; make it the last operator of "
        "the network")


def test_refuses_a_network_without_layers():
    network = replace(build((4, 4, 2), [(NEGATIVE, "x")]), layers=(), output="x")
    assert refused(network) == "network 'test' has no layer for the chip; everything runs on the host"


def test_refuses_copies_of_too_many_channels():
    def chosen(count):
        return build((1, 1, 16384), [(cut((0, 0, 0), (1, 1, count), (1, 1, 2)), "x"), (POOL, "t0")])

    assert refused(chosen(8192)) == (
        "test.tflite: operator 1: layer 'l1': weights must be at most 67108864, zeros for channels that are "
        "not read among them, not 134217728; use fewer channels or a smaller kernel")
    assert "not 67125249; use" in refused(build((1, 1, 16384), [
        (cut((0, 0, 0), (1, 1, 8193)), "x"), (POOL, "t0")]))


def test_refuses_groups_of_too_many_channels():
    numbers = {"bias": np.zeros(16384, np.int32), "input": UNIT, "output": UNIT,
               "weight_scales": np.full(16384, 0.1)}
    depthwise = DepthwiseConv2d(weights=np.ones((3, 3, 16384), np.int8), **numbers)
    assert "not 1207959552; use" in refused(build((4, 4, 8192), [(depthwise, "x")]))
    grouped = Conv2d(weights=np.ones((16384, 1, 1, 4), np.int8), **numbers)
    assert "not 134217728; use" in refused(build((4, 4, 8192), [(grouped, "x")]))


def test_refuses_layers_of_too_many_channels_together():
    wide = cut((0, 0, 0), (1, 1, 2**16))
    layers = [(wide, f"t{index - 1}" if index else "x") for index in range(5)]
    assert refused(build((1, 1, 2**16), layers)) == (
        "test.tflite: operator 4: layer 'l4': channels of all layers up to this one must be at most 262144, "
        "not 327680; use a smaller network")


def test_refuses_layers_of_too_many_weights_together(monkeypatch):
    network = build((4, 4, 3), [(conv(3, 2), "x"), (conv(3, 2), "t0"), (conv(3, 2), "t1")])
    monkeypatch.setattr(lowering, "MAX_WEIGHTS", 72)
    assert refused(network) == (
        "test.tflite: operator 2: layer 'l2': weights of all layers up to this one must be at most 72, not "
        "108; use a smaller network")


def test_thousands_of_pieces_are_cut_at_once():
    pieces = [(cut((row, 0, 0), (1, 1, 1)), "x") for row in range(256)]
    layers = [*pieces, (concat(2, 256), " ".join(f"t{row}" for row in range(256))),
              (concat(2, 32), " ".join(["t256"] * 32)),
              *((cut((0, 0, 0), (1, 1, 8192)), f"t{257 + index}") for index in range(5)),
              (cut((0, 0, 250), (1, 1, 4), (1, 1, 3)), "t262")]
    start = time.process_time()
    network = check(build((256, 1, 1), layers))
    assert time.process_time() - start < 5
    assert [operand.rows for operand in network.layers[0].operator.operands] == [
        (250, 1), (253, 1), (0, 1), (3, 1)]
