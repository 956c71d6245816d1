"""Operators: what they refuse, shapes, work, equality, multipliers and activation limits."""

from dataclasses import replace

import numpy as np
import pytest
import scalar_reference
from random_layers import chain

from gatecast.hdl.requantization import Requantization
from gatecast.operators.arithmetic import (
    ACTIVATIONS,
    activation_range,
    channel_scale,
    multiply,
    quantize_multiplier,
    tensor_scale,
)
from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.window import Window
from gatecast.quantization import Quantization

UNIT = Quantization(scale=1.0, zero_point=0)


def conv2d(**changes):
    fields = {"weights": np.ones((2, 3, 3, 4), np.int8), "bias": np.zeros(2, np.int32), "input": UNIT,
              "output": UNIT, "weight_scales": np.array([0.5, 0.25])}
    return Conv2d(**{**fields, **changes})


def dense(**changes):
    fields = {"weights": np.ones((2, 48), np.int8), "bias": np.zeros(2, np.int32), "input": UNIT,
              "output": UNIT, "weight_scales": np.array([0.5])}
    return Dense(**{**fields, **changes})


def max_pool(**changes):
    return MaxPool(**{"kernel": (2, 2), "stride": (2, 2), "quantization": UNIT, **changes})


def avg_pool(**changes):
    return AvgPool(**{"kernel": (2, 2), "stride": (2, 2), "quantization": UNIT, **changes})


def window(**changes):
    identity = {name: np.array([value, value], np.int64) for name, value in [
        ("bias", 0), ("multiplier", 1), ("offset_negative", 0), ("offset_positive", 0), ("shift", 0),
        ("low", -128), ("high", 127)]}
    fields = {"operation": "dot", "kernel": (3, 3), "stride": (1, 1), "padding": (0, 0, 0, 0),
              "out_channels": 2,
              "weights": np.ones((2, 3, 3, 4), np.int8), "pad_value": 0,
              "requantization": Requantization(**identity)}
    return Window(**{**fields, **changes})


