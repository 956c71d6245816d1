"""The link between bytes and frames: right under stalls, and a disturbance costs one frame and no more."""

import random
from dataclasses import dataclass, field, replace

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.sim import Simulator
from mixing_accelerator import MixingAccelerator
from synthesis_counts import ECP5, ICE40, NEEDS_YOSYS, counts

from gatecast.boards import families
from gatecast.hdl.frame_link import FrameLink, FrameLinkParams, default_slots
from gatecast.hdl.packets import CRC, ESCAPE, START, Status
from gatecast.hdl.uart_top import UartTop
from gatecast.packets import Answer, AnswerReader, Identity, encode
from gatecast.planner.budget import link_block_rams

INPUT_BYTES, OUTPUT_BYTES = 7, 4
TIMEOUT = 200
PARAMS = FrameLinkParams(input_bytes=INPUT_BYTES, output_bytes=OUTPUT_BYTES, timeout=TIMEOUT, slots=3,
                         build_id=0xDEADBEEF)
RESET = "reset"


def result(frame: bytes) -> bytes:
    """What the accelerator of these tests answers: depends on every byte and on their order."""
    return bytes((sum((i + 3) * byte for i, byte in enumerate(frame)) * (j + 1)) & 0xFF
                 for j in range(OUTPUT_BYTES))


@dataclass
class Seen:
    """What came out of one run."""

    answers: list[Answer] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    damaged: int = 0
    tlast_error: bool = False

    def results(self) -> dict[int, bytes]:
        return {answer.sequence: answer.payload for answer in self.answers if answer.status == Status.RESULT}

    def replies(self) -> list[tuple[int, Status]]:
        return [(answer.sequence, answer.status) for answer in self.answers if answer.status != Status.RESULT]


class Bench:
    """A link between a host and an accelerator that stall at random; checks the rules of the streams.

    `script` is what the host does: bytes to send, cycles to wait, or `RESET`. Bytes are 4 cycles apart or,
    with `stalls`, more. `hold` keeps the results back until that cycle; `cut` makes each one byte shorter.
    """

    def __init__(self, script, *, params=PARAMS, seed=0, stalls=0.0, hold=0, cut=False, linger=1000):
        self.seen = Seen()
        self.reader = AnswerReader()
        self.dut = FrameLink(params)
        self.script, self.stalls, self.hold, self.cut, self.linger = script, stalls, hold, cut, linger
        self.rng = random.Random(seed)
        self.reset = Signal()
        self.cycle = 0

    def run(self) -> Seen:
        top = Module()
        top.submodules.link = ResetInserter(self.reset)(self.dut)
        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.host)
        simulator.add_process(self.rest)
        simulator.run()
        self.seen.damaged = self.reader.damaged
        return self.seen

    def stall(self) -> bool:
        return self.rng.random() < self.stalls

    async def host(self, ctx):
        dut = self.dut
        for step in self.script:
            if step == RESET:
                ctx.set(self.reset, 1)
                await ctx.tick()
                ctx.set(self.reset, 0)
            elif isinstance(step, int):
                await ctx.tick().repeat(step)
            else:
                for byte in step:
                    ctx.set(dut.wire_data, byte)
                    ctx.set(dut.wire_valid, 1)
                    await ctx.tick()
                    ctx.set(dut.wire_valid, 0)
                    ctx.set(dut.wire_data, self.rng.randrange(256))
                    await ctx.tick().repeat(3 + self.rng.randrange(20) * self.stall())
        await ctx.tick().repeat(self.linger)
        self.seen.tlast_error = bool(ctx.get(dut.tlast_error))

    async def rest(self, ctx):
        """The wire to the host and the accelerator, a cycle at a time."""
        dut = self.dut
        frame, ready_results = bytearray(), bytearray()
        marks: list[int] = []
        source_ready = wire_ready = sink_valid = 0
        waiting_source = waiting_wire = None
        signals = (self.reset, dut.source.tvalid, dut.source.tdata, dut.source.tlast, dut.sink.tready,
                   dut.wire.valid, dut.wire.payload)
        async for _clk, _rst, *values in ctx.tick().sample(*signals):
            in_reset, tvalid, tdata, tlast, tready, valid, payload = values
            self.cycle += 1
            if in_reset:
                for buffer in frame, ready_results, marks:
                    buffer.clear()
                source_ready = wire_ready = sink_valid = 0
                waiting_source = waiting_wire = None
            else:
                if waiting_source is not None:
                    assert (tvalid, tdata, tlast) == waiting_source, "source changed while it waited"
                waiting_source = (tvalid, tdata, tlast) if tvalid and not source_ready else None
                if tvalid and source_ready:
                    frame.append(tdata)
                    assert tlast == (len(frame) == INPUT_BYTES)
                    if tlast:
                        self.seen.frames.append(bytes(frame))
                        ready_results += result(frame)
                        marks += [*[0] * (OUTPUT_BYTES - 1 - self.cut), 1, *[0] * self.cut]
                        frame.clear()
                if waiting_wire is not None:
                    assert (valid, payload) == waiting_wire, "wire changed while it waited"
                waiting_wire = (valid, payload) if valid and not wire_ready else None
                if valid and wire_ready:
                    self.seen.answers += self.reader.feed(bytes([payload]))
                if sink_valid and tready:
                    del ready_results[0], marks[0]
                    sink_valid = 0
            source_ready = not self.stall()
            # As slow as the bytes that come in: a line is as fast one way as the other.
            wire_ready = self.cycle % 4 == 0 and not self.stall()
            sink_valid = sink_valid or (bool(ready_results) and self.cycle >= self.hold and not self.stall())
            ctx.set(dut.source.tready, source_ready)
            ctx.set(dut.wire.ready, wire_ready)
            ctx.set(dut.sink.tvalid, sink_valid)
            if sink_valid:
                ctx.set(dut.sink.tdata, ready_results[0])
                ctx.set(dut.sink.tlast, marks[0])


