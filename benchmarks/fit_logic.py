"""Fits the model of LUTs and flip-flops (generator/planner/logic.py) to what Yosys makes of drawn designs.

    python benchmarks/fit_logic.py [--designs 60] [MODEL.tflite ...]

Draws random networks, plans for random budgets and random kinds of cells, synthesizes each for ECP5 and fits
the coefficients, none negative, on two thirds of them. The other third only measures the error, as do the
models named, each planned for 28 multipliers and for an LFE5U-85F. Writes generator/planner/logic_model.py.
Plans are kept in the folder build/fit_logic, netlists in the cache, which holds the last few dozen.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import drawn_designs
import numpy as np
import numpy.typing as npt

import gatecast
from gatecast import ecp5_flow, toolbox, verilog
from gatecast.boards import families
from gatecast.netlist import Netlist
from gatecast.planner import logic

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "fit_logic"
MODEL = ROOT / "generator" / "planner" / "logic_model.py"

# LUTs that each cell of Yosys is, as in gatecast.synthesis_report, which counts them only for whole designs.
CELLS = {"luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}, "ffs": {"TRELLIS_FF": 1}}
# What networks with trained weights are planned for.
BUDGETS = {"28 multipliers": gatecast.Budget(multipliers=28),
           "LFE5U-85F": gatecast.Budget.of(families()["ecp5"], "LFE5U-85F")}

# What a bit is expected to cost, where that is not about one LUT or flip-flop; coefficients that the designs
# say little of stay near it.
EXPECTED = {"walk addresses": 5.0, "walk columns": 5.0, "walk counters": 2.0, "sequencer counters": 2.5}
# How strongly, in units of the relative error of a design.
STIFFNESS = 0.5
# Parts of an engine whose cells can be told from others by their names; whoever drives a port may name it, so
# the rest of a design is taken together.
TOLD_APART = ("array", "requantizer", "sequencer", "walk", "drain")
# Weight of such a row beside the whole design, and LUTs or flip-flops below which none weighs more.
WEIGHT, SMALL = 0.3, 150


def synthesized(plan: gatecast.Plan) -> dict[str, dict[str, int]]:
    """LUTs and flip-flops by the place in the hierarchy that their names tell."""
    design = verilog.convert_rtlil(gatecast.elaborate(plan), "top")
    netlist = Netlist(ecp5_flow.synthesize(design, "top", lambda _: None), "top")
    found: dict[str, Counter[str]] = {}
    for name, cell in netlist.cells.items():
        place = ".".join(name.rpartition(".")[0].split(".")[:3])
        for what, cells in CELLS.items():
            if cell["type"] in cells:
                found.setdefault(place, Counter())[what] += cells[cell["type"]]
    return {place: dict(counts) for place, counts in found.items()}


@dataclass(frozen=True, kw_only=True)
class Row:
    """Bits of each term, and what synthesis made of them."""

    terms: Mapping[str, int]
    measured: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Design:
    """A plan as counted and as synthesized."""

    name: str
    engines: int
    rows: dict[str, list[Row]]
    """For LUTs and for flip-flops: the whole design first, then its parts."""

    def error(self, what: str, model: Mapping[str, float]) -> float:
        """What the model says too much, as a share of what was measured."""
        whole = self.rows[what][0]
        return sum(model.get(term, 1.0) * count for term, count in whole.terms.items()) / whole.measured - 1


def measured(name: str, plan: gatecast.Plan) -> Design:
    """Synthesize a plan, and say how much."""
    parts = list(logic.parts(plan))
    found = synthesized(plan)
    rows: dict[str, list[Row]] = {}
    for what in CELLS:
        counts, cells = dict[str, Counter[str]](), Counter[str]()
        for part in parts:
            counts.setdefault(_place(part.name), Counter()).update(getattr(part, what))
        for place, number in found.items():
            cells[_place(place)] += number.get(what, 0)
        whole = sum(counts.values(), Counter[str]())
        rows[what] = [Row(terms=whole, measured=cells.total(), weight=1 / cells.total())]
        rows[what] += [Row(terms=counts[place], measured=cells[place],
                           weight=WEIGHT / max(cells[place], SMALL)) for place in counts]
    print(f"{name}: {len(plan.engines)} engines, {rows['luts'][0].measured:,} LUTs, "
          f"{rows['ffs'][0].measured:,} flip-flops", flush=True)
    return Design(name=name, engines=len(plan.engines), rows=rows)


def _place(name: str) -> str:
    """The part of an engine that is told apart, or all the rest."""
    engine, _, part = name.partition(".")
    part = part.partition(".")[0]
    return f"{engine}.{part}" if part in TOLD_APART else "rest"


def fitted(rows: Sequence[Row]) -> dict[str, float]:
    """Coefficients, none negative, of the least weighted squares."""
    terms = sorted({term for row in rows for term in row.terms})
    weights = np.array([row.weight for row in rows])
    a = np.array([[row.terms.get(term, 0) for term in terms] for row in rows]) * weights[:, np.newaxis]
    b = np.array([row.measured for row in rows]) * weights
    stiff = STIFFNESS * np.sqrt(np.maximum((a * a).sum(axis=0), 1e-12))
    expected = np.array([EXPECTED.get(term, 1.0) for term in terms])
    found = not_negative(np.vstack([a, np.diag(stiff)]), np.concatenate([b, stiff * expected]))
    return {term: round(float(number), 3) for term, number in zip(terms, found, strict=True)}


def not_negative(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Least squares of ``a x = b`` with no ``x`` below zero: C. Lawson and R. Hanson's active sets (1974)."""
    x = np.zeros(a.shape[1])
    free = np.zeros(len(x), bool)
    smallest = 1e-9 * np.abs(a.T @ b).max()
    while True:
        gain = np.where(free, -np.inf, a.T @ (b - a @ x))
        if gain.max() <= smallest:
            return x
        free[gain.argmax()] = True
        while True:
            wanted = np.zeros(len(x))
            wanted[free] = np.linalg.lstsq(a[:, free], b, rcond=None)[0]
            below = free & (wanted <= 0)
            if not below.any():
                break
            # As far as the first of them goes to zero, which then stays there.
            x += min(x[below] / (x[below] - wanted[below])) * (wanted - x)
            free &= x > 1e-12
            x[~free] = 0
        x = wanted


