"""LeNet-5 at every place of a larger image, and the pairwise linear classifier."""

import functools

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy

from keras_classics.applications import FullyConnected, LeNet4, LeNet5, PairwiseLinear
from keras_classics.applications.lenet5 import swept


def seen(model, image, row, column):
    """What the network says of one window, 4 pixels from the next."""
    window = image[:, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
    return convert_to_numpy(model(window))


@pytest.mark.parametrize(
    "build",
    [LeNet5, functools.partial(LeNet5, head="softmax", classes=3), LeNet4],
    ids=["rbf", "softmax", "4"],
)
def test_swept_over_a_line_is_the_network_at_each_window(build):
    """A row of columns; the three pixels after the last step are not read."""
    model = build(kernel_initializer="lecun_normal")  # from the paper's, little reaches the end
    image = np.random.default_rng(0).uniform(-0.1, 1.175, (2, 32, 32 + 4 * 4 + 3, 1))
    image = image.astype("float32")
    network = swept(model)
    found = convert_to_numpy(network(image))
    assert found.shape == (2, 1, 5, model.output_shape[-1])
    for column in range(5):
        expected = seen(model, image, 0, column)
        np.testing.assert_allclose(found[:, 0, column], expected, rtol=1e-4, atol=1e-4)
    assert np.abs(found[:, 0, 1] - found[:, 0, 2]).max() > 1e-2
    changed = image.copy()
    changed[:, :, -3:] = 1
    np.testing.assert_allclose(convert_to_numpy(network(changed)), found, rtol=1e-5)


def test_swept_over_a_page():
    model = LeNet5(kernel_initializer="lecun_normal")
    image = np.random.default_rng(1).uniform(-0.1, 1.175, (1, 37, 40, 1)).astype("float32")
    found = convert_to_numpy(swept(model)(image))
    assert found.shape == (1, 2, 3, 10)
    for row, column in np.ndindex(2, 3):
        expected = seen(model, image, row, column)
        np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-4, atol=1e-4)


def test_the_swept_network_is_saved(tmp_path):
    network = swept(LeNet5())
    x = np.random.default_rng(2).uniform(-0.1, 1.175, (1, 32, 44, 1)).astype("float32")
    network.save(tmp_path / "swept.keras")
    loaded = keras.saving.load_model(tmp_path / "swept.keras", safe_mode=True)
    np.testing.assert_allclose(convert_to_numpy(loaded(x)), convert_to_numpy(network(x)), rtol=1e-6)


def test_what_cannot_be_swept():
    message = "`model` must be a LeNet5 or a LeNet4 with its top, for images of 32x32"
    for model in (
        FullyConnected("300"),
        LeNet5(input_shape=(36, 32, 1)),
        LeNet5(include_top=False),
    ):
        with pytest.raises(ValueError, match=message):
            swept(model)


def pairwise(rng):
    """A network of three classes for images of 2x2, and its weights."""
    model = PairwiseLinear(input_shape=(2, 2, 1), classes=3)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=3)]
    model.set_weights(weights)
    return model, weights


def test_a_unit_for_two_classes_learns_of_these_alone():
    """One step of gradient descent, against each unit alone and its own digits."""
    rng = np.random.default_rng(0)
    model, (kernel, bias) = pairwise(rng)
    images, labels = rng.normal(size=(6, 2, 2, 1)), np.array([0, 1, 2, 0, 1, 0])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.fit(images, 2 * np.eye(3)[labels] - 1, batch_size=6, verbose=0)
    expected = kernel.copy(), bias.copy()
    for unit, (first, second) in enumerate([(0, 1), (0, 2), (1, 2)]):
        for image, label in zip(images.reshape(6, 4), labels, strict=True):
            if label in (first, second):
                squashed = np.tanh(2 / 3 * (image @ kernel[:, unit] + bias[unit]))
                error = 1.7159 * squashed - (1 if label == first else -1)
                slope = 1.7159 * 2 / 3 * (1 - squashed**2)
                step = 2 * error * slope / 3 / 6  # a mean over the classes, and over the digits
                expected[0][:, unit] -= step * image
                expected[1][unit] -= step
    for found, right in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)


def test_the_pairwise_network_takes_targets_of_each_class():
    model, _ = pairwise(np.random.default_rng(0))
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(ValueError, match=r"targets must be \(batch, 3\), .* shape \(4,"):
        model.fit(np.zeros((4, 2, 2, 1)), np.zeros(4), verbose=0)


def test_the_pairwise_network_is_saved_with_its_error(tmp_path):
    rng = np.random.default_rng(1)
    model, _ = pairwise(rng)
    images, targets = rng.normal(size=(4, 2, 2, 1)), 2 * np.eye(3)[[0, 1, 2, 1]] - 1
    model.compile("sgd", "mse")
    before = model.evaluate(images, targets, verbose=0)
    model.save(tmp_path / "pairwise.keras")
    loaded = keras.saving.load_model(tmp_path / "pairwise.keras", safe_mode=True)
    assert loaded.evaluate(images, targets, verbose=0) == pytest.approx(before, rel=1e-5)
    assert before != pytest.approx(
        float(np.mean((model.predict(images, verbose=0) - targets) ** 2))
    )


def test_the_pairwise_network_weighs_patterns_and_adds_penalties():
    rng = np.random.default_rng(5)
    model, _ = pairwise(rng)
    x, y = rng.normal(size=(6, 2, 2, 1)).astype("float32"), 2 * np.eye(3)[[0, 1, 2, 0, 1, 2]] - 1
    model.compile("sgd", "mse")
    alone = [model.evaluate(x[k : k + 1], y[k : k + 1], verbose=0) for k in range(6)]
    weights = rng.uniform(size=6)
    found = model.evaluate(x, y, sample_weight=weights, batch_size=6, verbose=0)
    assert found == pytest.approx(np.mean(weights * alone), rel=1e-5)
    assert np.ptp(alone) > 0.01
    # A batch in which all patterns have the weight 0 teaches nothing.
    before = model.get_weights()
    model.fit(x, y, sample_weight=np.zeros(6), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    units = model.get_layer("units")
    units.kernel.regularizer = keras.regularizers.L2(0.1)
    penalty = 0.1 * np.square(keras.ops.convert_to_numpy(units.kernel)).sum()
    model.compile("sgd", "mse")
    expected = np.mean(alone) + penalty
    assert model.evaluate(x, y, batch_size=6, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "build", [PairwiseLinear, LeNet4, lambda **given: FullyConnected("300", **given)]
)
def test_a_file_of_other_classes_keeps_the_new_output(build, tmp_path):
    of_ten = build()
    of_ten.save_weights(tmp_path / "ten.weights.h5")
    of_five = build(classes=5, weights=tmp_path / "ten.weights.h5")
    *below, _ = [layer for layer in of_five.layers if layer.weights]
    for layer in below:
        theirs = of_ten.get_layer(layer.name).get_weights()
        for old, new in zip(theirs, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    assert of_five.output_shape == (None, 5)
