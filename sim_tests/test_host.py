"""The driver half against the real link in simulation, at a pseudo-terminal on a line that loses bytes."""

import json
import random
import time

import numpy as np
import pytest
from mixing_accelerator import MixingAccelerator, mixed
from simulated_board import SimulatedBoard, build_board, clean, noisy

from gatecast.errors import CheckError, InputError
from gatecast.hdl.frame_link import FrameLinkParams
from gatecast.host import Device, Statistics, run
from gatecast.packets import encode
from gatecast.settings import SETTINGS, board_settings

SHAPE, OUTPUTS = (4, 5, 2), 6
FRAME_BYTES = 40
BUILD_ID = 0x1234_5678
# 12 cycles a bit, and a far end that is 1.5 % slower.
DIVISOR, SKEW = 12, 1.015
PARAMS = FrameLinkParams(input_bytes=FRAME_BYTES, output_bytes=OUTPUTS, timeout=20_000, slots=4,
                         build_id=BUILD_ID)
# What the pseudo-terminal pretends; the simulation decides how fast it really is.
BAUD = 1_000_000


@pytest.fixture(scope="module")
def executable():
    return build_board(MixingAccelerator(FRAME_BYTES, OUTPUTS, latency=300), PARAMS, DIVISOR, SKEW)


@pytest.fixture
def board(executable):
    with SimulatedBoard(executable) as board:
        yield board


@pytest.fixture
def folder(tmp_path):
    settings = {**board_settings(board="ulx3s-85f", clock_hz=80e6, baud=BAUD, build_id=BUILD_ID),
                "input_bytes": FRAME_BYTES, "input": {"shape": SHAPE},
                "output_bytes": OUTPUTS, "output": {"shape": (1, 1, OUTPUTS)}}
    (tmp_path / SETTINGS).write_text(json.dumps(settings))
    return tmp_path


# Where a test counts what is sent, a busy machine must not look like a lost answer.
PATIENT = 10.0


def inputs(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (count, *SHAPE), dtype=np.int8)


def expected(x: np.ndarray) -> np.ndarray:
    return mixed(x.reshape(len(x), -1), OUTPUTS).reshape(len(x), 1, 1, OUTPUTS)


def test_every_result_is_right(board, folder):
    x = inputs(60)
    done = []
    result = run(folder, board.port, x, progress=done.append)
    assert result.outputs.dtype == np.int8
    assert np.array_equal(result.outputs, expected(x))
    assert done == list(range(1, 61))
    assert (result.statistics.refused, result.statistics.damaged) == (0, 0)
    assert result.inferences_per_second > 0


def test_several_frames_are_under_way_and_none_is_sent_twice(board):
    with Device(board.port, BAUD, delay=PATIENT) as device:
        most, under_way = 0, 0
        original = device._write

        def count(data):
            nonlocal most, under_way
            under_way += 1
            most = max(most, under_way)
            original(data)

        def done(_results):
            nonlocal under_way
            under_way -= 1

        device._write = count
        device.infer_all([frame.tobytes() for frame in inputs(12)], progress=done)
    assert most == PARAMS.slots
    assert device.statistics == Statistics(sent=12)


@pytest.mark.parametrize("direction", ["to_board", "to_host", "both"])
def test_bytes_lost_and_corrupted_cost_time_and_nothing_else(board, folder, direction):
    x = inputs(80, seed=1)
    rng = random.Random(3)
    with Device(board.port, BAUD):
        pass
    if direction in ("to_board", "both"):
        board.to_board = noisy(rng, 0.004)
    if direction in ("to_host", "both"):
        board.to_host = noisy(rng, 0.012)
    result = run(folder, board.port, x)
    assert np.array_equal(result.outputs, expected(x))
    trouble = result.statistics.lost + result.statistics.refused
    assert trouble > 2
    # A disturbance costs one frame; a few more are sent again because their answers were only late.
    assert result.statistics.sent == len(x) + trouble
    assert trouble < len(x)


