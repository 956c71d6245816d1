"""Control counts: the bits of logic in sequencers, walks, drains, links and memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gatecast.boards.packing import bank_bits, lut_ram_luts
from gatecast.hdl.drain import DrainLayer, WriteLayer
from gatecast.hdl.engine import EngineLayer
from gatecast.hdl.links import LinkParams
from gatecast.hdl.mixed_radix import MixedRadix
from gatecast.hdl.sequencer import Sequencer, SequencerLayer
from gatecast.hdl.table import Table
from gatecast.hdl.walk import WalkLayer, WalkOperand

from .counts import Part, bits, contents
from .layout import MemoryLayout
from .plan import EnginePlan

__all__ = ["control_parts", "link_part", "memory_part"]


def control_parts(engine: EnginePlan, layers: Sequence[EngineLayer], *, depth: int, reads: Sequence[int],
                  array_latency: int, requantizer_latency: int, family: str) -> Iterator[Part]:
    """All of an engine but its array and its requantizer; ``depth`` is that of the weights, in words."""
    name, groups = f"engine_{engine.name}", engine.groups
    yield _sequencer(f"{name}.sequencer", [layer.sequencer for layer in layers], family)
    yield _walk(f"{name}.walk", [layer.walk for layer in layers], addresses=max(reads), depth=depth)
    yield _drain(f"{name}.drain", [layer.drain for layer in layers], groups)
    for memory in range(len(layers[0].writes)):
        yield _write(f"{name}.write_{memory}", [layer.writes[memory] for layer in layers], groups)
    luts, ffs = _choice(engine, layers, memories=len(reads))
    layers_bits = bits(len(layers))
    delays = (3 * bits(depth) + layers_bits * (array_latency + 5) + array_latency + 12
              + (6 + layers_bits) * requantizer_latency)
    yield Part(name=name, luts=luts, ffs=ffs + Counter({"delays": delays}))


def _sequencer(name: str, layers: Sequence[SequencerLayer], family: str) -> Part:
    rows, firsts = Sequencer.job_rows(layers)
    settings = contents([[layer.job_cycles, first] for layer, first in zip(layers, firsts, strict=True)])
    jobs = contents([list(row.values()) for row in rows], Table.kind(rows))
    count, index = len(layers), bits(len(rows))
    cycles = bits(max(layer.job_cycles for layer in layers))
    counters = registers = addresses = choices = 0
    for operand in range(max(len(layer.operands) for layer in layers)):
        own = [layer.operands[operand] for layer in layers if len(layer.operands) > operand]
        address = bits(max(number.region_base + number.region_rows * number.row_reads for number in own))
        skips = any(job.skip for number in own for job in number.jobs)
        release = bits(max(job.release for number in own for job in number.jobs) + 1)
        addresses += address * (4 + 2 * skips)
        choices += address * (len(own) - 1)
        registers += address * (3 + len(own)) + 2 * release
        counters += sum(2 * bits(number.region_rows + 1) for number in own)
    free = sum(bits(credit + 1) for layer in layers for credit in layer.credits)
    luts = Counter({
        "sequencer counters": counters + free + cycles + index,
        "sequencer addresses": addresses,
        "sequencer choices": choices + index * (count - 1),
        "banks": 0 if jobs.kind == "lut" else bank_bits(
            family, depth=len(rows), width=jobs.varying, writable=False),
    }) + jobs.terms("tables in logic") + settings.terms("tables in logic")
    ffs = Counter({
        "control registers": registers + counters + free + count * (1 + (index if len(rows) > 1 else 0))
        + cycles + 3 * bits(count) + 6,
        "tables in logic": jobs.registers + settings.registers,
    })
    return Part(name=name, luts=luts, ffs=ffs)


def _walk(name: str, layers: Sequence[WalkLayer], *, addresses: int, depth: int) -> Part:
    operands = max(len(layer.operands) for layer in layers)
    weight = bits(depth)
    table = contents([[layer.blocks, layer.hold, len(layer.operands), layer.weight_base, layer.count]
                      for layer in layers])
    counters = bits(max(layer.blocks for layer in layers)) + bits(max(layer.hold for layer in layers) + 1)
    luts = Counter({"walk counters": counters + weight, "operand choices": (operands - 1) * bits(addresses)})
    luts += table.terms("tables in logic")
    ffs = Counter({"control registers": counters + 3 * weight + bits(addresses) + table.held
                   + 3 * bits(operands) + 8, "tables in logic": table.registers})
    for operand in range(operands):
        _operand_walk([(layer, layer.operands[operand]) for layer in layers if len(layer.operands) > operand],
                      luts, ffs)
    return Part(name=name, luts=luts, ffs=ffs)


def _operand_walk(layers: Sequence[tuple[WalkLayer, WalkOperand]],
                  luts: Counter[str], ffs: Counter[str]) -> None:
    numbers = [number for _, number in layers]
    table = contents([[
        number.kernel_height, number.kernel_width, number.words, number.start_column, number.start_reads,
        number.input_columns, number.column_dilation, number.block_reads, number.column_stride,
        number.row_reads,
        number.pixel_reads * number.column_dilation - number.words,
        number.pixel_reads * number.column_stride - (layer.blocks - 1) * number.block_reads,
        number.row_reads - number.region_reads, number.region_base + number.region_reads - number.row_reads,
        number.column_fraction, number.column_fraction - number.column_divisor] for layer, number in layers])
    address = bits(max(number.region_base + number.region_reads for number in numbers))
    column = 1 + bits(max(layer.columns * (number.column_stride + (number.column_fraction > 0))
                          + number.kernel_width * number.column_dilation for layer, number in layers))
    rows = bits(max(number.kernel_height for number in numbers) + 1)
    loops = sum(bits(max(loop)) for loop in zip(
        *((number.kernel_height, number.kernel_width, number.words) for number in numbers), strict=True))
    luts["walk addresses"] += address * (1 + (loops > 0))
    luts["walk columns"] += column
    luts["walk counters"] += loops + 2 * rows
    luts += table.terms("tables in logic")
    ffs["control registers"] += 5 * address + 2 * column + loops + 3 * rows + table.held + 1
    ffs["tables in logic"] += table.registers


def _drain(name: str, layers: Sequence[DrainLayer], groups: int) -> Part:
    table = contents([[layer.columns, layer.blocks, layer.slots - (layer.blocks - 1) * groups,
                       layer.parameter_base] for layer in layers])
    counters = (bits(max(layer.columns for layer in layers)) + bits(max(layer.blocks for layer in layers))
                + bits(groups))
    parameter = bits(max(layer.parameter_base + layer.blocks * groups for layer in layers))
    return Part(name=name,
                luts=Counter({"drain counters": 2 * counters + parameter + bits(groups + 1)})
                + table.terms("tables in logic"),
                ffs=Counter({"control registers": counters + parameter + bits(groups + 1)
                             + 2 * bits(len(layers)) + 6, "tables in logic": table.registers}))


def _write(name: str, layers: Sequence[WriteLayer], groups: int) -> Part:
    radix = MixedRadix(layers[0].writes_per_word)
    words = bits(max(layer.region_end for layer in layers))
    address = words + radix.part_bits
    table = contents([[
        layer.writes, layer.row_words, layer.region_end, layer.region_rows * layer.row_words,
        radix.step(layer.pixel_words * radix.parts - (layer.blocks - 2) * groups - 1) % (1 << address)
        if layer.writes else 0] for layer in layers])
    written = sum(layer.writes for layer in layers)
    # An address goes on by a step, one of several, or begins anew; a row ends where the ring may begin again.
    adders = (address * (2 + (groups > 1)) + words * (3 + (groups > radix.parts))
              + 3 * radix.part_bits * (radix.gap > 0))
    return Part(name=name,
                luts=Counter({"write addresses": adders, "write choices": (written - 1) * words})
                + table.terms("tables in logic"),
                ffs=Counter({"control registers": address + words * written + 1,
                             "tables in logic": table.registers}))


def _choice(engine: EnginePlan, layers: Sequence[EngineLayer], *,
            memories: int) -> tuple[Counter[str], Counter[str]]:
    """What an array gets: one of several memories, or the padding."""
    operands = max(len(layer.operands) for layer in layers)
    table = contents([[operand.memory, operand.padding_value, operand.table, operand.zero]
                      for layer in layers for index in range(1 << bits(operands))
                      for operand in [layer.operands[min(index, len(layer.operands) - 1)]]])
    padded = any(walk.start_column < 0 or walk.kernel_height > 1 or walk.kernel_width > 1
                 for layer in layers for walk in layer.walk.operands)
    return (Counter({"input choices": 8 * engine.lanes * (memories - 1 + padded)})
            + table.terms("tables in logic"),
            Counter({"delays": 8 * engine.lanes + (12 if engine.kind == "channel" else 0),
                     "tables in logic": table.registers}))


def memory_part(memory: MemoryLayout, family: str) -> Part:
    """A feature memory."""
    params = memory.params
    word, read, part = 8 * params.word_bytes, 8 * params.read_bytes, bits(params.reads_per_word)
    written = 8 * params.write_bytes + bits(params.words) + params.writes_per_word
    luts = Counter({"memory reads": read * (params.reads_per_word - 1),
                    "memory writes": params.writes_per_word if params.writes_per_word > 1 else 0})
    ffs = Counter({"memory registers": read + 2 * part + written})
    if params.kind == "lut":
        luts["memories in LUTs"] = lut_ram_luts(family, depth=params.words, width=word, writable=True)
        # Where a family has no LUT RAM, it is made of flip-flops.
        ffs["memory registers"] += 2 * word + (word * params.words if family == "ice40" else 0)
    else:
        luts["banks"] = bank_bits(
            family, depth=params.words, width=word, writable=True,
            write_bits=8 * params.write_bytes if params.writes_per_word > 1 else None)
    return Part(name=f"memory_{memory.name}", luts=luts, ffs=ffs)


def link_part(name: str, links: Sequence[LinkParams], credits: Sequence[int]) -> Part:
    """The source, or the sink."""
    walks = sum(2 * bits(link.addresses) + bits(link.channels) + bits(link.columns) + bits(link.rows)
                for link in links)
    addresses = sum(bits(link.addresses) for link in links)
    free = sum(bits(credit + 1) for credit in credits)
    source = name == "source"
    return Part(name=name, luts=Counter({"link counters": walks + free}),
                ffs=Counter({"control registers": walks - (0 if source else addresses) + free
                             + (13 if source else 8)}))
