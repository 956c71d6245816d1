"""What to use instead of the operators that are not read."""

from __future__ import annotations

__all__ = ["NEAREST"]

# What does the work of operators that are not read, or comes closest.
NEAREST = {
    "ArgMax": "the output before it, whose largest value the driver can find",
    "ConvInteger": "QLinearConv",
    "ConvTranspose": "Resize and Conv",
    "DynamicQuantizeLinear": "QuantizeLinear with a constant scale",
    "LpPool": "AveragePool",
    "MatMulInteger": "QLinearMatMul",
    "Min": "Clip",
    "onnx.brevitas.BipolarQuant": "Quant with at least 2 bits",
    "onnx.brevitas.Trunc": "Quant",
    "qonnx.custom_op.general.BipolarQuant": "Quant with at least 2 bits",
    "qonnx.custom_op.general.Trunc": "Quant",
}
