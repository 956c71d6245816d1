"""The errors that a person can act on; the command line turns each into one sentence and an exit code."""

__all__ = ["CheckError", "GatecastError", "InputError"]


class GatecastError(Exception):
    """Something stopped Gatecast. The message is one sentence: what, where, what to do instead."""

    exit_code = 1


class CheckError(GatecastError):
    """A check failed: outputs differ from the golden model, a clock was missed, a tool is missing."""


class InputError(GatecastError):
    """Refused input: a description, a file, a plan or an option that Gatecast cannot map."""

    exit_code = 2
