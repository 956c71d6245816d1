"""What a bit of each kind of logic costs; written by benchmarks/fit_logic.py, not by hand.

Yosys 0.70.0.0.post1259, synth_ecp5. Fitted on 26 drawn designs of 2,029 to 11,397 LUTs.
Errors on 12 more that were held out and on the trained networks below:
mean, nine of ten below, largest.

luts: 1.9%, 5.8%, 7.3%
ffs: 2.1%, 3.8%, 4.3%

kws_ref_model, 28 multipliers: 6,197 luts -7.0%, 9,821 ffs -4.0%
kws_ref_model, LFE5U-85F: 12,105 luts -0.2%, 23,123 ffs -2.2%
pretrainedResnet_quant, 28 multipliers: 6,201 luts +0.7%, 9,975 ffs -1.9%
pretrainedResnet_quant, LFE5U-85F: 8,554 luts -0.1%, 18,172 ffs -2.4%
ad01_int8, 28 multipliers: 4,592 luts -2.7%, 6,073 ffs -1.8%
ad01_int8, LFE5U-85F: 9,214 luts -7.3%, 18,625 ffs +0.4%
vww_96_int8, 28 multipliers: 11,024 luts -5.8%, 13,179 ffs -4.4%
vww_96_int8, LFE5U-85F: 19,399 luts -2.5%, 35,415 ffs -3.2%
micro_speech_quantized, 28 multipliers: 2,087 luts -0.7%, 3,345 ffs +0.5%
"""

from __future__ import annotations

__all__ = ["ERROR_FFS", "ERROR_LUTS", "FFS", "LUTS"]

# Nine of ten designs that the model was not fitted on are nearer to what synthesis said.
ERROR_LUTS = 0.0577
ERROR_FFS = 0.0384

LUTS = {
    "array adders": 1.059,
    "array chain": 0.965,
    "banks": 0.877,
    "channel adders": 1.124,
    "channel multiplexers": 1.24,
    "deep parameters in logic": 1.078,
    "deep tables in logic": 0.936,
    "deep weights in logic": 0.906,
    "drain counters": 1.0,
    "input choices": 0.804,
    "link counters": 1.044,
    "memories in LUTs": 0.911,
    "memory reads": 2.027,
    "memory writes": 0.0,
    "multipliers in logic": 1.029,
    "operand choices": 6.687,
    "parameters in logic": 1.131,
    "requantizer adders": 0.931,
    "requantizer clamps": 0.456,
    "requantizer offsets": 1.009,
    "requantizer shifters": 1.013,
    "sequencer addresses": 0.602,
    "sequencer choices": 1.083,
    "sequencer counters": 2.147,
    "tables in logic": 1.377,
    "walk addresses": 5.074,
    "walk columns": 5.373,
    "walk counters": 2.336,
    "weights in logic": 1.013,
    "write addresses": 0.955,
    "write choices": 2.302,
}

FFS = {
    "array registers": 0.988,
    "channel registers": 0.829,
    "control registers": 0.903,
    "delays": 0.991,
    "memory registers": 1.041,
    "multipliers in logic": 0.963,
    "requantizer registers": 1.066,
    "tables in logic": 1.045,
}
