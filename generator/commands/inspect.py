"""``gatecast inspect``: layers, shapes, work and memory of a network."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from .. import console, figures
from ..lowering import lower
from ..reader import read
from ..summary import network_summary
from .command import Command, Outcome
from .options import add_network

__all__ = ["INSPECT"]

# What only moves values is done by the layers that read it, on their way.
RUNS_ON = {"chip": "chip", "host": "host", "readers": "its readers"}


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)


def _run(arguments: Namespace) -> Outcome:
    """Read and lower the network."""
    network = read(arguments.network)
    result = network_summary(network, lower(network))
    layers = console.table(
        f"network {network.name}: {_tensor(result['input'])} to {_tensor(result['output'])}",
        ("layer", "operator", "runs on", "reads", "output", ">multiplications", ">parameters",
         ">accumulator bits", ">multiplier bits", ">weight bytes", ">output bytes"),
        [(layer["name"], layer["operator"], RUNS_ON[layer["runs_on"]], ", ".join(layer["inputs"]),
          _shape(layer["output_shape"]), figures.count(layer["macs"]), figures.count(layer["parameters"]),
          "" if layer["accumulator_bits"] is None else layer["accumulator_bits"], _multiplier(layer),
          figures.count(layer["weight_bytes"]), figures.count(layer["feature_bytes"]))
         for layer in result["layers"]])
    sums = console.facts("", [
        ("multiplications an inference", figures.count(result["macs_per_inference"])),
        ("parameters", figures.count(result["parameters"])),
        ("weights", f"{figures.count(result['weight_bytes'])} bytes"),
        ("all tensors of a frame on the chip", f"{figures.count(result['feature_bytes'])} bytes")])
    return Outcome(result=result, shown=(layers, sums))


def _tensor(tensor: dict[str, Any]) -> str:
    values = f" {tensor['values']}" * (tensor["values"] != "int8")
    return f"{tensor['name']} [{_shape(tensor['shape'])}{values}]"


def _multiplier(layer: dict[str, Any]) -> str:
    """How wide a layer's multipliers are, and how wide the network's arithmetic has them."""
    own, given = layer["multiplier_bits"], layer["given_multiplier_bits"]
    return "" if own is None else str(own) if given is None else f"{own} of {given}"


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape))


INSPECT = Command(name="inspect", add=_add, run=_run,
                  help="show layers, shapes, multiplications and memory of a network")
