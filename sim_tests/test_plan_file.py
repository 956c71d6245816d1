"""Plan files: back as they were written; whatever else a file holds is refused in a sentence."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runner import cli, numbers, refused
from random_networks import network as random_network
from random_plans import STYLES, random_plan
from tiny_description import described

import gatecast
from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.plan_file import MAX_BYTES, read_plan, write_plan
from gatecast.planner import Budget, Plan, predict, rated, resources, search

BUDGET = Budget(dsps=20, block_rams=56, luts=20_000)


def tiny(folder: Path) -> tuple[Network, Plan]:
    network = lower(described(folder))
    return network, search(network, BUDGET, engines="folded").plan


def said(folder: Path, text: str | bytes | dict[str, Any]) -> str:
    """The sentence for a file with this content, for network tiny."""
    network, _ = tiny(folder)
    data = text if isinstance(text, bytes) else (
        text if isinstance(text, str) else json.dumps(text)).encode()
    (folder / "plan.json").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_plan(folder / "plan.json", network)
    return str(caught.value)


def changed(folder: Path, *path: str | int, to: Any) -> dict[str, Any]:
    """The document of tiny's plan with one place changed."""
    document: dict[str, Any] = tiny(folder)[1].to_json()
    where: Any = document
    for step in path[:-1]:
        where = where[step]
    where[path[-1]] = to
    return document


@pytest.mark.parametrize(("seed", "style"), [(seed, style) for seed in range(4) for style in STYLES])
def test_there_and_back(seed: int, style: str, tmp_path: Path) -> None:
    plan = random_plan(lower(random_network(seed, layers=1 + seed)), style, seed)
    write_plan(plan, tmp_path / "new/plan.json")
    assert read_plan(tmp_path / "new/plan.json", plan.network) == plan


def test_kinds_of_cells_need_not_be_said(tmp_path: Path) -> None:
    network, plan = tiny(tmp_path)
    document = plan.to_json()
    del document["external_weights"]
    for part in document["engines"] + document["regions"]:
        for key in [key for key in part if key.endswith("_in")]:
            del part[key]
    (tmp_path / "plan.json").write_text(json.dumps(document))
    read = read_plan(tmp_path / "plan.json", network)
    assert [engine.lanes for engine in read.engines] == [engine.lanes for engine in plan.engines]
    assert {engine.weights_in for engine in read.engines} == {"block"}


def test_another_network(tmp_path: Path) -> None:
    assert said(tmp_path, changed(tmp_path, "network", to="huge")) == (
        "plan.json: found a plan for network \"huge\", allowed: one for network 'tiny'")


KEYS = ("name, kind, lanes, columns, group, layers, array_in, requantizer_in, weights_in, tables_in, "
        "parameters_in")


