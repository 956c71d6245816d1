"""Loading a bitstream into a board."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gatecast.boards import Board

from . import toolbox
from .errors import CheckError, InputError
from .synthesis import BITSTREAM

__all__ = ["program"]


def program(folder: Path, board: Board, *, flash: bool = False) -> None:
    """Load the bitstream in `folder` into `board`; what openFPGALoader prints goes to standard error.

    It lasts until power goes, or with `flash` beyond. Raises InputError where there is no bitstream,
    CheckError where openFPGALoader is missing or fails.
    """
    bitstream = folder / BITSTREAM
    if not bitstream.is_file():
        raise InputError(f"{folder} holds no {BITSTREAM}; make it with `gatecast build`")
    if not board.programmer:
        raise InputError(f"Gatecast does not know how to program {board.name}; load {bitstream} by hand")
    tool = toolbox.require("openFPGALoader", f"programming {board.name}")
    command = [str(tool.where), "-b", board.programmer, *(["-f"] if flash else []), str(bitstream)]
    code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode
    if code:
        raise CheckError(f"openFPGALoader ended with exit code {code}; is {board.title} plugged in, and may "
                         f"you use its USB port")
