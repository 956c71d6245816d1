"""How much of what only TFLite files have a model may hold."""

__all__ = ["MAX_BUFFERS", "MAX_CHANNELS", "MAX_SIZES", "MAX_TABLES"]

MAX_BUFFERS = 1 << 15
# Tables of any kind; a file that reaches more has bytes that serve as many tables.
MAX_TABLES = 1 << 17
# Scales of one tensor.
MAX_CHANNELS = 1 << 16
# Entries of a list of dimensions or axes in the file.
MAX_SIZES = 8
