"""What the integers of a tensor mean."""

from dataclasses import dataclass

__all__ = ["INT8_MAX", "INT8_MIN", "Quantization"]

INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """Scale and zero point of one tensor: ``real = scale * (integer - zero_point)``."""

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not INT8_MIN <= self.zero_point <= INT8_MAX:
            raise ValueError(f"zero point must be in [-128, 127], not {self.zero_point}")
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"scale must be positive and finite, not {self.scale}")
