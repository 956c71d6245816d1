"""The boards that Gatecast knows, and the parts that stand for a family where no pins are needed.

Counts are those of the data sheets: ECP5 and ECP5-5G family (FPGA-DS-02012) table 1.1, iCE40 LP/HX family
(FPGA-DS-02029) table 1.1, iCE40 UltraPlus family (FPGA-DS-02008) table 1.1, GW2A series (DS102) and GW1NR
series (DS117) tables of product resources, 7 series overview (DS180) table of Artix-7; luts of ECP5 as the
chip database of nextpnr counts them, which is what a placement can use.

=======  ============  =========  ==========  ==================================================
Family   Lookup table  Block RAM  Multiplier  LUT RAM
=======  ============  =========  ==========  ==================================================
ecp5     4 inputs      18 kbit    18 x 18     4 of 8 LUTs hold 16 bits each
ice40    4 inputs      4 kbit     16 x 16     none
gowin    4 inputs      18 kbit    18 x 18     the data sheet's SSRAM, 2 bits for each LUT
xc7      6 inputs      18 kbit    25 x 18     64 bits in each LUT of a SLICEM
=======  ============  =========  ==========  ==================================================

Two block RAMs of xc7 are the halves of one RAMB36E1. A multiplier of Gowin can be two of 9 x 9 instead, which
is what Yosys makes of int8 products; plans count it once.
"""

from types import MappingProxyType

from .board import Board, Part

__all__ = ["boards", "families"]

KBIT = 1024


