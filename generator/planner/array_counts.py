"""Array counts: the bits of logic in arrays and requantizers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from gatecast.boards.packing import bank_bits
from gatecast.hdl.channel import ChannelParams
from gatecast.hdl.channel_lane import ChannelLane
from gatecast.hdl.dot_product import DotProduct
from gatecast.hdl.multiplier import Multiplier, WideMultiplier
from gatecast.hdl.pipeline import bits_for_range
from gatecast.hdl.requantization import TIE_BITS
from gatecast.hdl.requantizer import ADDRESS_WAY, OPERAND_WAY, RequantizerParams
from gatecast.hdl.systolic import WEIGHT_BITS, SystolicGroup

from .counts import Contents, Part, bits, contents, row_multiplier, varying_bits
from .numbers import blocks, dot_taps, dot_weights, layer_window, tables
from .parameters import array_params
from .plan import EnginePlan, Plan

__all__ = ["array_multipliers", "array_part", "requantizer_multipliers", "requantizer_part", "weight_words"]

# Of the registers of a read of a block RAM, those that are in it: of the address and of the output. So many
# are in a DSP block too: of the operands and of the product.
BLOCK_REGISTERS = 2

# Of a lane that settles ties, beside its adder and the steps that it passes on: comparisons of a fraction,
# and the registers of what they say.
TIE_LUTS, TIE_REGISTERS = 55, 40


def weight_words(plan: Plan, engine: EnginePlan) -> int:
    """Words of the memory of weights; one if there are none."""
    windows = [layer_window(plan.network.layer(name)) for name in engine.layers]
    return sum(blocks(window, engine) * dot_taps(window, engine) for window in windows
               if window.operation in ("dot", "multiply")) or 1


def array_part(plan: Plan, engine: EnginePlan, params: RequantizerParams, family: str) -> Part:
    """The array of an engine, with its requantizer's parameters, which know how wide its sums are."""
    width, depth = max(8, params.sum_shape.width), weight_words(plan, engine)
    if plan.external_weights:
        depth = 1
    luts, ffs = (_systolic(plan, engine, width, depth, family) if engine.kind == "systolic"
                 else _channel(plan, engine, width, depth, family))
    for table in _tables_in_luts(plan, engine):
        luts += table.terms("weights in logic")
    return Part(name=f"engine_{engine.name}.array", luts=luts, ffs=ffs)


def _tables_in_luts(plan: Plan, engine: EnginePlan) -> Iterator[Contents]:
    """The memories of the array that are made of logic."""
    if "lut" not in (engine.weights_in, engine.tables_in):
        return
    params = array_params(plan, engine)
    if params.weights is not None and engine.weights_in == "lut" and not plan.external_weights:
        depth, groups = len(params.weights), engine.groups if engine.kind == "systolic" else 1
        by_group = params.weights.reshape(depth, groups, -1)
        yield from (contents(by_group[:, group]) for group in range(groups))
    if isinstance(params, ChannelParams) and params.tables is not None and engine.tables_in == "lut":
        yield from [contents(params.tables.reshape(-1, 1))] * engine.lanes


def _weight_bits(plan: Plan, engine: EnginePlan) -> int:
    """Of a weight of a systolic array."""
    windows = (layer_window(plan.network.layer(name)) for name in engine.layers)
    return WEIGHT_BITS[np.dtype(dot_weights(windows))]


def array_multipliers(plan: Plan, engine: EnginePlan, family: str) -> int:
    """What the multipliers of an array come to in LUTs, as the term ``multipliers in logic``."""
    weight = _weight_bits(plan, engine) if engine.kind == "systolic" else 8
    luts, _ = row_multiplier(8, weight, Multiplier.LATENCY, family)
    return engine.positions * luts


def requantizer_multipliers(params: RequantizerParams, family: str) -> int:
    """The same of a requantizer."""
    narrow, wide = sorted((params.x_shape.width, params.m_shape.width))
    luts, _ = row_multiplier(narrow, wide, params.multiplier_latency - OPERAND_WAY, family)
    return params.lanes * luts


