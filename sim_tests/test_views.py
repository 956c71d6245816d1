"""Views: any chain of slices, padding and concatenation reads what NumPy makes of the tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from gatecast.folding import copy, may_fold
from gatecast.operators.operand import Operand
from gatecast.operators.window import Window
from gatecast.views import Axis, View

Int8 = npt.NDArray[np.int8]
TENSORS = {"a": (5, 4, 3), "b": (4, 6, 5), "c": (7, 7, 1)}


def start(rng: np.random.Generator, arrays: dict[str, Int8]) -> tuple[View, Int8]:
    name = str(rng.choice(sorted(TENSORS)))
    return View.of(name, TENSORS[name]), arrays[name]


def cut(rng: np.random.Generator, view: View, array: Int8) -> tuple[View, Int8]:
    begin = tuple(int(rng.integers(size)) for size in view.shape)
    stride = tuple(int(rng.integers(1, 4)) for _ in view.shape)
    size = tuple(int(rng.integers(1, (whole - first - 1) // step + 2))
                 for whole, first, step in zip(view.shape, begin, stride, strict=True))
    slices = tuple(slice(first, first + (count - 1) * step + 1, step)
                   for first, count, step in zip(begin, size, stride, strict=True))
    return view.cut(begin, size, stride), array[:, *slices]  # type: ignore[arg-type]


def pad(rng: np.random.Generator, view: View, array: Int8, value: int) -> tuple[View, Int8]:
    top, left, bottom, right, before, after = (int(rng.integers(3)) for _ in range(6))
    if not view.may_pad((top, left, bottom, right), value):
        return view, array
    widths = ((0, 0), (top, bottom), (left, right), (before, after))
    return (view.pad((top, left, bottom, right), (before, after), value),
            np.pad(array, widths, constant_values=value))


def compose(rng: np.random.Generator, arrays: dict[str, Int8]) -> tuple[View, Int8]:
    view, array = start(rng, arrays)
    for _ in range(int(rng.integers(1, 6))):
        match rng.integers(5):
            case 0:
                view, array = cut(rng, view, array)
            case 1:
                view, array = pad(rng, view, array, int(rng.integers(-128, 128)))
            case 2:
                view, array = pad(rng, view, array, 9)
            case 3:
                channels = rng.integers(view.shape[2], size=int(rng.integers(1, 7))).tolist()
                view, array = view.gather(channels), array[..., channels]
            case 4:
                other, values = start(rng, arrays)
                size = (min(view.shape[0], other.shape[0]), min(view.shape[1], other.shape[1]))
                parts = [(part.cut((0, 0, 0), (*size, part.shape[2]), (1, 1, 1)),
                          chosen[:, :size[0], :size[1]]) for part, chosen in ((view, array), (other, values))]
                view = View.beside([part for part, _ in parts])
                array = np.concatenate([chosen for _, chosen in parts], axis=3)
    return view, array


@pytest.mark.parametrize("seed", range(200))
def test_a_copy_of_a_view_is_what_numpy_makes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = {name: rng.integers(-128, 128, (2, *shape)).astype(np.int8) for name, shape in TENSORS.items()}
    view, array = compose(rng, arrays)
    assert view.shape == array.shape[1:]
    if all(piece.tensor is None for piece in view.pieces):
        return
    window, tensors = copy(view, TENSORS)
    assert window.output_shape([TENSORS[name] for name in tensors]) == view.shape
    assert np.array_equal(window.compute([arrays[name] for name in tensors]), array)


def test_axes_know_what_is_padding() -> None:
    axis = Axis(size=5, count=5)
    assert axis.plain and not axis.padded
    assert axis.pad(0, 1).padded and axis.pad(1, 0).padded
    assert not axis.pad(2, 2).cut(2, 5, 1).padded
    assert axis.pad(2, 2).cut(1, 3, 2).before == 1
    assert not axis.cut(0, 3, 2).padded and not axis.cut(0, 3, 2).plain


def test_a_window_with_padding_of_another_value_does_not_read_a_padded_view() -> None:
    view = View.of("a", (5, 4, 3)).pad((1, 1, 0, 0), (0, 0), 7)
    window, _ = copy(View.of("x", (6, 5, 3)), {"x": (6, 5, 3)})
    own = Operand(rows=(0, 6), columns=(0, 5), kernel=(3, 3), origin=(1, 1), pad_value=-128)
    wide = Window(operation="max", operands=(own,), size=(6, 5), out_channels=3,
                  requantizations=window.requantizations)
    assert may_fold(window, window.operands[0], view)
    assert not may_fold(wide, own, view)
    assert may_fold(wide, replace(own, pad_value=7), view)
    assert may_fold(wide, own, View.of("a", (6, 5, 3)))


def test_channels_beside_a_padded_map_leave_its_padding_alone() -> None:
    view = View.of("a", (5, 4, 3)).pad((1, 0, 0, 0), (0, 0), 7).pad((0, 0, 0, 0), (1, 0), 8)
    assert [piece.pad_value for piece in view.pieces] == [8, 7]


def test_neighbours_that_go_on_where_the_last_ended_are_one_piece() -> None:
    whole = View.of("a", (5, 4, 3))

    def part(first: int, count: int, row: int = 0) -> View:
        return whole.cut((row, 0, first), (4, 4, count), (1, 1, 1))

    def channels(*views: View) -> list[tuple[int, ...]]:
        return [piece.channels for piece in View.beside(views).pieces]

    assert channels(part(0, 1), part(1, 2)) == [(0, 1, 2)]
    assert channels(part(0, 1), part(2, 1)) == [(0, 2)]
    assert channels(part(0, 2), part(1, 2)) == [(0, 1), (1, 2)]
    assert channels(part(0, 1), part(1, 1, row=1), part(2, 1)) == [(0,), (1,), (2,)]
    assert channels(part(0, 1), View.of("b", (4, 4, 2)).cut((0, 0, 1), (4, 4, 1), (1, 1, 1))) == [(0,), (1,)]
    padded = whole.pad((0, 0, 0, 0), (2, 0), 7).pad((0, 0, 0, 0), (1, 1), 7)
    assert [(piece.tensor, piece.channels) for piece in padded.pieces] == [
        (None, (0, 0, 0)), ("a", (0, 1, 2)), (None, (0,))]


def test_padding_of_two_values_is_not_one_view() -> None:
    view = View.of("a", (5, 4, 3)).pad((1, 0, 0, 0), (0, 0), 7)
    assert view.may_pad((0, 0, 0, 2), 7)
    assert view.may_pad((0, 0, 0, 0), 8)
    assert not view.may_pad((0, 0, 0, 2), 8)
