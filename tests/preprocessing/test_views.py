import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import (
    AverageOverViews,
    googlenet_crops,
    multi_crop,
    ten_crop,
    whole_images,
)


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def by_pillow(image, size):
    planes = [Image.fromarray(np.ascontiguousarray(p)) for p in np.moveaxis(image, -1, 0)]
    planes = [p.resize(size[::-1], Image.Resampling.BILINEAR) for p in planes]
    return np.stack([np.asarray(p) for p in planes], axis=-1)


def ten_by_hand(x, height, width):
    crops = [x[:height, :width], x[:height, -width:], x[-height:, :width], x[-height:, -width:]]
    top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
    crops.append(x[top : top + height, left : left + width])
    return np.stack(crops + [crop[:, ::-1] for crop in crops])


@pytest.mark.parametrize("size", [(5, 7), 6, (9, 12)])
def test_ten_crops(photograph, size):
    x = np.stack([photograph(9, 12, seed) for seed in range(3)])
    views = numpy(ten_crop(x, size))
    pair = (size, size) if isinstance(size, int) else size
    assert views.shape == (3, 10, *pair, 3)
    for image, result in zip(x, views, strict=True):
        np.testing.assert_array_equal(result, ten_by_hand(image, *pair))


def test_ten_crops_of_the_paper():
    assert ten_crop(np.zeros((1, 256, 256, 3), "uint8")).shape == (1, 10, 224, 224, 3)


@pytest.mark.parametrize("shape", [(30, 45), (45, 30), (25, 25)])
def test_crops_of_googlenet(photograph, shape):
    x = np.stack([photograph(*shape, seed) for seed in range(2)])
    short_sides, size = (14, 17), 10
    views = numpy(googlenet_crops(x, short_sides, size))
    assert views.shape == (2, 72, 10, 10, 3)
    for image, result in zip(x, views, strict=True):
        expected = []
        for side in short_sides:
            long = round(max(shape) * side / min(shape))
            sizes = [long if length == max(shape) else side for length in shape]
            sizes = [side, side] if shape[0] == shape[1] else sizes
            scaled = by_pillow(image, sizes)
            for offset in (0, (long - side) // 2, long - side):
                square = scaled[offset:] if shape[0] > shape[1] else scaled[:, offset:]
                square = square[:side, :side]
                expected += [*ten_by_hand(square, size, size)[:5], by_pillow(square, (size, size))]
        expected += [crop[:, ::-1] for crop in expected]
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=3e-2)


def test_googlenet_has_144_crops_of_224():
    assert googlenet_crops(np.zeros((1, 20, 30, 1), "float32")).shape == (1, 144, 224, 224, 1)


@pytest.mark.parametrize("shape", [(30, 45), (45, 30), (25, 25)])
@pytest.mark.parametrize("grid", [1, 2, 5])
def test_a_grid_of_crops(photograph, shape, grid):
    x = np.stack([photograph(*shape, seed) for seed in range(2)])
    found = multi_crop(x, (14, 20), 12, grid)
    for side, views in zip((14, 20), found, strict=True):
        assert views.shape == (2, 2 * grid**2, 12, 12, 3)
        for image, result in zip(x, numpy(views), strict=True):
            scaled = by_pillow(image, [round(n * side / min(shape)) for n in shape])
            high, wide = (n - 12 for n in scaled.shape[:2])
            at = [(i + 0.5) / grid if grid == 1 else i / (grid - 1) for i in range(grid)]
            crops = [
                scaled[top : top + 12, left : left + 12]
                for top in (int(a * high + (grid > 1) / 2) for a in at)
                for left in (int(a * wide + (grid > 1) / 2) for a in at)
            ]
            crops += [crop[:, ::-1] for crop in crops]
            np.testing.assert_allclose(result, crops, rtol=1e-3, atol=3e-2)


def test_multi_crop_has_50_crops_of_224_a_scale():
    found = multi_crop(np.zeros((1, 20, 30, 1), "float32"))
    assert [views.shape for views in found] == [(1, 50, 224, 224, 1)] * 3


def test_whole_images(photograph):
    x = np.stack([photograph(30, 45, seed) for seed in range(2)])
    views = whole_images(x, (14, 20, 33))
    assert [v.shape for v in views] == [(2, 2, 14, 21, 3), (2, 2, 20, 30, 3), (2, 2, 33, 50, 3)]
    for v in views:
        for image, result in zip(x, numpy(v), strict=True):
            expected = by_pillow(image, result.shape[1:3])
            np.testing.assert_allclose(result[0], expected, rtol=1e-3, atol=3e-2)
            np.testing.assert_allclose(result[1], expected[:, ::-1], rtol=1e-3, atol=3e-2)


def test_an_image_smaller_than_the_crops():
    with pytest.raises(ValueError, match="at least as large as the crop of 224x224.*height=100"):
        ten_crop(np.zeros((1, 100, 256, 3), "float32"))
    with pytest.raises(ValueError, match="at least as large as the crop of 9x9"):
        googlenet_crops(np.zeros((1, 20, 20, 3), "float32"), (8,), 9)