def summary(designs: Sequence[Design], what: str, model: Mapping[str, float]) -> dict[str, float]:
    """Mean, 90th percentile and largest of the errors, without their signs."""
    errors = np.abs([design.error(what, model) for design in designs])
    return {"mean": round(float(errors.mean()), 4),
            "nine_of_ten": round(float(np.quantile(errors, 0.9, method="higher")), 4),
            "largest": round(float(errors.max()), 4)}


def write(models: Mapping[str, Mapping[str, float]], designs: Sequence[Design], held_out: Sequence[Design],
          real: Sequence[Design]) -> None:
    """Write the module with the coefficients."""
    errors = {what: summary([*held_out, *real], what, model) for what, model in models.items()}
    sizes = [design.rows["luts"][0].measured for design in designs]
    lines = ['"""What a bit of each kind of logic costs; written by benchmarks/fit_logic.py, not by hand.',
             "", f"Yosys {toolbox.require('yosys', 'fitting the model').version}, synth_ecp5. Fitted on "
             f"{len(designs)} drawn designs of {min(sizes):,} to {max(sizes):,} LUTs.",
             f"Errors on {len(held_out)} more that were held out and on the trained networks below:",
             "mean, nine of ten below, largest.", ""]
    for what, error in errors.items():
        lines.append(f"{what}: {error['mean']:.1%}, {error['nine_of_ten']:.1%}, {error['largest']:.1%}")
    lines.append("")
    for design in real:
        told = ", ".join(f"{design.rows[what][0].measured:,} {what} {design.error(what, model):+.1%}"
                         for what, model in models.items())
        lines.append(f"{design.name}: {told}")
    lines += ['"""', "", "from __future__ import annotations", "",
              '__all__ = ["ERROR_FFS", "ERROR_LUTS", "FFS", "LUTS"]', "",
              "# Nine of ten designs that the model was not fitted on are nearer to what synthesis said."]
    lines += [f"ERROR_{what.upper()} = {error['nine_of_ten']}" for what, error in errors.items()]
    for what, model in models.items():
        lines += ["", f"{what.upper()} = {{",
                  *(f'    "{term}": {number},' for term, number in model.items()), "}"]
    MODEL.write_text("\n".join(lines) + "\n")


def plan_of(path: Path, name: str) -> gatecast.Plan:
    """The plan of a network for one of the budgets; as kept, if it was."""
    network = gatecast.lower(gatecast.read(path))
    kept = KEPT / f"plan_{path.stem}_{name}.json"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        kept.write_text(str(gatecast.plan(network, BUDGETS[name])))
    return gatecast.Plan.from_json(network, json.loads(kept.read_text()))


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="networks that only measure the error")
    parser.add_argument("--designs", type=int, default=60, help="number of designs drawn")
    options = parser.parse_args()
    drawn = [measured(f"drawn {seed}", drawn_designs.draw_plan(seed, KEPT))
             for seed in range(options.designs)]
    held_out = drawn[2::3]
    designs = [design for design in drawn if design not in held_out]
    plans: dict[str, tuple[str, gatecast.Plan]] = {}
    for path in options.models:
        for name in BUDGETS:
            # A small network may have the same plan for both.
            plan = plan_of(path, name)
            plans.setdefault(f"{path} {plan}", (f"{path.stem}, {name}", plan))
    real = [measured(*each) for each in plans.values()]
    models = {what: fitted([row for design in designs for row in design.rows[what]]) for what in CELLS}
    write(models, designs, held_out, real)
    for design in drawn + real:
        print(f"{design.name:40}{' held out' * (design not in designs):10}"
              + "".join(f"{design.rows[what][0].measured:8,} {what} {design.error(what, model):+.1%}"
                        for what, model in models.items()))
    for group, some in (("fitted", designs), ("held out", held_out), ("trained", real)):
        if some:
            print(group, {what: summary(some, what, model) for what, model in models.items()})


if __name__ == "__main__":
    main()
