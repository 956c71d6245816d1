"""Links: how frames enter and leave an accelerator."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiStream"]

# One byte a beat, with the names of AXI4-Stream; `tlast` marks the last byte of a frame.
AxiStream = wiring.Signature({"tdata": Out(8), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)})
