"""Gatecast casts a trained, quantized neural network into an FPGA accelerator."""
