"""Packing: block RAMs are counted as Yosys makes them, LUTs about so; known counts; refusals."""

import json
import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, Value, unsigned
from amaranth.lib import memory
from tools import needs

from gatecast import processes, toolbox
from gatecast.boards.packing import bank_bits, block_rams, lut_ram_luts
from gatecast.synthesis_report import synthesized_resources

# What comes before memories are mapped, and the libraries that synthesis maps them to.
MAPPING = {
    "ecp5": ("synth_ecp5 -run begin:map_ram", "-lib +/lattice/brams_16kd.txt"),
    "ice40": ("synth_ice40 -run begin:map_ram", "-lib +/ice40/brams.txt"),
    "gowin": ("synth_gowin -run begin:map_ram", "-lib +/gowin/brams.txt"),
    "xc7": ("synth_xilinx -run begin:map_memory",
            "-D HAS_SIZE_36 -D HAS_CASCADE -D HAS_MIXWIDTH_SDP -lib +/xilinx/brams_xc4v.txt"),
}
# The whole way, and the cells that it ends with.
WHOLE = {
    "ecp5": ("synth_ecp5", ("DP16KD", "PDPW16KD")),
    "ice40": ("synth_ice40", ("SB_RAM40_4K",)),
    "gowin": ("synth_gowin", ("SP", "SPX9", "DPB", "DPX9B", "SDPB", "SDPX9B")),
    "xc7": ("synth_xilinx -flatten", ("RAMB18E1", "RAMB36E1", "RAMB36E1")),
}
FULL_SIZE = {"xc7": "r:OPTION_MODE=FULL"}


@dataclass(frozen=True, kw_only=True)
class Shape:
    depth: int
    width: int
    writable: bool
    write_bits: int | None = None
    read_ports: int = 1

    def blocks(self, family: str) -> int:
        return block_rams(family, depth=self.depth, width=self.width, writable=self.writable,
                          write_bits=self.write_bits, read_ports=self.read_ports)


def random_shape(choose: random.Random, most_bits: int) -> Shape:
    while True:
        depth = int(2 ** choose.uniform(1, 14.3))
        width = int(2 ** choose.uniform(0, 9.2))
        if choose.random() < 0.4:
            if depth * width <= min(most_bits, 8_000):
                return Shape(depth=depth, width=width, writable=False, read_ports=choose.choice([1, 1, 2]))
            continue
        parts = choose.choice([1, 1, 2, 2, 3, 4, 6, 7, 8, 16])
        write_bits = None if parts == 1 else choose.choice([choose.randint(1, 40), 8, 8, 16, 24, 32, 48, 72])
        width = width if write_bits is None else parts * write_bits
        if depth * width <= most_bits:
            return Shape(depth=depth, width=width, writable=True, write_bits=write_bits)


BLOCK = {True: "block", False: "block"}


def design(shapes: list[Shape], styles: dict[bool, str] = BLOCK) -> str:
    """Return RTLIL with a memory ``m<index>`` of each shape, as the templates emit theirs.

    `styles` are those of memories that are written and of the others.
    """
    m, ports = Module(), []
    choose = random.Random(1)

    def port(value: Value, name: str) -> Value:
        signal = Signal.like(value, name=name)
        ports.append(signal)
        return signal

    for index, shape in enumerate(shapes):
        init = []
        if not shape.writable:
            init = [choose.getrandbits(shape.width) for _ in range(shape.depth)]
            # No column may be constant: Yosys would drop it.
            init[-1] = init[0] ^ (1 << shape.width) - 1
        attributes = {"ram_style": styles[shape.writable]} | ({"no_rw_check": True} if shape.writable else {})
        m.submodules[f"m{index}"] = words = memory.Memory(
            shape=unsigned(shape.width), depth=shape.depth, init=init, attrs=attributes)
        for number in range(shape.read_ports):
            read = words.read_port()
            name = f"read{index}_{number}"
            m.d.comb += [read.addr.eq(port(read.addr, f"{name}_address")),
                         read.en.eq(port(read.en, f"{name}_enable") if shape.writable else 1),
                         port(read.data, f"{name}_data").eq(read.data)]
        if shape.writable:
            write = words.write_port(granularity=shape.write_bits)
            data = port(write.data[:shape.write_bits or shape.width], f"write{index}_data")
            m.d.comb += [write.addr.eq(port(write.addr, f"write{index}_address")),
                         write.data.eq(data.replicate(len(write.en))),
                         write.en.eq(port(write.en, f"write{index}_enable"))]
    return rtlil.convert(m, name="top", ports=ports, emit_src=False)


