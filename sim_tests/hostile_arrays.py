"""Files of arrays that somebody broke on purpose."""

import io
import zipfile

__all__ = ["HOSTILE_HEADERS", "damaged_member", "npy"]

# Each brings another exception out of the parsers under NumPy.
HOSTILE_HEADERS = [
    b"(((\n", b"'''\n", b"\0\n", b"[]\n", b"\xff\n", b"(" * 0xffff,
    b"{'descr': (), 'fortran_order': False, 'shape': (1,)}\n",
    b"{'descr': [()], 'fortran_order': False, 'shape': (1,)}\n",
    b"{'descr': 'O8i', 'fortran_order': False, 'shape': (1,)}\n",
    b"{'descr': '|i1', 'fortran_order': 0, 'shape': 1}\n",
]


def npy(header: bytes) -> bytes:
    """The beginning of an ``.npy`` file, with a header of at most 65535 bytes."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def damaged_member(name: str, method: int) -> bytes:
    """A zip archive whose only member was compressed with ``method`` and cannot be unpacked."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, bytes(range(256)) * 8)
    data = bytearray(file.getvalue())
    # Behind the local header: 30 bytes and the name.
    start = 30 + len(name)
    data[start:start + 40] = bytes(40)
    return bytes(data)
