import keras
import numpy as np
import pytest

from keras_classics.preprocessing import CropAndFlip


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def where(crop):
    """`(top, left, mirrored)` of a crop of an image of coordinates, after a look at all of it."""
    height, width, _ = crop.shape
    top, left = crop[0, :, 0].min(), crop[0, :, 1].min()
    flip = crop[0, 0, 1] > crop[0, -1, 1]
    rows, columns = np.mgrid[:height, :width]
    columns = columns[:, ::-1] if flip else columns
    np.testing.assert_array_equal(crop, np.stack([rows + top, columns + left], axis=-1))
    return int(top), int(left), bool(flip)


def check_even(places, rows, columns):
    """All places, both ways round, equally often, and independent of each other."""
    values, counts = np.unique(places, axis=0, return_counts=True)
    kinds = 2 * rows * columns
    assert values.min(axis=0).tolist() == [0, 0, 0]
    assert values.max(axis=0).tolist() == [rows - 1, columns - 1, 1]
    assert len(counts) == kinds
    expected = len(places) / kinds
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - (kinds - 1)) < 4.5 * np.sqrt(2 * (kinds - 1))


@pytest.mark.parametrize("size", [(6, 8), 6])
def test_each_image_of_a_batch_has_its_own_place(coordinates, size):
    own = np.broadcast_to(np.arange(2000, dtype="float32")[:, None, None, None], (2000, 9, 12, 1))
    x = np.concatenate([np.repeat(coordinates(9, 12)[None], 2000, axis=0), own], axis=-1)
    crops = numpy(CropAndFlip(size, seed=1)(x, training=True))
    height, width = (size, size) if isinstance(size, int) else size
    assert crops.shape == (2000, height, width, 3)
    assert (crops[..., 2] == np.arange(2000)[:, None, None]).all()
    check_even([where(crop[..., :2]) for crop in crops], 9 - height + 1, 12 - width + 1)


def test_one_image(coordinates):
    layer = CropAndFlip((6, 8), seed=1)
    places = [where(numpy(layer(coordinates(7, 9), training=True))) for _ in range(160)]
    check_even(places, 2, 2)


@pytest.mark.parametrize("threads", [None, 4])
def test_within_tf_data(through_tf_data, coordinates, threads):
    layer = CropAndFlip((6, 8), seed=1)
    images = [coordinates(8, 10)] * 900
    crops = through_tf_data(layer, images, threads=threads, training=True)
    check_even([where(crop) for crop in crops], 3, 3)
    batches = through_tf_data(layer, images, batch=300, threads=threads, training=True)
    check_even([where(crop) for batch in batches for crop in batch], 3, 3)


def test_within_tf_data_the_size_of_the_crop_is_known():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("within tf.data with the TensorFlow backend only")
    import tensorflow as tf

    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    data = tf.data.Dataset.from_generator(lambda: iter(()), output_signature=spec)
    for training in (False, True):
        layer = CropAndFlip((6, 8))
        mapped = data.map(lambda x, layer=layer, training=training: layer(x, training=training))
        assert mapped.element_spec == tf.TensorSpec((6, 8, 3), tf.float32)
        mapped = data.batch(2).map(
            lambda x, layer=layer, training=training: layer(x, training=training)
        )
        assert mapped.element_spec == tf.TensorSpec((None, 6, 8, 3), tf.float32)


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 9), (8, 11), (9, 13)])
def test_the_central_crop_otherwise(coordinates, height, width):
    layer = CropAndFlip((6, 8))
    expected = ((height - 6) // 2, (width - 8) // 2, False)
    for x in (coordinates(height, width), coordinates(height, width)[None]):
        for y in (layer(x), layer(x, training=False)):
            assert where(numpy(y).reshape(6, 8, 2)) == expected
    central = numpy(keras.layers.CenterCrop(6, 8, data_format="channels_last")(x))
    np.testing.assert_array_equal(numpy(layer(x)), central)


def test_seed(coordinates):
    x = np.repeat(coordinates(40, 50)[None], 5, axis=0)
    layers = [CropAndFlip(20, seed=seed) for seed in (5, 5, 6)]
    first, again, other = (numpy(layer(x, training=True)) for layer in layers)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, numpy(layers[0](x, training=True)))


def test_bytes_stay_their_values(photograph):
    x = photograph(20, 24).astype("uint8")
    y = numpy(CropAndFlip((6, 8))(x))
    assert y.dtype == "float32"
    np.testing.assert_array_equal(y, x[7:13, 8:16])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(5, 20, 3), (20, 7, 3), (2, 5, 20, 3), (2, 20, 7, 3)])