def _systolic(plan: Plan, engine: EnginePlan, width: int, depth: int,
              family: str) -> tuple[Counter[str], Counter[str]]:
    lanes, columns, groups = engine.lanes, engine.columns, engine.groups
    products, weight = lanes * columns, _weight_bits(plan, engine)
    word = weight * lanes * engine.group
    # Of few words some bits are the same in all, as often as those of random words are.
    held = round(weight * (1 - 0.5 ** (depth - 1)) * products)
    adders = registers = 0
    # The tree of adders; where one is left over, it waits.
    terms = lanes
    for level in range(1, bits(lanes) + 1):
        product = 8 + weight
        adders += terms // 2 * (product + level)
        registers += terms // 2 * (product + level) + terms % 2 * (product - 1 + level)
        terms -= terms // 2
    luts = Counter({"array adders": columns * (adders + width),
                    "array chain": (groups - 1) * engine.group * width})
    ffs = Counter({
        # Activations go from group to group; what a group delays is what the next one gets.
        "array registers": 8 * lanes * (groups - 1 + SystolicGroup.WEIGHT_LATENCY)
        + held * (SystolicGroup.WEIGHT_LATENCY - BLOCK_REGISTERS) + columns * (registers + 4 * width)
        + (groups - 1) * bits(depth) + 3 * groups + 2 * DotProduct.latency(lanes),
    })
    if engine.weights_in == "lut":
        ffs["array registers"] += weight * products + held
    else:
        luts["banks"] = groups * bank_bits(family, depth=depth, width=word, writable=False)
    if engine.array_in == "lut":
        luts["multipliers in logic"] = array_multipliers(plan, engine, family)
        ffs["multipliers in logic"] = products * row_multiplier(8, weight, Multiplier.LATENCY, family)[1]
    else:
        ffs["array registers"] += (8 + weight) * products * (Multiplier.LATENCY - BLOCK_REGISTERS)
    return luts, ffs


def _channel(plan: Plan, engine: EnginePlan, width: int, depth: int,
             family: str) -> tuple[Counter[str], Counter[str]]:
    windows = [layer_window(plan.network.layer(name)) for name in engine.layers]
    operations = {window.operation for window in windows}
    lanes, groups = engine.lanes, engine.groups
    found = tables(plan, engine)
    entry = bits_for_range(min((int(table.min()) for table in found), default=0),
                           max((int(table.max()) for table in found), default=0)).width
    weights = [operand.weights for window in windows for operand in window.operands
               if operand.weights is not None]
    weight = max((bits_for_range(int(each.min()), int(each.max())).width for each in weights), default=0)
    luts, ffs = Counter[str](), Counter[str]()
    registers = adders = muxes = 0
    if ChannelLane.multiplies(operations):
        operand = 9 if "product" in operations else 8
        factor = weight if "product" not in operations else 9
        registers += 8 * (ChannelLane.OPERAND_LATENCY - 1) + operand
        if "multiply" in operations:
            registers += weight * (ChannelLane.OPERAND_LATENCY
                                   - (0 if engine.weights_in == "lut" else BLOCK_REGISTERS))
        if "product" in operations:
            adders += 9
            registers += 9
            muxes += 9 * ("multiply" in operations)
        muxes += factor * (not {"sum", "max"}.isdisjoint(operations))
        if engine.array_in == "lut":
            luts["multipliers in logic"] = array_multipliers(plan, engine, family)
            ffs["multipliers in logic"] = lanes * row_multiplier(
                operand, factor, Multiplier.LATENCY, family)[1]
        else:
            registers += (operand + factor) * (Multiplier.LATENCY - BLOCK_REGISTERS)
    else:
        registers += 8 * ChannelLane.term_latency(operations)
    if "lookup" in operations:
        if ChannelLane.multiplies(operations):
            registers += 8 * (ChannelLane.address_latency(operations) - ChannelLane.OPERAND_LATENCY)
        registers += entry * (ChannelLane.MEMORY_LATENCY
                              - (0 if engine.tables_in == "lut" else BLOCK_REGISTERS))
        if engine.tables_in == "block":
            luts["banks"] += lanes * bank_bits(family, depth=256 * len(found), width=entry, writable=False)
    if ChannelLane.mixes(operations):
        registers += width
        muxes += width
    if operations != {"max"}:
        adders += width
        registers += width
    if "max" in operations:
        adders += 8
        muxes += 8 + (width if len(operations) > 1 else 0)
        registers += 8
    result = 8 if operations == {"max"} else width
    if "multiply" in operations and engine.weights_in == "block":
        luts["banks"] += bank_bits(family, depth=depth, width=lanes * weight, writable=False)
    luts["channel adders"] = lanes * adders
    luts["channel multiplexers"] = lanes * muxes + (lanes - engine.group) * result
    ffs["channel registers"] = lanes * (registers + 2 * result) + groups + 20
    return luts, ffs


