"""Functions of one int8: all 256 inputs on TFLite-Micro, the functions they stand for, lowering, refusals."""

import numpy as np
import pytest
from micro_interpreter import run
from tflite_builder import TfliteBuilder

from gatecast.operators import fixed_point
from gatecast.operators.arithmetic import quantize_multiplier
from gatecast.operators.lookup import Lookup
from gatecast.operators.lookup_tables import hard_swish, leaky_relu, logistic, relu, requantize, tanh
from gatecast.quantization import Quantization

INT8 = np.arange(-128, 128).astype(np.int8)
SHARE = Quantization(scale=1 / 256, zero_point=-128)
SIGNED_SHARE = Quantization(scale=1 / 128, zero_point=0)
ALPHAS = [0.1, 0.01, 0.3, -0.5, -0.25, -1.0, -0.7, 0.0, 1.0, 2.5]


def random_quantizations(rng):
    """Input and output: a factor apart that is often a power of two, where ties are rounded."""
    spread = rng.choice([1, 3, 9])
    scale = float(np.float32(2.0 ** rng.uniform(-5 - spread, -3 + spread)))
    ratio = rng.integers(-3, 4) if rng.random() < 0.4 else rng.uniform(-spread, spread)
    zero_points = rng.choice([-128, 127, 0, *rng.integers(-128, 128, 4)], 2).tolist()
    return (Quantization(scale=scale, zero_point=zero_points[0]),
            Quantization(scale=float(np.float32(scale * 2.0**ratio)), zero_point=zero_points[1]))


def micro(name, input, output=None, **options):
    """What the interpreter makes of all int8."""
    builder = TfliteBuilder()
    x = builder.input((1, 1, 1, 256), scale=input.scale, zero_point=input.zero_point)
    if output is not None:
        options |= {"scale": output.scale, "zero_point": output.zero_point}
    return run(builder.build(getattr(builder, name)(x, **options)), [INT8])[0].reshape(-1)


def equals_its_window(table):
    operator = Lookup(function="any", table=table)
    x = INT8.reshape(1, 16, 4, 4)
    window = operator.lower([(16, 4, 4)])
    assert window.output_shape([(16, 4, 4)]) == operator.output_shape([(16, 4, 4)]) == (16, 4, 4)
    assert np.array_equal(operator.compute([x]), table.reshape(x.shape))
    assert np.array_equal(window.compute([x]), table.reshape(x.shape))
    return window


@pytest.mark.parametrize("seed", range(30))
def test_equals_the_interpreter(seed):
    rng = np.random.default_rng(seed)
    input, output = random_quantizations(rng)
    alpha = float(rng.choice(ALPHAS))
    pairs = [(logistic(input, SHARE), micro("logistic", input)),
             (tanh(input, SIGNED_SHARE), micro("tanh", input)),
             (relu("relu", input, output), micro("relu", input, output)),
             (relu("relu6", input, output), micro("relu6", input, output)),
             (leaky_relu(input, output, alpha), micro("leaky_relu", input, output, alpha=alpha)),
             (requantize(input, output), micro("quantize", input, output))]
    if input.scale / 128 < output.scale:
        pairs.append((hard_swish(input, output), micro("hard_swish", input, output)))
    for ours, expected in pairs:
        assert np.array_equal(ours, expected)
        equals_its_window(ours)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("ratio", [0.25, 0.5, 1, 2])
def test_leaky_relu_rounds_ties_as_the_interpreter(alpha, ratio):
    input = Quantization(scale=float(np.float32(0.05)), zero_point=10)
    output = Quantization(scale=float(np.float32(0.05)) * ratio, zero_point=-3)
    assert np.array_equal(leaky_relu(input, output, alpha), micro("leaky_relu", input, output, alpha=alpha))


def test_hard_swish_keeps_multipliers_in_double_precision():
    """Scales for which a quotient in float32 would give another 16-bit multiplier."""
    rng, found = np.random.default_rng(5), 0
    while found < 8:
        first, second = (2.0 ** rng.uniform(-7, -2, 2)).astype(np.float32)
        quotients = np.array([float(first / second), float(first) / float(second)])
        narrow = [fixed_point.narrow_multiplier(m) for m in quantize_multiplier(quotients)[0].tolist()]
        if narrow[0] == narrow[1]:
            continue
        found += 1
        input, output = (Quantization(scale=float(scale), zero_point=-100) for scale in (first, second))
        assert np.array_equal(hard_swish(input, output), micro("hard_swish", input, output))


@pytest.mark.parametrize("ratio", [2.0**-9, 2.0**-10, 2.0**-14, 2.0**-20])
def test_hard_swish_in_16_bits_where_shifts_are_wider(ratio):
    input = Quantization(scale=0.5, zero_point=0)
    for pair in ((input, Quantization(scale=0.5 / ratio, zero_point=5)),
                 (Quantization(scale=0.5 * ratio, zero_point=0), Quantization(scale=0.01, zero_point=5))):
        assert np.array_equal(hard_swish(*pair), micro("hard_swish", *pair))


def test_stored_logistic(shared_models):
    vectors = np.load(shared_models / "vectors" / "unit_logistic.npz")
    for scale, zero_point, expected in zip(vectors["scale"], vectors["zp"], vectors["y"], strict=True):
        input = Quantization(scale=float(scale), zero_point=int(zero_point))
        assert np.array_equal(logistic(input, SHARE)[vectors["x"].astype(int) + 128], expected)


