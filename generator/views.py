"""Views: maps that are not stored as such, but read out of the tensors that are.

Slices, padding, concatenation, channels in another order and flattening move no values: whatever reads their
result may as well read the tensors behind it, at other places. A view says where; `folding` lets windows read
through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from .operators.operator import Shape

__all__ = ["Axis", "Piece", "View"]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Positions of a view along rows or columns: ``v`` is ``v * step - before``, counted from ``first``.

    Positions below 0 or not below ``count`` are padding.
    """

    size: int
    """Positions of the view."""
    first: int = 0
    count: int
    """Positions of the tensor from the first to the last one that the view holds."""
    step: int = 1
    before: int = 0

    @property
    def padded(self) -> bool:
        """Some position of the view is padding."""
        return self.before > 0 or (self.size - 1) * self.step - self.before >= self.count

    @property
    def plain(self) -> bool:
        """All positions from ``first`` on, one after the other."""
        return not self.padded and self.step == 1

    def cut(self, begin: int, size: int, stride: int) -> Axis:
        """Every ``stride``-th position from ``begin`` on, ``size`` of them."""
        step, before = self.step * stride, self.before - begin * self.step
        last = (size - 1) * step - before
        skipped = max(-before, 0)
        return Axis(size=size, first=self.first + skipped, count=min(self.count, last + 1) - skipped,
                    step=step, before=max(before, 0))

    def pad(self, before: int, after: int) -> Axis:
        """Padding at both ends."""
        return replace(self, size=self.size + before + after, before=self.before + before * self.step)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Adjacent channels of a view: channels of a stored tensor, or of no tensor, ``pad_value`` everywhere."""

    tensor: str | None
    rows: Axis
    columns: Axis
    channels: tuple[int, ...]
    """Which channel of the tensor each one is."""
    pad_value: int = 0
    """What padding reads."""

    @property
    def padded(self) -> bool:
        """Some value is padding."""
        return self.tensor is None or self.rows.padded or self.columns.padded


@dataclass(frozen=True, kw_only=True)
class View:
    """A map as pieces side by side in channels."""

    shape: Shape
    pieces: tuple[Piece, ...]
    seen_as: Shape | None = None
    """What the values are seen as, in the same order, where that is not ``shape``."""

    @staticmethod
    def of(tensor: str, shape: Shape) -> View:
        """All of a stored tensor."""
        height, width, channels = shape
        return View(shape=shape, pieces=(Piece(
            tensor=tensor, rows=Axis(size=height, count=height), columns=Axis(size=width, count=width),
            channels=tuple(range(channels))),))

    def reshaped(self, shape: Shape) -> View:
        """The same values in the same order in another shape."""
        return replace(self, seen_as=None if shape == self.shape else shape)

    def cut(self, begin: Shape, size: Shape, stride: Shape) -> View:
        """Every ``stride``-th value from ``begin`` on, ``size`` of them, along each axis."""
        pieces = []
        # The first channel that is wanted, and the end of those that are, counted from that of the piece.
        start, end = begin[2], begin[2] + (size[2] - 1) * stride[2] + 1
        for piece in self.pieces:
            inside = piece.channels[start:end:stride[2]] if end > 0 else ()
            if inside:
                pieces.append(_settled(replace(
                    piece, channels=inside, rows=piece.rows.cut(begin[0], size[0], stride[0]),
                    columns=piece.columns.cut(begin[1], size[1], stride[1]))))
            depth = len(piece.channels)
            start = start - depth if start >= depth else (start - depth) % stride[2]
            end -= depth
        return View(shape=size, pieces=_joined(pieces))

    def gather(self, channels: Sequence[int]) -> View:
        """Channel ``i`` is channel ``channels[i]`` of this."""
        single = [replace(piece, channels=(channel,)) for piece in self.pieces for channel in piece.channels]
        return View(shape=(*self.shape[:2], len(channels)),
                    pieces=_joined([single[channel] for channel in channels]))

    def pad(self, padding: tuple[int, int, int, int], channels: tuple[int, int], value: int) -> View:
        """``value`` around the map: padding is top, left, bottom, right."""
        top, left, bottom, right = padding
        height, width, depth = self.shape
        shape = height + top + bottom, width + left + right, depth + sum(channels)
        pieces = tuple(replace(
            piece, rows=piece.rows.pad(top, bottom), columns=piece.columns.pad(left, right),
            pad_value=piece.pad_value if piece.padded else value) for piece in self.pieces)

        def constant(count: int) -> tuple[Piece, ...]:
            return (_constant(shape, count, value),) if count else ()

        return View(shape=shape, pieces=_joined([*constant(channels[0]), *pieces, *constant(channels[1])]))

    def may_pad(self, padding: tuple[int, int, int, int], value: int) -> bool:
        """Whether :meth:`pad` is right: a piece has one value for all its padding."""
        return not any(padding) or all(not piece.padded or piece.pad_value == value for piece in self.pieces)

    @property
    def keeps_channels(self) -> bool:
        """The shape that it is seen as has pixels of the same channels."""
        return self.seen_as is None or self.seen_as[2] == self.shape[2]

    @staticmethod
    def beside(views: Sequence[View]) -> View:
        """``views`` of one height and width, one behind the other in channels."""
        height, width, _ = views[0].shape
        return View(shape=(height, width, sum(view.shape[2] for view in views)),
                    pieces=_joined([piece for view in views for piece in view.pieces]))


def _constant(shape: Shape, channels: int, value: int) -> Piece:
    """Channels without a tensor behind."""
    return Piece(tensor=None, rows=Axis(size=shape[0], count=shape[0]), channels=(0,) * channels,
                 columns=Axis(size=shape[1], count=shape[1]), pad_value=value)


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """``pieces``, neighbours made one where the second goes on in the same tensor where the first ends."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        before = runs[-1][-1] if runs else None
        if (before is not None and replace(before, channels=piece.channels) == piece
                and (piece.tensor is None or before.channels[-1] < piece.channels[0])):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return tuple(replace(run[0], channels=tuple(chain.from_iterable(piece.channels for piece in run)))
                 for run in runs)


def _settled(piece: Piece) -> Piece:
    """A piece of padding alone reads no tensor."""
    if piece.tensor is not None and min(piece.rows.count, piece.columns.count) < 1:
        return _constant((piece.rows.size, piece.columns.size, 0), len(piece.channels), piece.pad_value)
    return piece
