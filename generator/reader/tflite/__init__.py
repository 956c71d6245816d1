"""TFLite int8 files in, :class:`Network` out.

The bytes go through :mod:`.verifier` first, then through the generated classes of the schema into plain
values (:mod:`.model_file`); order and meaning of these are checked before anything is built (:mod:`.graph`,
:mod:`.tensors`), and each operator becomes layers (:mod:`.windows`, :mod:`.values`, :mod:`.shapes`,
:mod:`.slices`).
"""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...network import Network
from ..model_bytes import model_bytes
from .model_file import parse
from .network_of import network_of
from .verifier import Damaged, TooMany

__all__ = ["read_tflite"]


def read_tflite(path: Path) -> Network:
    """The network in the TFLite file ``path``.

    Whatever is wrong or not supported raises :class:`InputError` with one sentence.
    """
    data = model_bytes(path, "TFLite")
    try:
        return network_of(parse(data), path.name)
    except Damaged as error:
        raise InputError(f"{path.name}: found a file that is no intact TFLite model ({error}), "
                         f"allowed: a whole one") from error
    except TooMany as error:
        raise InputError(f"{path.name}: found {error}") from error
