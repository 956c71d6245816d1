"""The report: one safe, self-contained file with the key figures of the plan."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from report_page import (
    BUILT,
    KINDS,
    SIMULATED,
    SVG,
    bare,
    board,
    cards,
    digits,
    digits_plan,
    full,
    parse,
    rows,
    section,
    texts,
)

from gatecast.boards import boards
from gatecast.elaboration import elaborate
from gatecast.lowering import lower
from gatecast.network import Layer, Network
from gatecast.planner import Budget, Engines, Found, plan
from gatecast.planner.explanation import bottleneck_reason
from gatecast.report import render
from gatecast.report.interface_section import PORTS
from gatecast.report.markup import element, safe
from gatecast.report.numbers import bits, count, percent, seconds


class Balance(HTMLParser):
    """Complains where HTML's own rules would close an element that is still open."""

    VOID = frozenset({"meta", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        in_svg = "svg" in self.open
        assert tag in self.VOID or in_svg, f"<{tag}/> is no end in HTML"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


EVERYTHING = {"board": board(), "simulation": SIMULATED, "build": BUILT}


@pytest.mark.parametrize(("kind", "parts"), [
    *((kind, EVERYTHING) for kind in KINDS),
    (2, {}), (2, {"clock_mhz": 50.0}), *((2, {part: value}) for part, value in EVERYTHING.items()),
])
def test_page_is_well_formed_small_and_needs_no_other_file(kind: Engines, parts: dict[str, Any]) -> None:
    page = render(replace(bare(digits_plan(kind)), **parts))
    parse(page)
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert balance.open == []
    assert balance.seen["svg"] >= 7 and balance.seen["section"] == 6
    assert len(page.encode()) < 250_000
    assert set(re.findall(r"https?://[^\"' ]*", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|<img|<iframe|<object|<use|\bsrc=|url\(|@import|javascript:", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {
        f"#{name}" for name in ("network", "mapping", "timeline", "roofline", "resources", "interface")}


def test_same_input_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    page = render(bare(digits_plan(2)))
    assert render(bare(digits_plan(2))) == page
    program = ("import hashlib; from gatecast.report import render; from report_page import *; "
               "print(hashlib.sha256(render(bare(digits_plan(2))).encode()).hexdigest())")
    for seed in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent, check=True,
                              env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True)
        assert done.stdout.strip() == hashlib.sha256(page.encode()).hexdigest()


def renamed(network: Network, name: str) -> Network:
    """The same network with ``name`` in every name."""
    new = {old: f"{name}{old}" for old in network.tensors}
    return Network(
        name=name, input=new[network.input], output=new[network.output],
        tensors={new[old]: replace(tensor, name=new[old]) for old, tensor in network.tensors.items()},
        layers=tuple(Layer(name=f"{name}{layer.name}", operator=layer.operator, output=new[layer.output],
                           inputs=tuple(new[old] for old in layer.inputs), origin="/secret/place.yaml:3")
                     for layer in network.layers)).verify()


@pytest.mark.parametrize("name", [
    "<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "\" onload=\"alert(1)", "' x='",
    "]]></style><b>", "&lt;&amp;", "<section id='network'>", "\u202eevil", "\x00\x1b[31m\ud800\ufffe",
    "x" * 5000,
])
def test_names_from_hostile_files_stay_text(name: str) -> None:
    network = renamed(digits(), name)
    page = render(bare(plan(lower(network), Budget(multipliers=64), engines="folded"), network))
    plain = render(bare(digits_plan("folded")))
    root, expected = parse(page), parse(plain)
    page.encode()
    shown = re.sub("[\x00\x1b\u202e\ud800\ufffe]", "\ufffd", name)
    assert texts(root, "h1") == [shown]
    assert f"{shown}conv1" in rows(root, "Layer|Operator")[0]
    # Not one element or attribute more than with harmless names, but for titles of what had to be shortened.
    assert _shape(root) == _shape(expected)
    assert "secret" not in page


def _shape(root: ElementTree.Element) -> Counter[tuple[str, tuple[str, ...]]]:
    counted = Counter((found.tag, tuple(found.attrib)) for found in root.iter())
    # Names too long for their bar, and what is shortened, have no text or a title of their own.
    for tag in ("title", "text"):
        for key in [key for key in counted if key[0] == f"{SVG}{tag}"]:
            del counted[key]
    return counted


def test_what_is_markup_is_not_escaped_twice() -> None:
    assert element("b", "a<b", class_='"') == '<b class="&quot;">a&lt;b</b>'
    assert element("p", element("b", "&")) == "<p><b>&amp;</b></p>"
    assert safe(safe("<")) == "&lt;"
    assert element("rect", x=1.50, y=2.0, rx=None) == '<rect x="1.5" y="2" />'


@pytest.mark.parametrize("kind", KINDS)
def test_key_figures_are_those_of_the_prediction(kind: Engines) -> None:
    inputs = full(digits_plan(kind))
    figures = cards(parse(render(inputs)))
    prediction, used = inputs.prediction, inputs.resources
    cycles = prediction.cycles_per_inference
    assert figures["Cycles per inference"][0] == f"{cycles:,.0f}"
    assert figures["Latency"] == (seconds(prediction.latency_cycles / 80e6),
                                  f"{prediction.latency_cycles:,} cycles")
    assert figures["Inferences per second"] == (
        f"{80e6 / cycles:,.0f}",
        "at 80\xa0MHz, placed and routed; the board's serial line lets through 1,234")
    assert figures["Multiplier utilization"] == (
        percent(digits().macs / (used.multipliers * cycles)), f"of {used.multipliers} array multipliers")
    assert figures["Bottleneck utilization"] == (
        percent(prediction.work[prediction.bottleneck] / cycles), bottleneck_reason(inputs.plan, prediction))
    assert "Lower bound" not in figures
    assert figures["LUTs"] == ("9,123", "7,311 flip-flops, 61 DSPs, 34 block RAMs")
    assert figures["Clock"] == ("80\xa0MHz", "met: 91.3\xa0MHz after routing")


def test_key_figures_without_clock_build_or_simulation() -> None:
    inputs = bare(digits_plan(2))
    figures = cards(parse(render(inputs)))
    used = inputs.resources
    assert figures["Latency"][0] == f"{inputs.prediction.latency_cycles:,}"
    assert figures["Inferences per second"] == (f"{1e6 / inputs.prediction.cycles_per_inference:,.0f}",
                                                "for each MHz of the clock")
    assert figures["Multipliers"] == (str(used.multipliers + used.requantizer_multipliers),
                                      f"{used.requantizer_multipliers} of them in requantizers; predicted")
    assert figures["Block RAMs"] == (str(used.block_rams),
                                     f"predicted; memory in all, LUTs included: {bits(used.memory_bits)}")
    assert figures["Verification"][0] == "Not simulated"
    assert "Clock" not in figures


@pytest.mark.parametrize(("bound", "exact", "note"), [
    (0.5, True, "cycles for all partitions and arrays; this plan takes 100\xa0% more"),
    (1, False, "cycles for the work alone; this plan reaches it")])
def test_the_lower_bound_is_shown_where_a_search_knew_it(bound: float, exact: bool, note: str) -> None:
    inputs = bare(digits_plan(2))
    cycles = inputs.prediction.cycles_per_inference
    found = Found(plan=inputs.plan, cycles=cycles, bound=cycles * bound, exact=exact, others=(),
                  budget=Budget(multipliers=64))
    figures = cards(parse(render(replace(inputs, found=found))))
    assert figures["Lower bound"] == (count(cycles * bound, 1), note)


@pytest.mark.parametrize(("change", "value", "note"), [
    ({}, "\N{CHECK MARK} Verified",
     "3 inferences (verilator), bit for bit, cycles as predicted, accuracy 97.5\xa0%"),
    ({"accuracy": None, "predicted_frame_cycles": None}, "\N{CHECK MARK} Verified",
     "3 inferences (verilator), bit for bit"),
    ({"mismatches": 7}, "\N{BALLOT X} Mismatch", "7 wrong values, 3 inferences (verilator)"),
    ({"predicted_frame_cycles": (30, 50, 71)}, "\N{BALLOT X} Cycles differ",
     "right values in wrong cycles, 3 inferences (verilator)"),
    ({"inferences": 0}, "Not simulated", "not compared with the golden model"),
])
def test_verification_says_what_was_seen(change: dict[str, Any], value: str, note: str) -> None:
    simulation = replace(SIMULATED, **change)
    root = parse(render(replace(bare(digits_plan(2)), simulation=simulation)))
    assert cards(root)["Verification"] == (value, note)


@pytest.mark.parametrize(("name", "sentence"), [
    ("ulx3s-85f", "DSPs and block RAMs are exact. "),
    ("icebreaker", "Block RAMs are exact, DSPs at most so many. ")])
def test_how_exact_counts_are_depends_on_the_family(name: str, sentence: str) -> None:
    page = render(replace(bare(digits_plan(2)), board=boards()[name]))
    assert sentence in "".join(section(parse(page), "resources").itertext())


def test_missed_clock_is_called_missed() -> None:
    inputs = replace(full(digits_plan(2)), build=replace(BUILT, fmax_mhz=79.9))
    root = parse(render(inputs))
    assert cards(root)["Clock"] == ("80\xa0MHz", "missed: 79.9\xa0MHz after routing")


def test_ports_are_those_of_the_accelerator() -> None:
    accelerator = elaborate(digits_plan(2))
    ports = {"clk": ("input", 1), "rst": ("input", 1)}
    for path, member, value in accelerator.signature.flatten(accelerator):
        ports["_".join(map(str, path))] = "output" if member.flow.name == "Out" else "input", len(value)
    assert {name: (direction, width) for name, direction, width, _ in PORTS} == ports
    root = parse(render(bare(digits_plan(2))))
    assert [line[0] for line in rows(root, "Port")] == [name for name, *_ in PORTS]


def shape(*sizes: int) -> str:
    return "\xa0\N{MULTIPLICATION SIGN}\xa0".join(map(str, sizes))


def test_interface_tells_bytes_and_quantization() -> None:
    root = parse(render(bare(digits_plan(2))))
    assert rows(root, "|Link") == [
        ["input", "s_axis", "image", shape(8, 8, 1), "0.0625", "0", "\N{MINUS SIGN}8 to 7.938", "64"],
        ["output", "m_axis", "scores", shape(1, 1, 10), "0.32441", "24", "\N{MINUS SIGN}49.31 to 33.41",
         "10"]]


def test_numbers_read_well() -> None:
    assert [percent(share) for share in (0, 0.0001, 0.125, 0.99999, 1, 1.5)] == [
        "0\xa0%", "<0.1\xa0%", "12.5\xa0%", "99.9\xa0%", "100\xa0%", "150\xa0%"]
    assert [bits(value) for value in (80, 1024, 62111)] == ["80\xa0bits", "1\xa0Kbit", "60.7\xa0Kbit"]
    assert [seconds(value) for value in (2.5, 0.0123456, 5.06e-5, 2e-8)] == [
        "2.5\xa0s", "12.3\xa0ms", "50.6\xa0µs", "20\xa0ns"]