def test_an_image_smaller_than_the_crop(shape, training, through_anything):
    x = np.zeros(shape, "float32")
    with pytest.raises(
        through_anything.errors, match="must be at least as large as the crop of 6x8"
    ):
        through_anything(CropAndFlip((6, 8)), x, training=training)


@pytest.fixture(params=["eager", "tf.data"])
def through_anything(request):
    if request.param == "eager":

        def run(layer, x, **arguments):
            return layer(x, **arguments)

        run.errors = ValueError
        return run
    through_tf_data = request.getfixturevalue("through_tf_data")
    import tensorflow as tf

    def run(layer, x, **arguments):
        return through_tf_data(layer, [x], **arguments)

    run.errors = tf.errors.InvalidArgumentError
    return run


def check_padded(crop, size, padding):
    """`(top, left, mirrored)` of a crop of `1 + coordinates`, with zeros around."""
    height, width, _ = crop.shape
    inside = crop[..., 0] > 0
    np.testing.assert_array_equal(inside, crop[..., 1] > 0)
    i, j = np.argwhere(inside)[0]
    rows, columns = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    part = crop[i : i + rows, j : j + columns]
    flip = part[0, 0, 1] > part[0, -1, 1]
    source = part[:, ::-1] if flip else part
    top = source[0, 0, 0] - 1 - i + padding
    left = source[0, 0, 1] - 1 - (width - j - columns if flip else j) + padding
    whole = np.zeros((size[0] + 2 * padding, size[1] + 2 * padding, 2))
    whole[padding : padding + size[0], padding : padding + size[1]] = 1 + np.stack(
        np.mgrid[: size[0], : size[1]], axis=-1
    )
    top, left = int(top), int(left)
    expected = whole[top : top + height, left : left + width]
    np.testing.assert_array_equal(crop, expected[:, ::-1] if flip else expected)
    return top, left, bool(flip)


def test_padding_each_image_of_a_batch(coordinates):
    """A patch as large as the image: `(2 * padding + 1)^2` places, both ways round."""
    x = np.repeat(1 + coordinates(5, 6)[None], 2000, axis=0)
    crops = numpy(CropAndFlip((5, 6), padding=2, seed=1)(x, training=True))
    assert crops.shape == x.shape
    check_even([check_padded(crop, (5, 6), 2) for crop in crops], 5, 5)


def test_padding_around_a_larger_image(coordinates):
    x = np.repeat(1 + coordinates(6, 9)[None], 2000, axis=0)
    crops = numpy(CropAndFlip((5, 6), padding=1, seed=1)(x, training=True))
    check_even([check_padded(crop, (6, 9), 1) for crop in crops], 4, 6)


def test_padding_one_image(coordinates):
    layer, x = CropAndFlip((4, 5), padding=1, seed=1), 1 + coordinates(4, 5)
    crops = [numpy(layer(x, training=True)) for _ in range(400)]
    check_even([check_padded(crop, (4, 5), 1) for crop in crops], 3, 3)


def test_padding_within_tf_data(through_tf_data, coordinates):
    layer, images = CropAndFlip((4, 5), padding=1, seed=1), [1 + coordinates(4, 5)] * 900
    crops = through_tf_data(layer, images, training=True)
    check_even([check_padded(crop, (4, 5), 1) for crop in crops], 3, 3)
    batches = through_tf_data(layer, images, batch=300, training=True)
    check_even([check_padded(crop, (4, 5), 1) for batch in batches for crop in batch], 3, 3)


def test_no_padding_otherwise(coordinates):
    layer = CropAndFlip((4, 6), padding=3)
    for x in (1 + coordinates(7, 9), 1 + coordinates(7, 9)[None]):
        for y in (layer(x), layer(x, training=False)):
            np.testing.assert_array_equal(numpy(y), x[..., 1:5, 1:7, :])


def test_padding_of_bytes(photograph):
    x = photograph(8, 9).clip(1).astype("uint8")
    crops = [numpy(CropAndFlip((8, 9), seed, 4)(x, training=True)) for seed in range(9)]
    assert {crop.dtype.name for crop in crops} == {"float32"}
    assert {(crop == 0).any() for crop in crops} == {True}
    assert max(crop.max() for crop in crops) <= 255


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_make_an_image_large_enough(training, through_anything):
    layer, x = CropAndFlip((6, 8), padding=2), np.zeros((5, 8, 3), "float32")
    with pytest.raises(through_anything.errors, match="as large as the crop of 6x8"):
        through_anything(layer, x, training=training)


@pytest.mark.parametrize("padding", [-1, 1.5, (4, 4), None])
def test_padding_that_is_none(padding):
    with pytest.raises(ValueError, match="`padding` must be a whole number, at least 0. Re"):
        CropAndFlip(6, padding=padding)
