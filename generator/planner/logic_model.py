"""What a bit of each kind of logic costs; written by benchmarks/fit_logic.py, not by hand.

Yosys 0.70.0.0.post1259, synth_ecp5. Fitted on 26 drawn designs, of 1,722 to 11,397 LUTs with the
12 held out. Errors on those: mean, nine of ten below, largest.

luts: 2.3%, 5.9%, 6.7%
ffs: 1.9%, 3.0%, 4.5%

Networks with trained weights, planned for 28 multipliers, not fitted on either:

kws_ref_model: 6,197 luts -12.5%, 9,821 ffs -4.6%
pretrainedResnet_quant: 6,201 luts -4.1%, 9,975 ffs -1.9%
"""

from __future__ import annotations

__all__ = ["ERROR_FFS", "ERROR_LUTS", "FFS", "LUTS"]

# Nine of ten designs that the model was not fitted on are nearer to what synthesis said.
ERROR_LUTS = 0.0593
ERROR_FFS = 0.0302

LUTS = {
    "array adders": 0.964,
    "array chain": 1.189,
    "banks": 0.915,
    "channel adders": 1.303,
    "channel multiplexers": 0.754,
    "drain counters": 0.961,
    "engines": 0.0,
    "input choices": 1.155,
    "link counters": 2.009,
    "memories in LUTs": 0.997,
    "memory reads": 0.496,
    "memory writes": 3.515,
    "multipliers in logic": 1.04,
    "parameters in logic": 1.272,
    "requantizer adders": 0.847,
    "requantizer clamps": 0.531,
    "requantizer offsets": 0.747,
    "requantizer shifters": 0.863,
    "sequencer addresses": 0.599,
    "sequencer choices": 1.233,
    "sequencer counters": 2.043,
    "tables in logic": 1.668,
    "walk addresses": 5.271,
    "walk choices": 3.923,
    "walk columns": 4.695,
    "walk counters": 2.219,
    "write addresses": 0.568,
    "write choices": 6.978,
}

FFS = {
    "array registers": 1.001,
    "channel registers": 0.884,
    "control registers": 0.884,
    "delays": 0.967,
    "memory registers": 1.124,
    "multipliers in logic": 0.991,
    "requantizer registers": 1.05,
    "tables in logic": 0.946,
}
