import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.initializers import FanInUniform, SinusoidalPositions


def draw(shape, **arguments):
    return ops.convert_to_numpy(FanInUniform(**arguments)(shape))


@pytest.mark.parametrize(
    ("shape", "fan_in"), [((5, 5, 6, 40), 150), ((84, 30), 84), ((2, 3, 1, 400), 6), ((2000,), 1)]
)
@pytest.mark.parametrize(("scale", "exponent"), [(2.4, 1.0), (3.0, 0.5)])
def test_range(shape, fan_in, scale, exponent):
    """The draws fill the whole range evenly: both ends nearly touched, variance of the uniform."""
    weights = draw(shape, scale=scale, exponent=exponent, seed=7)
    limit = scale / fan_in**exponent
    assert weights.shape == shape
    assert -limit <= weights.min() < -0.98 * limit
    assert 0.98 * limit < weights.max() <= limit
    np.testing.assert_allclose(weights.std(), limit / math.sqrt(3), rtol=0.05)
    np.testing.assert_allclose(weights.mean(), 0, atol=0.06 * limit)


def test_defaults_are_the_papers():
    assert FanInUniform().get_config() == {"scale": 2.4, "exponent": 1.0, "seed": None}


def test_type():
    assert keras.backend.standardize_dtype(FanInUniform()((3, 4), "float16").dtype) == "float16"


def test_one_integer_seed_draws_the_same_values_again():
    initializer = FanInUniform(seed=3)
    first, second = (ops.convert_to_numpy(initializer((4, 5))) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, draw((4, 5), seed=4))


def test_two_instances_without_seed_differ():
    assert not np.allclose(draw((4, 5)), draw((4, 5)))


def test_a_seed_generator_draws_on():
    initializer = FanInUniform(seed=keras.random.SeedGenerator(3))
    first, second = (ops.convert_to_numpy(initializer((4, 5))) for _ in range(2))
    assert not np.allclose(first, second)


@pytest.mark.parametrize("generator", [False, True])
def test_serialization(generator):
    seed = keras.random.SeedGenerator(11) if generator else 11
    initializer = FanInUniform(scale=1.5, exponent=0.5, seed=seed)
    config = json.loads(json.dumps(keras.initializers.serialize(initializer)))
    twin = keras.initializers.get(config)
    assert isinstance(twin, FanInUniform)
    assert twin.get_config() == initializer.get_config()
    np.testing.assert_array_equal(
        ops.convert_to_numpy(twin((3, 4))), ops.convert_to_numpy(initializer((3, 4)))
    )


@pytest.mark.parametrize("scale", [0, -2.4])
def test_scale_must_be_positive(scale):
    with pytest.raises(ValueError, match=rf"`scale` must be a number above 0.*scale={scale}"):
        FanInUniform(scale=scale)


@pytest.mark.parametrize("shape", [(11, 6), (300, 5), (1, 1)], ids=str)
def test_sinusoidal_positions(shape):
    """Sine and cosine in turn, number by number; with odd `D` a sine is the last."""
    expected = np.zeros(shape)
    for position, i in np.ndindex(*shape):
        angle = position / 10000 ** ((i - i % 2) / shape[1])
        expected[position, i] = math.cos(angle) if i % 2 else math.sin(angle)
    values = ops.convert_to_numpy(SinusoidalPositions()(shape))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_sinusoidal_positions_shift_by_a_rotation():
    """Section 3.5: `PE(pos + k)` is a linear function of `PE(pos)`, whatever `pos`."""
    values = ops.convert_to_numpy(SinusoidalPositions()((50, 8)))
    for k in (1, 7):
        matrix = np.linalg.lstsq(values[:-k], values[k:], rcond=None)[0]
        np.testing.assert_allclose(values[:-k] @ matrix, values[k:], atol=1e-4)


def test_sinusoidal_positions_type_and_serialization():
    assert keras.backend.standardize_dtype(SinusoidalPositions()((3, 4), "float16").dtype) == (
        "float16"
    )
    config = json.loads(json.dumps(keras.initializers.serialize(SinusoidalPositions())))
    assert isinstance(keras.initializers.get(config), SinusoidalPositions)
