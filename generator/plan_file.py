"""Plan files: a plan that was written as JSON, perhaps edited by hand, for a network that is there already.

The form is that of :meth:`Plan.to_json`. The ``plan.json`` of a folder has it, and what ``gatecast plan
--json`` prints has it under ``plan``. Nothing in a file is trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from .errors import InputError
from .files import written_whole
from .hints import did_you_mean
from .network import Network
from .planner import Plan, verify
from .planner.plan import MEMORIES_OF, MULTIPLIERS_OF

__all__ = ["read_plan", "write_plan"]

# An engine and two regions for each of a thousand layers take about 700 KB.
MAX_BYTES = 1024 * 1024
# Found values longer than this are cut in messages.
MAX_SHOWN = 40
# Of lanes, columns and group, of lanes times columns, and of the rows of a region.
MOST_WIDTH, MOST_POSITIONS, MOST_ROWS = 4096, 65_536, 1 << 20
# So no two memories, which are called by their writer and reader, get the same name.
NAME = re.compile(r"[a-z]{1,16}_[0-9]{1,4}")

# A reader of one value: gives it back, or refuses it at a place.
Field = Callable[[Any, str], Any]


def write_plan(plan: Plan, path: Path) -> None:
    """Write ``plan`` as :func:`read_plan` takes it."""
    with written_whole(path) as file:
        file.write_text(f"{plan}\n", encoding="utf-8")


def read_plan(path: Path | str, network: Network) -> Plan:
    """The plan in the file at ``path`` for the lowered ``network``, checked as a whole.

    ``InputError`` with a sentence that names the file for one that is missing, too large, damaged, of another
    form, for another network, or against the rules of plans.
    """
    path = Path(path)
    document = _document(path)
    try:
        if isinstance(document, dict) and isinstance(document.get("plan"), dict):
            document = document["plan"]
        return verify(_plan(document, network))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


def _document(path: Path) -> Any:
    """The JSON value in a file; no key may come twice, and numbers are integers or ordinary fractions."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: found {'something else than a file' if path.exists() else 'no file'}, "
                             f"allowed: the path of a plan in JSON")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: found a file that cannot be read, allowed: the path of a plan in JSON"
                         ) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path.name}: found more than {MAX_BYTES} bytes, allowed: at most that")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_int=_integer,
                          parse_constant=_constant)
    except UnicodeDecodeError as error:
        line = data[:error.start].count(b"\n") + 1
        raise InputError(f"{path.name}:{line}: found the byte 0x{data[error.start]:02x}, allowed: text in "
                         f"UTF-8") from error
    except json.JSONDecodeError as error:
        reason = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise InputError(f"{path.name}:{error.lineno}: found damaged JSON ({reason}), allowed: a plan as "
                         f"`gatecast plan` writes it") from error
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path.name}: found lists in lists without end, allowed: a plan as `gatecast plan` "
                         f"writes it") from error


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise InputError(f"found the key {_shown(key)} twice in one object, allowed: each once")
        made[key] = value
    return made


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise InputError(f"found a number of {len(digits)} digits, allowed: at most 20")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise InputError(f"found {name}, allowed: numbers")


def _shown(value: Any) -> str:
    """A value as JSON writes it, all in printable ASCII, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _keys(document: Any, where: str, fields: Mapping[str, Field], *, optional: Sequence[str] = (),
          ignored: Sequence[str] = ()) -> dict[str, Any]:
    """The values of an object, each read by its field."""
    if not isinstance(document, dict):
        raise InputError(f"{where}: found {_shown(document)}, allowed: an object with "
                         f"{', '.join(fields)}")
    for key in document:
        if key not in fields and key not in ignored:
            raise InputError(f"{where}: found the key {_shown(key)}{did_you_mean(key, fields)}, allowed: "
                             f"{', '.join(fields)}")
    needed = [key for key in fields if key not in optional]
    missing = [key for key in needed if key not in document]
    if missing:
        raise InputError(f"{where}: found no {missing[0]}, needed: {', '.join(needed)}")
    return {key: field(document[key], f"{where}: {key}") for key, field in fields.items() if key in document}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where} must be text, not {_shown(value)}")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where} must be true or false, not {_shown(value)}")
    return value


def _number(most: int) -> Field:
    def read(value: Any, where: str) -> int:
        if type(value) is not int or not 1 <= value <= most:
            raise InputError(f"{where} must be an integer from 1 to {most}, not {_shown(value)}")
        return value
    return read


def _one_of(allowed: Sequence[str], what: str = "") -> Field:
    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
            raise InputError(f"{where} must be {what or ' or '.join(allowed)}, not {_shown(value)}{hint}")
        return value
    return read


def _list(field: Field, of: str) -> Field:
    def read(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise InputError(f"{where} must be a list of {of}, not {_shown(value)}")
        return [field(each, f"{where}[{index}]") for index, each in enumerate(value)]
    return read


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise InputError(f"{where} must be a word and a number such as systolic_0, not {_shown(value)}")
    return value


def _engine(network: Network) -> Field:
    width = _number(MOST_WIDTH)
    layer = _one_of([layer.name for layer in network.layers], f"a layer of network '{network.name}'")
    kinds = {**dict.fromkeys(MULTIPLIERS_OF, _one_of(("dsp", "lut"))),
             **dict.fromkeys(MEMORIES_OF, _one_of(("block", "lut")))}
    fields: dict[str, Field] = {"name": _name, "kind": _one_of(("systolic", "channel")), "lanes": width,
                                "columns": width, "group": width, "layers": _list(layer, "layers"), **kinds}

    def read(value: Any, where: str) -> dict[str, Any]:
        found = _keys(value, where, fields, optional=tuple(kinds))
        if found["lanes"] * found["columns"] > MOST_POSITIONS:
            raise InputError(f"{where}: lanes times columns must be at most {MOST_POSITIONS}, "
                             f"not {found['lanes']} times {found['columns']}")
        return found
    return read


def _region(network: Network) -> Field:
    fields: dict[str, Field] = {
        "tensor": _one_of([*network.tensors], f"a tensor of network '{network.name}'"), "writer": _text,
        "reader": _text, "rows": _number(MOST_ROWS), "memory_in": _one_of(("block", "lut"))}
    return lambda value, where: _keys(value, where, fields, optional=("memory_in",))


def _plan(document: Any, network: Network) -> Plan:
    name = document.get("network") if isinstance(document, dict) else None
    if isinstance(name, str) and name != network.name:
        raise InputError(f"found a plan for network {_shown(name)}, allowed: one for network "
                         f"'{network.name}'")
    fields: dict[str, Field] = {"network": _text, "external_weights": _flag,
                                "engines": _list(_engine(network), "engines"),
                                "regions": _list(_region(network), "regions")}
    # What a folder's plan.json says besides, and is made anew.
    found = _keys(document, "the plan", fields, optional=("external_weights",),
                  ignored=("gatecast", "prediction", "resources", "files"))
    return Plan.from_json(network, found)
