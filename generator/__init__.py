"""Gatecast: a trained, quantized network in, a verified FPGA accelerator out.

The straight line, each step a function from one immutable value to the next::

    network = gatecast.read("digits")
    plan = gatecast.plan(gatecast.lower(network), gatecast.budget("ulx3s-85f"), engines="auto")
    trial = gatecast.simulate(plan, images, network=network)
    layers = gatecast.compare(plan, images, network=network)
    gatecast.generate(plan, "out", network=network)
    gatecast.build(plan, "out", board="ulx3s-85f", network=network)

Names are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .board_run import BoardTrial, run
    from .delivery import build, generate, load
    from .elaboration import elaborate
    from .errors import CheckError, GatecastError, InputError
    from .flow import Trial, budget, simulate
    from .layer_trial import LayerTrial, compare
    from .lowering import lower
    from .network import Network
    from .plan_file import read_plan, write_plan
    from .planner import (
        Budget,
        Found,
        Plan,
        Point,
        least_area,
        least_latency,
        pareto,
        plan,
        predict,
        resources,
        search,
    )
    from .reader import read

__all__ = ["BoardTrial", "Budget", "CheckError", "Found", "GatecastError", "InputError", "LayerTrial",
           "Network", "Plan", "Point", "Trial", "budget", "build", "compare", "elaborate", "generate",
           "least_area", "least_latency", "load", "lower", "pareto", "plan", "predict", "read", "read_plan",
           "resources", "run", "search", "simulate", "write_plan"]

_HOMES = {
    "board_run": ("BoardTrial", "run"),
    "delivery": ("build", "generate", "load"),
    "elaboration": ("elaborate",),
    "errors": ("CheckError", "GatecastError", "InputError"),
    "flow": ("Trial", "budget", "simulate"),
    "layer_trial": ("LayerTrial", "compare"),
    "lowering": ("lower",),
    "network": ("Network",),
    "plan_file": ("read_plan", "write_plan"),
    "planner": ("Budget", "Found", "Plan", "Point", "least_area", "least_latency", "pareto", "plan",
                "predict", "resources", "search"),
    "reader": ("read",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            # Kept, so that this runs once for each name.
            value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