def run(lines: list[str], folder: Path) -> None:
    (folder / "script.ys").write_text("\n".join(lines) + "\n")
    yosys = toolbox.require("yosys", "this test").where
    processes.run("Yosys", [str(yosys), "-q", "-s", "script.ys"], folder=folder)


def synthesized(shapes: list[Shape], commands: list[str], selections: list[str], folder: Path) -> list[int]:
    """Return for each memory how many cells the selections hold, a cell in two of them counted twice."""
    (folder / "design.il").write_text(design(shapes))
    files = [f"cells{number}.txt" for number in range(len(selections))]
    lines = ["read_rtlil design.il", *commands,
             *(f"select -write {file} {what}" for file, what in zip(files, selections, strict=True))]
    run(lines, folder)
    found = Counter(int(number) for file in files
                    for number in re.findall(r"^top/m(\d+)\.", (folder / file).read_text(), re.MULTILINE))
    return [found[index] for index in range(len(shapes))]


@needs("yosys")
@pytest.mark.parametrize("family", MAPPING)
def test_random_shapes(family, tmp_path):
    choose = random.Random(20)
    shapes = [random_shape(choose, most_bits=40_000 if family == "ice40" else 120_000) for _ in range(25)]
    before, library = MAPPING[family]
    selections = ["t:$__*"] + [f"t:$__* {full} %i" for name, full in FULL_SIZE.items() if name == family]
    counts = synthesized(shapes, [f"{before} -top top", f"memory_libmap {library}"], selections, tmp_path)
    assert [(shape, shape.blocks(family)) for shape in shapes] == list(zip(shapes, counts, strict=True))
    assert sum(counts) > len(shapes)


@needs("yosys")
@pytest.mark.parametrize("family", WHOLE)
def test_cells_are_there_in_the_end(family, tmp_path):
    shapes = [Shape(depth=520, width=5, writable=False),
              Shape(depth=256, width=9, writable=False, read_ports=2),
              Shape(depth=300, width=32, writable=True, write_bits=16)]
    command, cells = WHOLE[family]
    counts = synthesized(shapes, [f"{command} -top top"], [f"t:{cell}" for cell in cells], tmp_path)
    assert counts == [shape.blocks(family) for shape in shapes]


def test_known_counts():
    """The modes of the data sheets, filled exactly and by one bit more."""
    for family, depth, width in [
            ("ecp5", 512, 36), ("ecp5", 1024, 18), ("ecp5", 2048, 9), ("ice40", 256, 16), ("ice40", 512, 8),
            ("gowin", 512, 36), ("gowin", 1024, 18), ("xc7", 512, 36)]:
        for writable in False, True:
            assert block_rams(family, depth=depth, width=width, writable=writable) == 1
            assert block_rams(family, depth=depth, width=width + 1, writable=writable) == 2
    # A write enable of ECP5 has nine bits: one byte takes nine, two take 18. The mask of iCE40 is of bits.
    assert block_rams("ecp5", depth=512, width=144, writable=True) == 4
    assert block_rams("ecp5", depth=512, width=144, writable=True, write_bits=8) == 5
    assert block_rams("ecp5", depth=512, width=128, writable=True, write_bits=8) == 4
    assert block_rams("ecp5", depth=512, width=192, writable=True, write_bits=16) == 6
    assert block_rams("ice40", depth=256, width=48, writable=True, write_bits=8) == 3
    # A second read port is free where both ports are equal, another RAM where they are not.
    assert block_rams("ecp5", depth=256, width=32, writable=False, read_ports=2) == 2
    assert block_rams("ecp5", depth=1024, width=18, writable=False, read_ports=2) == 1
    assert block_rams("ice40", depth=256, width=16, writable=False, read_ports=2) == 2
    # xc7 counts halves of 36 kbit.
    assert block_rams("xc7", depth=1024, width=36, writable=False) == 2
    assert block_rams("xc7", depth=1, width=300, writable=False) == 0


