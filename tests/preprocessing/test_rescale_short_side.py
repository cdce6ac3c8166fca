import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import RescaleShortSide


def rescale(images, *arguments, training=False, **more):
    layer = RescaleShortSide(*arguments, **more)
    return keras.ops.convert_to_numpy(layer(images, training=training))


@pytest.mark.parametrize(
    ("shape", "short_side", "expected"),
    [
        ((375, 500), 256, (256, 341)),  # 341.33
        ((500, 375), 256, (341, 256)),
        ((300, 301), 256, (256, 257)),  # 256.85
        ((20, 33), 64, (64, 106)),  # 105.6
        ((256, 256), 256, (256, 256)),
        ((7, 3), 1, (2, 1)),
    ],
)
def test_the_shorter_side_has_the_length_and_the_longer_follows(shape, short_side, expected):
    layer = RescaleShortSide(short_side)
    x = np.zeros((*shape, 1), "float32")
    assert layer(x).shape == (*expected, 1)
    assert layer(x[None]).shape == (1, *expected, 1)
    assert layer.compute_output_shape((None, *shape, 1)) == (None, *expected, 1)


@pytest.mark.parametrize("shape", [(60, 91), (91, 60), (20, 31)])
def test_values_are_pillows(photograph, shape):
    x = photograph(*shape)
    y = rescale(x, 32)
    for c in range(3):
        plane = Image.fromarray(x[..., c]).resize(y.shape[1::-1], Image.Resampling.BILINEAR)
        np.testing.assert_allclose(y[..., c], plane, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(rescale(x[None], 32)[0], y, rtol=1e-4, atol=1e-2)


def test_without_antialias_two_neighbours_count(photograph):
    x = photograph(64, 96)
    y = rescale(x, 16, antialias=False)  # each pixel lies between the second and third of four
    mean = (x[1::4] + x[2::4]) / 2
    np.testing.assert_allclose(y, (mean[:, 1::4] + mean[:, 2::4]) / 2, rtol=1e-4)


def test_jitter_is_even_over_its_range_and_the_mean_otherwise():
    layer = RescaleShortSide((3, 5), seed=1)
    x = np.zeros((4, 5, 1), "float32")
    drawn = [min(layer(x, training=True).shape[:2]) for _ in range(200)]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [3, 4, 5]
    assert np.abs(counts - 200 / 3).max() < 4 * np.sqrt(200 * 2 / 9)
    assert layer(x).shape == (4, 5, 1)
    assert layer(x, training=False).shape == (4, 5, 1)
    assert RescaleShortSide((256, 512))(np.zeros((400, 800, 1), "uint8")).shape == (384, 768, 1)


def test_a_batch_has_one_draw():
    layer = RescaleShortSide((3, 4), seed=1)
    shapes = {layer(np.zeros((5, 4, 6, 1), "float32"), training=True).shape for _ in range(20)}
    assert shapes == {(5, 3, 5, 1), (5, 4, 6, 1)}


def test_seed_repeats():
    x = np.zeros((4, 5, 1), "float32")
    layers = [RescaleShortSide((3, 8), seed=seed) for seed in (5, 5, 6)]
    one, again, other = ([layer(x, training=True).shape for _ in range(8)] for layer in layers)
    assert one == again != other


def test_within_tf_data(through_tf_data, photograph):
    images = [photograph(*shape) for shape in [(40, 61), (61, 40), (20, 20), (18, 90)]]
    for image, y in zip(images, through_tf_data(RescaleShortSide(24), images), strict=True):
        np.testing.assert_allclose(y, rescale(image, 24), rtol=1e-5, atol=1e-3)
    batch = np.stack([photograph(40, 61, seed) for seed in range(3)])
    (y,) = through_tf_data(RescaleShortSide(24), [batch])
    np.testing.assert_allclose(y, rescale(batch, 24), rtol=1e-5, atol=1e-3)


def test_jitter_within_tf_data_is_drawn_for_each_image(through_tf_data):
    images = [np.zeros((20, 30, 3), "uint8")] * 40
    layers = [RescaleShortSide((10, 49), seed=2) for _ in range(2)]
    first, again = (
        [y.shape for y in through_tf_data(layer, images, training=True)] for layer in layers
    )
    assert first == again
    sides = {min(shape[:2]) for shape in first}
    assert len(sides) > 15
    assert sides <= set(range(10, 50))
    assert [y.shape for y in through_tf_data(layers[0], images, training=True)] != first


def test_a_model_of_any_size(photograph):
    model = keras.Sequential([keras.Input((None, None, 3)), RescaleShortSide(24)])
    x = photograph(40, 61)[None]
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y, rescale(x, 24), rtol=1e-4, atol=1e-2)


def test_jax_compiles_no_drawn_size():
    jax = pytest.importorskip("jax")
    if keras.backend.backend() != "jax":
        pytest.skip("JAX only")
    layer = RescaleShortSide((3, 7))
    layer.build((4, 5, 1))
    seeds = [v.value for v in layer.non_trainable_variables]
    call = jax.jit(lambda x: layer.stateless_call([], seeds, x, training=True)[0])
    with pytest.raises(ValueError, match="draw a size outside of the compiled function"):
        call(np.zeros((4, 5, 1), "float32"))


@pytest.mark.parametrize("short_side", [0, (5, 4), (0, 4), (1, 2, 3)])
def test_a_wrong_range(short_side):
    with pytest.raises(ValueError, match=r"`short_side` must be.*Received: short_side="):
        RescaleShortSide(short_side)