def _ecp5(device: str, *, luts: int, multipliers: int, block_rams: int) -> Part:
    return Part(family="ecp5", device=device, luts=luts, lut_inputs=4, ffs=luts, multipliers=multipliers,
                multiplier_bits=(18, 18), block_rams=block_rams, block_ram_bits=18 * KBIT,
                lut_ram_bits=luts // 8 * 64)


def _ice40(device: str, *, luts: int, multipliers: int, block_rams: int) -> Part:
    return Part(family="ice40", device=device, luts=luts, lut_inputs=4, ffs=luts, multipliers=multipliers,
                multiplier_bits=(16, 16), block_rams=block_rams, block_ram_bits=4 * KBIT, lut_ram_bits=0)


def _gowin(device: str, *, luts: int, ffs: int, multipliers: int, block_rams: int) -> Part:
    return Part(family="gowin", device=device, luts=luts, lut_inputs=4, ffs=ffs, multipliers=multipliers,
                multiplier_bits=(18, 18), block_rams=block_rams, block_ram_bits=18 * KBIT,
                lut_ram_bits=2 * luts)


def _xc7(device: str, *, luts: int, multipliers: int, block_rams: int, memory_luts: int) -> Part:
    return Part(family="xc7", device=device, luts=luts, lut_inputs=6, ffs=2 * luts, multipliers=multipliers,
                multiplier_bits=(25, 18), block_rams=block_rams, block_ram_bits=18 * KBIT,
                lut_ram_bits=64 * memory_luts)


# Sold as 12 k LUTs and 32 block RAMs; the open tools allow the whole die, but only this much is tested.
LFE5U_12F = _ecp5("LFE5U-12F", luts=12_000, multipliers=28, block_rams=32)
LFE5U_25F = _ecp5("LFE5U-25F", luts=24_288, multipliers=28, block_rams=56)
LFE5U_45F = _ecp5("LFE5U-45F", luts=43_848, multipliers=72, block_rams=108)
LFE5U_85F = _ecp5("LFE5U-85F", luts=83_640, multipliers=156, block_rams=208)
LFE5UM5G_45F = _ecp5("LFE5UM5G-45F", luts=43_848, multipliers=72, block_rams=108)
LFE5UM5G_85F = _ecp5("LFE5UM5G-85F", luts=83_640, multipliers=156, block_rams=208)
ICE40HX8K = _ice40("iCE40HX8K", luts=7_680, multipliers=0, block_rams=32)
ICE40UP5K = _ice40("iCE40UP5K", luts=5_280, multipliers=8, block_rams=30)
GW1NR_9 = _gowin("GW1NR-9C", luts=8_640, ffs=6_480, multipliers=20, block_rams=26)
# The same die with and without a RAM chip beside it.
GW2A_18 = _gowin("GW2A-18C", luts=20_736, ffs=15_552, multipliers=48, block_rams=46)
GW2AR_18 = _gowin("GW2AR-18C", luts=20_736, ffs=15_552, multipliers=48, block_rams=46)
XC7A35T = _xc7("XC7A35T", luts=20_800, multipliers=90, block_rams=100, memory_luts=6_400)
XC7A100T = _xc7("XC7A100T", luts=63_400, multipliers=240, block_rams=270, memory_luts=19_000)

MHZ = 1_000_000

_ULX3S = [
    Board(name=f"ulx3s-{part.device[-3:].lower()}", title=f"Radiona ULX3S ({part.device})", part=part,
          package="BG381", speed="6", clock_hz=25 * MHZ, programmer="ulx3s",
          build_clock_hz=100 * MHZ,
          platform=f"amaranth_boards.ulx3s.ULX3S_{part.device[-3:]}_Platform")
    for part in (LFE5U_12F, LFE5U_25F, LFE5U_45F, LFE5U_85F)
]

_OTHERS = [
    Board(name="orangecrab-25f", title="OrangeCrab r0.2 (LFE5U-25F)", part=LFE5U_25F,
          package="MG285", speed="8", clock_hz=48 * MHZ,
          platform="amaranth_boards.orangecrab_r0_2.OrangeCrabR0_2_25FPlatform"),
    Board(name="orangecrab-85f", title="OrangeCrab r0.2 (LFE5U-85F)", part=LFE5U_85F,
          package="MG285", speed="8", clock_hz=48 * MHZ,
          platform="amaranth_boards.orangecrab_r0_2.OrangeCrabR0_2_85FPlatform"),
    Board(name="ecpix5-45f", title="LambdaConcept ECPIX-5 (LFE5UM5G-45F)", part=LFE5UM5G_45F,
          package="BG554", speed="8", clock_hz=100 * MHZ,
          platform="amaranth_boards.ecpix5.ECPIX545Platform"),
    Board(name="ecpix5-85f", title="LambdaConcept ECPIX-5 (LFE5UM5G-85F)", part=LFE5UM5G_85F,
          package="BG554", speed="8", clock_hz=100 * MHZ,
          platform="amaranth_boards.ecpix5.ECPIX585Platform"),
    Board(name="icesugar-pro", title="MuseLab iCESugar-pro (LFE5U-25F)", part=LFE5U_25F,
          package="BG256", speed="6", clock_hz=25 * MHZ,
          platform="amaranth_boards.icesugar_pro.ICESugarProPlatform"),
    Board(name="icebreaker", title="1BitSquared iCEBreaker (iCE40UP5K)", part=ICE40UP5K,
          package="SG48", speed="", clock_hz=12 * MHZ, programmer="ice40_generic",
          # Half of what nextpnr allows for digits: it does not count the time of a multiplication.
          build_clock_hz=24 * MHZ,
          platform="amaranth_boards.icebreaker.ICEBreakerPlatform"),
    Board(name="hx8k-evn", title="Lattice iCE40-HX8K breakout board", part=ICE40HX8K,
          package="CT256", speed="", clock_hz=12 * MHZ, programmer="ice40_generic",
          build_clock_hz=96 * MHZ,
          platform="amaranth_boards.ice40_hx8k_b_evn.ICE40HX8KBEVNPlatform"),
    Board(name="tang-nano-9k", title="Sipeed Tang Nano 9K (GW1NR-9C)", part=GW1NR_9,
          package="QN88P", speed="C6/I5", clock_hz=27 * MHZ,
          platform="amaranth_boards.tang_nano_9k.TangNano9kPlatform"),
    Board(name="tang-nano-20k", title="Sipeed Tang Nano 20K (GW2AR-18C)", part=GW2AR_18,
          package="QN88", speed="C8/I7", clock_hz=27 * MHZ, platform=""),
    Board(name="tang-primer-20k", title="Sipeed Tang Primer 20K (GW2A-18C)", part=GW2A_18,
          package="PG256", speed="C8/I7", clock_hz=27 * MHZ,
          platform="amaranth_boards.tang_primer_20k.TangPrimer20kPlatform"),
    Board(name="arty-a7-35t", title="Digilent Arty A7-35T (XC7A35T)", part=XC7A35T,
          package="csg324", speed="1L", clock_hz=100 * MHZ,
          platform="amaranth_boards.arty_a7.ArtyA7_35Platform"),
    Board(name="arty-a7-100t", title="Digilent Arty A7-100T (XC7A100T)", part=XC7A100T,
          package="csg324", speed="1L", clock_hz=100 * MHZ,
          platform="amaranth_boards.arty_a7.ArtyA7_100Platform"),
]

_BOARDS = MappingProxyType({board.name: board for board in [*_ULX3S, *_OTHERS]})
_FAMILIES = MappingProxyType({"ecp5": LFE5U_85F, "ice40": ICE40HX8K, "gowin": GW2A_18, "xc7": XC7A100T})


def boards() -> dict[str, Board]:
    """Return all boards by name, those that Gatecast makes bitstreams for first."""
    return dict(_BOARDS)


def families() -> dict[str, Part]:
    """Return for each family the part whose counts limit a plan that names no board."""
    return dict(_FAMILIES)