@pytest.mark.parametrize(("path", "to", "sentence"), [
    (("network",), 3, "the plan: network must be text, not 3"),
    (("external_weights",), 0, "the plan: external_weights must be true or false, not 0"),
    (("engines",), {}, "the plan: engines must be a list of engines, not {}"),
    (("engines",), [], "the plan: engines must be a list of engines, not []"),
    (("regions",), [], "the plan: regions must be a list of regions, not []"),
    (("engines", 0), 7, f"the plan: engines[0]: found 7, allowed: an object with {KEYS}"),
    (("engines", 0, "lane"), 7,
     f"the plan: engines[0]: found the key \"lane\" (did you mean 'lanes'?), allowed: {KEYS}"),
    (("engines", 0, "lanes"), True,
     "the plan: engines[0]: lanes must be an integer from 1 to 4096, not true"),
    (("engines", 0, "lanes"), 2.0, "the plan: engines[0]: lanes must be an integer from 1 to 4096, not 2.0"),
    (("engines", 0, "columns"), 0, "the plan: engines[0]: columns must be an integer from 1 to 4096, not 0"),
    (("engines", 0, "lanes"), 10 ** 12,
     "the plan: engines[0]: lanes must be an integer from 1 to 4096, not 1000000000000"),
    (("engines", 0, "kind"), "sistolic",
     "the plan: engines[0]: kind must be systolic or channel, not \"sistolic\" (did you mean 'systolic'?)"),
    (("engines", 0, "name"), "a b; endmodule",
     "the plan: engines[0]: name must be a word and a number such as systolic_0, not \"a b; endmodule\""),
    (("engines", 0, "array_in"), "lutt",
     "the plan: engines[0]: array_in must be dsp or lut, not \"lutt\" (did you mean 'lut'?)"),
    (("engines", 0, "weights_in"), None,
     "the plan: engines[0]: weights_in must be block or lut, not null"),
    (("engines", 0, "layers"), "conv", "the plan: engines[0]: layers must be a list of layers, not \"conv\""),
    (("engines", 0, "layers"), [], "the plan: engines[0]: layers must be a list of layers, not []"),
    (("engines", 1, "name"), "systolic_0",
     "engines need names of their own, other than source and sink; 2 engines are called 'systolic_0'"),
    (("engines", 1, "layers", 0), "conv", "layer 'conv' must be on one engine, not on 2"),
    (("engines", 0, "layers"), ["conv"], "layer 'scores' must be on one engine, not on none"),
    (("regions", 1, "reader"), "sink", "tensor 'conv' is not read by sink; remove its region"),
    (("engines", 0, "layers", 0), "convv",
     "the plan: engines[0]: layers[0] must be a layer of network 'tiny', not \"convv\" (did you mean "
     "'conv'?)"),
    (("regions", 0, "rows"), 1 << 40,
     "the plan: regions[0]: rows must be an integer from 1 to 1048576, not 1099511627776"),
    (("regions", 0, "tensor"), ["x"],
     "the plan: regions[0]: tensor must be a tensor of network 'tiny', not [\"x\"]"),
    (("files",), ["/etc/passwd"], None),
])
def test_wrong_values(path: tuple[str | int, ...], to: Any, sentence: str | None, tmp_path: Path) -> None:
    document = changed(tmp_path, *path, to=to)
    if sentence is None:
        (tmp_path / "plan.json").write_text(json.dumps(document))
        assert read_plan(tmp_path / "plan.json", tiny(tmp_path)[0]) == tiny(tmp_path)[1]
    else:
        assert said(tmp_path, document) == f"plan.json: {sentence}"


ALLOWED = "allowed: a plan as `gatecast plan` writes it"


@pytest.mark.parametrize(("text", "sentence"), [
    ("", f"plan.json:1: found damaged JSON (expecting value), {ALLOWED}"),
    ("{\n\n\"network\": tiny}", f"plan.json:3: found damaged JSON (expecting value), {ALLOWED}"),
    (b"{\n\"network\": \"\xff\"}", "plan.json:2: found the byte 0xff, allowed: text in UTF-8"),
    ("[" * 100_000, f"plan.json: found lists in lists without end, {ALLOWED}"),
    ("{\"a\": 1, \"a\": 2}", "plan.json: found the key \"a\" twice in one object, allowed: each once"),
    ("[NaN]", "plan.json: found NaN, allowed: numbers"),
    ("9" * 5000, "plan.json: found a number of 5000 digits, allowed: at most 20"),
    ("[]", "plan.json: the plan: found [], allowed: an object with network, external_weights, engines, "
           "regions"),
    ("{}", "plan.json: the plan: found no network, needed: network, engines, regions"),
    (" " * (MAX_BYTES + 1), f"plan.json: found more than {MAX_BYTES} bytes, allowed: at most that"),
])
def test_damaged_files(text: str | bytes, sentence: str, tmp_path: Path) -> None:
    assert said(tmp_path, text) == sentence


def test_no_file(tmp_path: Path) -> None:
    network, _ = tiny(tmp_path)
    for path, what in ((tmp_path / "no.json", "no file"), (tmp_path, "something else than a file")):
        with pytest.raises(InputError) as caught:
            read_plan(path, network)
        assert str(caught.value) == f"{path}: found {what}, allowed: the path of a plan in JSON"


