"""YAML descriptions that are refused: the full sentence of each."""

from pathlib import Path

import numpy as np
import pytest
from tiny_description import TINY, changed, sentence

from gatecast.errors import InputError
from gatecast.reader import read

ONE_OR_TWO = "an integer or [height, width] of integers from 1 to 256"
PADDING = "same, valid or [top, left, bottom, right] of integers from 0 to 255"
SCALE = "a positive number from 1e-30 to 1e+30, as in 0.0235 or 2.35e-2"
NAME = "a name of at most 64 letters, digits and underscores that begins with a letter"
NPZ_NAME = "the name of an .npz file in the folder of the description, or {random: SEED}"
TOP = "name, weights, input, layers, output"
LAYER = ("name, operator, input, channels, kernel, stride, padding, dilation, groups, activation, "
         "quantization, weights, bias, scales, multiplier, inputs")
OPERATORS = "conv2d, depthwise_conv2d, dense, max_pool, avg_pool, mean, add or concat"
SHIPPED = "alexnet, digits, lenet5, mobilenet_v1, mobilenet_v2, squeezenet, tiny_yolo, vgg16"
DENSE = "name, operator, input, channels, activation, quantization, weights, bias, scales"
NAMES = "conv/weights, conv/bias, conv/scales, scores/weights, scores/bias, scores/scales"
CONV_AXES = "(channels, kernel height, kernel width, input channels)"
PUNCTUATION = "look at the indentation, the colons and the brackets there and just above"


@pytest.mark.parametrize("found", [
    "three", "03", "1_0", "0x3", "0o3", "yes", "null", "~", "0", "-3", "3.0", "257", ".inf", "1e2", "+3",
    "9" * 20])
def test_what_is_no_integer(tmp_path: Path, found: str) -> None:
    text = changed("kernel: 3", f"kernel: {found}")
    assert sentence(tmp_path, text) == (f"tiny.yaml:9: layer 'conv': kernel: found '{found}', "
                                        f"allowed: {ONE_OR_TWO}")


@pytest.mark.parametrize("found", [
    ".inf", ".nan", "-1", "-0.5", "0", "0.0", "1e400", "1e-400", "1/4", "1_0.5", "nan", "true", "0x1p3", ".5",
    "1:30", "9" * 50])
def test_what_is_no_scale(tmp_path: Path, found: str) -> None:
    text = changed("scale: 0.25", f"scale: {found}")
    shown = found if len(found) <= 40 else found[:40] + "..."
    assert sentence(tmp_path, text) == (f"tiny.yaml:13: layer 'conv': quantization.scale: found '{shown}', "
                                        f"allowed: {SCALE}")


