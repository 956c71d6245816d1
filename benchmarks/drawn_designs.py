"""Drawn designs: plans of random networks for random budgets, with random kinds of cells.

Each has a number, its seed. The plans are kept in a folder, for another search would find other ones.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import gatecast
from gatecast.errors import InputError
from gatecast.planner.storages import storages

__all__ = ["draw_network", "draw_plan"]

# Bits of a memory that is drawn to be made of logic: beyond that nobody would.
MOST_BITS = 16_384
MOST_MULTIPLIERS = 64


def draw_network(rng: np.random.Generator, seed: int) -> dict[str, Any]:
    """A description: a chain of convolutions of both kinds and pools, with an addition here and there."""
    size, channels = int(rng.choice([8, 10, 12, 16, 20, 28, 32])), int(rng.choice([1, 1, 2, 3]))
    shape = (size, size, channels)
    shapes: dict[str, tuple[int, int, int]] = {}
    layers: list[dict[str, Any]] = []
    for index in range(int(rng.integers(2, 8))):
        height, width, depth = shape
        operator = str(rng.choice(["conv2d"] * 3 + ["depthwise_conv2d", "max_pool", "avg_pool", "add"]))
        equal = [name for name, other in list(shapes.items())[:-1] if other == shape]
        if (operator == "add" and not equal) or (operator.endswith("pool") and min(height, width) < 2):
            operator = "conv2d"
        layer: dict[str, Any] = {"name": f"{operator}_{index}", "operator": operator}
        if operator == "add":
            layer["inputs"] = [layers[-1]["name"], str(rng.choice(equal))]
        elif operator.endswith("pool"):
            layer["kernel"] = 2
            shape = (height // 2, width // 2, depth)
        else:
            stride = int(rng.choice([1, 1, 2]))
            layer |= {"kernel": min(int(rng.choice([1, 3, 3, 5])), height, width), "stride": stride,
                      "padding": "same", "activation": str(rng.choice(["none", "relu", "relu6"]))}
            if operator == "conv2d":
                depth = layer["channels"] = int(rng.choice([4, 6, 8, 10, 12, 16, 16, 20, 24, 32, 48]))
            shape = (-(-height // stride), -(-width // stride), depth)
        shapes[layer["name"]] = shape
        layers.append(layer)
    if rng.random() < 0.4:
        layers.append({"name": "mean", "operator": "mean"})
    layers.append({"name": "scores", "operator": "dense", "channels": int(rng.integers(2, 40))})
    return {"name": "drawn", "weights": {"random": seed},
            "input": {"shape": [size, size, channels]}, "layers": layers}


def draw_plan(seed: int, kept_in: Path) -> gatecast.Plan:
    """A plan of the search for a drawn network and budget, with drawn kinds of cells; as kept, if it was."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "drawn.yaml")
        file.write_text(yaml.safe_dump(draw_network(rng, seed), sort_keys=False))
        network = gatecast.lower(gatecast.read(file))
    kept = kept_in / f"plan_{seed}.json"
    if kept.exists():
        return gatecast.Plan.from_json(network, json.loads(kept.read_text()))
    multipliers = round(float(np.exp(rng.uniform(np.log(5), np.log(80)))))
    engines: Any = ("auto", "folded", 1, 2, "per-layer")[int(rng.choice(5, p=[0.4, 0.2, 0.15, 0.15, 0.1]))]
    try:
        plan = gatecast.plan(network, gatecast.Budget(multipliers=multipliers), engines=engines)
    except InputError:
        plan = gatecast.plan(network, gatecast.Budget(multipliers=multipliers + 20))
    plan = with_cells(plan, rng)
    kept_in.mkdir(parents=True, exist_ok=True)
    kept.write_text(str(plan))
    return plan


def with_cells(plan: gatecast.Plan, rng: np.random.Generator) -> gatecast.Plan:
    """The plan with random parts made of LUTs."""
    size = Counter[tuple[str, str]]()
    for storage in storages(plan):
        size[storage.owner, storage.what] += storage.bits

    def small(owner: str, what: str) -> bool:
        return bool(0 < size[owner, what] <= MOST_BITS and rng.random() < 0.35)

    engines = []
    for engine in plan.engines:
        kinds = {f"{what}_in": "lut" for what in ("weights", "tables", "parameters")
                 if small(engine.name, what)}
        if engine.positions <= MOST_MULTIPLIERS and rng.random() < 0.3:
            kinds["array_in"] = "lut"
        if rng.random() < 0.3:
            kinds["requantizer_in"] = "lut"
        engines.append(replace(engine, **kinds))  # type: ignore[arg-type]
    pairs = {(region.writer, region.reader): small(f"{region.writer}_to_{region.reader}", "features")
             for region in plan.regions}
    regions = (replace(region, memory_in="lut" if pairs[region.writer, region.reader] else "block")
               for region in plan.regions)
    return replace(plan, engines=tuple(engines), regions=tuple(regions))
