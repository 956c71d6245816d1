"""Network descriptions and models in, :class:`Network` out."""

from __future__ import annotations

import os
from pathlib import Path

from gatecast.networks import shipped

from ..errors import InputError
from ..hints import did_you_mean
from ..network import Network
from .onnx import read_onnx
from .tflite import read_tflite
from .yaml_description import read_description

__all__ = ["read"]

YAML_SUFFIXES = (".yaml", ".yml")
TFLITE_SUFFIX = ".tflite"
ONNX_SUFFIX = ".onnx"


def read(path_or_name: str | os.PathLike[str]) -> Network:
    """The verified network that a YAML description, a TFLite or an ONNX model holds.

    ``path_or_name`` is the path of a ``.yaml``, ``.yml``, ``.tflite`` or ``.onnx`` file, or the name of a
    shipped network (:func:`gatecast.networks.shipped`). Anything else, and anything wrong in the file, raises
    :class:`InputError` with one sentence.
    """
    path = Path(path_or_name)
    suffix = path.suffix.lower()
    if suffix in YAML_SUFFIXES:
        return read_description(path)
    if suffix == TFLITE_SUFFIX:
        return read_tflite(path)
    if suffix == ONNX_SUFFIX:
        return read_onnx(path)
    names = shipped()
    name = os.fspath(path_or_name)
    if name in names:
        return read_description(names[name])
    shipped_names = f"a shipped network: {', '.join(names)}"
    if not name:
        raise InputError("found no name of a network, allowed: the path of a .yaml, .yml, .tflite or .onnx "
                         f"file, or {shipped_names}")
    # os.path, not Path: names that no file system takes (too long, with a zero byte) do not exist.
    if os.path.isdir(path):
        raise InputError(f"{path}: found a folder, allowed: a .yaml, .yml, .tflite or .onnx file in it, "
                         f"or {shipped_names}")
    if suffix or os.path.exists(path):
        raise InputError(f"{path}: found the suffix '{suffix}', allowed: .yaml, .yml, .tflite or .onnx, "
                         f"or {shipped_names}")
    raise InputError(f"found the network {name[:64]!r}{did_you_mean(name, names)}, "
                     f"allowed: the path of a .yaml, .yml, .tflite or .onnx file, or {shipped_names}")
