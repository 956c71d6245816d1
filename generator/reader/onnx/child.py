"""A child process that reads a model, so that a crash, endless work or endless memory stay in there."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress

from ...errors import InputError
from ...network import Network

__all__ = ["network_in_child"]

# What a child may take: of address space, of processor time, and of time.
MAX_MEMORY = 4 << 30
MAX_CPU_SECONDS = 120
MAX_SECONDS = 300

# No threads: each would take some of the address space.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def network_in_child(data: bytes, name: str) -> Network:
    """The network that the bytes ``data`` of the ONNX file called ``name`` hold.

    Whatever is wrong raises :class:`InputError` with one sentence, the end of the child included.
    """
    too_much = (f"{name}: found a model that takes more than {MAX_CPU_SECONDS} seconds or {MAX_MEMORY >> 30} "
                f"GB to read, allowed: less")
    try:
        child = subprocess.run([sys.executable, "-P", "-m", __name__, name], input=data, capture_output=True,
                               env={**os.environ, **ENVIRONMENT}, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(too_much) from error
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit code {child.returncode}"
        raise InputError(too_much if _out_of_limits(child.returncode, reason) else
                         f"{name}: found a file that stops its reader ({reason[:200]}), allowed: an intact "
                         "model")
    result: Network | InputError = pickle.loads(child.stdout)
    if isinstance(result, InputError):
        raise result
    return result


def _out_of_limits(code: int, reason: str) -> bool:
    """Whether a child ended for lack of time (by signal) or memory."""
    return code == -signal.SIGXCPU or "MemoryError" in reason or "std::bad_alloc" in reason


def _limit() -> None:
    """Bound what this process may take, where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        # A signal of its own, which says why, comes before the one that ends all.
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS + 10))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read a model from standard input; write the network, or what is wrong, to standard output."""
    _limit()
    # What a library prints must not get among the result.
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        output.write(pickle.dumps(_result(sys.argv[1], sys.stdin.buffer.read())))


def _result(name: str, data: bytes) -> Network | InputError:
    # Only now, within the limits: these import ONNX's library.
    from .damage import Damaged
    from .model_file import parse
    from .network_of import network_of

    try:
        return network_of(parse(data), name)
    except Damaged as error:
        return InputError(f"{name}: found a file that is no ONNX model that can be read ({error}), "
                          f"allowed: a whole one in one file")
    except InputError as error:
        return error


if __name__ == "__main__":
    main()
