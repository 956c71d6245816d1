"""The report: layers, engines, timeline and resources are those of the plan."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from random_tflite import random_graph
from report_page import (
    KINDS,
    SVG,
    bare,
    cards,
    digits,
    digits_plan,
    full,
    parse,
    rows,
    section,
    texts,
    titles,
)

from gatecast.boards import boards
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.planner import Budget, Engines, events, plan, predict, resources
from gatecast.planner.numbers import multipliers_of
from gatecast.planner.schedule import schedule
from gatecast.planner.storages import storages
from gatecast.reader import read
from gatecast.report import render
from gatecast.report.facts import Facts
from gatecast.report.numbers import bits, percent
from gatecast.report.timeline import Bar, bars, history


def test_layers_have_their_macs_and_parameters() -> None:
    root = parse(render(bare(digits_plan(2))))
    *lines, total = rows(root, "Layer|Operator")
    assert [line[0] for line in lines] == [layer.name for layer in digits().layers]
    assert {line[4] for line in lines} == {"chip"}
    assert [line[5] for line in lines] == [f"{layer.operator.macs(digits().shapes(layer)):,}"
                                           for layer in digits().layers]
    # 3 x 3 x 1 x 8 weights and 8 biases, and so on.
    assert [line[7] for line in lines] == ["80", "1,168", "0", "2,320", "650"]
    assert (total[5], total[7]) == (f"{digits().macs:,}", "4,218")


@pytest.mark.parametrize("kind", KINDS)
def test_engines_and_memories_are_those_of_the_plan(kind: Engines) -> None:
    planned = digits_plan(kind)
    root = parse(render(bare(planned)))
    lines = rows(root, "Engine|Kind")
    assert [(line[0], line[2], line[4], line[5]) for line in lines] == [
        (engine.name, ", ".join(engine.layers), str(engine.group),
         str(multipliers_of(planned.network, engine)))
        for engine in planned.engines]
    work = {actor.name: sum(layer.job_cycles * layer.rows for layer in actor.layers)
            for actor in schedule(planned).actors}
    assert [line[6] for line in lines] == [f"{work[line[0]]:,}" for line in lines]

    ends = {"source": "input link", "sink": "output link"}
    regions = {(f"{ends.get(region.writer, region.writer)} → {ends.get(region.reader, region.reader)}",
                region.tensor, str(region.rows), str(planned.network.tensors[region.tensor].shape[0]))
               for region in planned.regions}
    assert {tuple(line[1:5]) for line in rows(root, "No.|From")} == regions
    *memories, total = rows(root, "What|Where|In|Words")
    used = resources(planned)
    jobs = sum(storage.bits for storage in storages(planned) if storage.what == "jobs")
    assert total == ["All", "", "", "", bits(used.memory_bits + jobs), str(used.block_rams)]
    assert sum(int(line[5]) for line in memories) == used.block_rams
    assert {line[2] for line in memories} <= {"block RAM", "LUTs", "logic"}
    *multipliers, total = rows(root, "Engine|Array in")
    assert [line[:2] for line in multipliers] == [
        [engine.name, {"dsp": "DSP blocks", "lut": "LUTs"}[engine.array_in]
         if multipliers_of(planned.network, engine) else "none"] for engine in planned.engines]
    assert total[3:] == [str(used.multipliers), str(used.requantizer_multipliers), str(used.dsps)]


@pytest.mark.parametrize("kind", KINDS)
def test_loops_multiply_to_the_cycles_of_the_schedule(kind: Engines) -> None:
    planned = digits_plan(kind)
    nests = [text.split("\n") for text in texts(parse(render(bare(planned))), "pre")]
    expected = {layer.name: layer.job_cycles * layer.rows
                for actor in schedule(planned).actors for layer in actor.layers}
    assert {nest[0] for nest in nests} == {layer.name for layer in planned.network.layers}
    for nest in nests:
        cycles, hold = 1, 0
        for text in reversed(nest[1:]):
            if text.strip().startswith("for block"):
                cycles += hold
            if found := re.match(r" *for .* in (\d+)", text):
                cycles *= int(found[1])
            elif found := re.match(r" *hold +(\d+)", text):
                hold = int(found[1])
        assert cycles == expected[nest[0]]


@pytest.mark.parametrize("kind", KINDS)
def test_timeline_shows_every_job_of_a_steady_period(kind: Engines) -> None:
    planned = digits_plan(kind)
    numbers = schedule(planned)
    start, stop = history(numbers).steady
    assert stop - start == events.steady_state(numbers).cycles
    per_frame = {layer.name: layer.rows for actor in numbers.actors for layer in actor.layers}
    expected = []
    for job in events.run(numbers, 24).jobs:
        if job.cycle < stop and job.cycle + job.cycles > start:
            name = {"source": "input link", "sink": "output link"}.get(job.layer, job.layer)
            frame, row = divmod(job.row, per_frame[job.layer])
            expected.append(f"{name}, frame {frame + 1}, row {row + 1} of {per_frame[job.layer]}: cycles "
                            f"{job.cycle:,} to {job.cycle + job.cycles - 1:,} ({job.cycles:,})")
    found = titles(parse(render(bare(planned))), "One period of the steady state")
    shown = [title for title in found if ", row" in title]
    single = [title for title in shown if ", row " in title]
    assert set(single) <= set(expected)
    # Beats of the links are so short that some are drawn together.
    assert {title for title in expected if "link" not in title} <= set(single)
    together = [re.search(r"rows (\d+) to (\d+) of", title) for title in shown if ", rows " in title]
    joined = sum(int(found[2]) - int(found[1]) + 1 for found in together if found)
    assert len(single) + joined == len(expected)


def test_frames_of_the_timeline_end_when_the_prediction_says() -> None:
    planned = digits_plan("per-layer")
    past = history(schedule(planned))
    prediction = predict(planned)
    assert past.frames[0].stop - 1 == prediction.latency_cycles
    assert past.frames[9].stop - past.frames[8].stop == prediction.cycles_per_inference
    assert all(frame.start < frame.stop for frame in past.frames)
    assert past.beginning == (0, past.frames[2].stop)


def job(actor: str, layer: str, frame: int, row: int, start: int, stop: int) -> Bar:
    return Bar(actor=actor, layer=layer, frame=frame, first_row=row, last_row=row, start=start, stop=stop)


def test_only_small_adjacent_jobs_of_one_layer_and_frame_are_drawn_together() -> None:
    jobs = [job("a", "x", 0, 0, 0, 4), job("b", "y", 0, 0, 1, 3), job("a", "x", 0, 1, 4, 8),
            job("a", "x", 0, 2, 12, 16),                                # after a gap to be seen
            job("a", "x", 1, 0, 16, 20),                                # another frame
            job("a", "z", 1, 0, 20, 24), job("a", "z", 1, 1, 24, 90),   # another layer
            job("a", "z", 1, 2, 90, 200), job("a", "z", 1, 3, 200, 300)]
    drawn = sorted(bars(jobs, (0, 250), 5), key=lambda bar: (bar.actor, bar.start))
    assert [(bar.actor, bar.layer, bar.frame, bar.first_row, bar.last_row, bar.start, bar.stop)
            for bar in drawn] == [
        ("a", "x", 0, 0, 1, 0, 8), ("a", "x", 0, 2, 2, 12, 16), ("a", "x", 1, 0, 0, 16, 20),
        ("a", "z", 1, 0, 1, 20, 90), ("a", "z", 1, 2, 2, 90, 200), ("a", "z", 1, 3, 3, 200, 300),
        ("b", "y", 0, 0, 0, 1, 3)]
    assert list(bars(jobs, (300, 400), 5)) == []
    assert sum(bar.jobs for bar in bars(jobs, (0, 400), 1000)) == len(jobs)


def test_a_lane_of_many_jobs_is_enlarged() -> None:
    few = parse(render(bare(digits_plan("folded"))))
    assert "The beginning of that period, enlarged" not in texts(few, "h3")
    tall = tall_network()
    many = parse(render(bare(plan(lower(tall), Budget(multipliers=4), engines="folded"), tall)))
    assert "The beginning of that period, enlarged" in texts(many, "h3")


def test_networks_with_branches_and_a_host_half(tmp_path: Path) -> None:
    (tmp_path / "graph.tflite").write_bytes(random_graph(4).data)
    network = read(tmp_path / "graph.tflite")
    root = parse(render(bare(plan(lower(network), Budget(multipliers=24), engines="folded"), network)))
    *lines, total = rows(root, "Layer|Operator")
    layers = (*network.before, *network.layers, *network.after)
    assert [line[0] for line in lines] == [layer.name for layer in layers]
    host = {layer.name for layer in layers} - {layer.name for layer in network.layers}
    assert {line[0] for line in lines if line[4] == "host"} == host != set()
    assert {line[4] for line in lines} == {"host", "chip", "its readers"}
    assert total[5] == f"{network.macs:,}"
    assert [line[1] for line in rows(root, "When|Layer")] == [
        layer.name for layer in layers if layer.name in host]
    # Layers of several inputs visit one after the other.
    lowered = {layer.name: layer for layer in lower(network).layers}
    for nest in texts(root, "pre"):
        name, *loops = nest.split("\n")
        inputs = lowered[name].inputs
        found = [match[1] for text in loops if (match := re.match(r" +of (\S+) ", text))]
        assert found == (list(inputs) if len(inputs) > 1 else [])


def tall_network() -> Network:
    """Digits on pictures of 64 rows, up to the first convolution."""
    first = digits().layers[0]
    tensors = {name: replace(digits().tensors[name], shape=(64, 8, digits().tensors[name].shape[2]))
               for name in ("image", first.output)}
    return replace(digits(), tensors=tensors, layers=(first,), output=first.output).verify()


@pytest.mark.parametrize("kind", KINDS)
def test_the_use_of_the_arrays_is_that_of_the_plan(kind: Engines) -> None:
    planned = digits_plan(kind)
    engines = Facts(bare(planned)).engines
    *lines, total = rows(parse(render(bare(planned))), "Engine|Places")
    assert [line[:3] for line in lines] == [
        [engine.name, str(engine.positions), str(multipliers_of(planned.network, engine))]
        for engine in planned.engines]
    assert [line[4:] for line in lines] == [
        [percent(part / work.cycles) for part in (work.useful_cycles, work.edge_cycles, work.hold_cycles,
                                                  work.waiting_cycles)] for work in engines]
    useful = sum(work.useful_cycles * work.engine.positions for work in engines)
    places = sum(work.engine.positions for work in engines)
    cycles = predict(planned).cycles_per_inference
    assert (total[1], total[4]) == (str(places), percent(useful / (places * cycles)))


def test_a_network_that_multiplies_nothing_has_no_roof() -> None:
    pool = digits().layers[2]
    tensors = {name: digits().tensors[name] for name in (*pool.inputs, pool.output)}
    network = replace(digits(), tensors=tensors, layers=(pool,), input=pool.inputs[0],
                      output=pool.output).verify()
    made = plan(lower(network), Budget(multipliers=4))
    root = parse(render(bare(made, network)))
    assert texts(section(root, "roofline"), "p") == ["No array multiplies, so there is no roof to draw."]
    assert cards(root)["Multiplier utilization"] == ("0\xa0%", "of 0 array multipliers")
    assert rows(root, "Engine|Places")[-1][2] == "0"


def test_resources_stand_against_the_board() -> None:
    planned = digits_plan(2)
    used = resources(planned)
    root = section(parse(render(full(planned))), "resources")
    shown = texts(root, f"{SVG}text")
    assert f"{used.dsps} of 156 ({percent(used.dsps / 156)})" in shown
    assert f"{used.block_rams} of 208 ({percent(used.block_rams / 208)})" in shown
    assert f"61 of 156 ({percent(61 / 156)})" in shown
    assert f"34 of 208 ({percent(34 / 208)})" in shown
    assert f"9,123 of 83,640 ({percent(9123 / 83640)})" in shown
    assert "LUTs, estimate" not in shown
    assert not _over(root)
    shown = texts(section(parse(render(replace(full(planned), build=None))), "resources"), f"{SVG}text")
    assert f"{used.luts:,} of 83,640 ({percent(used.luts / 83640)})" in shown
    assert f"{used.ffs:,} of 83,640 ({percent(used.ffs / 83640)})" in shown


@pytest.mark.parametrize("name", ["hx8k-evn", "icebreaker"])
def test_what_does_not_fit_the_board_is_marked(name: str) -> None:
    root = parse(render(replace(bare(digits_plan(2)), board=boards()[name])))
    assert _over(section(root, "resources"))


def _over(root: ElementTree.Element) -> bool:
    """Whether a bar says that something does not fit."""
    return any(found.get("class") == "over" for found in root.iter(f"{SVG}rect"))
