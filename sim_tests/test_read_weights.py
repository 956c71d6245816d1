"""Weights files that are refused: the full sentence of each."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hostile_arrays import HOSTILE_HEADERS, damaged_member, npy
from tiny_description import ARRAYS, described, sentence

from gatecast import npz
from gatecast.errors import InputError
from gatecast.reader import read

CONV_AXES = "(channels, kernel height, kernel width, input channels)"


@pytest.mark.parametrize(("name", "array", "said"), [
    ("conv/weights", np.zeros((4, 3, 3, 2), np.int16),
     "weights: found int16 [4, 3, 3, 2] in 'conv/weights' of "
     f"tiny.npz, allowed: int8 [4, 3, 3, 2] {CONV_AXES}"),
    ("conv/bias", np.zeros(4, ">i4"),
     "bias: found >i4 [4] in 'conv/bias' of tiny.npz, "
     "allowed: int32 [4] (channels)"),
    ("conv/scales", np.full(3, 0.5),
     "scales: found float64 [3] in 'conv/scales' of tiny.npz, allowed: float32 [4] "
     "or float32 [1] or float64 [4] or float64 [1] (channels, or one for all)"),
    ("conv/scales", np.array([1, np.nan, 1, 1]),
     "scales: found nan, allowed: positive float32 numbers"),
    ("conv/scales", np.array([1, 1, np.inf, 1]),
     "scales: found inf, allowed: positive float32 numbers"),
    ("conv/scales", np.array([1, 0.0, 1, -1]),
     "scales: found 0, allowed: positive float32 numbers"),
    ("conv/scales", np.array([1, 1, 1, 1e300]),
     "scales: found 1e+300, allowed: positive float32 numbers"),
    ("conv/scales", np.array([1, 1, 1, 1e-300]),
     "scales: found 1e-300, allowed: positive float32 numbers"),
    ("conv/bias", np.array([1, None], object),
     "bias: found object of shape [2] where array 'conv/bias' should be in tiny.npz, "
     "allowed: an array that numpy.savez wrote"),
    ("conv/bias", np.array(["a"]),
     "bias: found <U1 of shape [1] where array 'conv/bias' should be in tiny.npz, "
     "allowed: an array that numpy.savez wrote"),
])
def test_refused_arrays(tmp_path: Path, name: str, array: np.ndarray, said: str) -> None:
    assert sentence(tmp_path, **{name: array}) == f"tiny.yaml:7: layer 'conv': {said}"


def member(shape: str, data: bytes) -> bytes:
    """An ``.npy`` file of int8 that claims ``shape``."""
    return npy(f"{{'descr': '|i1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()) + data


@pytest.mark.parametrize(("content", "said"), [
    (member("(4, 3, 3, 2)", bytes(71)),
     "71 bytes of data for int8 of shape [4, 3, 3, 2]"),
    (member("(4, 3, 3, 2)", bytes(99)),
     "99 bytes of data for int8 of shape [4, 3, 3, 2]"),
    (member("(1 << 60,)", b""),
     "no .npy header"),
    (member("(1000000000000000,)", bytes(9)),
     "9 bytes of data for int8 of shape [1000000000000000]"),
    (member("(-4,)", bytes(9)),
     "int8 of shape [-4]"),
    (b"\x93NUMPY\x09\x00",
     "no .npy header"),
    (b"not an array",
     "no .npy header"),
    (b"",
     "no .npy header"),
    *((npy(header), "no .npy header") for header in HOSTILE_HEADERS),
])
def test_arrays_that_lie_about_themselves(tmp_path: Path, content: bytes, said: str) -> None:
    described(tmp_path)
    with zipfile.ZipFile(tmp_path / "tiny.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conv/weights.npy", content)
    with pytest.raises(InputError) as refused:
        read(tmp_path / "tiny.yaml")
    assert str(refused.value) == (f"tiny.yaml:7: layer 'conv': weights: found {said} where array "
                                  "'conv/weights' should be in tiny.npz, "
                                  "allowed: an array that numpy.savez wrote")


def test_a_damaged_archive(tmp_path: Path) -> None:
    described(tmp_path)
    whole = (tmp_path / "tiny.npz").read_bytes()
    assert whole.count(ARRAYS["conv/bias"].tobytes()) == 1
    (tmp_path / "tiny.npz").write_bytes(whole.replace(ARRAYS["conv/bias"].tobytes(), bytes(16)))
    with pytest.raises(InputError) as refused:
        read(tmp_path / "tiny.yaml")
    assert str(refused.value) == ("tiny.yaml:7: layer 'conv': bias: found a damaged archive where array "
                                  "'conv/bias' should be in tiny.npz, "
                                  "allowed: an array that numpy.savez wrote")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_members(tmp_path: Path, method: int) -> None:
    described(tmp_path)
    (tmp_path / "tiny.npz").write_bytes(damaged_member("conv/weights.npy", method))
    with pytest.raises(InputError) as refused:
        read(tmp_path / "tiny.yaml")
    assert str(refused.value) == ("tiny.yaml:7: layer 'conv': weights: found a damaged archive where array "
                                  "'conv/weights' should be in tiny.npz, "
                                  "allowed: an array that numpy.savez wrote")


def test_a_weights_file_that_is_no_archive(tmp_path: Path) -> None:
    described(tmp_path)
    (tmp_path / "tiny.npz").write_bytes(b"PK but no archive")
    with pytest.raises(InputError) as refused:
        read(tmp_path / "tiny.yaml")
    assert str(refused.value) == ("tiny.yaml:2: weights: found no .npz archive in tiny.npz, "
                                  "allowed: a file that numpy.savez wrote")


def test_a_weights_file_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAX_BYTES", 100_000)
    described(tmp_path)
    with zipfile.ZipFile(tmp_path / "tiny.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(5):
            archive.writestr(f"bomb{i}.npy", bytes(20_001))
    assert (tmp_path / "tiny.npz").stat().st_size < 2000
    with pytest.raises(InputError) as refused:
        read(tmp_path / "tiny.yaml")
    assert str(refused.value) == ("tiny.yaml:2: weights: found more than 100000 unpacked bytes in "
                                  "tiny.npz, allowed: at most that")
