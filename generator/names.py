"""Plain identifiers for RTLIL: `top.engine0.walk`, `value$5` and `port$268$0` become names to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["plain_names"]

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NAMELESS = re.compile(r"port\$\d+\$\d+")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')


@dataclass
class _Module:
    """One module of the RTLIL text: its lines, its instances and the new names of its objects."""

    name: str
    lines: list[str] = field(default_factory=list)
    widths: dict[str, int] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


def plain_names(text: str, *, top: str, ports: Sequence[str]) -> str:
    """Return the RTLIL `text`, as Amaranth prints it, with plain Verilog identifiers throughout.

    Modules `top.a.b` become `top_a_b`. Ports that Amaranth could not name take the name of what the parent
    connects to them. Every new name is unique in its module; names that are plain already stay. Ports of
    the top module are put into the order of `ports`, those not in it last. Only names and that order change,
    and wires of no bits go, which Verilog cannot express. The same text gives the same result.
    """
    modules = {module.name: module for module in _modules(text)}
    taken: set[str] = set()
    module_names = {name: _unique(re.sub(r"\W", "_", name), taken) for name in modules}
    # Amaranth prints parents first: a nameless port of a parent has its name before its children need it.
    parents_names: dict[str, dict[str, str]] = {}
    for module in modules.values():
        _name_objects(module, parents_names.get(module.name, {}))
        for child, port, signal in _connections(module, modules):
            if NAMELESS.fullmatch(port) and signal is not None:
                parents_names.setdefault(child, {})[port] = signal
    lines: list[str] = []
    for module in modules.values():
        numbers = _port_numbers(module, ports if module.name == top else ())
        lines += _rewrite(module, modules, module_names, numbers)
    return "\n".join(lines) + "\n"


def _modules(text: str) -> Iterator[_Module]:
    module = _Module("")
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["module"]:
            module.name = words[1][1:]
        elif words[:1] in (["wire"], ["memory"]) or (words[:1] == ["cell"] and words[2].startswith("\\")):
            module.objects.append(words[-1][1:])
            if words[0] == "wire":
                module.widths[words[-1][1:]] = int(words[words.index("width") + 1])
        module.lines.append(line)
        if line == "end":
            yield module
            module = _Module("")


def _unique(wanted: str, taken: set[str]) -> str:
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    taken.add(name)
    return name


def _name_objects(module: _Module, wanted: Mapping[str, str]) -> None:
    taken = {name for name in module.objects if PLAIN.fullmatch(name)}
    for name in module.objects:
        # Private names ($1) are numbered by Yosys when it prints Verilog.
        if not PLAIN.fullmatch(name) and name not in module.renamed:
            plain = re.sub(r"\W", "_", wanted.get(name, name))
            module.renamed[name] = _unique(plain if PLAIN.match(plain) else f"_{plain}", taken)


def _connections(module: _Module, modules: Mapping[str, _Module]) -> Iterator[tuple[str, str, str | None]]:
    """Yield (child module, port, name for it or None) of each connection to an instance of our modules."""
    child = ""
    for line in module.lines:
        words = line.split()
        if words[:1] == ["cell"]:
            child = words[1][1:]
        elif words[:1] == ["connect"] and line.startswith("    ") and child in modules:
            yield child, words[1][1:], _describe(module, words[2:])


def _describe(module: _Module, words: list[str]) -> str | None:
    """Name a signal, or a slice of one, after itself; None for what has no public name."""
    if not words or not words[0].startswith("\\") or len(words) > 2:
        return None
    name = words[0][1:]
    plain = module.renamed.get(name, name)
    bits = words[1].strip("[]") if len(words) == 2 else ""
    high, _, low = bits.partition(":")
    if not bits or int(high) - int(low or high) + 1 == module.widths.get(name):
        return plain
    return f"{plain}_{bits.replace(':', '_')}"


def _port_numbers(module: _Module, ports: Sequence[str]) -> dict[str, int]:
    """Number the ports from 1; Yosys takes the 0 of Amaranth's first port as `not numbered`."""
    found = [line.split()[-1][1:] for line in module.lines if re.match(r"\s*wire .*(input|output) \d", line)]
    found.sort(key=lambda name: ports.index(name) if name in ports else len(ports))
    return {name: index for index, name in enumerate(found, start=1)}


def _rewrite(module: _Module, modules: Mapping[str, _Module], module_names: Mapping[str, str],
             numbers: Mapping[str, int]) -> Iterator[str]:
    nothing = {name for name, width in module.widths.items() if width == 0}
    names: dict[str, str | None] = {**module.renamed, **dict.fromkeys(nothing)}
    attributes: list[str] = []
    child: _Module | None = None
    for line in module.lines:
        words = line.split()
        kind = words[0] if words else ""
        if kind == "attribute":
            attributes.append(line)
            continue
        if (kind == "wire" and words[-1][1:] in nothing) or (kind == "connect" and words[1][1:] in nothing
                                                            and not line.startswith("    ")):
            attributes.clear()
            continue
        yield from attributes
        attributes.clear()
        if kind == "module":
            line = f"module \\{module_names[module.name]}"
        elif kind == "cell":
            child = modules.get(words[1][1:])
            kind_of_cell = f"\\{module_names[child.name]}" if child else words[1]
            line = f"  cell {kind_of_cell} {_token(module.renamed, words[2])}"
        elif kind == "parameter":
            if words[1] == "\\MEMID":
                name = words[2].strip('"').removeprefix("\\\\")
                line = f'    parameter \\MEMID "\\\\{module.renamed.get(name, name)}"'
        elif kind == "connect" and child is not None and line.startswith("    "):
            rest = _tokens(names, line.split(None, 2)[2])
            line = f"    connect {_token(child.renamed, words[1])} {rest}"
        elif kind == "wire" and words[-1][1:] in numbers:
            line = _tokens(module.renamed, re.sub(r"put \d+", f"put {numbers[words[-1][1:]]}", line))
        elif kind != "end":
            line = _tokens(names, line)
        yield line


def _token(renamed: Mapping[str, str | None], token: str) -> str:
    return f"\\{renamed[token[1:]]}" if token.startswith("\\") and token[1:] in renamed else token


def _tokens(renamed: Mapping[str, str | None], text: str) -> str:
    """``text`` with its names renamed; those renamed to None have no width and become the empty signal."""
    def plain(match: re.Match[str]) -> str:
        return "{ }" if renamed.get(match[0][1:], "") is None else _token(renamed, match[0])

    return TOKEN.sub(plain, text)
