"""Child processes that can be waited for, looked at, and never outlive an interruption."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .errors import CheckError

__all__ = ["LOG", "frames_so_far", "run"]

# What a child prints, in its folder.
LOG = "log.txt"
POLL_SECONDS = 0.1


def run(what: str, command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str] | None = None,
        look: Callable[[], None] = lambda: None) -> None:
    """Run `command` in `folder` until it ends, calling `look` ten times a second.

    The child and its children are a process group of their own, killed as a whole when anything is raised
    here, Ctrl-C included; their temporary files lie in a folder that goes with them. Raises CheckError,
    naming `what`, with the line of its output that tells most when it ends with another exit code than 0.
    """
    log = folder / LOG
    with log.open("wb") as output, tempfile.TemporaryDirectory() as temporary:
        surroundings = {**(os.environ if env is None else env), "TMPDIR": temporary}
        process = subprocess.Popen(
            list(map(str, command)), cwd=folder, env=surroundings,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(POLL_SECONDS)
                    break
                look()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if code:
        raise CheckError(f"{what} failed with exit code {code}: {_telling_line(log)}")


def _telling_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    # Verilator calls the warning that stopped it a warning; Python names the error last, nextpnr counts it.
    telling = [line for line in lines if re.search(r"%Warning|error:|%Error|ERROR:", line)]
    return (telling or lines[-1:] or ["it printed nothing"])[0]


def frames_so_far(progress: Path) -> int:
    """Return the number that a bench in another process wrote last, 0 before the first."""
    with suppress(OSError, struct.error):
        (frames,) = struct.unpack("<q", progress.read_bytes())
        return int(frames)
    return 0
