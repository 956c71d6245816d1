"""Writes to feature memories become the tensors that they are of, and every wrong address is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_networks import network as random_network
from tiny_description import described

from gatecast import golden
from gatecast.feature_traces import FeatureTrace, feature_traces
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.planner import Budget, Plan, plan
from gatecast.planner.layout import layouts
from gatecast.simulation.probes import UNKNOWN, Writes

FRAMES = 3


def planned(network: Network) -> Plan:
    return plan(lower(network), Budget(multipliers=20))


@pytest.fixture
def tiny(tmp_path: Path) -> Plan:
    return planned(described(tmp_path))


def trace_of(made: Plan, seed: int = 0) -> dict[str, np.ndarray]:
    shape = made.network.tensors[made.network.input].shape
    x = np.random.default_rng(seed).integers(-128, 128, (FRAMES, *shape)).astype(np.int8)
    return golden.run_chip(made.network, x)


def writes_of(made: Plan, trace: dict[str, np.ndarray]) -> list[Writes]:
    """What a right accelerator writes: rows of all tensors in turn, the writes of a row backwards."""
    result = []
    for memory in layouts(made):
        params, rows = memory.params, []
        for tensor, region in memory.regions.items():
            values = trace[tensor]
            height, width, channels = values.shape[1:]
            slots = -(-channels // params.write_bytes)
            padded = np.zeros((FRAMES * height, width, slots * params.write_bytes), np.int8)
            padded[:, :, :channels] = values.reshape(-1, width, channels)
            for number, row in enumerate(padded):
                start = region.base + number % region.rows * region.row_words
                addresses = [params.write_radix.address(
                    (start + column * region.pixel_words) * params.writes_per_word + slot)
                    for column in range(width) for slot in range(slots)]
                rows.append((number / height, addresses[::-1],
                             row.reshape(-1, params.write_bytes)[::-1]))
        rows.sort(key=lambda row: row[0])
        result.append(Writes(
            addresses=np.concatenate([np.array(addresses, np.uint32) for _, addresses, _ in rows]),
            values=np.concatenate([values for *_, values in rows])))
    return result


@pytest.mark.parametrize("seed", range(12))
def test_tensors_come_back(seed: int) -> None:
    made = planned(random_network(seed))
    trace = trace_of(made)
    found = feature_traces(made, writes_of(made, trace), FRAMES)
    assert [(each.tensor, each.writer, each.reader) for each in found] == [
        (tensor, memory.writer, memory.reader) for memory in layouts(made) for tensor in memory.regions]
    for each in found:
        assert each.fault is None
        _, _, width, channels = trace[each.tensor].shape
        np.testing.assert_array_equal(each.rows, trace[each.tensor].reshape(-1, width, channels))


def faulty(made: Plan, change) -> tuple[FeatureTrace, np.ndarray, list[int]]:
    """The input in its memory after ``change`` of the addresses; its rows, and the right addresses."""
    trace = trace_of(made)
    writes = writes_of(made, trace)
    right = writes[0].addresses.tolist()
    wrong, values = change(list(right), writes[0].values)
    writes[0] = Writes(addresses=np.array(wrong, np.uint32), values=values)
    found = feature_traces(made, writes, FRAMES)
    assert all(each.fault is None for each in found[1:])
    return found[0], trace[found[0].tensor], right


def row_of(write: int, rows: np.ndarray) -> tuple[int, str, int]:
    """Number and name of the row that a write belongs to, one channel a write, and how many there are."""
    _, height, width, channels = rows.shape
    row = write // (width * channels)
    return row, f"frame {row // height}, row {row % height}", width * channels


def test_address_of_another_row(tiny: Plan) -> None:
    def change(addresses, values):
        addresses[100] = addresses[10]
        return addresses, values

    found, rows, right = faulty(tiny, change)
    row, name, count = row_of(100, rows)
    assert right[10] not in right[row * count:(row + 1) * count]
    allowed = sorted(right[row * count:(row + 1) * count])
    assert found.fault == (f"{name}: address {right[10]} is written where {allowed[0]} to {allowed[-1]} "
                           f"belong")
    # What came before is there.
    np.testing.assert_array_equal(found.rows, rows.reshape(-1, *rows.shape[2:])[:row])


def test_address_twice(tiny: Plan) -> None:
    def change(addresses, values):
        addresses[101] = addresses[100]
        return addresses, values

    found, rows, right = faulty(tiny, change)
    row, name, _ = row_of(100, rows)
    assert row_of(101, rows)[0] == row
    assert found.fault == f"{name}: address {right[100]} is written again"


def test_writes_that_never_come(tiny: Plan) -> None:
    found, rows, right = faulty(tiny, lambda addresses, values: (addresses[:-1], values[:-1]))
    _, name, _ = row_of(len(right) - 1, rows)
    assert found.fault == f"{name}: address {right[-1]} is never written"


def test_writes_too_many(tiny: Plan) -> None:
    found, rows, _ = faulty(tiny, lambda addresses, values: (
        addresses + addresses[-2:], np.concatenate([values, values[-2:]])))
    assert found.fault == "2 writes came after the last row"
    np.testing.assert_array_equal(found.rows, rows.reshape(-1, *rows.shape[2:]))


@pytest.mark.parametrize(("address", "name"), [
    (123_456, "address 123456"), (UNKNOWN, "an address that is X or Z")])
def test_address_beyond_all_regions(tiny: Plan, address: int, name: str) -> None:
    def change(addresses, values):
        addresses[100] = address
        return addresses, values

    found, rows, _ = faulty(tiny, change)
    row, place, _ = row_of(100, rows)
    assert found.fault is not None
    assert found.fault.startswith(f"{place}: address ")
    assert found.fault.endswith(f"; 1 write went to no region of the memory, the first to {name}")
    assert len(found.rows) == row


def test_a_ring_of_another_length(tiny: Plan) -> None:
    made = tiny
    trace = trace_of(made)
    region = made.regions[0]
    other = replace(made, regions=(replace(region, rows=region.rows + 1), *made.regions[1:]))
    found = feature_traces(other, writes_of(made, trace), FRAMES)[0]
    assert found.fault is not None
    assert len(found.rows) == region.rows


def test_one_write_more_to_no_region(tiny: Plan) -> None:
    found, rows, _ = faulty(tiny, lambda addresses, values: (
        [*addresses, 9999], np.concatenate([values, values[-1:]])))
    assert found.fault == "1 write went to no region of the memory, the first to address 9999"
    np.testing.assert_array_equal(found.rows, rows.reshape(-1, *rows.shape[2:]))
