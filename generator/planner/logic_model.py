"""What a bit of each kind of logic costs; written by benchmarks/fit_logic.py, not by hand.

Yosys 0.70.0.0.post1259, synth_ecp5. Fitted on 21 drawn designs, of 1,722 to 11,397 LUTs with the
10 held out. Errors on those: mean, nine of ten below, largest.

luts: 2.6%, 7.3%, 7.3%
ffs: 2.1%, 5.5%, 5.5%

Networks with trained weights, planned for 28 multipliers, not fitted on either:

kws_ref_model: 6,197 luts -12.1%, 9,821 ffs -4.9%
pretrainedResnet_quant: 6,201 luts -5.2%, 9,975 ffs -2.0%
"""

from __future__ import annotations

__all__ = ["ERROR_FFS", "ERROR_LUTS", "FFS", "LUTS"]

# Nine of ten designs that the model was not fitted on are nearer to what synthesis said.
ERROR_LUTS = 0.0728
ERROR_FFS = 0.0546

LUTS = {
    "array adders": 0.954,
    "array chain": 1.113,
    "banks": 0.964,
    "channel adders": 1.629,
    "channel multiplexers": 1.254,
    "drain counters": 0.979,
    "engines": 0.0,
    "input choices": 1.304,
    "link counters": 2.1,
    "memories in LUTs": 1.001,
    "memory reads": 0.043,
    "memory writes": 4.474,
    "multipliers in logic": 1.061,
    "parameters in logic": 1.258,
    "requantizer adders": 0.825,
    "requantizer clamps": 0.482,
    "requantizer offsets": 0.828,
    "requantizer shifters": 0.871,
    "sequencer addresses": 0.594,
    "sequencer choices": 1.319,
    "sequencer counters": 2.056,
    "tables in logic": 1.258,
    "walk addresses": 5.288,
    "walk choices": 3.086,
    "walk columns": 4.625,
    "walk counters": 2.316,
    "write addresses": 0.467,
    "write choices": 5.933,
}

FFS = {
    "array registers": 1.003,
    "channel registers": 0.773,
    "control registers": 0.885,
    "delays": 0.976,
    "memory registers": 1.115,
    "multipliers in logic": 0.992,
    "requantizer registers": 1.051,
    "tables in logic": 0.958,
}
