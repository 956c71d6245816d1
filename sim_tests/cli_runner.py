"""Commands of `gatecast`, run in this process; and the checks that hold for every refusal."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from tiny_description import described

from gatecast import console, golden
from gatecast.cli import main

__all__ = ["cli", "numbers", "refused", "tiny_inputs"]


def cli(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    # However slow the machine is, nothing is said of what takes its time.
    with (redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err,
          patch.object(console, "QUIET_SECONDS", 3600.0)):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


def numbers(*arguments: str) -> dict[str, Any]:
    """The object that a command which succeeds prints with --json."""
    code, out, err = cli(*arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def refused(*arguments: str, code: int = 2, steps: int = 0) -> str:
    """The sentence of a command that is refused, the same with --json, and no file more or less.

    It is all that standard error says, after as many lines of progress as ``steps``.
    """
    before = sorted(Path().rglob("*"))
    found, out, err = cli(*arguments)
    assert (found, out) == (code, "")
    found, out, again = cli(*arguments, "--json")
    assert (found, again) == (code, err)
    assert sorted(Path().rglob("*")) == before
    *progress, last = err.splitlines()
    assert len(progress) == steps
    assert last.startswith("gatecast: ")
    sentence = last.removeprefix("gatecast: ")
    assert json.loads(out) == {"error": sentence}
    return sentence


def tiny_inputs() -> np.ndarray:
    """Write tiny.yaml with its weights, and x.npz with three frames, their outputs and labels."""
    network = described(Path())
    frames = np.random.default_rng(3).integers(-128, 128, (3, 6, 5, 2)).astype(np.int8)
    scores = golden.run(network, frames)["scores"]
    np.savez("x.npz", x=frames, y=scores, label=scores.reshape(3, 3).argmax(axis=1))
    return frames