@pytest.mark.parametrize("scale", [0.003, 0.02, 0.1])
@pytest.mark.parametrize("zero_point", [-128, -7, 60])
def test_functions_are_what_their_names_say(scale, zero_point):
    input = Quantization(scale=scale, zero_point=zero_point)
    x = scale * (INT8.astype(np.float64) - zero_point)
    output = Quantization(scale=0.05, zero_point=-10)
    for table, meaning, real in [
            (logistic(input, SHARE), SHARE, 1 / (1 + np.exp(-x))),
            (tanh(input, SIGNED_SHARE), SIGNED_SHARE, np.tanh(x)),
            (hard_swish(input, output), output, x * np.clip((x + 3) / 6, 0, 1)),
            (leaky_relu(input, output, 0.2), output, np.where(x > 0, x, 0.2 * x)),
            (relu("relu", input, output), output, np.maximum(x, 0)),
            (relu("relu6", input, input), input, np.clip(x, 0, 6)),
            (relu("relu_n1_to_1", input, output), output, np.clip(x, -1, 1)),
            (requantize(input, output), output, x)]:
        ideal = np.clip(np.rint(real / meaning.scale) + meaning.zero_point, -128, 127)
        assert np.abs(table - ideal).max() <= 1


@pytest.mark.parametrize("scale", [1.5e-45, 1e-30, 1e-9, 20.0, 1e30, 3.4e38])
def test_any_scale_works_or_is_refused(scale):
    wild, tame = Quantization(scale=scale, zero_point=5), Quantization(scale=0.1, zero_point=5)
    for input, output in ((wild, tame), (tame, wild), (wild, wild)):
        tables = [logistic(input, SHARE), tanh(input, SIGNED_SHARE), relu("relu", input, output),
                  relu("relu6", input, output), requantize(input, output),
                  *(leaky_relu(input, output, alpha) for alpha in (0.1, -0.1, 3e38, -3e38, 1e-40))]
        if float(np.float32(input.scale)) / 128 < float(np.float32(output.scale)):
            tables.append(hard_swish(input, output))
        for table in tables:
            equals_its_window(table)


@pytest.mark.parametrize("scale", [0.5, 0.05, 0.0171])
@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.7, 1, 2, 3.3])
@pytest.mark.parametrize("zero_point", [-128, 0, 31])
def test_rescaling_takes_no_table(scale, ratio, zero_point):
    input = Quantization(scale=scale, zero_point=3)
    output = Quantization(scale=scale / ratio, zero_point=zero_point)
    for table in (requantize(input, output), relu("relu", input, output), relu("relu6", input, output),
                  relu("relu_n1_to_1", input, output)):
        assert equals_its_window(table).operation == "sum"


def test_what_bends_takes_a_table():
    input = Quantization(scale=0.05, zero_point=3)
    for table in (logistic(input, SHARE), tanh(input, SIGNED_SHARE), hard_swish(input, input),
                  leaky_relu(input, input, 0.1), INT8[::-1].copy(),
                  np.random.default_rng(0).integers(-128, 128, 256).astype(np.int8)):
        window = equals_its_window(table)
        assert window.operation == "lookup"
        assert np.array_equal(window.operands[0].table, table)


def test_constant_tables_are_constants():
    window = equals_its_window(np.full(256, 42, np.int8))
    assert window.requantization.multiplier.tolist() == [0] * 4


def test_names():
    assert str(Lookup(function="logistic", table=INT8)) == "logistic"
    assert Lookup(function="logistic", table=INT8).macs([(2, 3, 4)]) == 0


def refused(call, *arguments):
    with pytest.raises(ValueError) as caught:
        call(*arguments)
    return str(caught.value)


def test_refusals():
    unit, tiny = Quantization(scale=1.0, zero_point=0), Quantization(scale=1e-60, zero_point=0)
    assert refused(logistic, unit, unit) == "output zero point of logistic must be -128, not 0"
    assert refused(hard_swish, unit, Quantization(scale=0.005, zero_point=0)) == (
        "output scale of hard_swish must be more than 0.0078125, 1/128 of its input scale, not 0.005")
    assert refused(leaky_relu, unit, unit, float("nan")) == "alpha must be a finite float32, not nan"
    assert refused(leaky_relu, unit, unit, 1e39) == "alpha must be a finite float32, not 1e+39"
    assert refused(relu, "relu7", unit, unit) == (
        "activation must be one of none, relu, relu6, relu_n1_to_1, not 'relu7'")
    for function in (tanh, requantize, hard_swish):
        assert refused(function, tiny, unit) == "input scale must be a positive float32, not 1e-60"
        assert refused(function, unit, tiny) == "output scale must be a positive float32, not 1e-60"


@pytest.mark.parametrize(("table", "message"), [
    (np.zeros(255, np.int8), "table must hold 256 values, one for each int8, not 255"),
    (np.zeros(256), "table must be int8 of shape [256], not float64 of shape [256]"),
    (None, "table must be int8 of shape [256], not None"),
])
def test_refuses_tables(table, message):
    with pytest.raises(ValueError) as caught:
        Lookup(function="any", table=table)
    assert str(caught.value) == message


def test_refuses_two_inputs():
    with pytest.raises(ValueError) as caught:
        Lookup(function="any", table=INT8).output_shape([(1, 1, 1)] * 2)
    assert str(caught.value) == "takes one input, not 2"
