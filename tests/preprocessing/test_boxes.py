import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import boxes

BOXES = [  # top, left, height, width
    *[(0, 0, 11, 17), (3, 5, 8, 12), (2, 0, 9, 4), (10, 16, 1, 1), (1, 2, 3, 13)],
]
SIZES = [(5, 6), (23, 31), (4, 40), (11, 17)]


def by_pillow(image, box, size):
    top, left, height, width = box
    crop = image[top : top + height, left : left + width]
    planes = [Image.fromarray(plane) for plane in np.moveaxis(crop, -1, 0)]
    planes = [p.resize(size[::-1], Image.Resampling.BILINEAR) for p in planes]
    return np.stack([np.asarray(p) for p in planes], axis=-1)


def by_hand(image, box, size):
    """Between two neighbours along each axis; at the box's edge, the edge."""
    top, left, height, width = box
    y = np.zeros((*size, image.shape[-1]))
    for i, j in np.ndindex(*size):
        v, u = (i + 0.5) * height / size[0] - 0.5, (j + 0.5) * width / size[1] - 0.5
        for row, down in [(np.floor(v), 1 - v % 1), (np.floor(v) + 1, v % 1)]:
            for column, across in [(np.floor(u), 1 - u % 1), (np.floor(u) + 1, u % 1)]:
                r = top + int(np.clip(row, 0, height - 1))
                c = left + int(np.clip(column, 0, width - 1))
                y[i, j] += down * across * image[r, c]
    return y


TWINS = pytest.mark.parametrize(
    ("antialias", "twin"), [(True, by_pillow), (False, by_hand)], ids=["antialias", "plain"]
)


@TWINS
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_one_image(photograph, box, size, antialias, twin):
    x = photograph(11, 17)
    y = keras.ops.convert_to_numpy(boxes.resize(x, box, size, antialias=antialias))
    np.testing.assert_allclose(y, twin(x, box, size), rtol=1e-4, atol=2e-2)


@TWINS
@pytest.mark.parametrize("size", SIZES)
def test_each_image_of_a_batch_has_its_own_box(photograph, size, antialias, twin):
    x = np.stack([photograph(11, 17, seed) for seed in range(len(BOXES))])
    flip = np.array([False, True, True, False, True])
    box = [keras.ops.convert_to_tensor(numbers) for numbers in np.transpose(BOXES)]
    y = boxes.resize(x, box, size, keras.ops.convert_to_tensor(flip), antialias)
    for i, result in enumerate(keras.ops.convert_to_numpy(y)):
        expected = twin(x[i], BOXES[i], size)
        expected = expected[:, ::-1] if flip[i] else expected
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("flip", [False, True])
def test_one_image_and_a_batch_of_one_agree(photograph, flip):
    x, box, size = photograph(30, 41), (3, 4, 22, 37), (12, 40)
    flip = keras.ops.convert_to_tensor(flip)
    one = boxes.resize(x, box, size, flip)
    each = boxes.resize(x[None], box, size, flip[None])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(each)[0], rtol=1e-4, atol=1e-2
    )


def test_bytes_are_resized_as_numbers(photograph):
    x = photograph(30, 41).astype("uint8")
    y = boxes.resize(x, (0, 0, 30, 41), (12, 17))
    expected = by_pillow(x.astype("float32"), (0, 0, 30, 41), (12, 17))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(y), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("room", [0, 1, 6, 7, 31, 117])
def test_offsets_are_even_and_the_middle_is_the_centre(room):
    numbers = (np.arange(1000 * (room + 1)) / (1000 * (room + 1))).astype("float32")
    offsets = boxes.offset(keras.ops.convert_to_tensor(numbers), room)
    offsets = keras.ops.convert_to_numpy(offsets)
    values, counts = np.unique(offsets, return_counts=True)
    assert values.tolist() == list(range(room + 1))
    assert counts.min() >= 998
    assert counts.max() <= 1002
    assert int(boxes.offset(0.5, room)) == room // 2
    assert int(boxes.offset(1 - 2**-24, room)) == 0