def frames(count: int, seed: int = 0) -> list[bytes]:
    """Random frames in which the special bytes are frequent."""
    rng = random.Random(seed)
    return [bytes(rng.choice([START, ESCAPE, 0, 0xFF, rng.randrange(256)]) for _ in range(INPUT_BYTES))
            for _ in range(count)]


@pytest.mark.parametrize("stalls", [0.0, 0.3, 0.8])
def test_frames_come_through_in_order(stalls):
    sent = frames(12)
    script = [step for i, frame in enumerate(sent) for step in (encode(i, frame), 400 if stalls else 1)]
    seen = Bench(script, stalls=stalls, seed=1).run()
    assert seen.frames == sent
    assert [a.sequence for a in seen.answers] == list(range(12))
    assert seen.results() == {i: result(frame) for i, frame in enumerate(sent)}
    assert not seen.damaged
    assert not seen.tlast_error


def test_frames_of_special_bytes_only():
    sent = [bytes([START] * INPUT_BYTES), bytes([ESCAPE] * INPUT_BYTES)]
    seen = Bench([encode(START, sent[0]), 300, encode(ESCAPE, sent[1])]).run()
    assert seen.results() == {START: result(sent[0]), ESCAPE: result(sent[1])}


KINDS = {
    "lost": lambda packet, i, _byte: packet[:i] + packet[i + 1:],
    "corrupted": lambda packet, i, byte: packet[:i] + bytes([byte]) + packet[i + 1:],
    "inserted": lambda packet, i, byte: packet[:i] + bytes([byte]) + packet[i:],
    "duplicated": lambda packet, i, _byte: packet[:i + 1] + packet[i:],
    "turned into a beginning": lambda packet, i, _byte: packet[:i] + bytes([START]) + packet[i + 1:],
    "cut": lambda packet, i, _byte: packet[:i],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_disturbed_byte_costs_one_frame_and_no_more(kind):
    # Back to back, so that nothing but the beginning of the next packet ends a broken one.
    rng = random.Random(kind)
    before, hit, after = frames(3, seed=5)
    script, expected = [], {}
    positions = range(len(encode(1, hit)))
    for i in positions:
        number = 3 * i
        broken = KINDS[kind](encode(number + 1, hit), i, rng.randrange(256))
        script += [encode(number, before), broken, encode(number + 2, after), 250]
        expected |= {number: result(before), number + 2: result(after)}
    seen = Bench(script, seed=2, stalls=0.1).run()
    results = seen.results()
    survivors = {number: answer for number, answer in results.items() if number % 3 == 1}
    assert {n: r for n, r in results.items() if n % 3 != 1} == expected
    assert all(answer == result(hit) for answer in survivors.values())
    # Some disturbances do no harm: a byte too many before the beginning or behind the end, a doubled mark.
    assert len(survivors) < len(positions) - 3
    reasons = {status for number, status in seen.replies() if number % 3 == 1}
    assert reasons & {Status.INCOMPLETE, Status.DAMAGED}


def test_half_a_packet_is_answered_after_a_while_and_the_next_one_is_right():
    frame, = frames(1)
    packet = encode(7, frame)
    seen = Bench([packet[:6], TIMEOUT - 20, encode(8, frame), packet[:6], TIMEOUT + 20, encode(9, frame),
                  packet[:1], TIMEOUT + 20, packet[1:], encode(10, frame)]).run()
    assert seen.replies() == [(7, Status.INCOMPLETE)] * 2
    assert seen.results() == dict.fromkeys((8, 9, 10), result(frame))


def test_a_pause_inside_a_packet_does_no_harm():
    frame, = frames(1)
    packet = encode(7, frame)
    seen = Bench([step for byte in packet for step in (bytes([byte]), TIMEOUT - 10)]).run()
    assert seen.results() == {7: result(frame)}


def test_every_refusal_has_its_reason():
    frame, = frames(1)
    damaged = bytearray(encode(3, frame))
    damaged[-1] ^= 1
    seen = Bench([encode(1, frame[:-1]), encode(2, frame + b"x"), 200, bytes(damaged), 200,
                  encode(4, frame * 40), encode(5, frame)]).run()
    assert seen.replies() == [(1, Status.WRONG_LENGTH), (2, Status.WRONG_LENGTH), (3, Status.DAMAGED),
                              (4, Status.WRONG_LENGTH)]
    assert seen.results() == {5: result(frame)}
    assert seen.frames == [frame]


def test_more_frames_than_slots_are_refused_and_the_others_kept():
    sent = frames(5)
    packets = [encode(i, frame) for i, frame in enumerate(sent)]
    seen = Bench([*packets, 2000, encode(9, sent[0])], hold=1500).run()
    assert seen.replies() == [(3, Status.BUSY), (4, Status.BUSY)]
    assert seen.results() == {0: result(sent[0]), 1: result(sent[1]), 2: result(sent[2]), 9: result(sent[0])}


@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_a_single_slot(stalls):
    """A frame at a time: the next one is taken once the answer is out."""
    sent = frames(6)
    script = [step for i, frame in enumerate(sent) for step in (encode(i, frame), 600)]
    params = replace(PARAMS, slots=1)
    seen = Bench([*script, encode(6, sent[0]), encode(7, sent[1])], params=params, stalls=stalls).run()
    assert seen.frames == [*sent, sent[0]]
    assert seen.results() == {i: result(frame) for i, frame in enumerate([*sent, sent[0]])}
    assert seen.replies() == [(7, Status.BUSY)]


@NEEDS_YOSYS
@pytest.mark.parametrize("family", [ECP5, ICE40])
@pytest.mark.parametrize("frame_bytes", [40, 2500, 9 * 2048 - 100])
def test_block_rams(family, frame_bytes):
    """As the planner counts them; with a single slot the number of the one frame is a register."""
    slots = default_slots(frame_bytes, families()[family].block_ram_bytes)
    params = replace(PARAMS, input_bytes=frame_bytes, slots=slots)
    cells = counts(UartTop(MixingAccelerator(frame_bytes, OUTPUT_BYTES), params, 100), family)
    assert (slots == 1) == (frame_bytes > 9000)
    assert cells["DP16KD"] + cells["SB_RAM40_4K"] == link_block_rams(frame_bytes, family)


def test_who_is_there():
    frame, = frames(1)
    seen = Bench([encode(1, frame), encode(2), encode(3, frame)]).run()
    identity = next(a for a in seen.answers if a.status == Status.IDENTITY)
    assert identity.sequence == 2
    assert Identity.parse(identity.payload) == Identity(
        version=1, slots=3, input_bytes=INPUT_BYTES, output_bytes=OUTPUT_BYTES, build_id=0xDEADBEEF)
    assert seen.results() == {1: result(frame), 3: result(frame)}


@pytest.mark.parametrize("seed", range(6))
def test_reset_in_the_middle_forgets_everything(seed):
    rng = random.Random(seed)
    sent = frames(4, seed)
    cut = rng.randrange(1, 15)
    script = [encode(0, sent[0]), encode(1, sent[1]), encode(2, sent[2])[:cut], rng.randrange(1, 40), RESET,
              rng.randrange(1, 10), encode(3, sent[3]), 300, encode(4), 300]
    seen = Bench(script, seed=seed, stalls=0.3, hold=rng.choice([0, 200])).run()
    assert seen.results()[3] == result(sent[3])
    assert seen.answers[-1].status == Status.IDENTITY


def test_a_result_of_the_wrong_length_is_a_failure():
    frame, = frames(1)
    assert Bench([encode(1, frame)], cut=True).run().tlast_error
    assert not Bench([encode(1, frame)]).run().tlast_error


def test_the_hardware_crc_is_the_one_of_the_host():
    frame, = frames(1)
    body = bytes([5, 0, INPUT_BYTES]) + frame
    assert encode(5, b"a" * 3)[-2:] == CRC.compute(b"\x05\x00\x03aaa").to_bytes(2, "big")
    assert CRC.compute(body).to_bytes(2, "big") in encode(5, frame).replace(
        b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")


def test_answers_are_found_in_any_cut_and_behind_any_noise():
    noise = bytes([1, 2, START, 5, 0, 0xFF, 0xFF, 9])
    body = bytes([7, Status.RESULT, 0, 2, START, ESCAPE])
    answer = encode(0)[:1] + body[:4] + bytes([ESCAPE, START ^ 0x20, ESCAPE, ESCAPE ^ 0x20]) + CRC.compute(
        body).to_bytes(2, "big")
    for cut in range(len(answer)):
        reader = AnswerReader()
        found = reader.feed(noise + answer[:cut]) + reader.feed(answer[cut:])
        assert found == [Answer(7, Status.RESULT, bytes([START, ESCAPE]))]
        assert reader.damaged == 1


def test_parameters_are_checked():
    def refused(match, **changes):
        with pytest.raises(ValueError, match=match):
            FrameLinkParams(**{"input_bytes": 1, "output_bytes": 1, "timeout": 16, "slots": 1, **changes})

    refused(r"^input_bytes must be in \[1, 65535\], what one packet can carry, not 65536$", input_bytes=65536)
    refused(r"^output_bytes must be in \[1, 65535\], what one packet can carry, not 0$", output_bytes=0)
    refused(r"^timeout must be at least 16 cycles, not 15$", timeout=15)
    refused(r"^slots must be in \[1, 255\], not 256$", slots=256)
    refused(r"^build_id must have 32 bits, not 0x100000000$", build_id=2**32)
    with pytest.raises(ValueError, match=r"^payload must have at most 65535 bytes, not 65536$"):
        encode(0, bytes(65536))
    assert [default_slots(n) for n in (1, 64, 490, 3072, 8191, 8192, 65535)] == [16, 16, 4, 2, 2, 1, 1]