@pytest.mark.parametrize(("make", "changes", "message"), [
    (conv2d, {"weights": np.ones((3, 3), np.float32)},
     "weights must be int8 of shape [co, kh, kw, ci], not float32 of shape [3, 3]"),
    (conv2d, {"weights": np.ones((2, 3, 3, 0), np.int8)},
     "weights must be int8 of shape [co, kh, kw, ci], not int8 of shape [2, 3, 3, 0]"),
    (conv2d, {"weights": [1]}, "weights must be int8 of shape [co, kh, kw, ci], not [1]"),
    (conv2d, {"bias": np.zeros(2)}, "bias must be int32 of shape [co], not float64 of shape [2]"),
    (conv2d, {"bias": np.zeros(3, np.int32)},
     "bias must hold 2 values, one for each output channel of the weights, not 3"),
    (conv2d, {"weight_scales": np.array([0.5])},
     "weight_scales must hold 2 values for 2 output channels, not 1"),
    (conv2d, {"weight_scales": np.array([1, 2])},
     "weight_scales must be float64 of shape [co], not int64 of shape [2]"),
    (conv2d, {"weight_scales": np.array([0.0, 1.0])},
     "weight_scales must be positive and finite, not 0.0..1.0"),
    (conv2d, {"weight_scales": np.array([1.0, np.inf])},
     "weight_scales must be positive and finite, not 1.0..inf"),
    (conv2d, {"input": Quantization(scale=1e-60, zero_point=0)},
     "input scale must be a positive float32, not 1e-60"),
    (conv2d, {"output": Quantization(scale=1e60, zero_point=0)},
     "output scale must be a positive float32, not 1e+60"),
    (conv2d, {"activation": "tanh"},
     "activation must be one of none, relu, relu6, relu_n1_to_1, not 'tanh'"),
    (conv2d, {"stride": (0, 1)}, "stride must be 2 integers (height, width) of at least 1, not (0, 1)"),
    (conv2d, {"stride": 2}, "stride must be 2 integers (height, width) of at least 1, not 2"),
    (conv2d, {"stride": (1, True)}, "stride must be 2 integers (height, width) of at least 1, not (1, True)"),
    (conv2d, {"stride": (1, 1.0)}, "stride must be 2 integers (height, width) of at least 1, not (1, 1.0)"),
    (conv2d, {"dilation": (1, -1)}, "dilation must be 2 integers (height, width) of at least 1, not (1, -1)"),
    (conv2d, {"padding": (0, 0, -1, 0)},
     "padding must be 4 integers (top, left, bottom, right) of at least 0, not (0, 0, -1, 0)"),
    (conv2d, {"padding": (1, 1)},
     "padding must be 4 integers (top, left, bottom, right) of at least 0, not (1, 1)"),
    (conv2d, {"padding": (0, 0, 3, 0)},
     "padding must be smaller than the kernel's extent 3x3, not (0, 0, 3, 0) (top, left, bottom, right)"),
    (conv2d, {"padding": (0, 5, 0, 0), "dilation": (1, 2)},
     "padding must be smaller than the kernel's extent 3x5, not (0, 5, 0, 0) (top, left, bottom, right)"),
    (dense, {"weights": np.ones((2, 3, 3, 4), np.int8)},
     "weights must be int8 of shape [co, n], not int8 of shape [2, 3, 3, 4]"),
    (dense, {"weight_scales": np.ones(3)},
     "weight_scales must hold 1 or 2 values for 2 output channels, not 3"),
    (dense, {"activation": None}, "activation must be one of none, relu, relu6, relu_n1_to_1, not None"),
    (max_pool, {"kernel": (0, 2)}, "kernel must be 2 integers (height, width) of at least 1, not (0, 2)"),
    (max_pool, {"padding": (0, 0, 0, 2)},
     "padding must be smaller than the kernel's extent 2x2, not (0, 0, 0, 2) (top, left, bottom, right)"),
    (max_pool, {"activation": "relu7"},
     "activation must be one of none, relu, relu6, relu_n1_to_1, not 'relu7'"),
    (avg_pool, {"quantization": Quantization(scale=1e-60, zero_point=0)},
     "quantization scale must be a positive float32, not 1e-60"),
    (window, {"operation": "min"}, "operation must be dot, sum or max, not 'min'"),
    (window, {"weights": None}, "weights must be int8 of shape [co, kh, kw, ci], not None"),
    (window, {"weights": np.ones((2, 3, 2, 4), np.int8)},
     "weights must have the shape [2, 3, 3, ci], not [2, 3, 2, 4]"),
    (window, {"operation": "max"}, "weights must be None for max"),
    (window, {"pad_value": 128}, "pad_value must be in [-128, 127], not 128"),
    (window, {"out_channels": 3}, "requantization must have 3 channels, not 2"),
])
def test_refuses_attributes(make, changes, message):
    with pytest.raises(ValueError) as caught:
        make(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize(("operator", "inputs", "message"), [
    (conv2d(), [(8, 8, 3)], "weights take 4 input channels, but the input 8x8x3 has 3"),
    (conv2d(), [(2, 8, 4)], "kernel of extent 3x3 is larger than its padded input 2x8, "
                            "use a smaller kernel or more padding"),
    (conv2d(dilation=(2, 1), padding=(0, 0, 1, 0)), [(3, 3, 4)],
     "kernel of extent 5x3 is larger than its padded input 4x3, use a smaller kernel or more padding"),
    (conv2d(), [(8, 8, 4), (8, 8, 4)], "takes one input, not 2"),
    (dense(), [(4, 4, 4)], "weights take 48 inputs, but the input 4x4x4 has 64 values"),
    (dense(), [], "takes one input, not 0"),
    (max_pool(), [(1, 2, 5)], "kernel of extent 2x2 is larger than its padded input 1x2, "
                              "use a smaller kernel or more padding"),
    (window(), [(3, 3, 2)], "takes 4 input channels, but the input 3x3x2 has 2"),
    (window(operation="sum", weights=None), [(3, 3, 4)],
     "takes 2 input channels, but the input 3x3x4 has 4"),
])
def test_refuses_inputs(operator, inputs, message):
    for method in (operator.output_shape, operator.macs, operator.lower):
        if (method == operator.lower and isinstance(operator, Window)) or (
                method == operator.macs and isinstance(operator, MaxPool)):
            continue
        with pytest.raises(ValueError) as caught:
            method(inputs)
        assert str(caught.value) == message


@pytest.mark.parametrize(("operator", "shape", "output", "macs"), [
    (conv2d(), (3, 3, 4), (1, 1, 2), 72),
    (conv2d(padding=(1, 1, 1, 1)), (8, 8, 4), (8, 8, 2), 64 * 72),
    (conv2d(padding=(0, 0, 1, 1), stride=(2, 2)), (8, 8, 4), (4, 4, 2), 16 * 72),
    (conv2d(stride=(3, 2), dilation=(2, 1)), (12, 9, 4), (3, 4, 2), 12 * 72),
    (dense(), (4, 4, 3), (1, 1, 2), 96),
    (max_pool(), (5, 4, 7), (2, 2, 7), 0),
    (avg_pool(kernel=(4, 4)), (4, 4, 7), (1, 1, 7), 0),
    (window(), (4, 4, 4), (2, 2, 2), 4 * 72),
    (window(operation="sum", weights=None), (4, 4, 2), (2, 2, 2), 0),
])
def test_shapes_and_work(operator, shape, output, macs):
    assert operator.output_shape([shape]) == output
    assert operator.macs([shape]) == macs
    assert operator.lower([shape]).output_shape([shape]) == output
    assert operator.lower([shape]).macs([shape]) == macs


def test_networks_add_up_the_work_of_their_layers():
    network = chain((8, 8, 4), [conv2d(), max_pool(kernel=(3, 3)), dense(weights=np.ones((2, 8), np.int8))])
    assert network.macs == 36 * 72 + 16


def test_window_states_its_size():
    assert (window().taps, window().in_channels) == (9, 4)
    assert (window(operation="max", weights=None).in_channels, window().sum_bounds.highest.tolist()) == (
        2, [36 * 127] * 2)
    pool = window(operation="sum", weights=None)
    assert pool.sum_bounds.lowest.tolist() == [-9 * 128] * 2
    biased = replace(pool.requantization, bias=np.array([100, -100]))
    assert replace(pool, requantization=biased).bounds.lowest.tolist() == [-1052, -1252]
    assert replace(pool, operation="max").sum_bounds.highest.tolist() == [127, 127]


@pytest.mark.parametrize(("make", "changes"), [
    (conv2d, {"weights": np.full((2, 3, 3, 4), 2, np.int8)}),
    (conv2d, {"weights": np.ones((2, 3, 4, 4), np.int8)}),
    (conv2d, {"bias": np.array([0, 1], np.int32)}), (conv2d, {"weight_scales": np.array([0.5, 0.5])}),
    (conv2d, {"stride": (2, 1)}), (conv2d, {"activation": "relu"}), (conv2d, {"padding": (1, 0, 0, 0)}),
    (conv2d, {"input": Quantization(scale=1.0, zero_point=1)}),
    (dense, {"weight_scales": np.array([0.5, 0.5])}),
    (max_pool, {"kernel": (2, 1)}), (avg_pool, {"padding": (1, 0, 0, 0)}), (window, {"pad_value": 1}),
    (window, {"operation": "sum", "weights": None}),
])
def test_equal_attributes_make_equal_operators(make, changes):
    assert make() == make()
    assert hash(make()) == hash(make())
    assert make(**changes) == make(**changes)
    assert make(**changes) != make()
    assert hash(make(**changes)) != hash(make())


def test_operators_of_different_kinds_differ():
    assert max_pool() != avg_pool()
    assert len({conv2d(), conv2d(), dense(), max_pool(), avg_pool(), window()}) == 5
    assert window() != window(requantization=replace(window().requantization, shift=np.array([0, 1])))


def test_arrays_are_read_only_copies():
    weights = np.ones((2, 48), np.int8)
    operator = dense(weights=weights)
    weights[:] = 5
    assert operator == dense()
    with pytest.raises(ValueError, match="read-only"):
        operator.weights[0, 0] = 3


def test_operators_print_in_a_few_words():
    assert [str(operator) for operator in (conv2d(), dense(), max_pool(), avg_pool(), window())] == [
        "conv2d 3x3 stride 1x1 to 2 channels", "dense to 2 channels", "max_pool 2x2 stride 2x2",
        "avg_pool 2x2 stride 2x2", "dot 3x3 stride 1x1 to 2 channels"]


def test_dense_rounds_a_shared_scale_to_float32_and_others_not():
    tenth = Quantization(scale=0.1, zero_point=0)
    scale = np.array([0.3])
    single = float(np.float32(0.1)) * float(np.float32(0.3))
    assert channel_scale(tenth, scale, UNIT).tolist() == [single]
    assert tensor_scale(tenth, 0.3, UNIT) == float(np.float32(single)) != single
    assert dense(input=tenth, weight_scales=scale).scales.tolist() == [float(np.float32(single))]
    assert dense(input=tenth, weight_scales=np.array([0.3, 0.3])).scales.tolist() == [single, single]


@pytest.mark.parametrize("scale", [
    0.0, 1.0, 0.5, 0.75, 1 - 2**-40, 2.0**-31, 2.0**-32, 2.0**-33, 2.0**30, 2.0**29, 3.0**25, 1e-30, 0.1,
    7.77, (2**30 + 0.5) / 2**31, (2**31 - 0.5) / 2**31])
def test_quantize_multiplier(scale):
    m, s = quantize_multiplier(np.array([scale]))
    assert (m.item(), s.item()) == scalar_reference.quantize_multiplier(scale)


def test_multiply_equals_the_definition_of_double_rounding():
    rng = np.random.default_rng(0)
    edges = [0, 1, -1, 2, -3, 2**30, -2**30, 2**31 - 1, -2**31, 2**24 + 1, -2**24 - 1]
    x = np.concatenate([rng.integers(-2**31, 2**31, 20000), rng.integers(-999, 999, 20000),
                        np.repeat(edges, 100)])
    m = rng.choice([2**30, 2**31 - 1, 2**30 + 1, 3 * 2**29, *rng.integers(2**30, 2**31, 20), 0], len(x))
    s = -rng.integers(0, 32, len(x))
    want = [scalar_reference.multiply(*map(int, numbers)) for numbers in zip(x, m, s, strict=True)]
    assert multiply(x, m, s).tolist() == want
    small = abs(x) < 2**26
    x, m = x[small], m[small]
    want = [scalar_reference.multiply(*map(int, numbers), 4) for numbers in zip(x, m, strict=True)]
    assert multiply(x, m, np.full(len(x), 4)).tolist() == want


def test_multiply_saturates_where_32_bits_overflow():
    x = np.array([2**33 - 1, -2**33 + 1, 2**20, -2**20, 2**31, 2**34, -2**40])
    s = np.array([0, 0, 30, 30, -31, 30, 30])
    assert multiply(x, np.full(7, 2**30), s).tolist() == [2**30, -2**30, 2**30, -2**30, 1, 2**30, -2**30]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("zero_point", [-128, -127, -3, 0, 126, 127])
@pytest.mark.parametrize("scale", [1 / 256, 6 / 255, 0.047, 0.3, 0.4, 2.0, 100.0])
def test_activation_range(activation, zero_point, scale):
    output = Quantization(scale=scale, zero_point=zero_point)
    low, high = activation_range(activation, output)
    assert (low, high) == scalar_reference.limits(activation, output)
    assert -128 <= low <= high <= 127


def test_activations_divide_in_float32():
    # 6 / 2.4000000954 is just below 2.5, but rounds to it.
    assert activation_range("relu6", Quantization(scale=2.4000000953674316, zero_point=0)) == (0, 3)


def test_activation_range_of_tiny_scales_is_all():
    assert activation_range("relu_n1_to_1", Quantization(scale=1e-40, zero_point=5)) == (-128, 127)
