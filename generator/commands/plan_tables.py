"""A plan for a person: its tables, all within 100 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from .. import console
from ..figures import count, percent
from ..planner.explanation import place

__all__ = ["shown"]

# What there is nothing of.
NONE = "-"


def shown(result: dict[str, Any]) -> list[RenderableType]:
    """What :func:`~gatecast.summary.plan_summary` says, for a person; the answer comes last."""
    tables = [_engines(result), _loops(result), _cycles(result), _memories(result)]
    if result["alternatives"]:
        tables.append(_alternatives(result))
    return [*tables, _cells(result), _narrow(console.facts("", _facts(result)), {1: 66})]


def _narrow(table: Table, widths: dict[int, int]) -> Table:
    """``table`` with columns, by number, that are folded where they are wider."""
    for number, width in widths.items():
        table.columns[number].max_width = width
    return table


def _size(engine: dict[str, Any]) -> str:
    """Lanes and columns; of a channel array the one or the other."""
    lanes, columns = engine["lanes"], engine["columns"]
    return f"{lanes} x {columns}" if engine["kind"] == "systolic" else str(lanes)


def _engines(result: dict[str, Any]) -> Table:
    """Arrays, and which cells they are made of."""
    def stored(engine: dict[str, Any], what: str) -> str:
        kind = engine[f"{what}_in"]
        if not engine["stored_bits"].get(what) and kind != "external":
            return NONE
        return kind if kind == "external" else _where(kind, engine["block_rams"].get(what, 0))

    def multipliers(number: int, kind: str) -> str:
        return f"{number} {kind.upper()}" if number else NONE

    return _narrow(console.table(
        f"engines for {result['network']}, and where their multipliers and memories are",
        ("engine", ">array", ">group", ">multipliers", ">requantizer", ">weights", ">tables", ">parameters"),
        [(engine["name"], _size(engine), engine["group"],
          multipliers(engine["multipliers"], engine["array_in"]),
          multipliers(engine["requantizer_multipliers"], engine["requantizer_in"]),
          *(stored(engine, what) for what in ("weights", "tables", "parameters")))
         for engine in result["engines"]]), {0: 14})


def _where(kind: str, block_rams: int) -> str:
    """Where a memory is; those of a single word are registers or constants, whatever was chosen."""
    return "LUT" if kind == "lut" else f"{block_rams} BRAM" if block_rams else "logic"


def _loops(result: dict[str, Any]) -> Table:
    """The loop nest of each engine, a line for each of its layers."""
    lines: list[tuple[object, ...]] = []
    for engine in result["engines"]:
        words = f"of {engine['lanes']}" if engine["kind"] == "systolic" else ""
        lines.append((engine["name"], "", "", f"of {engine['columns']}", "", words, "", "", ""))
        lines += [(
            f"  {loops['layer']}", loops["rows"], loops["columns"], loops["blocks"],
            " + ".join(f"{operand['kernel_rows']}x{operand['kernel_columns']}"
                       for operand in loops["operands"]),
            " + ".join(str(operand["words"]) for operand in loops["operands"]),
            loops["hold_cycles"] or NONE, count(loops["cycles"]), percent(loops["filled"]),
        ) for loops in engine["loops"]]
    return _narrow(console.table(
        "loops, outermost first: blocks of output channels, words of input channels",
        ("layer", ">rows", ">columns", ">blocks", ">kernel", ">words", ">hold", ">cycles", ">filled"),
        lines), {0: 23, 4: 9, 5: 7})


def _cycles(result: dict[str, Any]) -> Table:
    """How engines and links spend the cycles of an inference."""
    cycles = result["cycles_per_inference"]

    def share(part: float) -> str:
        return percent(part / cycles) if part else NONE

    links = {link["name"]: (place(link["name"]), share(link["busy_cycles"]), NONE, NONE,
                            share(cycles - link["busy_cycles"])) for link in result["links"]}
    engines = [(engine["name"], *(share(engine[f"{part}_cycles"])
                                  for part in ("useful", "edge", "hold", "waiting")))
               for engine in result["engines"]]
    return _narrow(console.table(
        "cycles of an inference", ("", ">work", ">empty places", ">holds", ">waiting"),
        [links["source"], *engines, links["sink"]]), {0: 20})


def _memories(result: dict[str, Any]) -> Table:
    """What lies between the engines, on the way from input to output."""
    parts = ["source", *(engine["name"] for engine in result["engines"]), "sink"]

    def along(memory: dict[str, Any]) -> tuple[int, int]:
        return parts.index(memory["writer"]), parts.index(memory["reader"])

    def tensors(memory: dict[str, Any]) -> str:
        return ", ".join(f"{region['tensor']} {region['rows']}/{region['frame_rows']}"
                         for region in result["regions"]
                         if (region["writer"], region["reader"]) == (memory["writer"], memory["reader"]))

    return _narrow(console.table(
        "feature memories", ("from", "to", ">in", ">words", ">bits", "tensors, rows held/of a frame"),
        [(place(memory["writer"]), place(memory["reader"]),
          _where(memory["memory_in"], memory["block_rams"]),
          count(memory["words"]), memory["word_bits"], tensors(memory))
         for memory in sorted(result["memories"], key=along)]), {0: 14, 1: 14, 5: 32})


def _alternatives(result: dict[str, Any]) -> Table:
    """The next best plans for what is asked."""
    title, measured = {
        "throughput": ("next best plans, most with ample feature memories", "cycles_per_inference"),
        "latency": ("other plans, the next best for a lone inference first", "lone_latency_cycles"),
        "area": ("other plans that are fast enough, the next smallest first", "budget_shares"),
    }[result["goal"] or "throughput"]

    def engines(other: dict[str, Any]) -> str:
        arrays = {kind: [engine for engine in other["engines"] if engine["kind"] == kind]
                  for kind in ("systolic", "channel")}
        return "; ".join(f"{kind} {', '.join(_size(engine).replace(' ', '') for engine in each)}"
                         for kind, each in arrays.items() if each)

    return _narrow(console.table(
        title, (">engines", ">multipliers", ">cycles", ">lone", ">more", "arrays"),
        [(len(other["engines"]), count(other["multipliers"]), count(other["cycles_per_inference"], 1),
          count(other["lone_latency_cycles"]), _more(other[measured], result[measured]), engines(other))
         for other in result["alternatives"]]), {5: 36})


def _more(other: float, this: float) -> str:
    """How much more the ``other`` takes, as a share of ``this``."""
    if not this:
        return NONE
    share = other / this - 1
    return f"-{percent(-share)}" if share < 0 else percent(share)


def _cells(result: dict[str, Any]) -> Table:
    """Cells against what was allowed and what the chip has."""
    limits, chip = result["limits"] or {}, result["chip"] or {}

    def line(name: str, key: str, certainty: str) -> tuple[str, ...]:
        used, has = result[key], chip.get(key)
        return (name, count(used), *(NONE if known is None else count(known)
                                     for known in (limits.get(key), has)),
                percent(used / has) if has else NONE, certainty)

    return console.table(
        f"cells{' of the ' + chip['device'] if chip else ''}",
        ("", ">used", ">allowed", ">on the chip", ">share", ""),
        [line("multipliers of arrays", "multipliers", "exact"),
         line("multipliers of requantizers", "requantizer_multipliers", "exact"),
         line("DSP multipliers of both", "dsps", "exact" if result["dsps_exact"] else "at most"),
         line("block RAMs (BRAM)", "block_rams", "exact"),
         line("LUTs", "luts", _estimate(result["luts_error"])),
         line("flip-flops", "ffs", _estimate(result["ffs_error"]))])


def _estimate(error: float | None) -> str:
    if error is None:
        return "rough estimate"
    return f"9 of 10 within {percent(error)}"


def _bound(result: dict[str, Any]) -> str:
    """What no plan can beat in what is asked, and how far this one is from it."""
    cycles, exact = result["lower_bound_cycles"], result["lower_bound_exact"]
    of = ("all partitions and arrays" if exact else
          "the work alone, each layer on the array that suits it best")

    def distance(this: float, bound: float) -> str:
        return f"takes {percent(this / bound - 1, 2)} more" if this > bound else "reaches it"

    match result["goal"]:
        case "area":
            least = result["lower_bound_multipliers"]
            return (f"{count(least)} multipliers of arrays for at most {count(result['target_cycles'], 1)} "
                    f"cycles an inference, for {of}; this plan {distance(result['multipliers'], least)}")
        case "latency":
            return (f"{count(cycles)} cycles, of lone inferences too, for {of}; a lone one with this plan "
                    f"{distance(result['lone_latency_cycles'], cycles)}")
        case _:
            return (f"{count(cycles)} cycles for {of}; this plan "
                    f"{distance(result['cycles_per_inference'], cycles)}")


def _facts(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The answer."""
    yield "cycles an inference", count(result["cycles_per_inference"], 1)
    yield "cycles of the first inference", count(result["latency_cycles"])
    yield "cycles of a lone inference", count(result["lone_latency_cycles"])
    clock = result["clock_mhz"]
    if clock is not None:
        yield f"at {clock:g} MHz", (f"{count(result['inferences_per_second'], 1)} inferences a second, the "
                                    f"first after {1e3 * result['latency_seconds']:.4g} ms, a lone one after "
                                    f"{1e3 * result['lone_latency_seconds']:.4g} ms")
    yield "bottleneck", result["bottleneck_reason"]
    if result["goal"] == "area":
        yield "size", (f"{result['budget_shares']:.3f}, the sum of the shares that it takes of the DSP "
                       f"multipliers, block RAMs and LUTs allowed")
    if result["lower_bound_cycles"] is not None:
        yield "lower bound", _bound(result)
    busy = f"{percent(result['multiplier_utilization'])} of {count(result['multipliers'])}"
    if result["budget_utilization"] is not None:
        busy += (f", {percent(result['budget_utilization'])} of the "
                 f"{count(result['limits']['multipliers'])} allowed")
    yield "multipliers busy", busy
    yield "multiplications an inference", count(result["macs_per_inference"])
    yield "memory", f"{count(-(-result['memory_bits'] // 1024))} Kbit"
    streamed = result["weight_stream_bytes_per_cycle"]
    if streamed is not None:
        at = "" if clock is None else f", {count(streamed * clock, 1)} MB a second at {clock:g} MHz"
        yield "weights from outside the chip", (
            f"{count(result['weight_stream_bytes_per_inference'])} bytes an inference, {streamed:.3g} a cycle"
            f"{at}; each row of a layer's output reads its weights once")