def test_a_lost_byte_costs_one_frame(board):
    frames = [frame.tobytes() for frame in inputs(20, seed=2)]
    with Device(board.port, BAUD, delay=PATIENT) as device:
        passed = 0

        def lose_one(data):
            nonlocal passed
            start, passed = passed, passed + len(data)
            return data[:250 - start] + data[251 - start:] if start <= 250 < passed else data

        board.to_board = lose_one
        results = device.infer_all(frames)
        assert device.statistics.sent == 21
        assert device.statistics.lost + device.statistics.refused == 1
    assert results == [row.tobytes() for row in expected(inputs(20, seed=2))]


def test_reset_while_frames_are_under_way(board):
    """Whatever a reset finds under way, every frame gets its own answer in the end."""
    x, resets = inputs(40, seed=4), []

    def reset_sometimes(done):
        if done in (5, 11, 23):
            board.reset()
            resets.append(done)

    with Device(board.port, BAUD) as device:
        results = device.infer_all([frame.tobytes() for frame in x], progress=reset_sometimes)
    assert resets
    assert np.array_equal(np.frombuffer(b"".join(results), np.int8).reshape(40, 1, 1, OUTPUTS), expected(x))


def test_results_of_a_host_that_went_away_are_not_taken_for_ours(board):
    first, second = inputs(4, seed=5), inputs(4, seed=6)
    with Device(board.port, BAUD) as device:
        for sequence, frame in enumerate(first):
            device._write(encode(sequence + 1, frame.tobytes()))
    with Device(board.port, BAUD) as device:
        results = device.infer_all([frame.tobytes() for frame in second])
    assert results == [row.tobytes() for row in expected(second)]


def test_a_board_that_falls_silent(board):
    with Device(board.port, BAUD, delay=0.03) as device:
        board.to_host = lambda _data: b""
        with pytest.raises(CheckError, match=(
                rf"^frame 0 was sent 10 times to the board on {board.port} and never answered; is it the "
                rf"right port, is the bitstream loaded, is the cable sound$")):
            device.infer(bytes(FRAME_BYTES))
        board.to_host = clean
        assert device.infer(bytes(FRAME_BYTES)) == expected(np.zeros((1, *SHAPE), np.int8)).tobytes()


def test_no_board(board, tmp_path):
    board.to_board = lambda _data: b""
    started = time.monotonic()
    with pytest.raises(CheckError, match=(
            rf"^no board answers on {board.port} at 1000000 baud; is it the right port, is the bitstream "
            rf"loaded, is the cable sound$")):
        Device(board.port, BAUD, delay=0.02)
    assert time.monotonic() - started < 3
    with pytest.raises(InputError, match=r"^the serial port /dev/nothing cannot be opened: .*[^.]$"):
        Device("/dev/nothing", BAUD)


def test_another_build_is_noticed(board, folder):
    settings = json.loads((folder / SETTINGS).read_text())
    (folder / SETTINGS).write_text(json.dumps(settings | {"build_id": 0xABCD}))
    with pytest.raises(CheckError, match=(
            rf"^the board on {board.port} holds another build \(12345678\) than {folder} \(0000abcd\); load "
            rf"this one with `gatecast program {folder}`$")):
        run(folder, board.port, inputs(1))


def test_inputs_that_do_not_fit(folder):
    with pytest.raises(InputError, match=(
            r"^the inputs must be int8 of shape \[n, 4, 5, 2\], not float64 of shape \[3, 4, 5, 2\]$")):
        run(folder, "/dev/nothing", np.zeros((3, 4, 5, 2)))
    with pytest.raises(InputError, match=(
            r"^the inputs must be int8 of shape \[n, 4, 5, 2\], not int8 of shape \[0, 4, 5, 2\]$")):
        run(folder, "/dev/nothing", inputs(0))
