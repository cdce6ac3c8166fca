"""The networks of CIFAR-10: their order, their pooling and their switches."""

import keras
import numpy as np
import pytest

from keras_classics.analysis import count
from keras_classics.applications import CudaConvNet

SIZE = {
    "80sec": (32, 32, 3),
    "19pct": (32, 32, 3),
    "18pct": (32, 32, 3),
    "13pct": (24, 24, 3),
    "11pct": (24, 24, 3),
}


def build(configuration, **arguments):
    return CudaConvNet(configuration, input_shape=SIZE[configuration], **arguments)


def test_layers_come_in_the_order_of_the_layer_files():
    names = {c: [x.name for x in build(c).layers if x.name != "flatten"] for c in SIZE}
    assert names["80sec"] == "image conv1 pool1 conv2 pool2 conv3 pool3 fc64 fc10".split()
    assert names["19pct"] == "image conv1 pool1 conv2 pool2 conv3 pool3 fc10".split()
    assert names["18pct"] == (
        "image conv1 pool1 rnorm1 conv2 pool2 rnorm2 conv3 pool3 fc10".split()
    )
    assert names["13pct"] == "image conv1 pool1 conv2 pool2 local3 local4 fc10".split()
    assert names["11pct"] == (
        "image conv1 pool1 rnorm1 conv2 rnorm2 pool2 local3 local4 fc10".split()
    )


def test_18pct_normalizes_within_a_map():
    """Where it does not, it is 19pct."""
    model, plain = CudaConvNet("18pct"), CudaConvNet("18pct", lrn=False)
    assert type(model.get_layer("rnorm1")).__name__ == "MapResponseNormalization"
    assert type(build("11pct").get_layer("rnorm1")).__name__ == "LocalResponseNormalization"
    assert [x.name for x in plain.layers] == [x.name for x in build("19pct").layers]
    assert count(model)[0].parameters == 2_432
    for each in (model, build("19pct")):
        assert sum(row.parameters for row in count(each)) == 89_578


def test_parameters_of_each_layer():
    """Table of the layer files: a unit of a local layer has weights and a bias of its own."""
    rows = {row.name: row for row in count(build("11pct"))}
    assert rows["conv1"].parameters == 75 * 64 + 64
    assert rows["local3"].parameters == 36 * (9 * 64 * 64 + 64)
    assert rows["local3"].macs == 36 * 9 * 64 * 64
    assert rows["fc10"].parameters == 36 * 32 * 10 + 10


def test_output_of_80sec_in_numpy():
    """Each layer by loops, on an image that is odd along one axis; tanh shows every order."""
    model = CudaConvNet("80sec", activation="tanh", input_shape=(6, 5, 2), classes=3)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.weights])
    x = image = rng.normal(0, 1, (6, 5, 2))
    for conv, pool in [("conv1", np.max), ("conv2", np.mean), ("conv3", np.mean)]:
        kernel, bias = model.get_layer(conv).get_weights()
        padded = np.pad(x, ((2, 2), (2, 2), (0, 0)))
        maps = np.zeros((*x.shape[:2], len(bias)))
        for i, j in np.ndindex(x.shape[:2]):
            maps[i, j] = np.tensordot(padded[i : i + 5, j : j + 5], kernel, 3) + bias
        maps = np.tanh(maps)
        height, width = (-(-side // 2) for side in x.shape[:2])
        # As many windows as start inside; "same" shares what they lack between both edges.
        before = [
            ((n - 1) * 2 + 3 - side) // 2
            for n, side in zip((height, width), x.shape[:2], strict=True)
        ]
        x = np.zeros((height, width, maps.shape[-1]))
        for i, j in np.ndindex(height, width):
            rows = slice(max(0, 2 * i - before[0]), 2 * i - before[0] + 3)
            columns = slice(max(0, 2 * j - before[1]), 2 * j - before[1] + 3)
            x[i, j] = pool(maps[rows, columns], axis=(0, 1))
    for dense, function in [("fc64", np.tanh), ("fc10", np.exp)]:
        kernel, bias = model.get_layer(dense).get_weights()
        x = function(x.reshape(-1) @ kernel + bias)
    predicted = model.predict(image[None], verbose=0)[0]
    np.testing.assert_allclose(predicted, x / x.sum(), rtol=1e-4)


@pytest.mark.parametrize("side", [24, 32])
def test_pools_hang_over_the_right_and_lower_edge_only(side):
    """On even maps, as the program's do: the first window starts at the first pixel."""
    pool = CudaConvNet("80sec", input_shape=(side, side, 3)).get_layer("pool1")
    maps = np.zeros((1, side, side, 1), "float32")
    maps[0, 2, 2] = 1  # in the first window and in the second
    maps[0, -1, -1] = 2
    pooled = keras.ops.convert_to_numpy(pool(maps))[0, :, :, 0]
    assert pooled[0, 0] == pooled[1, 1] == pooled[0, 1] == 1
    assert pooled[-1, -1] == 2
    assert pooled.sum() == 4 + 2


def test_switches():
    assert "rnorm1" not in [layer.name for layer in build("11pct", lrn=False).layers]
    for configuration in SIZE:
        overlapping = build(configuration)
        plain = build(configuration, overlapping_pooling=False)
        assert overlapping.get_layer("pool2").pool_size == (3, 3)
        assert plain.get_layer("pool2").pool_size == (2, 2)
        assert overlapping.get_layer("pool2").output.shape == plain.get_layer("pool2").output.shape
    hidden = [x for x in build("13pct", activation="tanh").layers if hasattr(x, "activation")]
    assert {x.activation.__name__ for x in hidden[:-1]} == {"tanh"}
    assert hidden[-1].activation.__name__ == "softmax"


def test_starts_are_those_of_the_layer_files():
    model = build("11pct")
    expected = {"conv1": 1e-4, "conv2": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01}
    for name, deviation in expected.items():
        kernel, bias = model.get_layer(name).get_weights()
        assert kernel.std() == pytest.approx(deviation, rel=0.05)
        assert not bias.any()


def test_unknown_configuration():
    with pytest.raises(
        ValueError, match='"80sec", "19pct", "18pct", "13pct" or "11pct". Received.*12pct'
    ):
        CudaConvNet("12pct")


@pytest.mark.parametrize("configuration", SIZE)
def test_learns(configuration):
    """Colours of 0 to 255 less their mean, as the small start of conv1 expects."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    x = (
        rng.normal(0, 30, (64, *SIZE[configuration]))
        + 60 * np.where(labels, 1, -1)[:, None, None, None]
    )
    model = build(configuration, classes=2)
    model.compile(keras.optimizers.SGD(0.003, 0.9), "sparse_categorical_crossentropy")
    loss = model.fit(x, labels, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert loss[-1] < 0.3 * loss[0]
