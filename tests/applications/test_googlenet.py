"""GoogLeNet against a twin in PyTorch, in training too, and Table 1."""

import itertools

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy
from keras.utils import to_categorical

from keras_classics.analysis import count
from keras_classics.applications import GoogLeNet
from keras_classics.applications.googlenet import LOSS_WEIGHTS, MODULES, for_each_head

HEADS = ["predictions", "auxiliary_4a", "auxiliary_4d"]
SHAPE = (65, 113, 3)  # 4a and 4d are 5x8: their heads see 1x2 windows


def images(model, n=2):
    return np.random.default_rng(0).normal(0, 70, (n, *model.input_shape[1:])).astype("float32")


def weightless(**arguments):
    """Shapes without values."""
    with keras.StatelessScope(initialize_variables=False):
        return GoogLeNet(**arguments)


@pytest.fixture(scope="module")
def training():
    return GoogLeNet(auxiliary=True, input_shape=SHAPE, classes=5, kernel_initializer="he_normal")


def channels_first(x):
    return x.transpose(0, 3, 1, 2).copy()


def test_table_1_as_printed(twins):
    model = weightless()
    for line in twins.GOOGLENET_TABLE_1.split("\n")[1:-1]:
        kind, output, *widths = line.split()
        module = kind[-3:-1]
        assert MODULES[module] == tuple(map(int, widths))
        node = model.get_layer(f"inception_{module}")
        assert node.output.shape == (None, *map(int, output.split("x")))
        order = [source.name for source in node.input]
        parts = ("1x1", "3x3", "5x5", "pool_proj")
        assert [
            model.get_layer(f"inception_{module}_{part}").output.name for part in parts
        ] == order
    assert len(MODULES) == 9


def test_numbers_with_the_auxiliary_heads():
    """4a: a window fewer channels than 4d; 4x4 positions of 128 maps in both."""
    model = weightless(auxiliary=True)
    rows = {row.name: row for row in count(model)}
    assert sum(row.parameters for row in rows.values()) == 13_378_280
    assert sum(row.macs for row in count(weightless())) == 1_582_671_872
    for name, channels, parameters in [("4a", 512, 3_188_840), ("4d", 528, 3_190_888)]:
        head = f"auxiliary_{name}"
        assert rows[f"{head}_pool"].output_shape == (4, 4, channels)
        mine = [row for row in rows.values() if row.name.startswith(head)]
        assert sum(row.parameters for row in mine) == parameters


@pytest.mark.parametrize("shape", [(65, 97, 3), (98, 70, 1), (83, 66, 4)])
def test_values_are_its_twins(twins, shape):
    import torch

    model = GoogLeNet(
        auxiliary=True,
        input_shape=shape,
        classes=5,
        classifier_activation=None,
        kernel_initializer="he_normal",
    )
    twin = twins.GoogLeNetTwin(*shape, classes=5).train()
    for module in twin.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    twins.copy_weights(model, twin)
    x = images(model)
    outputs = model(x)
    with torch.no_grad():
        expected = twin(torch.from_numpy(channels_first(x)))
    assert sorted(outputs) == sorted(expected) == sorted(HEADS)
    for name in HEADS:
        theirs = expected[name].numpy()
        assert np.abs(theirs[0] / theirs[1] - 1).min() > 1e-3
        atol = 1e-5 * np.abs(theirs).max()
        ours = convert_to_numpy(outputs[name])
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=atol)


def test_a_training_step_is_its_twins(twins):
    """`fit` with the losses of section 5 moves every weight along the twin's gradient."""
    import torch

    # float32 would round differently on each processor, and turn a few ReLUs over.
    keras.config.set_dtype_policy("float64")
    model = GoogLeNet(auxiliary=True, input_shape=SHAPE, classes=5, kernel_initializer="he_normal")
    keras.config.set_dtype_policy("float32")
    twin = twins.GoogLeNetTwin(*SHAPE, classes=5).train().double()
    twins.copy_weights(model, twin)
    for module in twin.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    x, labels = images(model, 3).astype("float64") / 70, np.array([0, 3, 3])
    before = {v.path: convert_to_numpy(v) for v in model.trainable_variables}
    model.compile(
        keras.optimizers.SGD(1.0),
        for_each_head("sparse_categorical_crossentropy"),
        loss_weights=LOSS_WEIGHTS,
        run_eagerly=True,
    )
    model.fit(x, for_each_head(labels), verbose=0)

    loss = torch.nn.CrossEntropyLoss()
    scores = twin(torch.from_numpy(channels_first(x)))
    y = torch.from_numpy(labels)
    total = loss(scores["predictions"], y)
    total = total + 0.3 * (loss(scores["auxiliary_4a"], y) + loss(scores["auxiliary_4d"], y))
    total.backward()
    seen = 0
    for name, module in twin.named_children():
        parameters = list(module.parameters())
        variables = model.get_layer(name).trainable_variables
        for variable, parameter in zip(variables, parameters, strict=True):
            step = before[variable.path] - convert_to_numpy(variable)
            expected = parameter.grad.numpy()
            error = np.linalg.norm(twins.to_torch(step) - expected) / np.linalg.norm(expected)
            assert error < 1e-5, variable.path
            seen += 1
    assert seen == len(before) == 2 * (2 + 1 + 9 * 6 + 1 + 2 * 3)


