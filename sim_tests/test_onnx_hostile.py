"""Mutated ONNX models: refused with one sentence, or read and run as a whole network, nothing else."""

from __future__ import annotations

import time

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_builder import OnnxBuilder
from onnx_cases import EXACT

from gatecast import golden
from gatecast.errors import InputError
from gatecast.reader.onnx.damage import Damaged
from gatecast.reader.onnx.model_file import parse
from gatecast.reader.onnx.network_of import network_of

COPIES = 2000
LONGEST_MESSAGE = 2500
# Of one copy, reading and running; the machine may be busy with other things.
SECONDS = 20
WORDS = (0, 1, 2, 3, 7, 8, 0x10, 0x12, 0x1A, 0x22, 0x2A, 0x3A, 0x7F, 0x80, 0xFE, 0xFF)


def mutated(random: np.random.Generator, data: bytes) -> bytes:
    """A copy with bytes changed, taken out, repeated, or the end cut off."""
    copy = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(0, max(len(copy), 1)))
        match random.integers(0, 5):
            case 0:
                copy[at:at + 1] = bytes([int(random.choice(WORDS))])
            case 1:
                copy[at:at + 1] = bytes(byte ^ 1 << int(random.integers(0, 8)) for byte in copy[at:at + 1])
            case 2:
                del copy[at:at + int(random.integers(1, 9))]
            case 3:
                copy[at:at] = copy[at:at + int(random.integers(1, 40))]
            case 4:
                if random.random() < 0.2:
                    del copy[at:]
    return bytes(copy)


NUMBERS = (-2**63, -2**31, -2, -1, 0, 1, 2, 3, 4, 7, 255, 256, 2**16, 2**31, 2**63 - 1)
OPERATORS = ("Conv", "QLinearConv", "MaxPool", "Gemm", "Reshape", "Flatten", "Transpose", "Softmax", "Relu",
             "Add", "Concat", "Slice", "Split", "Pad", "Resize", "Shape", "Clip", "QuantizeLinear",
             "DequantizeLinear", "Gather", "Split", "MatMul", "BatchNormalization", "ReduceMean", "Upsample",
             "Tile", "Expand", "SpaceToDepth", "DepthToSpace", "PRelu", "ReduceMax", "Cast", "Sub", "Div")


ODD = (np.array(["a"], object), np.zeros((0, 3), np.int8), np.array([True]), np.array(np.inf, np.float32),
       np.array(np.nan, np.float32), np.array(1j, np.complex64))


def changed(random: np.random.Generator, data: bytes) -> bytes:
    """A copy that is still a protocol buffer, with some of its parts changed."""
    model = onnx.load_model_from_string(data)
    graph = model.graph
    for _ in range(int(random.integers(1, 3))):
        node = random.choice(graph.node)
        tensor = random.choice(graph.initializer or [onnx.TensorProto()])
        match random.integers(0, 9):
            case 0:
                node.op_type = str(random.choice(OPERATORS))
            case 1:
                other = random.choice(graph.node)
                names = [*other.input, *other.output, ""]
                if node.input:
                    node.input[int(random.integers(len(node.input)))] = str(random.choice(names))
            case 2:
                if node.input:
                    del node.input[int(random.integers(len(node.input))):]
            case 3 | 4:
                if node.attribute:
                    attribute = random.choice(node.attribute)
                    attribute.i = int(random.choice(NUMBERS))
                    for index in range(len(attribute.ints)):
                        if random.random() < 0.5:
                            attribute.ints[index] = int(random.choice(NUMBERS))
            case 5:
                tensor.dims[:] = [int(random.choice(NUMBERS)) for _ in range(int(random.integers(0, 5)))]
                if random.random() < 0.5:
                    # Of a kind that no operator expects: texts, none, what is no number.
                    other = ODD[int(random.integers(len(ODD)))]
                    tensor.CopyFrom(numpy_helper.from_array(other, tensor.name))
            case 6:
                tensor.data_type = int(random.integers(0, 25))
            case 7:
                tensor.raw_data = random.bytes(len(tensor.raw_data))
            case 8:
                sizes = graph.input[0].type.tensor_type.shape.dim
                sizes[int(random.integers(len(sizes)))].dim_value = int(random.choice(NUMBERS))
    return model.SerializeToString()


@pytest.mark.parametrize("part", range(8))
def test_mutated_models(part, shared_models):
    random = np.random.default_rng(part)
    models = [(shared_models / f"digits_cnn_int8_{form}.onnx").read_bytes() for form in ("qdq", "qoperator")]
    models += [EXACT[name](OnnxBuilder(part)).data for name in EXACT]
    outcomes = {"read": 0, "damaged": 0, "refused": 0}
    for number in range(COPIES // 8):
        model = models[number % len(models)]
        data = changed(random, model) if number % 2 else mutated(random, model)
        started = time.monotonic()
        try:
            network = network_of(parse(data), "model.onnx")
        except Damaged as error:
            outcomes["damaged"] += 1
            message = str(error)
        except InputError as error:
            outcomes["refused"] += 1
            message = str(error)
        else:
            outcomes["read"] += 1
            message = ""
            first = network.tensors[network.first_input]
            x = random.integers(0, 100, (1, *first.shape)).astype(network.dtype(first.name))
            assert network.last_output in golden.run(network, x)
        assert "\n" not in message
        assert len(message) < LONGEST_MESSAGE
        assert time.monotonic() - started < SECONDS
    assert all(count > 10 for count in outcomes.values()), outcomes
