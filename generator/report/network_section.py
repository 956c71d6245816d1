"""What the network is: its layers, their shapes, their work and their parameters."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ..operators.operator import Operator
from .facts import Facts
from .legend import named
from .markup import Markup, element, table
from .network_graph import network_graph
from .numbers import count, percent, quotient, shape

__all__ = ["network_section"]


def network_section(facts: Facts) -> Markup:
    """Picture and table."""
    network = facts.network
    rows = []
    total = 0
    for layer in network.layers:
        macs, parameters = layer.operator.macs(network.shapes(layer)), _parameters(layer.operator)
        total += parameters
        rows.append([
            named(facts.colour(layer.name), layer.name), str(layer.operator),
            ", ".join(shape(sizes) for sizes in network.shapes(layer)),
            shape(network.tensors[layer.output].shape),
            count(macs), percent(quotient(macs, facts.macs)), count(parameters)])
    return element(
        "section", element("h2", "The network"),
        element("p", "Shapes are height, width, channels, all values are int8. Multiply-accumulates (MACs) "
                     "count the taps in the padding; parameters are weights and biases."),
        element("figure", network_graph(facts), element(
            "figcaption", "Bars: share of the MACs. A layer has the same colour in all pictures.")),
        table(["Layer", "Operator", "Input", "Output", "MACs", "Share", "Parameters"], rows, text_columns=4,
              foot=["Sum", "", "", "", count(facts.macs), "", count(total)]),
        id="network")


def _parameters(operator: Operator) -> int:
    """Trained integers of an operator; scales are no parameters."""
    arrays = [getattr(operator, field.name) for field in fields(operator)]
    return sum(array.size for array in arrays
               if isinstance(array, np.ndarray) and np.issubdtype(array.dtype, np.integer))
