"""What a bit of each kind of logic costs; written by benchmarks/fit_logic.py, not by hand.

Yosys 0.70.0.0.post1259, synth_ecp5. Fitted on 26 drawn designs of 2,164 to 13,000 LUTs.
Errors on 12 more that were held out and on the trained networks below:
mean, nine of ten below, largest.

luts: 2.7%, 5.0%, 7.9%
ffs: 2.9%, 5.8%, 14.1%

pretrainedResnet_quant, 28 multipliers: 6,876 luts +7.9%, 9,873 ffs +0.2%
pretrainedResnet_quant, LFE5U-85F: 31,041 luts +0.6%, 33,462 ffs +4.4%
kws_ref_model, 28 multipliers: 4,172 luts +1.1%, 7,517 ffs -0.6%
kws_ref_model, LFE5U-85F: 27,365 luts +2.0%, 36,244 ffs +1.1%
vww_96_int8, 28 multipliers: 8,208 luts -5.0%, 11,299 ffs -3.2%
vww_96_int8, LFE5U-85F: 45,777 luts -3.8%, 50,940 ffs -2.4%
ad01_int8, 28 multipliers: 4,334 luts +1.2%, 5,836 ffs +4.1%
ad01_int8, LFE5U-85F: 24,245 luts -0.9%, 34,412 ffs +4.5%
micro_speech_quantized, 28 multipliers: 1,974 luts -0.9%, 3,447 ffs +0.4%
"""

from __future__ import annotations

__all__ = ["ERROR_FFS", "ERROR_LUTS", "FFS", "LUTS"]

# Nine of ten designs that the model was not fitted on are nearer to what synthesis said.
ERROR_LUTS = 0.0502
ERROR_FFS = 0.0576

LUTS = {
    "array adders": 1.058,
    "array chain": 0.937,
    "banks": 0.898,
    "channel adders": 1.578,
    "channel multiplexers": 1.188,
    "deep parameters in logic": 1.029,
    "deep tables in logic": 1.325,
    "deep weights in logic": 0.865,
    "drain counters": 1.017,
    "input choices": 0.778,
    "link counters": 1.223,
    "memories in LUTs": 0.915,
    "memory reads": 1.123,
    "memory writes": 0.0,
    "multipliers in logic": 1.015,
    "operand choices": 1.02,
    "parameters in logic": 0.988,
    "requantizer adders": 0.963,
    "requantizer clamps": 0.603,
    "requantizer offsets": 1.017,
    "requantizer shifters": 1.005,
    "sequencer addresses": 0.539,
    "sequencer choices": 0.866,
    "sequencer counters": 2.048,
    "tables in logic": 1.438,
    "walk addresses": 4.106,
    "walk columns": 1.933,
    "walk counters": 1.919,
    "weights in logic": 1.148,
    "write addresses": 0.998,
    "write choices": 0.785,
}

FFS = {
    "array registers": 1.005,
    "channel registers": 0.887,
    "control registers": 0.91,
    "delays": 1.109,
    "memory registers": 1.239,
    "multipliers in logic": 0.968,
    "requantizer registers": 0.936,
    "tables in logic": 1.305,
}
