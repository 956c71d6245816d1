"""The options that several commands share, and what they stand for."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from .. import console, flow
from ..lowering import lower
from ..network import Network
from ..planner import Engines, Found, search
from ..reader import read
from ..targets import DEFAULT_BOARD

__all__ = ["add_budget", "add_network", "count", "planned", "seed", "share"]


def count(text: str) -> int:
    """An integer of at least 1."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise ArgumentTypeError(f"must be an integer of at least 1, not '{text}'")
    return int(text)


def seed(text: str) -> int:
    """An integer of at least 0."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ArgumentTypeError(f"must be an integer of at least 0, not '{text}'")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to below 1."""
    if not re.fullmatch(r"0?\.[0-9]{1,9}|0", text):
        raise ArgumentTypeError(f"must be a number from 0 to below 1, not '{text}'")
    return float(text)


def _engines(text: str) -> Engines:
    match text:
        case "folded" | "per-layer" | "auto":
            return text
        case _ if re.fullmatch(r"[0-9]{1,4}", text) and int(text):
            return int(text)
    raise ArgumentTypeError(f"must be folded, per-layer, auto or a number of systolic engines, not '{text}'")


def add_network(parser: ArgumentParser) -> None:
    """NETWORK."""
    parser.add_argument("network", metavar="NETWORK",
                        help="path of a TFLite model (.tflite) or of a description (.yaml), or the name of a "
                             "shipped network such as digits")


def add_budget(parser: ArgumentParser, *, family: bool = True) -> None:
    """--board or --family, --multipliers, --engines."""
    target = parser.add_mutually_exclusive_group() if family else parser
    target.add_argument("--board", metavar="BOARD",
                        help=f"board to fit; `gatecast boards` lists them (default: {DEFAULT_BOARD})")
    if family:
        target.add_argument("--family", metavar="FAMILY",
                            help="family to fit instead: ecp5, ice40, gowin or xc7")
    parser.add_argument("--multipliers", metavar="N", type=count,
                        help="array multipliers to use, lanes of channel arrays included (default: all)")
    parser.add_argument("--engines", metavar="E", type=_engines, default="auto",
                        help="folded, a number of systolic engines, per-layer or auto (default: auto)")


def planned(arguments: Namespace) -> tuple[Network, Found]:
    """The network as it was read, and the plan found for the options of :func:`add_budget`."""
    # The options first: a typing error is not worth reading weights for.
    limits = flow.budget(arguments.board, family=getattr(arguments, "family", None),
                         multipliers=arguments.multipliers)
    network = read(arguments.network)
    with console.working(f"planning {network.name}") as progress:
        return network, search(lower(network), limits, engines=arguments.engines, progress=progress)
