"""A network description in YAML (docs/network-description.md says how) to a verified :class:`Network`."""

from __future__ import annotations

from pathlib import Path

from ..hints import did_you_mean
from ..network import Layer, Network, Tensor
from .fields import FILE, NAME, Fields, Place, choice, integer, integers, listed, names
from .layer_fields import MAX_SIZE, Weights, quantization
from .layers import KEYS, SEVERAL, build
from .random_weights import RandomWeights
from .weights_file import WeightsFile
from .yaml_nodes import Node, YamlList, YamlMapping, parse, read_text, shown

__all__ = ["read_description"]

TOP_KEYS = ("name", "weights", "input", "layers", "output")
INPUT_KEYS = ("name", "shape", "quantization")
LAYER_ALLOWED = "a mapping with at least name and operator"
INPUT_ALLOWED = "a mapping with shape and quantization"
OPERATOR = choice(*KEYS)
SEED = integer(0, 2**31 - 1)
SHAPE = integers("height, width, channels", 1, MAX_SIZE)
# Values of one tensor, and layers of one network: far above what an FPGA holds, far below what hurts here.
MAX_VALUES = 1 << 24
MAX_LAYERS = 1000


def read_description(path: Path) -> Network:
    """The network that the YAML file ``path`` describes.

    Whatever is wrong raises :class:`InputError` with file, line, layer, field, what was found and what is
    allowed.
    """
    return _Description(path).network()


class _Description:
    """A description while it is read: the tensors so far, by name, and where each name was given."""

    def __init__(self, path: Path) -> None:
        self.file = path.name
        root = parse(read_text(path), self.file)
        self.top = Fields(root, Place(self.file, root.line), f"a mapping with {', '.join(TOP_KEYS)}")
        self.top.only(TOP_KEYS)
        self.weights = self._weights(path)
        self.tensors: dict[str, Tensor] = {}
        self.lines: dict[str, int] = {}

    def network(self) -> Network:
        """Read input, layers and output, in this order."""
        name = self.top.get("name", NAME)
        source = self._input()
        nodes = self._layer_nodes()
        layers: list[Layer] = []
        for number, node in enumerate(nodes, 1):
            layers.append(self._layer(number, node, layers[-1].output if layers else source))
        output = self._output(layers)
        return Network(name=name, tensors=self.tensors, layers=tuple(layers), input=source,
                       output=output).verify()

    def _weights(self, path: Path) -> Weights:
        if "weights" not in self.top:
            return None
        if isinstance(self.top.node("weights", FILE.allowed), YamlMapping):
            fields = self.top.inner("weights", FILE.allowed)
            fields.only(("random",))
            return RandomWeights(fields.get("random", SEED))
        try:
            return WeightsFile(path.parent / self.top.get("weights", FILE))
        except ValueError as error:
            raise self.top.refusal("weights", str(error)) from error

    def _input(self) -> str:
        fields = self.top.inner("input", INPUT_ALLOWED)
        fields.only(INPUT_KEYS)
        name = self._name(fields, "input")
        height, width, channels = fields.get("shape", SHAPE)
        default = self.weights.quantization() if isinstance(self.weights, RandomWeights) else None
        tensor = Tensor(name=name, shape=(height, width, channels),
                        quantization=quantization(fields, default))
        if tensor.size > MAX_VALUES:
            raise fields.refusal("shape", f"found {list(tensor.shape)}, which is {tensor.size} values, "
                                          f"allowed: at most {MAX_VALUES}")
        if isinstance(self.weights, RandomWeights):
            self.weights.input(tensor)
        self.tensors[name] = tensor
        return name

    def _layer_nodes(self) -> tuple[Node, ...]:
        allowed = f"a list of 1 to {MAX_LAYERS} layers"
        node = self.top.node("layers", allowed)
        if not isinstance(node, YamlList) or not 1 <= len(node.items) <= MAX_LAYERS:
            raise self.top.refusal("layers", f"found {shown(node)}, allowed: {allowed}")
        return node.items

    def _layer(self, number: int, node: Node, previous: str) -> Layer:
        place = Place(self.file, node.line, _title(number, node))
        fields = Fields(node, place, LAYER_ALLOWED)
        fields.only(dict.fromkeys(key for keys in KEYS.values() for key in keys))
        name, operator = self._name(fields), fields.get("operator", OPERATOR)
        fields.only(KEYS[operator], f" in {operator}")
        sources = self._sources(fields, operator, previous)
        try:
            built, meaning = build(name, operator, fields, sources, self.weights)
            shape = built.output_shape([source.shape for source in sources])
        except ValueError as error:
            raise place.refusal(str(error)) from error
        tensor = Tensor(name=name, shape=shape, quantization=meaning)
        if tensor.size > MAX_VALUES:
            raise place.refusal(f"found an output of {list(shape)}, which is {tensor.size} values, "
                                f"allowed: at most {MAX_VALUES}")
        if shape[2] > MAX_SIZE:
            raise place.refusal(f"found an output of {shape[2]} channels, allowed: at most {MAX_SIZE}")
        if isinstance(self.weights, RandomWeights):
            self.weights.follow(built, sources, tensor)
        self.tensors[name] = tensor
        return Layer(name=name, operator=built, inputs=tuple(source.name for source in sources), output=name,
                     origin=f"{self.file}:{node.line}")

    def _sources(self, fields: Fields, operator: str, previous: str) -> tuple[Tensor, ...]:
        """What a layer reads: one tensor, or for some operators a list of them."""
        several = operator in SEVERAL
        key = "inputs" if several else "input"
        found = (fields.get(key, names(*SEVERAL[operator])) if several
                 else (fields.get_or(key, NAME, previous),))
        for name in found:
            if name not in self.tensors:
                raise fields.refusal(key, f"found '{name}'{did_you_mean(name, self.tensors)}, allowed: "
                                          f"the input or an earlier layer ({listed(self.tensors)})")
        return tuple(self.tensors[name] for name in found)

    def _output(self, layers: list[Layer]) -> str:
        name, outputs = self.top.get_or("output", NAME, layers[-1].name), [layer.name for layer in layers]
        if name not in outputs:
            raise self.top.refusal("output", f"found '{name}'{did_you_mean(name, outputs)}, "
                                             f"allowed: a layer ({listed(outputs)})")
        return name

    def _name(self, fields: Fields, default: str | None = None) -> str:
        """The name of the input or of a layer, which is also that of its tensor."""
        name = fields.get("name", NAME) if default is None else fields.get_or("name", NAME, default)
        if name in self.lines:
            raise fields.refusal("name", f"found '{name}' a second time, allowed: a name of its own "
                                         f"(first in line {self.lines[name]})")
        self.lines[name] = fields.line("name")
        return name


def _title(number: int, node: Node) -> str:
    """How messages call a layer: by its name where it has one, else by its number."""
    if isinstance(node, YamlMapping):
        for key, value in node.entries:
            if shown(key) == "'name'" and (name := NAME.parse(value)) is not None:
                return f"layer '{name}'"
    return f"layer {number}"
