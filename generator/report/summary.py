"""Summary: the key figures in one row, and whether anybody checked them."""

from __future__ import annotations

from .facts import Facts
from .inputs import ReportInputs, SimulationSummary
from .markup import EMPTY, Markup, element, join
from .numbers import bits, count, megahertz, percent, rate, seconds

__all__ = ["summary"]


def summary(facts: Facts) -> Markup:
    """Title, key figures and the state of verification."""
    inputs, engines = facts.inputs, len(facts.plan.engines)
    where = "" if inputs.board is None else f", for the {inputs.board.title}"
    host = len(facts.layers) - len(facts.network.layers)
    ends = f", {host} of them on the host" if host else ""
    lead = (f"{len(facts.layers)} layers{ends}, {count(facts.macs)} multiply-accumulates an inference, "
            f"on {engines} engine{'s' * (engines > 1)}{where}.")
    return join([
        element("header", element("h1", facts.network.name), element("p", lead)),
        element("dl", *_cards(facts), class_="cards"),
    ])


def _card(label: str, value: str, note: str = "", state: str | None = None) -> Markup:
    small = element("small", note) if note else EMPTY
    return element("div", element("dt", label), element("dd", value, small, class_=state), class_="card")


def _cards(facts: Facts) -> list[Markup]:
    inputs, clock = facts.inputs, facts.inputs.clock
    prediction = inputs.prediction
    latency = count(prediction.latency_cycles)
    if clock is None:
        speed = [_card("Latency", latency, "cycles from reset to the last byte of a first frame"),
                 _card("Inferences per second", rate(1e6 / facts.cycles), "for each MHz of the clock")]
    else:
        at = f"{megahertz(clock)}, {'not built yet' if inputs.build is None else 'placed and routed'}"
        if inputs.build is not None:
            at += f"; the board's serial line lets through {rate(inputs.build.link_inferences_per_second)}"
        speed = [_card("Latency", seconds(prediction.latency_cycles / clock / 1e6), f"{latency} cycles"),
                 _card("Inferences per second", rate(clock * 1e6 / facts.cycles), f"at {at}")]
    return [
        _card("Cycles per inference", count(prediction.cycles_per_inference, 1),
              "steady state, exact" if prediction.periodic else "mean of a long run"),
        *speed,
        *_bound(inputs),
        _card("Multiplier utilization", percent(facts.multiplier_utilization),
              f"of {count(inputs.resources.multipliers)} array multipliers"),
        _card("Bottleneck utilization", percent(prediction.busy(prediction.bottleneck)), facts.reason),
        *_hardware(inputs),
        _verification(inputs.simulation),
    ]


def _bound(inputs: ReportInputs) -> list[Markup]:
    """How far the search was from what cannot be beaten."""
    if inputs.found is None:
        return []
    found, cycles = inputs.found, inputs.prediction.cycles_per_inference
    of = "all partitions and arrays" if found.exact else "the work alone"
    more = f"takes {percent(cycles / found.bound - 1)} more" if cycles > found.bound else "reaches it"
    return [_card("Lower bound", count(found.bound, 1), f"cycles for {of}; this plan {more}")]


def _hardware(inputs: ReportInputs) -> tuple[Markup, Markup]:
    """What it takes, as far as that is known."""
    used, build = inputs.resources, inputs.build
    if build is None:
        return (_card("Multipliers", count(used.multipliers + used.requantizer_multipliers),
                      f"{count(used.requantizer_multipliers)} of them in requantizers; predicted"),
                _card("Block RAMs", count(used.block_rams),
                      f"predicted; memory in all, LUTs included: {bits(used.memory_bits)}"))
    met = build.fmax_mhz >= build.clock_mhz
    return (_card("LUTs", count(build.luts), f"{count(build.ffs)} flip-flops, {count(build.dsps)} DSPs, "
                                             f"{count(build.brams)} block RAMs"),
            _card("Clock", megahertz(build.clock_mhz),
                  f"{'met' if met else 'missed'}: {megahertz(build.fmax_mhz)} after routing",
                  "good" if met else "bad"))


def _verification(simulation: SimulationSummary | None) -> Markup:
    """The hardware against the golden model, and the cycles against the prediction."""
    def card(value: str, note: str, state: str | None) -> Markup:
        return _card("Verification", value, note, state)

    if simulation is None or not simulation.inferences:
        return card("Not simulated", "not compared with the golden model", None)
    checked = f"{count(simulation.inferences)} inferences ({simulation.simulator})"
    if simulation.mismatches:
        return card("\N{BALLOT X} Mismatch", f"{count(simulation.mismatches)} wrong values, {checked}", "bad")
    predicted = simulation.predicted_frame_cycles
    if predicted is not None and predicted != simulation.frame_cycles:
        return card("\N{BALLOT X} Cycles differ", f"right values in wrong cycles, {checked}", "bad")
    notes = [f"{checked}, bit for bit"]
    if predicted is not None:
        notes.append("cycles as predicted")
    if simulation.accuracy is not None:
        notes.append(f"accuracy {percent(simulation.accuracy)}")
    return card("\N{CHECK MARK} Verified", ", ".join(notes), "good")
