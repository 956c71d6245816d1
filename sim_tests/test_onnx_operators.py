"""Every operator of ONNX that is read: the golden model against ONNX Runtime, lowered against golden."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_builder import OnnxBuilder, runtime
from onnx_case import frames_of, outputs
from onnx_cases import EXACT, NEARLY
from random_onnx import random_network

from gatecast.lowering import lower
from gatecast.network_file import load_network, save_network
from gatecast.reader.onnx.model_file import parse
from gatecast.reader.onnx.network_of import network_of


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", EXACT)
def test_equal_to_onnx_runtime(name, seed):
    builder = OnnxBuilder([seed, *name.encode()])
    case = EXACT[name](builder)
    network = network_of(parse(case.data), "model.onnx")
    x = frames_of(case)
    expected, found = runtime(case.data, x), outputs(network, x)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)
    np.testing.assert_array_equal(outputs(lower(network), x), found)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", NEARLY)
def test_equal_but_for_sums_in_float(name, seed):
    case = NEARLY[name](OnnxBuilder([seed, *name.encode()]))
    network = network_of(parse(case.data), "model.onnx")
    x = frames_of(case, 20)
    expected, found = runtime(case.data, x), outputs(network, x)
    apart = np.abs(found.reshape(expected.shape).astype(int) - expected)
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= max(2, 0.002 * apart.size)
    np.testing.assert_array_equal(outputs(lower(network), x), found)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed):
    """Of the blocks that people make, six deep."""
    case = random_network(seed, blocks=6)
    network = network_of(parse(case.data), "model.onnx")
    x = frames_of(case, 10)
    found = outputs(network, x)
    np.testing.assert_array_equal(found.reshape(10, 7), runtime(case.data, x))
    np.testing.assert_array_equal(outputs(lower(network), x), found)
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize("name", EXACT)
def test_written_and_read_again(name, tmp_path):
    network = network_of(parse(EXACT[name](OnnxBuilder([0, *name.encode()])).data), "model.onnx")
    save_network(network, tmp_path)
    assert load_network(tmp_path) == network
