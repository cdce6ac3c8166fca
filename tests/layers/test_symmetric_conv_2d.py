import warnings

import keras
import numpy as np
import pytest

from keras_classics.layers import SymmetricConv2D


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor).astype("float32")


def images(height, width, channels=2):
    x = np.random.default_rng(0).normal(size=(2, height, width, channels))
    return x.astype("float32")


def with_weights(layer, x):
    layer.build(x.shape)
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    return layer


def by_hand(x, kernel, bias, s):
    rows, columns, _, filters = kernel.shape
    n, height, width, _ = x.shape
    y = np.zeros((n, -(-height // s), -(-width // s), filters)) + bias
    for i, j, p, q in np.ndindex(*y.shape[1:3], rows, columns):
        row, column = s * i + p - rows // 2, s * j + q - columns // 2
        if 0 <= row < height and 0 <= column < width:
            y[:, i, j] += x[:, row, column] @ kernel[p, q]
    return y


every_stride = pytest.mark.parametrize("strides", [1, 2, 3])
every_kernel = pytest.mark.parametrize("kernel_size", [1, 3, 5, 7, (3, 5), (7, 1), (1, 3)], ids=str)
every_shape = pytest.mark.parametrize(
    ("height", "width"), [(6, 8), (7, 9), (6, 9), (7, 10), (8, 11), (1, 2)]
)


@every_stride
@every_kernel
@every_shape
def test_a_loop(height, width, kernel_size, strides):
    x = images(height, width)
    layer = with_weights(SymmetricConv2D(3, kernel_size, strides, use_bias=True), x)
    expected = by_hand(x, *layer.get_weights(), strides)
    y = layer(x)
    np.testing.assert_allclose(numpy(y), expected, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(x.shape) == tuple(y.shape)


@every_stride
@pytest.mark.parametrize("k", [1, 3, 5, 7])
@pytest.mark.parametrize(("height", "width"), [(8, 10), (9, 8)])
def test_is_pytorchs(height, width, k, strides):
    torch = pytest.importorskip("torch")
    x = images(height, width)
    layer = with_weights(SymmetricConv2D(3, k, strides), x)
    kernel = torch.tensor(layer.get_weights()[0]).permute(3, 2, 0, 1)
    expected = torch.nn.functional.conv2d(
        torch.tensor(x).permute(0, 3, 1, 2), kernel, stride=strides, padding=k // 2
    )
    expected = expected.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=1e-4, atol=1e-4)


def test_an_output_is_centred_where_a_shortcut_reads():
    x = np.zeros((1, 6, 8, 1), "float32")
    layer = SymmetricConv2D(1, 3, 2, kernel_initializer="ones")
    x[0, 2, 4] = 1
    expected = np.zeros((3, 4))
    expected[1, 2] = 1
    np.testing.assert_array_equal(numpy(layer(x))[0, :, :, 0], expected)


def test_gradients(gradients):
    """Of a linear function: the loop's derivative along each direction is the loop itself."""
    x = images(6, 9)
    layer = with_weights(SymmetricConv2D(3, 3, 2, use_bias=True), x)
    kernel, _ = layer.get_weights()
    along_x, along_kernel, along_bias = gradients(layer, x)
    uneven = np.linspace(0.5, 1.5, 2 * 3 * 5 * 3).reshape(2, 3, 5, 3)
    random = np.random.default_rng(2)
    way = random.normal(size=x.shape)
    expected = (by_hand(way, kernel, 0, 2) * uneven).sum()
    np.testing.assert_allclose((along_x * way).sum(), expected, rtol=1e-3)
    way = random.normal(size=kernel.shape)
    expected = (by_hand(x, way, 0, 2) * uneven).sum()
    np.testing.assert_allclose((along_kernel * way).sum(), expected, rtol=1e-3)
    np.testing.assert_allclose(along_bias, uneven.sum((0, 1, 2)), rtol=1e-4)


def test_unknown_sides():
    layer, inputs = SymmetricConv2D(3, 3, 2), keras.Input((None, None, 2))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 3)
    for sides in [(6, 9), (7, 8)]:
        x = images(*sides)
        expected = by_hand(x, layer.get_weights()[0], 0, 2)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(dtype):
    if dtype == "mixed_float16" and keras.backend.backend() == "torch":
        pytest.skip("slow on a CPU")
    x = images(6, 9)
    layer = with_weights(SymmetricConv2D(3, 3, 2, use_bias=True, dtype=dtype), x)
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == dtype.removeprefix("mixed_")
    expected = by_hand(x, *layer.get_weights(), 2)
    np.testing.assert_allclose(numpy(y), expected, rtol=0.05, atol=0.1)


def test_no_bias_unless_asked_for():
    layer = SymmetricConv2D(4, 3)
    layer.build((None, 6, 6, 2))
    assert layer.count_params() == 3 * 3 * 2 * 4


@pytest.mark.parametrize("kernel_size", [2, (3, 4), (6, 1)])
def test_an_even_kernel(kernel_size):
    with pytest.raises(ValueError, match="`kernel_size` must be odd.* Received: kernel_size="):
        SymmetricConv2D(4, kernel_size)


def test_strides_that_differ():
    with pytest.raises(ValueError, match=r"one integer for both sides. Received: strides=\(2, 1\)"):
        SymmetricConv2D(4, 3, (2, 1))


def test_a_dilated_kernel():
    with pytest.raises(ValueError, match=r"is not dilated. Received: .*dilation_rate=\(2, 2\)"):
        SymmetricConv2D(4, 3, dilation_rate=2)


@pytest.mark.parametrize("other", [{"padding": "valid"}, {"data_format": "channels_first"}])
def test_another_padding_or_order(other):
    name, value = next(iter(other.items()))
    with pytest.raises(ValueError, match=f"The padding is fixed.* Received: .*{name}='{value}'"):
        SymmetricConv2D(4, 3, **other)


def network(*strides, **more):
    """Convolutions whose weights have the same shapes, whatever their strides."""
    layers = [
        SymmetricConv2D(2, 3, s, name=f"conv{i}", **more) for i, s in enumerate(strides, start=1)
    ]
    return keras.Sequential([keras.Input((8, 9, 2)), *layers])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "network.weights.h5"


@pytest.mark.parametrize("use_bias", [False, True])
def test_weights_files(file, use_bias):
    model, twin = network(1, 2, use_bias=use_bias), network(1, 2, use_bias=use_bias)
    model.save_weights(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin.load_weights(file)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("strides", "message"),
    [((2, 1), "a stride of 1 in conv1, which has 2 here"), ((1, 1), "of 2 in conv2, which has 1")],
)
def test_weights_of_a_network_with_the_stride_elsewhere(file, strides, message):
    network(1, 2).save_weights(file)
    with pytest.raises(ValueError, match=f"These weights were made for .*{message}.*stride_in"):
        network(*strides).load_weights(file)


def test_weights_are_skipped_where_asked_for(file):
    network(1, 2).save_weights(file)
    model = network(1, 1)
    before = model.get_weights()
    with pytest.warns(UserWarning, match="a stride of 2 in conv2"):
        model.load_weights(file, skip_mismatch=True)
    assert not np.array_equal(model.get_weights()[0], before[0])
    np.testing.assert_array_equal(model.get_weights()[1], before[1])


def test_weights_files_without_strides(file):
    import h5py

    model = network(1, 2, use_bias=True)
    model.save_weights(file)
    with h5py.File(file, "a") as archive:
        names = []
        archive.visit(lambda name: names.append(name) if name.endswith("/strides") else None)
        assert len(names) == 2
        for name in names:
            del archive[name]
    twin = network(2, 1, use_bias=True)
    twin.load_weights(file)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_another_size(file):
    network(1, 2).save_weights(file)
    with pytest.raises(ValueError, match="expected 2 variables, but received 1|expected 2"):
        network(1, 2, use_bias=True).load_weights(file)


def test_lora(file):
    """Files hold the sum of the kernel and its update."""
    model, x = network(1, 2), images(8, 9)
    layer = model.get_layer("conv2")
    layer.enable_lora(1)
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    expected = model.predict(x, verbose=0)
    model.save_weights(file)
    for rank in (None, 1):
        twin = network(1, 2)
        if rank:
            twin.get_layer("conv2").enable_lora(rank)
        twin.load_weights(file)
        np.testing.assert_allclose(twin.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_saved_and_loaded(tmp_path):
    model, x = network(1, 2, use_bias=True), images(8, 9)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.get_layer("conv2").strides == (2, 2)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
