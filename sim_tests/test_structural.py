"""Operators that only move values: padding, concatenation, slices, reshaping, resizing; and lines."""

import micro_operators
import numpy as np
import pytest
from random_layers import pair

from gatecast.operators.concat import Concat
from gatecast.operators.line import line_through
from gatecast.operators.pad import Pad
from gatecast.operators.reshape import Reshape
from gatecast.operators.resize_nearest import ResizeNearest
from gatecast.operators.slice import Slice


def random_batch(rng, *shape):
    return rng.integers(-128, 128, (2, *shape)).astype(np.int8)


def agree(op, *batches):
    """The golden computation, once it equals the reference interpreter's."""
    y = op.compute(list(batches))
    assert (y.dtype, y.shape[1:]) == (np.int8, op.output_shape([x.shape[1:] for x in batches]))
    assert np.array_equal(y, micro_operators.execute(op, *batches))
    return y


@pytest.mark.parametrize("seed", range(12))
def test_pads(seed):
    rng = np.random.default_rng(seed)
    x = random_batch(rng, *pair(rng, 1, 7), int(rng.integers(1, 5)))
    top, left, bottom, right = (int(size) for size in rng.integers(0, 4, 4))
    op = Pad(padding=(top, left, bottom, right), channels=pair(rng, 0, 3), value=int(rng.integers(-128, 128)))
    y = agree(op, x)
    _, height, width, channels = y.shape
    inside = y[:, top:height - bottom, left:width - right, op.channels[0]:channels - op.channels[1]]
    assert np.array_equal(inside, x)
    assert (y == op.value).sum() == y.size - x.size + (x == op.value).sum()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_concatenates(axis, count):
    rng = np.random.default_rng(10 * axis + count)
    shape = [3, 4, 2]
    parts = []
    for _ in range(count):
        shape[axis] = int(rng.integers(1, 5))
        parts.append(random_batch(rng, *shape))
    y = agree(Concat(axis=axis, count=count), *parts)
    edges = np.cumsum([part.shape[1 + axis] for part in parts])[:-1]
    for part, found in zip(parts, np.split(y, edges, 1 + axis), strict=True):
        assert np.array_equal(part, found)


