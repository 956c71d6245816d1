"""Plain names in RTLIL: every rule on a text small enough to read."""

import re

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from gatecast import verilog
from gatecast.names import plain_names

TEXT = r'''
attribute \generator "Amaranth"
attribute \top 1
module \top

  memory width 8 size 3 \table$4

  wire width 1 input 0 \clk

  wire width 8 output 1 \b

  wire width 8 input 2 \a

  wire width 8 \a$5

  wire width 8 \a_5

  attribute \init 0'
  wire width 0 \nothing

  wire width 8 $1

  cell \top.x \x
    connect \clk \clk [0]
    connect \port$7$0 \a$5 [7:0]
    connect \port$8$0 \a$5 [3:0]
    connect \port$9$0 \a$5 [2]
    connect \port$10$0 { \a [0] \a$5 [7:1] }
    connect \sum$3 \b
  end

  cell \top.x$y \x$y
    connect \clk \clk [0]
  end

  cell \FOREIGN$1 \foreign$1
    parameter \NOTE "\\a$5 [x]"
    connect \port$7$0 \a$5
  end

  cell $memrd_v2 $2
    parameter \MEMID "\\table$4"
    connect \DATA \a$5
    connect \ADDR {  }
  end

  connect \a$5 \a_5
  connect \nothing {  }
end

attribute \generator "Amaranth"
module \top.x

  wire width 1 input 0 \clk

  wire width 8 input 1 \port$7$0

  wire width 4 input 2 \port$8$0

  wire width 1 input 3 \port$9$0

  wire width 8 input 4 \port$10$0

  wire width 8 output 5 \sum$3

  wire width 8 \a_5_3_0

  process $1
    assign \sum$3 [7:0] \port$7$0 [7:0]
    switch \port$9$0 [0]
      case 1'1
        assign \sum$3 [7:0] { \port$7$0 [0] \port$10$0 [6:0] }
    end
  end
end

attribute \generator "Amaranth"
module \top.x_y

  wire width 1 input 0 \clk
end

attribute \generator "Amaranth"
module \top.x$y

  wire width 1 input 0 \clk
end
'''


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    text = plain_names(TEXT, top="top", ports=("clk", "a"))
    assert plain_names(TEXT, top="top", ports=("clk", "a")) == text
    return {module.split()[0]: module for module in re.split(r"^module ", text, flags=re.MULTILINE)[1:]}


def has(module: str, *lines: str) -> bool:
    """Whether these lines, without indentation, follow each other in the module."""
    stripped = [line.strip() for line in module.splitlines() if line.strip()]
    return any(tuple(stripped[at:at + len(lines)]) == lines for at in range(len(stripped)))


def test_modules_are_joined_by_underscores_and_stay_apart(modules: dict[str, str]) -> None:
    assert list(modules) == [r"\top", r"\top_x", r"\top_x_y", r"\top_x_y_2"]
    assert has(modules[r"\top"], r"cell \top_x_y_2 \x_y", r"connect \clk \clk [0]")


def test_objects_are_plain_and_never_meet_others(modules: dict[str, str]) -> None:
    top = modules[r"\top"]
    assert has(top, r"memory width 8 size 3 \table_4")
    # a_5 is a signal of its own.
    assert has(top, r"wire width 8 \a_5_2", r"wire width 8 \a_5")
    assert has(top, r"connect \a_5_2 \a_5")
    assert has(top, r"wire width 8 $1")


def test_strings_stay_but_for_the_names_of_memories(modules: dict[str, str]) -> None:
    top = modules[r"\top"]
    assert has(top, r'parameter \NOTE "\\a$5 [x]"')
    assert has(top, r'parameter \MEMID "\\table_4"', r"connect \DATA \a_5_2")


def test_modules_of_others_keep_their_ports(modules: dict[str, str]) -> None:
    top = modules[r"\top"]
    assert has(top, r"cell \FOREIGN$1 \foreign_1")
    assert has(top, r"connect \port$7$0 \a_5_2")


def test_ports_without_a_name_take_that_of_what_is_connected(modules: dict[str, str]) -> None:
    assert has(modules[r"\top"], r"cell \top_x \x", r"connect \clk \clk [0]", r"connect \a_5_2 \a_5_2 [7:0]",
               r"connect \a_5_2_3_0 \a_5_2 [3:0]", r"connect \a_5_2_2 \a_5_2 [2]",
               r"connect \port_10_0 { \a [0] \a_5_2 [7:1] }", r"connect \sum_3 \b", "end")
    child = modules[r"\top_x"]
    assert has(child, r"wire width 4 input 3 \a_5_2_3_0")
    assert has(child, r"assign \sum_3 [7:0] { \a_5_2 [0] \port_10_0 [6:0] }")


def test_ports_of_the_top_come_in_the_order_asked_for(modules: dict[str, str]) -> None:
    top = modules[r"\top"]
    assert has(top, r"wire width 1 input 1 \clk")
    assert has(top, r"wire width 8 input 2 \a")
    assert has(top, r"wire width 8 output 3 \b")
    # Those of other modules stay in theirs, counted from 1.
    assert has(modules[r"\top_x"], r"wire width 1 input 1 \clk", r"wire width 8 input 2 \a_5_2")


def test_wires_of_no_bits_go(modules: dict[str, str]) -> None:
    assert "nothing" not in modules[r"\top"] and "0'" not in modules[r"\top"]
    assert has(modules[r"\top"], r"connect \ADDR {  }")


class Nothing(wiring.Component):
    """A memory of one word and a shift by nothing: cells with inputs of no width."""

    def __init__(self) -> None:
        super().__init__({"a": In(8), "y": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        none = Signal(0)
        m.submodules.word = word = memory.Memory(shape=8, depth=1, init=[])
        write, read = word.write_port(), word.read_port()
        m.d.comb += [write.data.eq(self.a), write.en.eq(1), write.addr.eq(self.a >> none)]
        m.d.comb += self.y.eq(read.data >> none)
        return m


def test_yosys_reads_cells_with_inputs_of_no_width() -> None:
    assert "module nothing(" in verilog.convert(Nothing(), "nothing")