def test_bits_chosen_from_banks():
    """None where one bank is deep enough; else those of the banks that the cells of the count make up."""
    assert bank_bits("ecp5", depth=512, width=36, writable=False) == 0
    assert bank_bits("ecp5", depth=1, width=300, writable=False) == 0
    # Five banks of 4,096 words, side by side in four blocks of four bits.
    assert bank_bits("ecp5", depth=20_000, width=3, writable=False) == 4 * 3
    assert bank_bits("ecp5", depth=20_000, width=3, writable=False, read_ports=2) == 2 * 4 * 3
    choose = random.Random(1)
    for _ in range(100):
        depth, width = choose.randint(2, 20_000), choose.randint(1, 200)
        banks = bank_bits("ecp5", depth=depth, width=width, writable=False) // width + 1
        cells = {-(-banks * width // cell) for index, cell in enumerate((1, 2, 4, 9, 18, 36))
                 if -(-depth // (16_384 >> index)) == banks}
        assert block_rams("ecp5", depth=depth, width=width, writable=False) in cells


@pytest.mark.parametrize(("arguments", "sentence"), [
    ({"family": "nexus"}, "family must be one of ecp5, ice40, gowin, xc7, not nexus"),
    ({"depth": 0}, "a memory must have words, bits and read ports, not depth 0, width 24 and 1 read ports"),
    ({"write_bits": 5}, "write_bits must divide the 24 bits of a memory that is written, not 5"),
    ({"write_bits": 8, "writable": False},
     "write_bits must divide the 24 bits of a memory that is written, not 8"),
])
def test_refusals(arguments, sentence):
    right = {"family": "ecp5", "depth": 8, "width": 24, "writable": True}
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        block_rams(**(right | arguments))


def test_known_luts():
    """One LUT RAM cell, a second bank of it, columns of logic; all but the last as Yosys counts them too."""
    assert lut_ram_luts("ecp5", depth=16, width=32, writable=True) == 4 * 8
    assert lut_ram_luts("ecp5", depth=12, width=29, writable=True) == 4 * 8
    assert lut_ram_luts("gowin", depth=7, width=70, writable=True) == 4 * 18
    assert lut_ram_luts("xc7", depth=24, width=15, writable=False) == 15
    assert lut_ram_luts("xc7", depth=204, width=10, writable=False) == 40
    assert lut_ram_luts("ecp5", depth=92, width=78, writable=False) == 78 * 8
    assert lut_ram_luts("ecp5", depth=2, width=22, writable=False) == 4


@needs("yosys")
def test_luts_of_random_shapes(tmp_path):
    choose = random.Random(3)
    shapes = []
    while len(shapes) < 8:
        depth, width, writable = choose.randint(6, 160), choose.randint(8, 40), len(shapes) % 2 == 0
        if depth * width < 2_500:
            shapes.append(Shape(depth=depth, width=width, writable=writable))
    names = [f"design{index}" for index in range(len(shapes))]
    lines = []
    for name, shape in zip(names, shapes, strict=True):
        (tmp_path / f"{name}.il").write_text(design([shape], {True: "distributed", False: "logic"}))
        lines += ["design -reset", f"read_rtlil {name}.il", "synth_ecp5 -top top",
                  f"tee -q -o {name}.json stat -json"]
    run(lines, tmp_path)
    for name, shape in zip(names, shapes, strict=True):
        found = synthesized_resources(
            json.loads((tmp_path / f"{name}.json").read_text())["design"]["num_cells_by_type"]).luts
        estimate = lut_ram_luts("ecp5", depth=shape.depth, width=shape.width, writable=shape.writable)
        assert 0.7 * found < estimate < 1.3 * found, shape
