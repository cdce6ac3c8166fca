import keras
import numpy as np
import pytest
from keras import ops

from keras_classics import backend
from keras_classics.layers import GroupedConv2D


@pytest.fixture(params=["one convolution a group", "the backend's"])
def form(request, monkeypatch):
    """Both forms, where the backend has both."""
    monkeypatch.setattr(backend, "convolves_groups", lambda: request.param == "the backend's")


def images(channels=6):
    return np.random.default_rng(0).normal(size=(2, 5, 7, channels)).astype("float32")


def by_hand(x, kernel, bias, groups):
    """Strides of one, no padding: one product at a time."""
    rows, columns, inner, filters = kernel.shape
    n, height, width, _ = x.shape
    y = np.zeros((n, height - rows + 1, width - columns + 1, filters))
    for p, r, c, i in np.ndindex(*y.shape):
        first = i // (filters // groups) * inner  # the group's first channel
        y[p, r, c, i] = bias[i]
        for dr, dc, m in np.ndindex(rows, columns, inner):
            y[p, r, c, i] += x[p, r + dr, c + dc, first + m] * kernel[dr, dc, m, i]
    return y


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_values(groups, form):
    layer, x = GroupedConv2D(12, (2, 3), groups), images()
    layer.build(x.shape)
    random = np.random.default_rng(1)
    kernel, bias = random.normal(size=layer.kernel.shape), random.normal(size=12)
    layer.set_weights([kernel, bias])
    expected = by_hand(x, kernel, bias, groups)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"groups": 3},
        {"strides": 2},
        {"strides": (2, 1), "padding": "same"},
        {"padding": "same", "activation": "tanh"},
        {"dilation_rate": (1, 2)},
        {"use_bias": False},
    ],
    ids=str,
)
def test_is_keras_convolution_with_groups(arguments, form, gradients):
    arguments = {"groups": 2, **arguments}
    x = images()
    keras_layer = keras.layers.Conv2D(12, (2, 3), data_format="channels_last", **arguments)
    layer = GroupedConv2D(12, (2, 3), **arguments)
    keras_layer.build(x.shape), layer.build(x.shape)
    random = np.random.default_rng(1)
    keras_layer.set_weights([random.normal(size=w.shape) for w in keras_layer.get_weights()])
    layer.set_weights(keras_layer.get_weights())
    expected = ops.convert_to_numpy(keras_layer(x))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(gradients(layer, x), gradients(keras_layer, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_a_group_reads_its_own_channels_only():
    layer, x = GroupedConv2D(4, 3), images()
    before = ops.convert_to_numpy(layer(x))
    x[..., 3] += 1
    differs = np.any(ops.convert_to_numpy(layer(x)) != before, axis=(0, 1, 2))
    assert differs.tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("size", "channels", "filters", "parameters"),
    [(5, 96, 256, 307_456), (3, 384, 384, 663_936), (3, 384, 256, 442_624)],
    ids=["conv2", "conv4", "conv5"],
)
def test_alexnet_has_the_papers_parameters(size, channels, filters, parameters):
    layer = GroupedConv2D(filters, size, padding="same")
    layer.build((None, 13, 13, channels))
    assert layer.count_params() == parameters


def test_config_carries_the_inherited_arguments():
    layer = GroupedConv2D(
        4,
        3,
        groups=1,
        dilation_rate=2,
        use_bias=False,
        kernel_initializer="ones",
        kernel_regularizer=keras.regularizers.L2(0.25),
        kernel_constraint="non_neg",
    )
    twin = GroupedConv2D.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert twin.dilation_rate == (2, 2)
    assert not twin.use_bias
    twin.build((None, 7, 7, 2))
    np.testing.assert_array_equal(ops.convert_to_numpy(twin.kernel), np.ones((3, 3, 2, 4)))
    np.testing.assert_allclose(ops.convert_to_numpy(twin.losses[0]), 0.25 * 72)


def test_channels_that_do_not_divide():
    with pytest.raises(ValueError, match="input channels must be evenly divisible"):
        GroupedConv2D(4, 3).build((None, 5, 5, 3))
    with pytest.raises(ValueError, match="filters must be evenly divisible"):
        GroupedConv2D(3, 3)


def test_groups_are_slices_in_tensorflows_graph():
    """Tools that explain a network know the slice, and not the operation that splits."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("looks at TensorFlow's graph")
    import tensorflow as tf

    layer = GroupedConv2D(4, 3, groups=2)
    layer.build((None, 8, 8, 6))
    traced = tf.function(layer).get_concrete_function(tf.TensorSpec((None, 8, 8, 6)))
    kinds = {operation.type for operation in traced.graph.get_operations()}
    assert "StridedSlice" in kinds
    assert not kinds & {"Split", "SplitV"}
