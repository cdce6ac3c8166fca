"""AlexNet against a twin in PyTorch, and each of its switches."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy

from keras_classics.analysis import count
from keras_classics.applications import AlexNet

TINY = {"input_shape": (67, 67, 3), "classes": 5}


def images(model, n=2):
    return np.random.default_rng(0).normal(0, 70, (n, *model.input_shape[1:])).astype("float32")


def weightless(**arguments):
    """Shapes without values."""
    with keras.StatelessScope(initialize_variables=False):
        return AlexNet(**arguments)


def node(model, name):
    return keras.Model(model.input, model.get_layer(name).output)


@pytest.fixture(scope="module")
def tiny():
    """The paper's starts, and He's kernels: from 0.01, an image hardly reaches the scores."""
    return AlexNet(**TINY, classifier_activation=None, kernel_initializer="he_normal")


@pytest.mark.parametrize(
    ("towers", "shape"), [(2, (67, 99, 3)), (2, (98, 64, 1)), (1, (64, 71, 4))]
)
def test_values_are_its_twins(twins, towers, shape):
    import torch

    model = AlexNet(
        towers=towers,
        input_shape=shape,
        classes=5,
        classifier_activation=None,
        kernel_initializer="he_normal",
    )
    twin = twins.AlexNetTwin(towers, *shape, classes=5).eval()
    twins.copy_weights(model, twin)
    x = images(model)
    with torch.no_grad():
        expected = twin(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    assert np.abs(expected[0] / expected[1] - 1).min() > 1e-3
    outputs = convert_to_numpy(model(x))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_the_net_of_one_gpu():
    """Footnote 2: half the kernels of conv1 to conv4, each of which reads all maps."""
    rows = count(weightless(towers=1, halved=True))
    widths, by_hand = [3, 48, 128, 192, 192, 256], 0
    for maps, kernels, size, side in zip(
        widths, widths[1:], (11, 5, 3, 3, 3), (55, 27, 13, 13, 13), strict=False
    ):
        by_hand += side**2 * size**2 * maps * kernels
    by_hand += 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert sum(row.macs for row in rows) == by_hand == 391_514_384
    with pytest.raises(ValueError, match="one GPU: give towers=1. Received: towers=2, halved=True"):
        AlexNet(halved=True)


def test_conv1_hangs_over_the_right_and_lower_edge():
    """55 windows from 224 as from 227, and everywhere as many as rounding up gives."""
    for side, windows in [(224, 55), (225, 55), (226, 55), (227, 55), (228, 56), (64, 15)]:
        model = weightless(input_shape=(side, 227, 3))
        assert model.get_layer("conv1").output.shape == (None, windows, 55, 96)
        assert windows == 1 + np.ceil((side - 11) / 4)


def test_the_edge_beyond_the_image_is_zero_where_227_has_pixels():
    small = AlexNet(input_shape=(64, 96, 3), include_top=False)
    large = AlexNet(input_shape=(67, 99, 3), include_top=False)
    small.get_layer("conv1").set_weights(large.get_layer("conv1").get_weights())
    x = images(small)
    padded = np.pad(x, [(0, 0), (0, 3), (0, 3), (0, 0)])
    ours, theirs = (convert_to_numpy(node(m, "conv1")(i)) for m, i in [(small, x), (large, padded)])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_starts_of_section_5():
    model = AlexNet(**TINY)
    starts = {
        layer.name: [convert_to_numpy(weight) for weight in layer.weights]
        for layer in model.layers
        if layer.weights
    }
    ones = {name for name, (_, bias) in starts.items() if (bias == 1).all()}
    zeros = {name for name, (_, bias) in starts.items() if (bias == 0).all()}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert zeros == {"conv1", "conv3", "predictions"}
    for kernel, _ in starts.values():
        assert abs(kernel.mean()) < 0.001
        assert 0.0095 < kernel.std() < 0.0105
    tenth = AlexNet(**TINY, bias_start=0.1)
    for name in starts:
        expected = 0.1 if name in ones else 0.0
        np.testing.assert_allclose(convert_to_numpy(tenth.get_layer(name).bias), expected)


@pytest.mark.parametrize("towers", [1, 2])
def test_towers_read_their_own_maps(towers):
    """A unit of conv2 feels the first half of conv1's maps, the second, or both."""
    model = AlexNet(towers=towers, include_top=False, kernel_initializer="he_normal")
    for name in ("conv2", "conv4", "conv5"):
        layer = model.get_layer(name)
        maps = np.random.default_rng(0).normal(size=(1, *layer.input.shape[1:]))
        other = maps.copy()
        other[..., maps.shape[-1] // 2 :] *= 2
        changed = (
            np.abs(convert_to_numpy(layer(maps)) - convert_to_numpy(layer(other))).max((0, 1, 2))
            > 1e-2
        )
        first, second = np.split(changed, 2)
        assert second.any()
        assert first.any() == (towers == 1), name


def test_switches_change_what_they_should(tiny):
    names = [layer.name for layer in tiny.layers]
    without = weightless(**TINY, lrn=False)
    assert [layer.name for layer in without.layers] == [n for n in names if "lrn" not in n]
    plain = weightless(**TINY, overlapping_pooling=False)
    assert [layer.name for layer in plain.layers] == names
    assert [plain.get_layer(f"pool{i}").pool_size for i in (1, 2, 5)] == [(2, 2)] * 3
    assert [tiny.get_layer(f"pool{i}").pool_size for i in (1, 2, 5)] == [(3, 3)] * 3
    full = weightless(), weightless(overlapping_pooling=False)
    for one, other in zip(*(model.layers for model in full), strict=True):
        assert one.output.shape == other.output.shape, "section 3.4: of the same size"
    assert sum(row.parameters for row in count(weightless(towers=1))) == 62_378_344
    assert sum(row.macs for row in count(weightless(towers=1))) == 1_135_256_096
    assert sum(row.macs for row in count(weightless())) == 724_406_816


def test_normalization_follows_conv1_and_conv2_before_the_pool(tiny):
    x = images(tiny)
    for i in (1, 2):
        maps = convert_to_numpy(node(tiny, f"conv{i}")(x))
        assert maps.min() == 0  # after the ReLU
        energy = sum(
            np.pad(maps**2, [(0, 0)] * 3 + [(2, 2)])[..., j : j + maps.shape[-1]] for j in range(5)
        )
        expected = maps / (2 + 1e-4 * energy) ** 0.75
        normalized = node(tiny, f"lrn{i}")(x)
        np.testing.assert_allclose(convert_to_numpy(normalized), expected, rtol=1e-4, atol=1e-5)
        assert tiny.get_layer(f"pool{i}").input is tiny.get_layer(f"lrn{i}").output


def test_dropout_after_fc6_and_fc7(tiny):
    for i in (6, 7):
        layer = tiny.get_layer(f"dropout{i}")
        assert layer.input is tiny.get_layer(f"fc{i}").output
        ones = np.ones((1, 4096), "float32")
        dropped = convert_to_numpy(layer(ones, training=True))
        assert set(np.unique(dropped)) == {0, 2}
        assert 0.45 < (dropped == 0).mean() < 0.55
        np.testing.assert_array_equal(convert_to_numpy(layer(ones)), ones)


def test_learns():
    """Dark from bright images; the biases from 0.1, as other trainings had them."""
    model = AlexNet(
        input_shape=(64, 64, 3), classes=2, bias_start=0.1, kernel_initializer="he_normal"
    )
    labels = np.arange(8) % 2
    x = images(model, 8) / 70 + (2 * labels - 1)[:, None, None, None]
    model.compile(keras.optimizers.SGD(1e-3, 0.9), "sparse_categorical_crossentropy")
    losses = model.fit(x, labels, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_scores_without_a_softmax(tiny):
    probable = AlexNet(**TINY)
    probable.set_weights(tiny.get_weights())
    x = images(tiny)
    scores, probabilities = convert_to_numpy(tiny(x)), convert_to_numpy(probable(x))
    assert np.abs(scores).max() > 0.1
    expected = np.exp(scores - scores.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4, atol=1e-7)


def test_smallest_images():
    assert weightless(input_shape=(64, 64, 3)).get_layer("pool5").output.shape[1:3] == (1, 1)
    plain = weightless(overlapping_pooling=False, input_shape=(36, 36, 3))
    assert plain.get_layer("pool5").output.shape[1:3] == (1, 1)
    with pytest.raises(ValueError, match="at least 64x64.*input_shape=\\(63, 224, 3\\)"):
        AlexNet(input_shape=(63, 224, 3))
    with pytest.raises(ValueError, match="at least 36x36.*input_shape=\\(224, 35, 3\\)"):
        AlexNet(overlapping_pooling=False, input_shape=(224, 35, 3))
    with pytest.raises(ValueError, match="need an image of known size.*include_top=False"):
        AlexNet(input_shape=(None, 224, 3))
    maps = weightless(include_top=False, input_shape=(None, None, 1))
    assert maps.output_shape == (None, None, None, 256)
