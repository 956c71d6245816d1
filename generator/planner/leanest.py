"""Leanest: plans that take as little as any, to tell at once whether a network fits a chip at all."""

from __future__ import annotations

from ..network import Network
from .candidates import Engines, Kinds
from .plan import Plan
from .regions import with_running_rows
from .shapes import LEAN, Prices

__all__ = ["leanest"]

# What is dear in turn: block RAM, multipliers, logic.
PRICES = (LEAN, Prices(multiplier=200, block_ram=40_000),
          Prices(multiplier=20_000, block_ram=400), Prices(multiplier=1, block_ram=1))


def leanest(network: Network, engines: Engines, limit: int, external_weights: bool = False) -> list[Plan]:
    """Plans of the smallest arrays, with the fewest rows that run; none if ``limit`` multipliers are too few.

    One engine of each kind is about the leanest of all partitions, so it stands for ``"auto"``.
    """
    kinds = Kinds(network, "folded" if engines == "auto" else engines, limit, external_weights)
    found = {}
    for prices in PRICES:
        candidate = next(kinds.candidates(float("inf"), prices, fast=False), None)
        if candidate is not None and candidate.key not in found:
            found[candidate.key] = with_running_rows(kinds.plan(candidate))
    return [*found.values()]