@pytest.mark.parametrize(("old", "new", "said"), [
    # Values of the wrong kind.
    ("kernel: 3", "kernel: '3'",
     f"9: layer 'conv': kernel: found the text '3', allowed: {ONE_OR_TWO}"),
    ("kernel: 3", "kernel:",
     f"9: layer 'conv': kernel: found nothing, allowed: {ONE_OR_TWO}"),
    ("kernel: 3", "kernel: [3]",
     f"9: layer 'conv': kernel: found [3], allowed: {ONE_OR_TWO}"),
    ("kernel: 3", "kernel: [3, x]",
     f"9: layer 'conv': kernel: found [3, x], allowed: {ONE_OR_TWO}"),
    ("kernel: 3", "kernel: [3, [3]]",
     f"9: layer 'conv': kernel: found a list of 2, allowed: {ONE_OR_TWO}"),
    ("kernel: 3", "kernel: {a: 3}",
     f"9: layer 'conv': kernel: found a mapping, allowed: {ONE_OR_TWO}"),
    ("channels: 3", "channels: 4097",
     "19: layer 'scores': channels: found '4097', "
     "allowed: an integer from 1 to 4096"),
    ("padding: same", "padding: smae",
     "11: layer 'conv': padding: found 'smae' (did you mean 'same'?), "
     f"allowed: {PADDING}"),
    ("padding: same", "padding: 1",
     f"11: layer 'conv': padding: found '1', allowed: {PADDING}"),
    ("padding: same", "padding: [1, 1, 1, -1]",
     "11: layer 'conv': padding: found [1, 1, 1, -1], "
     f"allowed: {PADDING}"),
    ("activation: relu", "activation: rleu",
     "12: layer 'conv': activation: found 'rleu' (did you mean 'relu'?), "
     "allowed: none, relu, relu6 or relu_n1_to_1"),
    ("zero_point: -128", "zero_point: -129",
     "13: layer 'conv': quantization.zero_point: found '-129', "
     "allowed: an integer from -128 to 127"),
    ("{scale: 0.25, zero_point: -128}", "0.25",
     "13: layer 'conv': quantization: found '0.25', "
     "allowed: {scale: NUMBER, zero_point: INTEGER}"),
    ("operator: dense", "operator: denze",
     "18: layer 'scores': operator: found 'denze' (did you mean 'dense'?), "
     f"allowed: {OPERATORS}"),
    ("name: scores", "name: a-b",
     f"17: layer 3: name: found 'a-b', allowed: {NAME}"),
    ("name: scores", "name: 1st",
     f"17: layer 3: name: found '1st', allowed: {NAME}"),
    ("name: scores", "name: " + "x" * 65,
     f"17: layer 3: name: found '{'x' * 40}...', allowed: {NAME}"),
    ("[6, 5, 2]", "[6, 5]",
     "4: input.shape: found [6, 5], "
     "allowed: [height, width, channels] of integers from 1 to 4096"),
    ("[6, 5, 2]", "[4096, 4096, 4096]",
     "4: input.shape: found [4096, 4096, 4096], which is 68719476736 values, "
     "allowed: at most 16777216"),
    ("weights: tiny.npz", "weights: ../tiny.npz",
     f"2: weights: found '../tiny.npz', allowed: {NPZ_NAME}"),
    ("weights: tiny.npz", "weights: /tiny.npz",
     f"2: weights: found '/tiny.npz', allowed: {NPZ_NAME}"),
    ("weights: tiny.npz", "weights: a\\tiny.npz",
     f"2: weights: found 'a\\\\tiny.npz', allowed: {NPZ_NAME}"),
    ("weights: tiny.npz", "weights: tiny.h5",
     f"2: weights: found 'tiny.h5', allowed: {NPZ_NAME}"),
    # Keys that are missing, unknown or there twice.
    ("    kernel: 3\n", "",
     f"7: layer 'conv': kernel: found nothing, allowed: {ONE_OR_TWO}"),
    ("    operator: dense\n", "",
     "17: layer 'scores': operator: found nothing, "
     f"allowed: {OPERATORS}"),
    ("  - name: scores\n    operator", "  - operator",
     f"17: layer 3: name: found nothing, allowed: {NAME}"),
    ("scale: 0.25, ", "",
     f"13: layer 'conv': quantization.scale: found nothing, allowed: {SCALE}"),
    ("name: tiny\n", "",
     f"1: name: found nothing, allowed: {NAME}"),
    ("  shape: [6, 5, 2]\n", "",
     "4: input.shape: found nothing, "
     "allowed: [height, width, channels] of integers from 1 to 4096"),
    ("layers:\n", "layers: []\nlayer:\n",
     "7: found the unknown key 'layer' (did you mean 'layers'?), "
     f"allowed: {TOP}"),
    ("kernel: 3", "kernal: 3",
     "9: layer 'conv': found the unknown key 'kernal' (did you mean 'kernel'?), "
     f"allowed: {LAYER}"),
    ("operator: dense", "operater: dense",
     "18: layer 'scores': found the unknown key 'operater' "
     f"(did you mean 'operator'?), allowed: {LAYER}"),
    ("channels: 3", "channels: 3\n    stride: 2",
     "20: layer 'scores': found the unknown key 'stride', "
     f"allowed in dense: {DENSE}"),
    ("zero_point: -128", "zeropoint: -128",
     "13: layer 'conv': found the unknown key 'quantization.zeropoint' "
     "(did you mean 'zero_point'?), allowed: scale, zero_point"),
    ("name: tiny", "<<: {name: b}",
     f"1: found the unknown key '<<', allowed: {TOP}"),
    ("name: tiny", "'': tiny",
     f"1: found the unknown key '', allowed: {TOP}"),
    ("name: tiny", '"a\\nb": tiny',
     f"1: found the unknown key 'a\\nb', allowed: {TOP}"),
    ("kernel: 3", "kernel: 3\n    kernel: 3",
     "10: layer 'conv': found the key 'kernel' twice, "
     "allowed: once (first in line 9)"),
    ("zero_point: -128}", "zero_point: 1,\n      zero_point: 1}",
     "14: layer 'conv': found the key "
     "'quantization.zero_point' twice, allowed: once (first in line 13)"),
    ("name: tiny", "? [a]\n: b",
     "1: found [a] as a key, allowed: a word"),
    # Names that lead nowhere.
    ("name: scores", "name: conv",
     "17: layer 'conv': name: found 'conv' a second time, "
     "allowed: a name of its own (first in line 7)"),
    ("name: scores", "name: input",
     "17: layer 'input': name: found 'input' a second time, "
     "allowed: a name of its own (first in line 4)"),
    ("name: scores", "name: scores\n    input: conf",
     "18: layer 'scores': input: found 'conf' (did you mean "
     "'conv'?), allowed: the input or an earlier layer (input, conv, pool)"),
    ("name: pool", "name: pool\n    input: scores",
     "15: layer 'pool': input: found 'scores', "
     "allowed: the input or an earlier layer (input, conv)"),
    ("name: tiny", "name: tiny\noutput: scoers",
     "2: output: found 'scoers' (did you mean 'scores'?), "
     "allowed: a layer (conv, pool, scores)"),
    ("name: tiny", "name: tiny\noutput: pool",
     "18: layer 'scores' is read by nobody and is not the output; "
     "remove it or connect it"),
    # Arrays.
    ("weights: tiny.npz", "weights: other.npz",
     "2: weights: found no file other.npz beside the description, "
     "allowed: the name of an existing .npz file"),
    ("weights: tiny.npz\n", "",
     "6: layer 'conv': weights: found no weights file, "
     "allowed: 'weights: FILE.npz' or 'weights: {random: SEED}' at the top of the description"),
    ("channels: 3", "channels: 3\n    bias: scores/bais",
     "20: layer 'scores': bias: found no array 'scores/bais' "
     f"in tiny.npz (did you mean 'scores/bias'?), allowed: {NAMES}"),
    ("channels: 3", "channels: 3\n    bias: conv/scales",
     "20: layer 'scores': bias: found float32 [4] in "
     "'conv/scales' of tiny.npz, allowed: int32 [3] (channels)"),
    ("channels: 3", "channels: 4",
     "17: layer 'scores': weights: found int8 [3, 24] in 'scores/weights' of tiny.npz, "
     "allowed: int8 [4, 24] (channels, input values)"),
    ("kernel: 3", "kernel: [3, 5]",
     "7: layer 'conv': weights: found int8 [4, 3, 3, 2] in 'conv/weights' of "
     f"tiny.npz, allowed: int8 [4, 3, 5, 2] {CONV_AXES}"),
    # Shapes that do not chain.
    ("[6, 5, 2]", "[6, 5, 3]",
     "7: layer 'conv': weights: found int8 [4, 3, 3, 2] in 'conv/weights' of tiny.npz, "
     f"allowed: int8 [4, 3, 3, 3] {CONV_AXES}"),
    ("kernel: 2", "kernel: 9",
     "14: layer 'pool': kernel of extent 9x9 is larger than its padded input 6x5, "
     "use a smaller kernel or more padding"),
    ("padding: same", "padding: [3, 1, 1, 1]",
     "7: layer 'conv': padding must be smaller than the kernel's extent "
     "3x3, not (3, 1, 1, 1) (top, left, bottom, right)"),
    ("kernel: 2", "kernel: 2\n    quantization: {scale: 0.5, zero_point: 0}",
     "17: layer 'pool': quantization: "
     "found {scale: 0.5, zero_point: 0}, allowed: nothing, or that of the pool's input, "
     "{scale: 0.25, zero_point: -128}"),
    # YAML that is none, or more than a description needs.
    ("kernel: 3", "kernel: [3",
     f"10: not YAML: expected ',' or ']', but got ':'; {PUNCTUATION}"),
    ("name: tiny", "name: tiny: b",
     f"1: not YAML: mapping values are not allowed here; {PUNCTUATION}"),
    ("name: tiny", "\tname: tiny",
     "1: not YAML: found character '\\t' that cannot start any token; "
     f"{PUNCTUATION}"),
    ("layers:\n", "layers: &all\n",
     "6: found an anchor or alias ('&all'), "
     "allowed: every value written where it is used"),
    ("kernel: 3", "kernel: *all",
     "9: found an anchor or alias ('*all'), "
     "allowed: every value written where it is used"),
    ("kernel: 3", "kernel: !!python/object/apply:os.getcwd []",
     "9: found the tag "
     "'!!python/object/apply:os.getcwd', allowed: values without tags"),
    ("kernel: 3", 'kernel: "\\UFFFFFFFF"',
     "9: not YAML: found an impossible number in an escape (\\U...) or a "
     "%YAML directive, allowed: characters and versions that exist"),
    ("kernel: 3", 'kernel: "\\uD800"',
     f"9: layer 'conv': kernel: found the text '\\ud800', allowed: {ONE_OR_TWO}"),
    ("kernel: 3", "kernel: " + "[" * 50,
     "9: found lists or mappings nested 17 deep, allowed: at most 16"),
    ("name: tiny", "name: tiny\n---",
     "2: found a second document ('---'), allowed: one"),
    ("name: tiny", "name: ti\x07ny",
     "1: found the character U+0007, allowed: printable text"),
])
def test_refused_changes(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert sentence(tmp_path, changed(old, new)) == f"tiny.yaml:{said}"


@pytest.mark.parametrize(("text", "said"), [
    (b"",
     f":1: found nothing, allowed: a mapping with {TOP}"),
    (b"# nothing but a comment\n",
     f":1: found nothing, allowed: a mapping with {TOP}"),
    (b"3",
     f":1: found '3', allowed: a mapping with {TOP}"),
    (b"- a\n- b\n",
     f":1: found [a, b], allowed: a mapping with {TOP}"),
    (b"name: a\nweights: \xff\n",
     ":2: found the byte 0xff, allowed: text in UTF-8"),
    (b"a: b\n" * 60_000,
     ": found more than 262144 bytes, allowed: at most that"),
    (b"%YAML " + b"9" * 5000 + b".1\n---\na: b\n",
     ":1: not YAML: found an impossible number in an escape "
     "(\\U...) or a %YAML directive, allowed: characters and versions that exist"),
    (TINY.split("layers")[0] + "layers: []\n",
     ":6: layers: found [], allowed: a list of 1 to 1000 layers"),
    (TINY.split("layers")[0] + "layers: [" + "a, " * 1001 + "]\n",
     ":6: layers: found a list of 1001, allowed: a list of 1 to 1000 layers"),
    (TINY.split("layers")[0] + "layers: [conv]\n",
     ":6: layer 1: found 'conv', allowed: a mapping with at least name and operator"),
])
def test_refused_texts(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert sentence(tmp_path, text) == f"tiny.yaml{said}"


def test_an_output_too_large(tmp_path: Path) -> None:
    text = changed("[6, 5, 2]", "[4096, 2048, 2]")
    assert sentence(tmp_path, text) == ("tiny.yaml:7: layer 'conv': found an output of [4096, 2048, 4], "
                                        "which is 33554432 values, allowed: at most 16777216")


def test_long_lists_of_names_are_cut(tmp_path: Path) -> None:
    many = {f"array{i}": np.zeros(1) for i in range(20)}
    said = sentence(tmp_path, changed("channels: 3", "channels: 3\n    bias: gone"), **many)
    assert said == (f"tiny.yaml:20: layer 'scores': bias: found no array 'gone' in tiny.npz, "
                    f"allowed: {NAMES}, {', '.join(f'array{i}' for i in range(6))}, ... (26 in all)")


@pytest.mark.parametrize(("path", "said"), [
    ("digit",
     "found the network 'digit' (did you mean 'digits'?), "
     f"allowed: the path of a .yaml, .yml, .tflite or .onnx file, or a shipped network: {SHIPPED}"),
    ("x.ONNX", "x.ONNX: found no file, allowed: the path of an ONNX model"),
    ("x.npz",
     "x.npz: found the suffix '.npz', allowed: .yaml, .yml, .tflite or .onnx, or a shipped network: "
     f"{SHIPPED}"),
    ("folder",
     "folder: found a folder, allowed: a .yaml, .yml, .tflite or .onnx file in it, "
     f"or a shipped network: {SHIPPED}"),
    ("folder.yml",
     "folder.yml: found something else than a file, allowed: the path of a YAML description"),
    ("gone.yaml",
     "gone.yaml: found no file, allowed: the path of a YAML description"),
    ("gone/tiny.yaml",
     "gone/tiny.yaml: found no file, allowed: the path of a YAML description"),
    ("a" * 300,
     f"found the network '{'a' * 64}', "
     f"allowed: the path of a .yaml, .yml, .tflite or .onnx file, or a shipped network: {SHIPPED}"),
    ("a" * 300 + ".yaml",
     f"{'a' * 300}.yaml: found a file that cannot be read (File name too long), "
     "allowed: the path of a readable YAML description"),
])
def test_paths_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str,
                                 said: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.yml").mkdir()
    with pytest.raises(InputError) as refused:
        read(path)
    assert str(refused.value) == said
