"""Reports of the digits network to test, and how to take them apart."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

from gatecast.boards import Board, boards
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.planner import Budget, Engines, Plan, plan, predict, resources
from gatecast.reader import read
from gatecast.report import BuildSummary, ReportInputs, SimulationSummary

SVG = "{http://www.w3.org/2000/svg}"
KINDS: tuple[Engines, ...] = ("folded", 2, "per-layer")

SIMULATED = SimulationSummary(simulator="verilator", inferences=3, mismatches=0, frame_cycles=(30, 50, 70),
                              predicted_frame_cycles=(30, 50, 70), accuracy=0.975)
BUILT = BuildSummary(clock_mhz=80.0, fmax_mhz=91.34, luts=9123, ffs=7311, dsps=61, brams=34,
                     link_inferences_per_second=1234.5)


@cache
def digits() -> Network:
    return read("digits")


@cache
def digits_plan(engines: Engines) -> Plan:
    return plan(lower(digits()), Budget(multipliers=64), engines=engines)


def board() -> Board:
    return boards()["ulx3s-85f"]


def bare(planned: Plan, network: Network | None = None) -> ReportInputs:
    return ReportInputs(network=network or digits(), plan=planned, prediction=predict(planned),
                        resources=resources(planned), version="1.2.3")


def full(planned: Plan) -> ReportInputs:
    return replace(bare(planned), board=board(), simulation=SIMULATED, build=BUILT)


def parse(page: str) -> ElementTree.Element:
    assert page.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(page)


def texts(root: ElementTree.Element, tag: str) -> list[str]:
    return ["".join(found.itertext()) for found in root.iter(tag)]


def section(root: ElementTree.Element, name: str) -> ElementTree.Element:
    return next(found for found in root.iter("section") if found.get("id") == name)


def rows(root: ElementTree.Element, head: str) -> list[list[str]]:
    """The cells of the table whose first columns are called ``head``, heads left out."""
    for found in root.iter("table"):
        lines = [["".join(cell.itertext()) for cell in line] for line in found.iter("tr")]
        if "|".join(lines[0]).startswith(head):
            return lines[1:]
    raise AssertionError(f"no table {head}")


def cards(root: ElementTree.Element) -> dict[str, tuple[str, str]]:
    """Value and remark of each key figure."""
    figures = next(found for found in root.iter("dl") if found.get("class") == "cards")
    return {card[0].text or "": (card[1].text or "", "".join(card[1][0].itertext()) if len(card[1]) else "")
            for card in figures}


def titles(root: ElementTree.Element, label: str) -> list[str]:
    """What the bars of a picture say under the pointer."""
    picture = next(found for found in root.iter(f"{SVG}svg") if found.get("aria-label") == label)
    return texts(picture, f"{SVG}title")