@pytest.mark.parametrize(("lanes", "group", "sentence"), [
    (3, 2, "engine 'systolic_0' writes 2 channels of tensor 'conv' at once, engine 'channel_0' reads 3: the "
           "group of systolic_0 must be 1, not 2, or the lanes of channel_0 1 or a multiple of 2, not 3"),
    (2, 12, "engine 'systolic_0' writes 12 channels of tensor 'conv' at once, engine 'channel_0' reads 2: "
            "the group of systolic_0 must be 1, 2 or 4, not 12, or the lanes of channel_0 3, 6 or a multiple "
            "of 12, not 2"),
    (12, 6, "engine 'systolic_0' writes 6 channels of tensor 'scores' at once, the output takes 1: the group "
            "of systolic_0 must be 1, 2 or 4, not 6"),
])
def test_lanes_and_groups_that_do_not_fit(lanes: int, group: int, sentence: str, tmp_path: Path) -> None:
    """The engines on both sides, the tensor, and what would do."""
    document = tiny(tmp_path)[1].to_json()
    systolic, channel = document["engines"]
    systolic |= {"lanes": 1, "columns": 12, "group": group}
    channel |= {"lanes": lanes, "columns": lanes, "group": 1}
    assert said(tmp_path, document) == f"plan.json: {sentence}"