def test_dropout_of_the_three_heads(training):
    """40 % and 70 % are dropped, after the average pool and after the 1024 ReLUs."""
    for name, before, rate in [
        ("dropout", "avg_pool", 0.4),
        ("auxiliary_4a_dropout", "auxiliary_4a_fc", 0.7),
        ("auxiliary_4d_dropout", "auxiliary_4d_fc", 0.7),
    ]:
        layer = training.get_layer(name)
        assert layer.input is training.get_layer(before).output
        ones = np.ones((4, 1024), "float32")
        dropped = convert_to_numpy(layer(ones, training=True))
        assert abs((dropped == 0).mean() - rate) < 0.05
        np.testing.assert_allclose(dropped.max(), 1 / (1 - rate), rtol=1e-5)
        np.testing.assert_array_equal(convert_to_numpy(layer(ones)), ones)


def test_each_head_reads_its_module(training):
    """Zero maps of 4d leave the head of 4a as it was, and change the two after it."""
    x = images(training, 1)
    before = {name: convert_to_numpy(y) for name, y in training(x).items()}
    variables = [v for v in training.trainable_variables if "inception_4d" in v.path]
    kept = [convert_to_numpy(v) for v in variables]
    for v in variables:
        v.assign(0 * v)
    after = {name: convert_to_numpy(y) for name, y in training(x).items()}
    for v, value in zip(variables, kept, strict=True):
        v.assign(value)
    np.testing.assert_array_equal(after["auxiliary_4a"], before["auxiliary_4a"])
    assert np.abs(after["auxiliary_4d"] - before["auxiliary_4d"]).max() > 1e-3
    assert np.abs(after["predictions"] - before["predictions"]).max() > 1e-3


def test_loss_weights_and_targets(training):
    assert list(training.output) == list(LOSS_WEIGHTS) == HEADS
    assert LOSS_WEIGHTS == {"predictions": 1.0, "auxiliary_4a": 0.3, "auxiliary_4d": 0.3}
    labels = np.array([3, 1])
    assert all(for_each_head(labels)[name] is labels for name in HEADS)
    x = images(training) / 700  # far from sure, so that no logarithm is clipped
    outputs = {name: convert_to_numpy(y) for name, y in training(x).items()}
    loss = for_each_head("categorical_crossentropy")
    training.compile("sgd", loss, loss_weights=LOSS_WEIGHTS, run_eagerly=True)
    y = to_categorical(labels, 5)
    losses = {name: -np.log((outputs[name] * y).sum(1)).mean() for name in HEADS}
    expected = sum(LOSS_WEIGHTS[name] * losses[name] for name in HEADS)
    loss = training.evaluate(x, for_each_head(y), verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-3)


def test_the_network_that_remains_after_training(training, tmp_path):
    """As the docstring has it; also from a saved model, and through a weights file."""
    x = images(training)
    expected = convert_to_numpy(training(x)["predictions"])
    network = keras.Model(training.input, training.output["predictions"])
    np.testing.assert_array_equal(convert_to_numpy(network(x)), expected)
    assert not any("auxiliary" in layer.name for layer in network.layers)

    network.save_weights(tmp_path / "googlenet.weights.h5")
    plain = GoogLeNet(input_shape=SHAPE, classes=5, weights=tmp_path / "googlenet.weights.h5")
    np.testing.assert_allclose(convert_to_numpy(plain(x)), expected, rtol=1e-6)
    assert [layer.name for layer in plain.layers] == [layer.name for layer in network.layers]

    training.save(tmp_path / "training.keras")
    loaded = keras.saving.load_model(tmp_path / "training.keras")
    loaded = keras.Model(loaded.input, loaded.output["predictions"])
    np.testing.assert_allclose(convert_to_numpy(loaded(x)), expected, rtol=1e-6)


@pytest.mark.slow
def test_learns():
    """Dark from bright images, in all three heads."""
    model = GoogLeNet(auxiliary=True, input_shape=(65, 65, 3), classes=2)
    labels = np.arange(8) % 2
    x = images(model, 8) / 70 + (2 * labels - 1)[:, None, None, None]
    loss = for_each_head("sparse_categorical_crossentropy")
    model.compile(keras.optimizers.Adam(1e-3), loss, loss_weights=LOSS_WEIGHTS)
    history = model.fit(x, for_each_head(labels), epochs=12, verbose=0).history
    for name in HEADS:
        losses = history[f"{name}_loss"]
        assert losses[-1] < 0.5 * losses[0]


def test_places_of_the_normalization():
    """Figure 3: pool, LRN, two convolutions, LRN, pool."""
    model = weightless()
    chain = ["conv1", "pool1", "lrn1", "conv2_reduce", "conv2", "lrn2", "pool2"]
    for before, after in itertools.pairwise(chain):
        assert model.get_layer(after).input is model.get_layer(before).output


def test_smallest_images():
    assert weightless(input_shape=(1, 1, 1)).output_shape == (None, 1000)
    assert weightless(input_shape=(None, None, 3)).output_shape == (None, 1000)
    heads = weightless(auxiliary=True, input_shape=(65, 65, 3))
    assert heads.get_layer("auxiliary_4a_pool").output.shape == (None, 1, 1, 512)
    for shape in [(64, 224, 3), (224, 64, 3), (None, 224, 3)]:
        with pytest.raises(ValueError, match="at least 65x65.*input_shape="):
            GoogLeNet(auxiliary=True, input_shape=shape)
    with pytest.raises(ValueError, match="beside the top's.*include_top=False"):
        GoogLeNet(auxiliary=True, include_top=False)