def _chosen_offsets(params: RequantizerParams) -> int:
    """Bits of the offsets, of all lanes, that the sign of the sum chooses."""
    negative, positive = (getattr(params.requantization, name).reshape(params.slots, params.lanes)
                          for name in ("offset_negative", "offset_positive"))
    chosen = np.bitwise_or.reduce(negative ^ positive)
    if params.parameters_in == "block":
        # What a block RAM holds twice is not seen to be the same.
        for offsets in (negative, positive):
            chosen |= np.bitwise_or.reduce(offsets) ^ np.bitwise_and.reduce(offsets)
    mask = (1 << params.product_shape.width) - 1
    return sum((number & mask).bit_count() for number in chosen.tolist())


def requantizer_part(engine: EnginePlan, params: RequantizerParams, family: str) -> Part:
    """The requantizer of an engine."""
    lanes, x, m = params.lanes, params.x_shape, params.m_shape
    tables = [contents(np.concatenate([params.columns[name] for name in names], axis=1), engine.parameters_in)
              for names in params.tables.values()]
    # Bits of each field in all lanes together, those that differ, and of those that agree one.
    varying: dict[str, int] = {}
    for table, names in zip(tables, params.tables.values(), strict=True):
        share = table.held / max(table.varying, 1)
        varying |= {name: round(share * sum(varying_bits(params.columns[name]))) for name in names}
    latency = params.multiplier_latency
    kept = params.product_shape.width + params.lead - params.shift_min
    stages = params.shift_stages
    offset = max(varying["offset_negative"], varying["offset_positive"])
    luts = Counter({
        "requantizer adders": lanes * (x.width + params.product_shape.width),
        "requantizer offsets": _chosen_offsets(params),
        "requantizer shifters": kept * sum(varying_bits(params.columns["shift"])),
        "requantizer clamps": lanes * (max(kept - 8, 0) + 16) + 2 * (varying["low"] + varying["high"]),
        "banks": sum(bank_bits(family, depth=params.slots, width=table.varying, writable=False)
                     for table in tables if table.kind == "block" and table.varying),
    })
    if params.ties:
        luts["requantizer adders"] += lanes * (kept - TIE_BITS)
        luts["requantizer clamps"] += lanes * TIE_LUTS
    for table in tables:
        luts += table.terms("parameters in logic")
    ffs = Counter({
        "requantizer registers": (2 + ADDRESS_WAY) * lanes * params.sum_shape.width
        + sum(ADDRESS_WAY + wait for wait in params.waits.values()) * bits(params.slots)
        + (1 + OPERAND_WAY) * varying["multiplier"] + offset
        + (varying["low"] + varying["high"]) * (stages + 2)
        + lanes * ((1 + OPERAND_WAY) * x.width + latency + (stages + 1) * kept + 18)
        + varying["shift"] * (stages // 2)
        + params.ties * lanes * (3 * (kept - TIE_BITS) + TIE_REGISTERS)
        # A copy of the row, which block RAM has in its own register.
        + (sum(varying.values()) if engine.parameters_in == "lut" else 0),
        "tables in logic": sum(table.registers for table in tables),
    })
    if engine.requantizer_in == "lut":
        luts["multipliers in logic"] = requantizer_multipliers(params, family)
        narrow, wide = sorted((x.width, m.width))
        ffs["multipliers in logic"] = lanes * row_multiplier(narrow, wide, latency - OPERAND_WAY, family)[1]
    else:
        digits = [(a.width + b.width, WideMultiplier.DIGIT * (i + j))
                  for i, a in enumerate(WideMultiplier.digits(x))
                  for j, b in enumerate(WideMultiplier.digits(m))]
        parts = [part for part, _ in digits]
        product = x.width + m.width
        luts["requantizer adders"] += lanes * sum(product - low for _, low in digits[1:])
        ffs["requantizer registers"] += lanes * (
            sum(parts) * (Multiplier.LATENCY - BLOCK_REGISTERS)
            + sum(stage * part for stage, part in enumerate(parts[1:])) + product * (len(parts) - 1))
    return Part(name=f"engine_{engine.name}.requantizer", luts=luts, ffs=ffs)
