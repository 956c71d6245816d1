"""The coefficients of the model."""
from collections import defaultdict
LUTS = defaultdict(lambda: 1.0, {"walk addresses": 5.0, "walk columns": 5.0, "walk counters": 2.0, "sequencer counters": 2.5})
FFS = defaultdict(lambda: 1.0)
ERROR_LUTS = 0.1
ERROR_FFS = 0.1
