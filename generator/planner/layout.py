"""Layout: which feature memories a plan has, and where each region lies in them."""

from __future__ import annotations

from dataclasses import dataclass

from gatecast.hdl.feature_memory import FeatureMemoryParams

from .plan import SINK, SOURCE, Plan

__all__ = ["LINK_BYTES", "MemoryLayout", "RegionLayout", "layouts"]


# Bytes of a beat on the links.
LINK_BYTES = 1


@dataclass(frozen=True, kw_only=True)
class RegionLayout:
    """A ring of rows in a feature memory, in words of that memory."""

    base: int
    rows: int
    pixel_words: int
    """Words of one column, channels padded to whole words."""
    row_words: int


@dataclass(frozen=True, kw_only=True)
class MemoryLayout:
    """The feature memory of one pair of writer and reader, with all tensors that cross between the two."""

    writer: str
    reader: str
    params: FeatureMemoryParams
    regions: dict[str, RegionLayout]

    @property
    def name(self) -> str:
        """Names the pair."""
        return f"{self.writer}_to_{self.reader}"


def layouts(plan: Plan) -> tuple[MemoryLayout, ...]:
    """All feature memories of a plan, in the order of its regions."""
    engines = {engine.name: engine for engine in plan.engines}
    pairs = {(region.writer, region.reader): region.memory_in for region in plan.regions}
    memories = []
    for (writer, reader), kind in pairs.items():
        write_bytes = LINK_BYTES if writer == SOURCE else engines[writer].group
        read_bytes = LINK_BYTES if reader == SINK else engines[reader].lanes
        word = max(write_bytes, read_bytes)
        regions, base = {}, 0
        for region in plan.regions:
            if (region.writer, region.reader) != (writer, reader):
                continue
            _, columns, channels = plan.network.tensors[region.tensor].shape
            pixel_words = -(-channels // word)
            row_words = columns * pixel_words
            regions[region.tensor] = RegionLayout(
                base=base, rows=region.rows, pixel_words=pixel_words, row_words=row_words)
            base += region.rows * row_words
        memories.append(MemoryLayout(
            writer=writer, reader=reader, regions=regions,
            params=FeatureMemoryParams(words=base, write_bytes=write_bytes, read_bytes=read_bytes,
                                       kind=kind)))
    return tuple(memories)
