"""The options that several commands share, and what they stand for."""

from __future__ import annotations

import math
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any, Literal, cast

from .. import console, flow
from ..errors import InputError
from ..lowering import lower
from ..network import Network
from ..plan_file import read_plan
from ..planner import Budget, Engines, Found, least_area, least_latency, rated, search
from ..planner.search import Progress
from ..planner.weight_stream import NOT_BUILT, refuse_external_weights
from ..reader import read
from ..targets import DEFAULT_BOARD

__all__ = ["add_budget", "add_network", "budget", "clock_mhz", "goal", "natural", "path", "planned",
           "positive", "refuse_beside", "share"]

# Of numbers in options: more than any chip has of anything.
MOST = 10 ** 9

Goal = Literal["throughput", "latency", "area"]


def positive(text: str) -> int:
    """An integer from 1 on."""
    return _integer(text, 1)


def natural(text: str) -> int:
    """An integer from 0 on."""
    return _integer(text, 0)


def _integer(text: str, least: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= MOST:
        raise ArgumentTypeError(f"must be an integer from {least} to {MOST:,}, not '{text}'")
    return int(text)


def path(text: str) -> Path:
    """The path of a file or folder; an empty one, which would be the present folder, is a mistake."""
    if not text:
        raise ArgumentTypeError("must be a path, not ''")
    return Path(text)


def share(text: str) -> float:
    """A number from 0 to below 1."""
    if not re.fullmatch(r"0?\.[0-9]{1,9}|0", text):
        raise ArgumentTypeError(f"must be a number from 0 to below 1, not '{text}'")
    return float(text)


def _megahertz(text: str) -> float:
    value = _real(text)
    if not 1 <= value <= 1000:
        raise ArgumentTypeError(f"must be a number of MHz from 1 to 1000, not '{text}'")
    return value


def _frames_a_second(text: str) -> float:
    value = _real(text)
    if not 1e-3 <= value <= 1e9:
        raise ArgumentTypeError(f"must be a number of frames a second from 0.001 to 1e9, not '{text}'")
    return value


def _real(text: str) -> float:
    """NaN, which is in no range, for what is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _goal(text: str) -> Goal:
    match text:
        case "throughput" | "latency" | "area":
            return text
    raise ArgumentTypeError(f"must be throughput, latency or area, not '{text}'")


def _engines(text: str) -> Engines:
    match text:
        case "folded" | "per-layer" | "auto":
            return text
        case _ if re.fullmatch(r"[0-9]{1,9}", text) and int(text):
            return int(text)
    raise ArgumentTypeError(f"must be folded, per-layer, auto or a number of systolic engines, not '{text}'")


def add_network(parser: ArgumentParser) -> None:
    """NETWORK."""
    parser.add_argument("network", metavar="NETWORK",
                        help="path of a TFLite model (.tflite) or of a description (.yaml), or the name of a "
                             "shipped network such as digits")


def add_budget(parser: ArgumentParser, *, family: bool = True) -> None:
    """What plans are made for: the chip, what they may take of it, the goal; or a plan that is there."""
    target = parser.add_mutually_exclusive_group() if family else parser
    target.add_argument("--board", metavar="BOARD",
                        help=f"board to fit; `gatecast boards` lists them (default: {DEFAULT_BOARD})")
    if family:
        target.add_argument("--family", metavar="FAMILY",
                            help="family to fit instead: ecp5, ice40, gowin or xc7")
    parser.add_argument("--multipliers", metavar="N", type=positive,
                        help="array multipliers to use, lanes that only add not counted; those beyond the "
                             "DSPs are made of LUTs (default: what DSPs and 36 %% of the usable LUTs make)")
    for option, what in (("--dsps", "DSP multipliers"), ("--brams", "block RAMs"), ("--luts", "LUTs")):
        parser.add_argument(option, metavar="N", type=natural,
                            help=f"{what} to use (default: what a plan may take of the board)")
    parser.add_argument("--clock", metavar="MHZ", type=_megahertz, help=(
        "clock to count seconds with (default: that of `build`, where there is a bitstream)" if family else
        "clock to meet (default: what suits the board, 24 to 100 MHz, or what is reached)"))
    parser.add_argument("--engines", metavar="E", type=_engines,
                        help="folded, a number of systolic engines, per-layer or auto (default: auto)")
    parser.add_argument("--goal", metavar="G", type=_goal,
                        help="throughput, latency (of a lone frame) or area (default: throughput)")
    parser.add_argument("--target-fps", metavar="F", type=_frames_a_second,
                        help="frames a second that --goal area must reach")
    parser.add_argument("--external-weights", action="store_true", default=None,
                        help="take weights from a memory outside the chip: to be planned, not built yet")
    parser.add_argument("--plan", metavar="FILE", type=path,
                        help="take this plan, as `gatecast plan` wrote it or edited by hand")


def budget(arguments: Namespace) -> Budget:
    """What the options of :func:`add_budget` allow."""
    return flow.budget(arguments.board, family=getattr(arguments, "family", None),
                       multipliers=arguments.multipliers, dsps=arguments.dsps, block_rams=arguments.brams,
                       luts=arguments.luts)


def clock_mhz(arguments: Namespace) -> float | None:
    """The clock to count seconds with: that of the options, or the one that a build would try."""
    if arguments.clock is not None:
        return float(arguments.clock)
    return flow.clock_mhz(arguments.board, family=getattr(arguments, "family", None))


def goal(arguments: Namespace) -> Goal | None:
    """What the plan is best at; none for one that was given."""
    if arguments.plan is not None:
        return None
    return cast(Goal, arguments.goal or "throughput")


def refuse_beside(arguments: Namespace, option: str, *others: str) -> None:
    """Refuse ``others`` where they stand beside ``option``, which leaves them nothing to decide."""
    for other in others:
        if getattr(arguments, other.removeprefix("--").replace("-", "_")) is not None:
            raise InputError(f"found {option} with {other}, allowed: {option} without {', '.join(others)}")


def planned(arguments: Namespace, *, to_build: bool = True) -> tuple[Network, Found]:
    """The network as it was read, and the plan found for the options of :func:`add_budget`.

    With ``to_build`` plans that nothing can be built from are refused.
    """
    # The options first: a typing error is not worth reading weights for.
    limits = budget(arguments)
    if arguments.plan is not None:
        refuse_beside(arguments, "--plan", "--goal", "--target-fps", "--engines", "--multipliers",
                      "--external-weights")
    if arguments.external_weights and to_build:
        raise InputError(f"found --external-weights, but {NOT_BUILT}")
    _check_goal(arguments)
    network = read(arguments.network)
    with console.working(f"planning {network.name}") as progress:
        lowered = lower(network)
        if arguments.plan is not None:
            plan = read_plan(arguments.plan, lowered)
            if to_build:
                refuse_external_weights(plan)
            return network, rated(plan, limits)
        return network, _best(arguments, lowered, limits, progress)


def _check_goal(arguments: Namespace) -> None:
    if arguments.goal != "area":
        if arguments.target_fps is not None:
            raise InputError("found --target-fps without --goal area, allowed: both")
        return
    if arguments.target_fps is None:
        raise InputError("found --goal area without --target-fps, allowed: --target-fps F with it")
    if clock_mhz(arguments) is None:
        raise InputError("found --goal area without a clock, allowed: --clock MHZ with it, or a board that "
                         "gets a bitstream")


def _best(arguments: Namespace, network: Network, limits: Budget, progress: Progress) -> Found:
    """The best plan for the goal."""
    options: dict[str, Any] = {"engines": arguments.engines or "auto", "progress": progress,
                               "external_weights": bool(arguments.external_weights)}
    if arguments.goal == "latency":
        return least_latency(network, limits, **options)
    clock = clock_mhz(arguments)
    if arguments.goal == "area" and clock is not None:
        return least_area(network, limits, target_fps=arguments.target_fps, clock_mhz=clock, **options)
    return search(network, limits, **options)
