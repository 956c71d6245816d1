"""Feature memory: what lies between one producing and one reading engine."""

from typing import Any

from amaranth.hdl import Module, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .mixed_radix import MixedRadix
from .pipeline import bits_for_range, delay
from .storage import MemoryKind, check_memory_kind, make_memory, read_register

__all__ = ["FeatureMemory", "FeatureMemoryParams", "widths_fit"]


def widths_fit(write_bytes: int, read_bytes: int) -> bool:
    """Whether a feature memory can join a writer and a reader of these widths.

    A read holds any number of whole writes, or a write holds a power of two of reads.
    """
    if min(write_bytes, read_bytes) < 1:
        return False
    ratio, rest = divmod(write_bytes, read_bytes)
    return read_bytes % write_bytes == 0 or (rest == 0 and ratio & (ratio - 1) == 0)


class FeatureMemoryParams:
    """Everything that fixes one feature memory.

    A word holds the larger of a write and a read; the smaller one addresses a part of it.

    Parameters
    ----------
    words : int
        Depth.
    write_bytes, read_bytes : int
        Channels that one write and one read carry, of widths that fit (:func:`widths_fit`).
    kind : MemoryKind
        What it is made of.
    """

    def __init__(self, *, words: int, write_bytes: int, read_bytes: int, kind: MemoryKind = "block") -> None:
        if words < 1:
            raise ValueError(f"Feature memory needs at least one word, not {words}")
        if not widths_fit(write_bytes, read_bytes):
            raise ValueError(f"Feature memory needs reads of a multiple of the bytes of a write, or writes "
                             f"of a power of two times those of a read, not {write_bytes} bytes written and "
                             f"{read_bytes} read")
        check_memory_kind("Feature memory kind", kind)
        self.kind = kind
        self.words, self.write_bytes, self.read_bytes = words, write_bytes, read_bytes
        self.word_bytes = max(write_bytes, read_bytes)
        self.writes_per_word = self.word_bytes // write_bytes
        self.reads_per_word = self.word_bytes // read_bytes

    @property
    def write_radix(self) -> MixedRadix:
        """How writes are addressed."""
        return MixedRadix(self.writes_per_word)


class FeatureMemory(wiring.Component):
    """One write port, one read port, no arbiter; what a write and a read at once return is not used.

    Addresses name writes and reads, not words. Those of reads count them, those of writes are of mixed
    radix, where a word may hold any number of writes. Memory never written reads as zero.

    ===========  ====================================================================
    Throughput   a write and a read a cycle
    Latency      :attr:`READ_LATENCY` from ``read_address`` to ``read_data``, counted in enabled cycles;
                 a write is seen by reads whose address comes :attr:`WRITE_LATENCY` cycles later, or more
    Resources    a memory of ``words`` words of the wider port, of the kind :attr:`FeatureMemoryParams.kind`
    ===========  ====================================================================

    Rows pass from layer to layer as in the row buffers of DNNBuilder (Zhang et al., ICCAD 2018).

    Members
    -------
    write_enable, write_address, write_data : ``In``
        The write port; see :class:`~gatecast.hdl.mixed_radix.MixedRadix` for the address.
    read_address, read_enable : ``In``
        The read port; without ``read_enable`` its registers keep what they have.
    read_data : ``Out``
        A register.
    """

    # The word, which block RAM registers, its own register, and one on the way to the reader.
    READ_LATENCY = 3
    # A register on the way from the writer, and the memory itself.
    WRITE_LATENCY = 2

    write_enable: Any
    write_address: Any
    write_data: Any
    read_enable: Any
    read_address: Any
    read_data: Any

    def __init__(self, params: FeatureMemoryParams) -> None:
        self.params = params
        super().__init__({
            "write_enable": In(1),
            # Of a bit at least, even where there is a single word.
            "write_address": In(bits_for_range(0, (params.words << params.write_radix.part_bits) - 1)),
            "write_data": In(data.ArrayLayout(signed(8), params.write_bytes)),
            "read_enable": In(1, init=1),
            "read_address": In(bits_for_range(0, params.words * params.reads_per_word - 1)),
            "read_data": Out(data.ArrayLayout(signed(8), params.read_bytes)),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        m.submodules.words = words = make_memory(
            params.kind, shape=unsigned(8 * params.word_bytes), depth=params.words,
            written=True, unchecked=True)
        write = words.write_port(
            granularity=8 * params.write_bytes if params.writes_per_word > 1 else None)
        part_bits = params.write_radix.part_bits
        # Registered here, for the blocks of a memory can lie far from each other and from the writer.
        word, part = self.write_address >> part_bits, self.write_address[:part_bits]
        enables = (self.write_enable << part)[:params.writes_per_word]
        write_data = delay(m, Value.cast(self.write_data), 1, "write_data")
        m.d.comb += [
            write.addr.eq(delay(m, word, 1, "write_word")),
            write.data.eq(write_data.replicate(params.writes_per_word)),
            write.en.eq(delay(m, enables, 1, "write_enables", reset=True)),
        ]

        part_bits = exact_log2(params.reads_per_word)
        word = read_register(m, words, self.read_address >> part_bits, enable=self.read_enable)
        part = self.read_address[:part_bits]
        read_data = Signal(8 * params.read_bytes, reset_less=True)
        with m.If(self.read_enable):
            word = delay(m, word, 1, "word")
            part = delay(m, part, 2, "part")
            m.d.sync += read_data.eq(word.word_select(part, 8 * params.read_bytes))
        m.d.comb += Value.cast(self.read_data).eq(read_data)
        return m
