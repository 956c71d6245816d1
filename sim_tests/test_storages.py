"""Storages of plans are the memories of what is elaborated: their kinds, depths, widths and writes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from random_networks import network
from random_plans import random_plan
from random_windows import random_windows

from gatecast import verilog
from gatecast.boards import block_rams, lut_ram_luts
from gatecast.elaboration import elaborate
from gatecast.lowering import lower
from gatecast.planner import Plan
from gatecast.planner.storages import Storage, storages

KINDS = {"block": "block", "logic": "lut", "distributed": "lut"}
# Engine and part, or writer and reader, in the name of a module.
PLACES = {"weights": r"top_engine_(\w+?_\d+)_array(?:_group_\d+)?", "tables": r"top_engine_(\w+?_\d+)_array",
          "parameters": r"top_engine_(\w+?_\d+)_requantizer_parameters_\w+",
          "jobs": r"top_engine_(\w+?_\d+)_sequencer_jobs", "features": r"top_memory_(\w+)"}
# Owner, what it is for, kind, depth, bits of a word that are no constants, and bits of a write.
Memory = tuple[str, str, str, int, int, int | None]


def elaborated(plan: Plan) -> Iterator[Memory]:
    """The memories in the RTLIL of ``plan``."""
    for module in re.findall(r"^module \\.*?^end$", verilog.convert_rtlil(elaborate(plan), "top"),
                             re.MULTILINE | re.DOTALL):
        place = re.match(r"module \\(\w+)", module).group(1)
        for kind, width, depth, name in re.findall(
                r'ram_style "(\w+)"\n(?:  attribute .*\n)?  memory width (\d+) size (\d+) \\(\w+)', module):
            owner, what = owned(place, name)
            if what:
                words = contents(module, name, int(width), int(depth))
                yield (owner, what, KINDS[kind], int(depth), varying(words) if words else int(width),
                       write_bits(module, int(width)))


def owned(place: str, name: str) -> tuple[str, str]:
    """Whose the memory ``name`` in the module ``place`` is and what for; nothing, if plans do not list it."""
    for what, pattern in PLACES.items():
        found = re.fullmatch(pattern, place)
        if found and (what not in ("weights", "tables") or name.startswith(what[:-1])):
            return found.group(1), what
    return "", ""


def contents(module: str, name: str, width: int, depth: int) -> list[str]:
    """Words of a memory that is filled when the chip is configured."""
    if "$memwr_v2" in module:
        return []
    cell = next(cell for cell in module.split("\n  cell ")
                if cell.startswith("$meminit_v2") and f'MEMID "\\\\{name}"' in cell)
    bits = re.search(r"DATA \d+'([01]+)", cell).group(1)
    assert len(bits) == width * depth
    return [bits[index:index + width] for index in range(0, len(bits), width)]


def varying(words: list[str]) -> int:
    return sum(len(set(column)) > 1 for column in zip(*words, strict=True))


def write_bits(module: str, width: int) -> int | None:
    """Bits of a write, where a word has several."""
    cell = re.search(r"cell \$memwr_v2.*?connect \\EN (.*?)\n", module, re.DOTALL)
    if cell is None:
        return None
    enables = set[tuple[str, int]]()
    for signal, high, low in re.findall(r"([$\\]\S+)(?: \[(\d+)(?::(\d+))?\])?", cell.group(1)):
        enables |= {(signal, bit) for bit in range(int(low or high or 0), int(high or 0) + 1)}
    return width // len(enables) if len(enables) > 1 else None


@pytest.mark.parametrize(("kind", "seed", "style"), [
    ("layers", 1, "any"), ("layers", 2, "per-layer"), ("layers", 11, "folded"),
    ("windows", 0, "any"), ("windows", 12, "per-layer"), ("windows", 3, "folded")])
def test_are_those_elaborated(kind, seed, style):
    whole = lower(network(seed, layers=3)) if kind == "layers" else random_windows(seed, layers=2)
    plan = random_plan(whole, style, seed)
    stored = Counter[Memory]()
    for storage in storages(plan):
        stored[storage.owner, storage.what, storage.kind, storage.depth, storage.width,
               storage.write_bits] += storage.copies
    # What is all constant is no memory, and a table that no lane with a channel uses is dropped.
    found = Counter(memory for memory in elaborated(plan) if memory[4])
    assert stored <= found
    assert {memory for memory in found - stored if memory[1] != "tables"} == set()


def test_what_a_storage_takes():
    table = Storage(owner="channel_0", what="tables", depth=512, width=9, read_ports=2, copies=3,
                    kind="block")
    assert table.bits == 3 * 512 * 9
    assert not table.writable
    assert table.block_rams("ice40") == 3 * block_rams("ice40", depth=512, width=9, writable=False,
                                                       read_ports=2)
    assert table.luts("xc7") == 3 * lut_ram_luts("xc7", depth=512, width=9, writable=False)
    features = Storage(owner="a_to_b", what="features", depth=300, width=48, write_bits=16, kind="block")
    assert features.writable
    assert features.block_rams("ecp5") == block_rams("ecp5", depth=300, width=48, writable=True,
                                                     write_bits=16)
    single = Storage(owner="a_to_b", what="features", depth=1, width=48, kind="block")
    assert single.block_rams("ecp5") == 0
