"""Build folders: everything that a network became, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from gatecast.boards import Board

from . import verilog
from .board_run import link_rate
from .elaboration import elaborate
from .errors import InputError
from .flow import Trial
from .folder import PLAN, seal, written_folder
from .network import Network, Tensor
from .network_file import load_network, save_network
from .plan_summary import family_of
from .planner import Found, Plan, predict, resources, verify
from .report import BuildSummary, ReportInputs, SimulationSummary, render
from .settings import SETTINGS, board_settings, link_settings
from .synthesis import DEFAULT_BAUD, DEFAULT_SEEDS, BuildResult
from .synthesis import build as build_bitstream
from .targets import DEFAULT_BOARD, find_board

__all__ = ["DEFAULT_BAUD", "DEFAULT_SEEDS", "REPORT", "build", "generate", "load"]

REPORT = "report.html"

Progress = Callable[[str], None]


def _silent(_step: str) -> None:
    pass


def generate(plan: Plan, folder: Path | str, *, network: Network | None = None,
             found: Found | None = None, board: Board | str | None = None, trial: Trial | None = None,
             progress: Progress = _silent) -> None:
    """Write the Verilog of ``plan`` and all that belongs to it into ``folder``.

    ``NAME.v``, ``NAME_instantiation.txt``, ``plan.json``, ``settings.json``, ``network.json`` with
    ``weights.npz`` (the lowered network), and ``report.html``. The folder appears whole or not at all, and
    replaces only an empty one or one that Gatecast wrote. The same plan gives the same bytes.

    ``network`` is the network as it was read, ``found`` what the search knew besides ``plan``, ``board`` what
    it was made for, ``trial`` what a simulation said: all for the report. ``progress`` is told each step.
    """
    target = find_board(board) if isinstance(board, str) else board
    with written_folder(Path(folder)) as made:
        _write(plan, made, link_settings(plan.network), progress)
        _report(plan, made, network=network, found=found, board=target, trial=trial, progress=progress)
        _seal(plan, made, family_of(target, found))


def build(plan: Plan, folder: Path | str, *, board: Board | str = DEFAULT_BOARD,
          network: Network | None = None, found: Found | None = None, trial: Trial | None = None,
          clock_hz: float | None = None, baud: int = DEFAULT_BAUD, seeds: int = DEFAULT_SEEDS,
          progress: Progress = _silent) -> BuildResult:
    """Do what :func:`generate` does, and place and route it with its serial port for ``board``.

    The folder holds the bitstream and its timing too. ``clock_hz`` is the clock wanted, by default what is
    reached; up to ``seeds`` placements are tried. Raises ``InputError`` for a board without a top,
    ``CheckError`` where the clock is missed or a tool is missing; then no folder appears.
    """
    target = find_board(board) if isinstance(board, str) else board
    with written_folder(Path(folder)) as made:
        result = build_bitstream(elaborate(plan), target, made, clock_hz=clock_hz, baud=baud,
                                 seeds=seeds, parts=_parts(plan), progress=progress)
        settings = link_settings(plan.network) | board_settings(
            board=target.name, clock_hz=result.clock_hz, baud=result.baud, build_id=result.link.build_id)
        _write(plan, made, settings, progress)
        summary = BuildSummary(
            clock_mhz=result.clock_mhz, fmax_mhz=result.fmax_mhz,
            link_inferences_per_second=link_rate(plan, result.baud), **asdict(result.resources))
        _report(plan, made, network=network, found=found, board=target, trial=trial, progress=progress,
                build=summary)
        _seal(plan, made, target.family)
    return replace(result, bitstream=Path(folder, result.bitstream.name))


def load(folder: Path | str) -> Plan:
    """The plan in a folder that :func:`generate` or :func:`build` wrote, with its lowered network."""
    path = Path(folder, PLAN)
    network = load_network(Path(folder))
    try:
        return verify(Plan.from_json(network, json.loads(path.read_text())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged; make the folder again") from error


def _write(plan: Plan, folder: Path, settings: dict[str, Any], progress: Progress) -> None:
    """Write everything but plan and report."""
    progress("Verilog")
    network, name = plan.network, verilog.module_name(plan.network.name)
    accelerator = elaborate(plan)
    (folder / f"{name}.v").write_text(verilog.convert(accelerator, name))
    # Not *.v: it is a piece to copy from, and would break whoever compiles all *.v of the folder.
    (folder / f"{name}_instantiation.txt").write_text(verilog.instantiation_template(
        name, inputs=_frame(network.tensors[network.input]), outputs=_frame(network.tensors[network.output]),
        input_bytes=accelerator.input_bytes, output_bytes=accelerator.output_bytes))
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n")
    save_network(plan.network, folder)


def _parts(plan: Plan) -> dict[str, str]:
    """What a person calls the engines, by the names of their modules."""
    return {f"engine_{engine.name}": f"engine {engine.name} ({', '.join(engine.layers)})"
            for engine in plan.engines}


def _frame(tensor: Tensor) -> str:
    return f"{' x '.join(map(str, tensor.shape))} (height, width, channel)"


def _report(plan: Plan, folder: Path, *, network: Network | None, found: Found | None, board: Board | None,
            trial: Trial | None, progress: Progress, build: BuildSummary | None = None) -> None:
    progress("report")
    simulation = None if trial is None else SimulationSummary(
        simulator=trial.simulator, inferences=len(trial.outputs), mismatches=trial.golden.mismatches,
        frame_cycles=trial.frame_cycles, accuracy=trial.accuracy,
        predicted_frame_cycles=None if trial.stall else trial.predicted_frame_cycles)
    (folder / REPORT).write_text(render(ReportInputs(
        network=plan.network if network is None else network, plan=plan, prediction=predict(plan),
        resources=resources(plan, family_of(board, found)), version=metadata.version("gatecast"), found=found,
        board=board, simulation=simulation, build=build)), encoding="utf-8")


def _seal(plan: Plan, folder: Path, family: str) -> None:
    seal(folder, {"gatecast": metadata.version("gatecast"), **plan.to_json(),
                  "prediction": asdict(predict(plan)), "resources": asdict(resources(plan, family))})