def test_regions_of_a_memory_are_of_its_kind(tmp_path: Path) -> None:
    plans = (random_plan(lower(random_network(seed)), "folded", seed) for seed in range(50))
    plan = next(plan for plan in plans
                if len({(each.writer, each.reader) for each in plan.regions}) < len(plan.regions))
    document = plan.to_json()
    pairs = [(each["writer"], each["reader"]) for each in document["regions"]]
    second = next(index for index, pair in enumerate(pairs) if pair in pairs[:index])
    first, other = (document["regions"][index] for index in (pairs.index(pairs[second]), second))
    other["memory_in"] = {"lut": "block", "block": "lut"}[first["memory_in"]]
    (tmp_path / "plan.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        read_plan(tmp_path / "plan.json", plan.network)
    assert str(caught.value) == (
        f"plan.json: region of '{other['tensor']}' to {other['reader']}: memory_in must be "
        f"{first['memory_in']} like that of '{first['tensor']}', which is in the same memory, not "
        f"{other['memory_in']}")


@pytest.mark.parametrize("seed", range(6))
def test_engines_and_regions_in_any_order(seed: int, tmp_path: Path) -> None:
    """The same cycles, the same cells, and a circuit that works."""
    plan = random_plan(lower(random_network(seed, layers=2 + seed % 3)), "per-layer", seed)
    document = plan.to_json()
    document["engines"].reverse()
    random.Random(seed).shuffle(document["regions"])
    (tmp_path / "plan.json").write_text(json.dumps(document))
    turned = read_plan(tmp_path / "plan.json", plan.network)
    assert [engine.name for engine in turned.engines] == [engine.name for engine in reversed(plan.engines)]
    assert resources(turned) == resources(plan)
    one, other = predict(turned), predict(plan)
    assert (one.cycles_per_inference, one.latency_cycles, one.work, one.occupied, one.bottleneck) == (
        other.cycles_per_inference, other.latency_cycles, other.work, other.occupied, other.bottleneck)


def test_a_circuit_of_engines_in_another_order(tmp_path: Path) -> None:
    network, plan = tiny(tmp_path)
    turned = replace(plan, engines=plan.engines[::-1], regions=plan.regions[::-1])
    write_plan(turned, tmp_path / "plan.json")
    frames = np.random.default_rng(2).integers(-128, 128, (2, 6, 5, 2)).astype(np.int8)
    trial = gatecast.simulate(read_plan(tmp_path / "plan.json", network), frames, simulator="python")
    assert not trial.failures
    assert trial.predicted_frame_cycles == gatecast.simulate(plan, frames, simulator="python").frame_cycles


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It is the one that was asked for that is named."""
    _, plan = tiny(tmp_path)
    (tmp_path / "taken").write_text("")
    for path, sentence in (
            (tmp_path / "taken/a.json", f", {tmp_path}/taken is no folder; choose another folder"),
            (tmp_path / f"{'a' * 300}.json", " (file name too long); choose another file")):
        with pytest.raises(InputError) as caught:
            write_plan(plan, path)
        assert str(caught.value) == f"{path} cannot be written{sentence}"
    write_plan(plan, tmp_path / f"{'a' * 250}.json")


def test_rules_of_plans(tmp_path: Path) -> None:
    document = tiny(tmp_path)[1].to_json()
    document["engines"][0]["layers"].reverse()
    assert said(tmp_path, document) == (
        "plan.json: engine 'systolic_0': layers must stand in execution order, not scores, conv")


JUNK: tuple[Any, ...] = (None, True, -1, 0, 1, 3, 17, 1 << 62, 0.5, 1e308, "", "x", "systolic_0", "sink",
                         "source", "lut", "\u0000\ud800", [], [[]], {}, {"plan": {}}, ["conv"])


def mutated(document: Any, rng: random.Random) -> Any:
    """One place of ``document`` deleted, doubled or exchanged."""
    made = copy.deepcopy(document)
    places: list[tuple[Any, Any]] = []

    def visit(value: Any) -> None:
        for key in value if isinstance(value, dict) else range(len(value)):
            places.append((value, key))
            if isinstance(value[key], dict | list):
                visit(value[key])

    visit(made)
    holder, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case 2:
            other, where = rng.choice(places)
            if isinstance(other[where], int | str):
                holder[key] = other[where]
        case _:
            holder[key] = rng.choice(JUNK)
    return made


def test_mutated_plans(tmp_path: Path) -> None:
    """Either a plan that can be predicted, or a sentence."""
    network, plan = tiny(tmp_path)
    file, rng, refusals = tmp_path / "plan.json", random.Random(0), 0
    for _ in range(200):
        document = plan.to_json()
        for _ in range(rng.choice((1, 1, 2, 3))):
            document = mutated(document, rng)
        file.write_text(json.dumps(document))
        try:
            read = read_plan(file, network)
            assert predict(rated(read, Budget(multipliers=1 << 20)).plan).cycles_per_inference > 0
        except InputError as error:
            refusals += 1
            text = str(error)
            assert text.isprintable()
            assert len(text) < 400
    assert 100 < refusals < 200


def test_mutated_bytes(tmp_path: Path) -> None:
    network, plan = tiny(tmp_path)
    file, rng = tmp_path / "plan.json", random.Random(1)
    for _ in range(200):
        data = bytearray(f"{plan}".encode())
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        file.write_bytes(data[:rng.choice((len(data), rng.randrange(len(data))))])
        try:
            read_plan(file, network)
        except InputError as error:
            assert str(error).isprintable()


def test_commands_take_what_they_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    described(Path())
    first = numbers("plan", "tiny.yaml", "--engines", "folded", "--dsps", "20", "-o", "made/plan.json")
    Path("out.json").write_text(json.dumps(first))
    for file in ("made/plan.json", "out.json"):
        again = numbers("plan", "tiny.yaml", "--plan", file)
        assert again["plan"] == first["plan"]
        assert again["cycles_per_inference"] == first["cycles_per_inference"]
    gatecast.generate(tiny(tmp_path)[1], "folder")
    assert numbers("plan", "tiny.yaml", "--plan", "folder/plan.json")["plan"] == tiny(tmp_path)[1].to_json()


def test_commands_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network, plan = tiny(tmp_path)
    write_plan(plan, Path("plan.json"))
    allowed = "--plan without --goal, --target-fps, --engines, --multipliers, --external-weights"
    for option, value in (("--goal", "latency"), ("--engines", "auto"), ("--multipliers", "3")):
        assert refused("plan", "tiny.yaml", "--plan", "plan.json", option, value) == (
            f"found --plan with {option}, allowed: {allowed}")
    assert refused("simulate", "digits", "--plan", "plan.json") == (
        "plan.json: found a plan for network \"tiny\", allowed: one for network 'digits'")
    need = gatecast.resources(plan).dsps
    assert refused("plan", "tiny.yaml", "--plan", "plan.json", "--dsps", "1") == (
        f"the plan takes {need} DSP multipliers, the budget on board ulx3s-85f has 1; change the plan, or "
        f"take a larger board")
    assert refused("plan", "tiny.yaml", "-o", "plan.txt") == (
        "plan.txt: found the suffix '.txt', allowed for a plan: .json")
    assert network.name == "tiny"
    assert cli("plan", "tiny.yaml", "--plan", "plan.json")[0] == 0