@pytest.mark.parametrize("seed", range(20))
def test_slices(seed):
    rng = np.random.default_rng(seed)
    x = random_batch(rng, *(int(size) for size in rng.integers(1, 9, 3)))
    axes = []
    for size in x.shape[1:]:
        begin, stride = int(rng.integers(0, size)), int(rng.integers(1, 4))
        axes.append((begin, int(rng.integers(1, (size - begin - 1) // stride + 2)), stride))
    begin, size, stride = zip(*axes, strict=True)
    y = agree(Slice(begin=begin, size=size, stride=stride), x)
    picked = [first + np.arange(count) * step for first, count, step in axes]
    assert np.array_equal(y, [frame[np.ix_(*picked)] for frame in x])


@pytest.mark.parametrize("shape", [(1, 1, 24), (24, 1, 1), (3, 4, 2), (2, 2, 6)])
def test_reshapes(shape):
    x = random_batch(np.random.default_rng(0), 4, 2, 3)
    assert agree(Reshape(shape=shape), x).ravel().tolist() == x.ravel().tolist()


def test_copies_share_no_memory():
    x = random_batch(np.random.default_rng(0), 4, 4, 2)
    for op in (Reshape(shape=(2, 4, 4)), Slice(begin=(0, 0, 0), size=(4, 4, 2)), ResizeNearest(size=(4, 4)),
               Pad(value=0), Concat(axis=0, count=1)):
        assert not np.shares_memory(op.compute([x]), x)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("half_pixel_centers", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_resizes_and_lowers(align_corners, half_pixel_centers, seed):
    rng = np.random.default_rng(seed)
    x = random_batch(rng, *pair(rng, 1, 40), 2)
    op = ResizeNearest(size=pair(rng, 1, 40), align_corners=align_corners,
                       half_pixel_centers=half_pixel_centers)
    y = agree(op, x)
    if align_corners and half_pixel_centers:
        # Both together are cut off at the end of the map, which no line does; only some sizes can be lowered.
        lines = [line_through(op.positions(axis, x.shape[1 + axis]).tolist()) for axis in (0, 1)]
        if None in lines:
            with pytest.raises(ValueError, match="unevenly"):
                op.lower([x.shape[1:]])
            return
    window = op.lower([x.shape[1:]])
    assert (window.operation, window.size, window.operands[0].taps) == ("sum", op.size, 1)
    assert np.array_equal(window.compute([x]), y)
    assert window.macs([x.shape[1:]]) == op.macs([x.shape[1:]]) == 0


@pytest.mark.parametrize(("size", "attributes", "lines"), [
    ((8, 12), {}, ((1, 0, 2), (1, 0, 3))),
    ((8, 12), {"half_pixel_centers": True}, ((1, 0, 2), (1, 0, 3))),
    ((2, 3), {}, ((2, 0, 1), (1, 0, 1))),
    ((1, 10), {}, ((0, 0, 1), (2, 0, 5))),
    ((2, 2), {"half_pixel_centers": True}, ((2, 1, 1), (2, 1, 1))),
    ((7, 1), {"align_corners": True}, ((1, 1, 2), (0, 0, 1))),
    ((4, 4), {}, ((1, 0, 1), (1, 0, 1)))])
def test_doubling_and_halving_take_the_plainest_numbers(size, attributes, lines):
    operand, = ResizeNearest(size=size, **attributes).lower([(4, 4, 1)]).operands
    assert tuple(zip(operand.stride, operand.offset, operand.divisor, strict=True)) == lines
    assert (operand.rows, operand.columns, operand.origin) == ((0, 4), (0, 4), (0, 0))


def test_refuses_to_resize_by_steps_that_are_no_line():
    """52/44 in float32 is too small: 11 and 22 times it stay below 13 and 26, 33 times it rounds to 39."""
    op = ResizeNearest(size=(4, 44))
    agree(op, random_batch(np.random.default_rng(0), 4, 52, 1))
    assert op.positions(1, 52)[11:34:11].tolist() == [12, 25, 39]
    with pytest.raises(ValueError) as caught:
        op.lower([(4, 52, 1)])
    assert str(caught.value) == ("rounding in float32 spreads 44 columns over 52 unevenly, "
                                 "which the hardware cannot follow; use another size")


def plainest_line(positions):
    """The same by trying everything."""
    for divisor in range(1, 2 * len(positions) + 1):
        for stride in range((positions[-1] - positions[0] + 1) * divisor + 2):
            offsets = [position * divisor - index * stride for index, position in enumerate(positions)]
            if max(offsets) - min(offsets) < divisor:
                return stride, max(offsets), divisor
    return None


def test_lines_are_the_plainest_that_exist():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(1000):
        positions = np.cumsum(rng.integers(0, rng.integers(2, 4), rng.integers(1, 9))).tolist()
        line = line_through(positions)
        assert line == plainest_line(positions)
        if line is not None:
            stride, offset, divisor = line
            assert [(i * stride + offset) // divisor for i in range(len(positions))] == positions
        found.append(line is not None)
    assert 300 < sum(found) < 700
    positions = [(i * 367 + 55) // 1009 for i in range(3000)]
    assert line_through(positions) == (367, 55, 1009)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Pad(padding=(0, -1, 0, 0), value=0),
     "padding must be 4 integers (top, left, bottom, right) of at least 0, not (0, -1, 0, 0)"),
    (lambda: Pad(channels=(1,), value=0),
     "channels must be 2 integers (before, after) of at least 0, not (1,)"),
    (lambda: Pad(value=128), "value must be in [-128, 127], not 128"),
    (lambda: Pad(value=0.5), "value must be in [-128, 127], not 0.5"),
    (lambda: Concat(axis=3, count=2), "axis must be 0 (rows), 1 (columns) or 2 (channels), not 3"),
    (lambda: Concat(axis=0, count=0), "count must be at least 1, not 0"),
    (lambda: Slice(begin=(0, 0, -1), size=(1, 1, 1)),
     "begin must be 3 integers (height, width, channels) of at least 0, not (0, 0, -1)"),
    (lambda: Slice(begin=(0, 0, 0), size=(1, 0, 1)),
     "size must be 3 integers (height, width, channels) of at least 1, not (1, 0, 1)"),
    (lambda: Slice(begin=(0, 0, 0), size=(1, 1, 1), stride=(0, 1, 1)),
     "stride must be 3 integers (height, width, channels) of at least 1, not (0, 1, 1)"),
    (lambda: Reshape(shape=(2, -1, 1)),
     "shape must be 3 integers (height, width, channels) of at least 1, not (2, -1, 1)"),
    (lambda: ResizeNearest(size=(0, 2)), "size must be 2 integers (height, width) of at least 1, not (0, 2)"),
])
def test_refuses_attributes(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(("op", "inputs", "message"), [
    (Pad(value=0), [], "takes one input, not 0"),
    (Concat(axis=2, count=2), [(4, 4, 1)], "takes 2 inputs, not 1"),
    (Concat(axis=2, count=2), [(4, 4, 1), (4, 5, 1)],
     "inputs must be equal but for their channels, not 4x4x1 and 4x5x1"),
    (Concat(axis=0, count=2), [(4, 4, 1), (3, 4, 2)],
     "inputs must be equal but for their rows, not 4x4x1 and 3x4x2"),
    (Slice(begin=(1, 0, 0), size=(2, 3, 4), stride=(3, 1, 1)), [(4, 3, 4)],
     "reads up to 5x3x4, but the input is 4x3x4"),
    (Reshape(shape=(1, 1, 9)), [(2, 2, 2)], "shape 1x1x9 has 9 values, but the input 2x2x2 has 8"),
    (ResizeNearest(size=(2, 2)), [(2, 2, 2), (2, 2, 2)], "takes one input, not 2"),
])
def test_refuses_inputs(op, inputs, message):
    with pytest.raises(ValueError) as caught:
        op.output_shape(inputs)
    assert str(caught.value) == message


def test_prints_and_compares():
    ops = [Pad(padding=(1, 2, 3, 4), value=-5), Concat(axis=2, count=2), Reshape(shape=(1, 1, 8)),
           Slice(begin=(0, 1, 2), size=(4, 3, 2)), ResizeNearest(size=(8, 8))]
    assert [str(op) for op in ops] == [
        "pad (1, 2, 3, 4) with -5", "concat channels", "reshape to 1x1x8",
        "slice 4x3x2 from (0, 1, 2) stride 1x1x1", "resize_nearest to 8x8"]
    assert len({*ops, Pad(padding=(1, 2, 3, 4), value=-5), Concat(axis=1, count=2)}) == 6


@pytest.mark.parametrize("op", [Pad(value=0), Concat(axis=2, count=1), Reshape(shape=(1, 1, 8)),
                                Slice(begin=(0, 0, 0), size=(2, 2, 2))])
def test_views_are_no_windows(op):
    with pytest.raises(ValueError, match=f"{type(op).__name__} is no window"):
        op.lower([(2, 2, 2)])
