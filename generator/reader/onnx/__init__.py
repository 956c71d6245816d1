"""ONNX files in, :class:`Network` out: QOperator, QDQ and QONNX form.

The bytes are parsed into plain values by ONNX's own library (:mod:`.model_file`), in a child process
(:mod:`.child`), as that library is C++ and model files are hostile input. Then each node becomes values
(:mod:`.values`, :mod:`.reals`): integers, and real numbers that are made of integers. Whatever is quantized
becomes a layer (:mod:`.quantizers`, :mod:`.products`, :mod:`.windows`, :mod:`.pairs`, :mod:`.functions`,
:mod:`.slices`); what only moves values (:mod:`.moves`) and what follows from constants (:mod:`.constants`)
does not.
"""

from __future__ import annotations

from pathlib import Path

from ...network import Network
from ..model_bytes import model_bytes
from .child import network_in_child

__all__ = ["read_onnx"]


def read_onnx(path: Path) -> Network:
    """The network in the ONNX file ``path``.

    Whatever is wrong or not supported raises :class:`InputError` with one sentence.
    """
    return network_in_child(model_bytes(path, "ONNX"), path.name)