@pytest.fixture
def network():
    """A function to a small network; of a fixed size it sees where in a view something lies."""

    def build(size=(6, 7), classes=5):
        image = x = keras.Input((*size, 3))
        x = keras.layers.Rescaling(1 / 255)(x)
        x = keras.layers.Conv2D(4, 3, activation="relu", data_format="channels_last")(x)
        if None in size:
            x = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(x)
        else:
            x = keras.layers.Flatten("channels_last")(x)
        x = keras.layers.Dropout(0.9)(x)
        x = keras.layers.Dense(
            classes, "softmax", kernel_initializer=keras.initializers.RandomNormal(stddev=2)
        )(x)
        return keras.Model(image, x)

    return build


VIEWS = pytest.mark.parametrize(
    ("views", "arguments", "size"),
    [
        (ten_crop, {"size": (6, 7)}, (6, 7)),
        (googlenet_crops, {"short_sides": (9,), "size": 6}, (6, 6)),
        (whole_images, {"short_sides": (7, 10)}, (None, None)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)


@VIEWS
def test_predict_and_evaluate(network, photograph, views, arguments, size):
    x = np.stack([photograph(9, 13, seed) for seed in range(7)])
    model = network(size)
    each = views(x, **arguments)
    each = each if isinstance(each, list) else [each]
    # All views in one call: each other number of images would be compiled anew.
    flat = [numpy(v).reshape(-1, *v.shape[2:]) for v in each]
    parts = [numpy(model(v)).reshape(len(x), -1, 5) for v in flat]
    predictions = np.concatenate(parts, axis=1)
    expected = predictions.mean(axis=1)
    assert np.abs(predictions.std(axis=1)).max() > 1e-3
    tested = AverageOverViews(model, views, arguments)
    tested.compile(
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(3, name="top3")],
    )
    for y in (tested(x), tested.predict(x, batch_size=3, verbose=0)):
        np.testing.assert_allclose(numpy(y), expected, rtol=1e-3, atol=1e-5)
    labels = np.array([0, 1, 2, 3, 4, 0, 1])
    results = tested.evaluate(x, labels, batch_size=3, verbose=0, return_dict=True)
    best = np.argsort(-expected, axis=1)
    assert results["accuracy"] == pytest.approx((best[:, 0] == labels).mean())
    assert results["top3"] == pytest.approx((best[:, :3] == labels[:, None]).any(axis=1).mean())
    loss = -np.log(expected[np.arange(7), labels]).mean()
    assert results["loss"] == pytest.approx(loss, rel=1e-3)
    assert tested.compute_output_shape((None, 9, 13, 3)) == (None, 5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled(network, photograph, jit_compile):
    x = np.stack([photograph(9, 13, seed) for seed in range(4)])
    if jit_compile and keras.backend.backend() == "torch":
        pytest.skip("compiled by XLA with TensorFlow and JAX only")
    tested = AverageOverViews(network((6, 6)), googlenet_crops, {"short_sides": (9,), "size": 6})
    tested.compile(jit_compile=jit_compile)
    y = tested.predict(x, verbose=0)
    np.testing.assert_allclose(y, numpy(tested(x)), rtol=1e-3, atol=1e-5)


def test_a_view_function_of_ones_own(network, photograph):
    x = np.stack([photograph(6, 7, seed) for seed in range(2)])
    model = network()
    tested = AverageOverViews(model, lambda images: images[:, None])
    np.testing.assert_allclose(numpy(tested(x)), numpy(model(x)), rtol=1e-5, atol=1e-6)


def test_data_of_a_tf_data_set(network, photograph):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a tf.data.Dataset with the TensorFlow backend")
    import tensorflow as tf

    images = [photograph(9 + i, 13, i) for i in range(3)]
    spec = tf.TensorSpec((None, None, 3))
    data = tf.data.Dataset.from_generator(lambda: iter(images), output_signature=spec)
    data = data.batch(1).apply(tf.data.experimental.assert_cardinality(3))
    tested = AverageOverViews(network(), ten_crop, {"size": (6, 7)})
    expected = np.concatenate([numpy(tested(x[None])) for x in images])
    np.testing.assert_allclose(tested.predict(data, verbose=0), expected, rtol=1e-4, atol=1e-6)


def test_saved_and_loaded(network, photograph, tmp_path):
    x = np.stack([photograph(9, 13, seed) for seed in range(2)])
    tested = AverageOverViews(network(), ten_crop, {"size": (6, 7)}, name="tested")
    expected = tested.predict(x, verbose=0)
    tested.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.name == "tested"
    np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, rtol=1e-5)


def test_a_network_with_several_outputs(network):
    model = network()
    training = keras.Model(model.input, {"main": model.output, "aux": model.output})
    with pytest.raises(ValueError, match="one output: give the network for testing.*Received"):
        AverageOverViews(training, ten_crop)
