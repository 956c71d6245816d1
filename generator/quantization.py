"""What the integers of a tensor mean."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["INT8_MAX", "INT8_MIN", "Quantization", "UnsignedQuantization"]

INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """Scale and zero point of one int8 tensor: ``real = scale * (integer - zero_point)``."""

    scale: float
    zero_point: int
    low: ClassVar[int] = INT8_MIN
    high: ClassVar[int] = INT8_MAX

    def __post_init__(self) -> None:
        if not self.low <= self.zero_point <= self.high:
            raise ValueError(f"zero point must be in [{self.low}, {self.high}], not {self.zero_point}")
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"scale must be positive and finite, not {self.scale}")


@dataclass(frozen=True, kw_only=True)
class UnsignedQuantization(Quantization):
    """The same of a uint8 tensor, which only the host half has."""

    low: ClassVar[int] = 0
    high: ClassVar[int] = 255
