"""``gatecast inspect``: layers, shapes, work and memory of a network."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .. import console, figures
from ..lowering import lower
from ..reader import read
from ..summary import network_summary
from .command import Command, Outcome
from .options import add_network

__all__ = ["INSPECT"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)


def _run(arguments: Namespace) -> Outcome:
    """Read and lower the network."""
    network = read(arguments.network)
    result = network_summary(network, lower(network))
    tensor = result["input"]
    layers = console.table(
        f"network {network.name}: {tensor['name']} [{_shape(tensor['shape'])}] to "
        f"{result['output']['name']} [{_shape(result['output']['shape'])}]",
        ("layer", "operator", "reads", "output", ">multiplications", ">parameters", ">accumulator bits",
         ">weight bytes", ">output bytes"),
        [(layer["name"], layer["operator"], ", ".join(layer["inputs"]), _shape(layer["output_shape"]),
          figures.count(layer["macs"]), figures.count(layer["parameters"]), layer["accumulator_bits"],
          figures.count(layer["weight_bytes"]), figures.count(layer["feature_bytes"]))
         for layer in result["layers"]])
    sums = console.facts("", [
        ("multiplications an inference", figures.count(result["macs_per_inference"])),
        ("parameters", figures.count(result["parameters"])),
        ("weights", f"{figures.count(result['weight_bytes'])} bytes"),
        ("all tensors of a frame", f"{figures.count(result['feature_bytes'])} bytes")])
    return Outcome(result=result, shown=(layers, sums))


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape))


INSPECT = Command(name="inspect", add=_add, run=_run,
                  help="show layers, shapes, multiplications and memory of a network")
