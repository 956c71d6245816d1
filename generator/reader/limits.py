"""How large a model may be: far above what an FPGA holds, far below what hurts the machine that reads it."""

__all__ = ["MAX_BYTES", "MAX_CONSTANTS", "MAX_DIMENSION", "MAX_LAYERS", "MAX_LISTED", "MAX_NAME",
           "MAX_OPERANDS", "MAX_OPERATORS", "MAX_PATCHES", "MAX_RANK", "MAX_TENSORS", "MAX_TOTAL",
           "MAX_VALUES", "MAX_WORK"]

# Of the file.
MAX_BYTES = 64 * 1024 * 1024
MAX_OPERATORS = 1000
MAX_TENSORS = 1 << 14
# What the operators become: a split is a layer for each part.
MAX_LAYERS = 2000
# Inputs or outputs of one operator.
MAX_OPERANDS = 256
# Of the tensors that operators read and write: dimensions, size of each, values of one, values of all.
MAX_RANK = 4
MAX_DIMENSION = 1 << 16
MAX_VALUES = 1 << 24
MAX_TOTAL = 1 << 27
# Bytes of all weights, those that operators share counted for each.
MAX_CONSTANTS = 1 << 26
# Multiplications of one inference, those of operators that work channel by channel counted 16 times because
# the golden model is slower at them; and values that the windows of one operator read at all positions.
MAX_WORK = 1 << 34
MAX_PATCHES = 1 << 27
# What a refusal lists, and how much of a name in the file it shows.
MAX_LISTED = 8
MAX_NAME = 40
