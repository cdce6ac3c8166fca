"""Counts against the papers' printed numbers, and against other ways of counting."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from keras_classics import backend, names
from keras_classics.analysis import Row, count
from keras_classics.applications import FullyConnected, LeCun1989, LeNet1, LeNet4, LeNet5, ViT, vit
from keras_classics.layers import (
    ClassToken,
    GroupedConv2D,
    LocallyConnected2D,
    LocalResponseNormalization,
    MapConv2D,
    MultiHeadSelfAttention,
    OverlappingMaxPooling2D,
    PatchEmbedding,
    PositionEmbedding,
    ScaledSubsampling2D,
    TransformerEncoderBlock,
)

numpy = keras.ops.convert_to_numpy


def total(model, number):
    return sum(getattr(row, number) for row in count(model))


def seen(size, step):
    """Receptive field, stride and padding of a row, the same in height and width, unpadded."""
    return (size, size), (step, step), (0, 0)


@pytest.mark.parametrize(
    ("builder", "parameters", "connections"),
    [(LeCun1989, 9_760, 64_660), (LeNet1, 2_578, 98_442), (LeNet5, 60_000, 340_908)],
)
def test_totals_that_the_papers_print(builder, parameters, connections):
    assert total(builder(), "parameters") == parameters
    assert total(builder(), "connections") == connections


def test_lenet5_row_by_row():
    rows = {row.name: row for row in count(LeNet5())}
    assert rows["C1"] == Row("C1", (28, 28, 6), 156, 122_304, 117_600, 150, *seen(5, 1))
    assert rows["S2"] == Row("S2", (14, 14, 6), 12, 5_880, 1_176, 6, *seen(6, 2))
    assert rows["C3"] == Row("C3", (10, 10, 16), 1_516, 151_600, 150_000, 1_500, *seen(14, 2))
    assert rows["S4"] == Row("S4", (5, 5, 16), 32, 2_000, 400, 16, *seen(16, 4))
    assert rows["C5"] == Row("C5", (1, 1, 120), 48_120, 48_120, 48_000, 48_000, *seen(32, 4))
    assert rows["F6"] == Row("F6", (84,), 10_164, 10_164, 10_080, 10_080)
    assert rows["RBF"] == Row("RBF", (10,), 0, 840, 840, 0)
    assert total(LeNet5(), "macs") == 328_096


def test_networks_that_the_papers_compare_with():
    """262,306 connections where about 260,000 are printed; 10,690 as printed."""
    by_hand = 28**2 * 4 * 26 + 14**2 * 8 * 5 + 10**2 * (48 * 25 + 16) + 5**2 * 16 * 5
    assert total(LeNet4(), "connections") == by_hand + 120 * 401 + 10 * 121 == 262_306
    baseline = FullyConnected("40", input_shape=(16, 16, 1))
    assert total(baseline, "connections") == 10_690


def test_lecun1989_splits_kernels_and_unit_biases():
    rows = {row.name: row for row in count(LeCun1989())}
    assert (rows["H1_kernels"].parameters, rows["H1"].parameters) == (300, 768)
    assert rows["H1_kernels"].connections + rows["H1"].connections == 19_968
    assert total(LeCun1989(), "macs") == 63_660


@pytest.mark.parametrize(
    "layer",
    [
        MapConv2D(2, (2, 3), [[0, 2, 3], [1]], strides=2),
        GroupedConv2D(6, (2, 3), groups=2, strides=2),
        LocallyConnected2D(3, (2, 3)),
        layers.Conv2D(3, (2, 3), strides=2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_connections_are_what_the_output_depends_on(layer):
    """The nonzero entries of the layers' Jacobians, plus a bias for each unit."""
    model = keras.Sequential([keras.Input((6, 9, 4)), layer])
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(1, 2, weight.shape) for weight in model.get_weights()])
    zero = numpy(model(np.zeros((1, 6, 9, 4))))
    units = np.eye(6 * 9 * 4).reshape(-1, 6, 9, 4)
    moved = np.abs(numpy(model(units)) - zero) > 1e-6
    assert count(model)[0].macs == moved.sum()
    assert count(model)[0].connections == moved.sum() + zero.size


def test_free_layers():
    """They have no multiply-adds; `LocalResponseNormalization.bias` is no weight."""
    image = keras.Input((7, 9, 4))
    x = LocalResponseNormalization(name="lrn")(image)
    x = OverlappingMaxPooling2D(name="pool")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Add(name="add")([x, x])
    x = layers.Concatenate(name="join")([x, x])
    assert count(keras.Model(image, x)) == [
        Row("lrn", (7, 9, 4), 0, 0, 0, 0, *seen(1, 1)),
        Row("pool", (3, 4, 4), 0, 0, 0, 0, *seen(3, 2)),
        Row("norm", (3, 4, 4), 8, 0, 0, 8, *seen(3, 2)),
        Row("add", (3, 4, 4), 0, 0, 0, 0, *seen(3, 2)),
        Row("join", (3, 4, 8), 0, 0, 0, 0, *seen(3, 2)),
    ]


