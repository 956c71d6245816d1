"""Build or run with cocotb's runner: what `python -m gatecast.simulation.cocotb_job` does.

A process of its own, because the runner changes directories and the environment, prints, exits and knows
pytest; and because it can be killed.
"""

import os
import sys
from pathlib import Path

from cocotb_tools.runner import get_runner

# Amaranth sizes every operation exactly, which Verilator cannot know; incomplete cases have a default in
# front; INITIALDLY is how the Verilog starts its blocks (see verilog.py). Other warnings stop the build.
# cocotb makes every signal public, which doubles the time to build; design.vlt names those that are driven.
# Verilator 5.48 multiplies numbers of 16 bits as int in C++, whose overflow is undefined unless the compiler
# is told to wrap: an optimizing one that was not gave a netlist of iCE40 wrong values.
VERILATOR_OPTIONS = ("--no-public-flat-rw", "-CFLAGS", "-fwrapv", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE",
                     "-Wno-INITIALDLY", "-Wno-UNOPTFLAT", "-Wno-CMPCONST", "-Wno-UNSIGNED")


def main(action: str, simulator: str, name: str, waves: str) -> None:
    """Build the designs of the current folder into `build`, or run what was built; `waves` is "1" or "0"."""
    runner = get_runner(simulator)
    folder = Path.cwd()
    traced = waves == "1"
    if action == "build":
        options = VERILATOR_OPTIONS if simulator == "verilator" else ()
        runner.build(sources=sorted(folder.glob("design.*")), hdl_toplevel=name, build_dir=folder / "build",
                     build_args=options, timescale=("1ns", "1ps"), waves=traced)
        return
    runner.test(hdl_toplevel=name, hdl_toplevel_lang="verilog",
                test_module="gatecast.simulation.cocotb_bench", build_dir=folder / "build",
                test_dir=folder, results_xml=str(folder / "results.xml"),
                waves=traced, plusargs=["+dumpfile_path=waves.fst"] if simulator == "icarus" else [])


if __name__ == "__main__":
    os.environ["COCOTB_LOG_LEVEL"] = "WARNING"
    main(*sys.argv[1:])
