"""Random plans for a lowered network: partitions, shapes, region rows and kinds of cells within the rules."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from gatecast.hdl.feature_memory import widths_fit
from gatecast.hdl.multiplier import MultiplierKind
from gatecast.hdl.storage import MemoryKind
from gatecast.network import Network
from gatecast.planner import events
from gatecast.planner.layout import LINK_BYTES
from gatecast.planner.numbers import layer_window
from gatecast.planner.plan import MEMORIES_OF, MULTIPLIERS_OF, EnginePlan, Plan, Region
from gatecast.planner.regions import least_rows
from gatecast.planner.schedule import schedule
from gatecast.planner.verification import verify

STYLES = ("per-layer", "folded", "two")
# Groups that meet in one plan: some reader is a multiple of all of them, of no more than twelve channels.
GROUPS = ((1, 2, 4), (1, 3), (2, 6), (3, 4), (1, 5))


def random_plan(network: Network, style: str, seed: int) -> Plan:
    """Engines of random shape; regions from the least that can work to two frames more, without deadlock.

    ``style`` is one of :data:`STYLES`, or ``"any"``: each layer on a random engine of its kind.
    """
    rng = np.random.default_rng(seed)
    dots = [layer.name for layer in network.layers if layer_window(layer).operation == "dot"]
    others = [layer.name for layer in network.layers if layer.name not in dots]
    groups = {"per-layer": [[layer.name] for layer in network.layers],
              "folded": [dots, others],
              "two": [dots[::2], dots[1::2], others[::2], others[1::2]],
              "any": _dealt(dots, seed) + _dealt(others, seed)}[style]
    engines = []
    for index, names in enumerate(names for names in groups if names):
        kind: Literal["systolic", "channel"] = "systolic" if names[0] in dots else "channel"
        engines.append(EnginePlan(name=f"{kind}_{index}", kind=kind, lanes=1, columns=1, group=1,
                                  layers=tuple(names)))
    plan = _shaped(Plan(network=network, engines=tuple(engines), regions=()), rng)
    rows = {(tensor, reader): least + int(rng.integers(0, 2 * network.tensors[tensor].shape[0] + 1))
            for (tensor, reader), least in least_rows(plan).items()}
    while True:
        made = replace(plan, regions=tuple(
            Region(tensor=tensor, writer=plan.writer_of(tensor), reader=reader, rows=count)
            for (tensor, reader), count in rows.items()))
        try:
            events.run(schedule(made), 2)
        except events.Deadlock:
            # Where branches meet, the least rows of each region alone need not be enough.
            rows = {key: count + 1 + network.tensors[key[0]].shape[0] // 4 for key, count in rows.items()}
        else:
            return verify(_celled(made, seed))


def _dealt(layers: list[str], seed: int) -> list[list[str]]:
    """``layers`` on at most as many engines, each on any of them."""
    # Of a seed of its own, so that the shapes of the other styles stay what they were.
    owners = np.random.default_rng((seed, len(layers))).integers(0, max(len(layers), 1), len(layers))
    return [[name for name, owner in zip(layers, owners, strict=True) if owner == engine]
            for engine in range(len(layers))]


def _celled(plan: Plan, seed: int) -> Plan:
    """``plan`` with multipliers and memories of random kinds; a kind changes neither bits nor cycles."""
    rng = np.random.default_rng((seed, 0))
    fields = {**dict.fromkeys(MULTIPLIERS_OF, get_args(MultiplierKind)),
              **dict.fromkeys(MEMORIES_OF, get_args(MemoryKind))}
    engines = tuple(replace(engine, **{field: str(rng.choice(kinds)) for field, kinds in fields.items()})
                    for engine in plan.engines)
    memories = {(region.writer, region.reader): str(rng.choice(get_args(MemoryKind)))
                for region in plan.regions}
    return replace(plan, engines=engines, regions=tuple(
        replace(region, memory_in=memories[region.writer, region.reader]) for region in plan.regions))


def _shaped(plan: Plan, rng: np.random.Generator) -> Plan:
    """``plan`` with arrays of random shape, of any number of lanes that fits all writers."""
    family = GROUPS[int(rng.integers(len(GROUPS)))]
    group = {engine.name: int(rng.choice(family)) for engine in plan.engines}
    last = plan.writer_of(plan.network.output)
    # The sink reads bytes.
    group[last] = int(2 ** rng.integers(0, 3))
    engines = []
    for engine in plan.engines:
        own = group[engine.name]
        written = [group.get(plan.writer_of(tensor), LINK_BYTES)
                   for name in engine.layers for tensor in plan.network.layer(name).inputs]
        fitting = [lanes for lanes in range(1, 13) if all(widths_fit(width, lanes) for width in written)
                   and (engine.kind == "systolic" or lanes % own == 0)]
        lanes = int(rng.choice(fitting)) if fitting else math.lcm(own, *written)
        columns = lanes if engine.kind == "channel" else own * int(rng.integers(1, 5))
        engines.append(replace(engine, lanes=lanes, columns=columns, group=own))
    return replace(plan, engines=tuple(engines))