def test_subsampling_counts_each_input_of_a_window():
    model = keras.Sequential([keras.Input((7, 9, 5)), ScaledSubsampling2D((2, 3), name="S")])
    assert count(model) == [
        Row("S", (3, 3, 5), 10, 3 * 3 * 5 * 7, 3 * 3 * 5, 5, (2, 3), (2, 3), (0, 0))
    ]


def test_a_usual_keras_network():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3),
        ]
    )
    rows = count(model)
    assert [row.macs for row in rows] == [64 * 4 * 18, 0, 0, 0, 192]
    assert [row.connections for row in rows] == [64 * 4 * 18, 0, 0, 0, 195]
    assert sum(row.parameters for row in rows) == model.count_params()


# At 224 pixels, the products of attention included; torchvision's agree where it has them.
VITS = {
    "Ti/16": (5_717_416, 1_253_683_200),
    "S/16": (22_050_664, 4_598_882_304),
    "S/32": (22_878_952, 1_142_909_952),
    "B/16": (86_567_656, 17_563_828_224),
    "B/32": (88_224_232, 4_409_186_304),
    "L/16": (304_326_632, 61_554_712_576),
    "L/32": (306_535_400, 15_377_539_072),
    "H/14": (632_045_800, 167_295_109_120),
}


@pytest.mark.parametrize("variant", VITS)
def test_transformers(light_reports, variant):
    last = light_reports[2][names.find(f"ViT-{variant}").name].splitlines()[-1].split()
    numbers = [int(cell.replace(",", "")) for cell in last if re.fullmatch(r"\d+(,\d+)+", cell)]
    assert tuple(numbers) == VITS[variant]


def test_the_layers_of_a_transformer():
    """Connections are the multiply-adds, the biases, and what is added of a weight."""
    image = keras.Input((8, 12, 2))
    x = PatchEmbedding(6, 4, name="patches")(image)
    x = ClassToken(name="token")(x)
    x = PositionEmbedding(name="positions")(x)
    x = MultiHeadSelfAttention(3, name="attention")(x)
    x = MultiHeadSelfAttention(3, relative=True, name="relative")(x)
    x = TransformerEncoderBlock(2, 10, name="block")(x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x[:, 1:])
    rows = {row.name: row for row in count(keras.Model(image, x))}
    macs = 7 * 4 * 6 * 6 + 2 * 7 * 7 * 6  # of attention: four matrices, and two products
    weights = 4 * 36
    assert rows.pop("attention") == Row("attention", (7, 6), 168, macs + 7 * 24, macs, weights)
    third, distances = 7 * 7 * 6, 13 * 6  # one product more, and a vector for each distance
    assert rows.pop("relative") == Row(
        *("relative", (7, 6), 168 + distances),
        *(macs + third + 7 * 24, macs + third, weights + distances),
    )
    mlp, norms = 2 * 6 * 10, 4 * 6
    macs, biases = macs + 7 * mlp, 24 + 16
    assert rows.pop("block") == Row(
        *("block", (7, 6), weights + mlp + norms + biases),
        *(macs + 7 * biases, macs, weights + mlp + norms),
    )
    assert list(rows.values()) == [
        Row("patches", (6, 6), 198, 6 * 6 * 33, 6 * 6 * 32, 192, *seen(4, 4)),
        Row("token", (7, 6), 6, 6, 0, 6, *seen(4, 4)),
        Row("positions", (7, 6), 42, 42, 0, 42, *seen(4, 4)),
        Row("norm", (7, 6), 12, 0, 0, 12),
        Row("mean", (6,), 0, 0, 0, 0),
    ]


def test_a_shared_layer_counts_each_time():
    """But for its parameters: position embeddings before each of six layers."""
    shape = {"input_shape": (8, 12, 3), "classes": 3}
    own, shared = (ViT("Mini/4", positions_at=at, **shape) for at in ("every_layer", "shared"))
    assert total(shared, "connections") == total(own, "connections")
    assert total(shared, "parameters") == total(own, "parameters") - 5 * 7 * 128
    image = keras.Input((6, 5, 1))
    convolution = layers.Conv2D(1, 2, name="twice")
    (row,) = count(keras.Model(image, convolution(convolution(image))))
    assert (row.output_shape, row.macs, row.parameters) == ((5, 4, 1), 4 * (5 * 4 + 4 * 3), 5)


def test_a_hybrid_of_convolutions_and_attention():
    model = backend.without_values(ViT, "R50+B/16", pooling="avg")
    assert total(model, "parameters") == model.count_params() == 98_659_112 - 2 * 768


def test_frozen_weights_do_not_count():
    model = LeNet5()
    model.get_layer("C1").trainable = False
    assert total(model, "parameters") == 60_000 - 156


def test_refuses_what_it_cannot_count():
    attention = keras.Sequential([keras.Input((4, 4)), layers.LSTM(3, name="memory")])
    with pytest.raises(ValueError, match="'memory' of class LSTM are not known"):
        count(attention)
    with pytest.raises(ValueError, match="known input shape"):
        count(keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(2, 3)]))


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.usefixtures("quick_to_quantize")
def test_quantized_kernels_count_as_before(mode, monkeypatch):
    monkeypatch.setitem(vit.SIZES, "Mini", (24, 2, 40, 3))
    model = ViT("Mini/8", input_shape=(16, 16, 3), classes=3)
    before = count(model)
    model.quantize(mode)
    assert count(model) == before
