"""ViT against its paper, its release, the peers, and a twin in PyTorch, in training too."""

import functools
import importlib
import math
import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_classics import applications, backend, weights
from keras_classics.activations import gelu_tanh
from keras_classics.applications import ViT, vit
from keras_classics.applications.vit import fine_tune
from keras_classics.layers import (
    MultiHeadSelfAttention,
    StandardizedConv2D,
    TransformerEncoderBlock,
    resize_positions,
)

numpy = ops.convert_to_numpy
slow = pytest.mark.slow

# Parameters with 1000 classes at 224 pixels, and at those of fine-tuning. Table 1 prints
# them in millions.
PARAMETERS = {
    "Ti/16": (5_717_416, 384, 5_790_376),
    "S/16": (22_050_664, 384, 22_196_584),
    "S/32": (22_878_952, 384, 22_915_432),
    "B/16": (86_567_656, 384, 86_859_496),
    "B/32": (88_224_232, 384, 88_297_192),
    "L/16": (304_326_632, 384, 304_715_752),
    "L/32": (306_535_400, 384, 306_632_680),
    "H/14": (632_045_800, 518, 633_470_440),
    "R50+B/16": (98_659_112, 384, 98_950_952),
}
NAMED = {name.replace("/", ""): name for name in PARAMETERS if "+" not in name}


def shapes_only(builder, *arguments, **more):
    with keras.StatelessScope(initialize_variables=False):
        return builder(*arguments, **more)


def parameters(model):
    return sum(math.prod(weight.shape) for weight in model.weights)


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def lively(model):
    """Weights at which every layer shows in the output."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        values = rng.standard_normal(weight.shape)
        if weight.name == "kernel":
            weight.assign(values / math.sqrt(math.prod(weight.shape[:-1])))
        elif weight.name == "gamma":
            weight.assign(1 + 0.3 * values)
        else:
            weight.assign(0.3 * values)
    return model


@pytest.fixture
def small(monkeypatch):
    """Ti with a few units and layers, and the hybrids' ResNet with few blocks."""
    monkeypatch.setitem(vit.SIZES, "Ti", (24, 3, 40, 3))
    monkeypatch.setitem(vit.RESNETS, "R50", {16: (2, 1, 1), 32: (1, 1, 1, 1)})
    return {"input_shape": (32, 80, 3), "classes": 5, "classifier_activation": None}


def close(actual, expected, tolerance, what=""):
    """Whether two arrays are equal up to a share of their size."""
    assert actual.shape == expected.shape, what
    assert np.linalg.norm(expected) > 1e-5 * math.sqrt(expected.size), what
    error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
    assert error < tolerance, (what, error)


def peer(name):
    """Another library; torchvision is not importable beside every build of PyTorch."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError):
        return pytest.skip(f"needs {name}, to compare with")


def test_sizes():
    """Table 1 as printed, and the two smaller ones of Touvron et al. and Steiner et al."""
    printed = """
        H   32  1280  5120  16
        L   24  1024  4096  16
        B   12   768  3072  12
        S   12   384  1536   6
        Ti  12   192   768   3
    """
    for name, *row in map(str.split, printed.split("\n")[1:-1]):
        depth, d, mlp_dim, heads = map(int, row)
        assert vit.SIZES[name] == (d, depth, mlp_dim, heads)


def test_table_1():
    for variant, (at_224, side, at_side) in PARAMETERS.items():
        assert parameters(shapes_only(ViT, variant)) == at_224
        assert parameters(shapes_only(ViT, variant, input_shape=(side, side, 3))) == at_side


def test_table_1_without_and_with_other_heads():
    for variant, expected in [
        ("B/16", 85_798_656),
        ("B/32", 87_455_232),
        ("L/16", 303_301_632),
        ("L/32", 305_510_400),
        ("H/14", 630_764_800),
    ]:
        assert parameters(shapes_only(ViT, variant, include_top=False)) == expected
    model = shapes_only(ViT, "B/16", classes=21_843)
    assert parameters(model) == 102_595_923
    model = shapes_only(ViT, "B/16", classes=21_843, representation_size=768)
    assert parameters(model) == 103_186_515
    assert model.get_layer("pre_logits").output.shape == (None, 768)


def test_parameters_of_the_hybrids_of_steiner():
    """By hand: the root, bottlenecks of three convolutions and a shortcut a stage, the encoder."""
    for variant, d, mlp_dim, blocks, patch, expected in [
        ("R26+S/32", 384, 1536, 2, 1, 36_431_912),
        ("R+Ti/16", 192, 768, 0, 8, 6_337_704),
    ]:
        by_hand, maps = 7 * 7 * 3 * 64 + 2 * 64, 64
        for stage in range(4 if blocks else 0):
            width, out = 64 * 2**stage, 256 * 2**stage
            by_hand += maps * out + 2 * out  # the shortcut
            for _ in range(blocks):
                by_hand += maps * width + 9 * width * width + width * out
                by_hand += 2 * (2 * width + out)
                maps = out
        by_hand += patch * patch * maps * d + d + d + 50 * d
        by_hand += 12 * (4 * (d * d + d) + 2 * d * mlp_dim + mlp_dim + d + 4 * d)
        by_hand += 2 * d + 1000 * (d + 1)
        assert parameters(shapes_only(ViT, variant)) == by_hand == expected


def test_positions():
    """Table 8: none leave a bag of patches, whatever their order; 2-D by its parameters."""
    shape = {"input_shape": (12, 8, 3), "classes": 3, "classifier_activation": None}
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 12, 8, 3)).astype("float32")
    tiles = image.reshape(1, 3, 4, 2, 4, 3)[:, ::-1]  # the rows of patches the other way round
    turned = np.ascontiguousarray(tiles).reshape(1, 12, 8, 3)
    for positions, count, same in [
        (None, 0, True),
        ("1d", (1 + 3 * 2) * 128, False),
        ("2d", 128 + (3 + 2) * 64, False),
        ("relative", 6 * (2 * 7 - 1) * 128, False),  # in each layer, a vector for each distance
    ]:
        model = ViT("Mini/4", positions=positions, **shape)
        bare = shapes_only(ViT, "Mini/4", positions=None, **shape)
        assert parameters(model) - parameters(bare) == count
        model.layers[-1].set_weights([rng.normal(size=(128, 3)), np.zeros(3)])
        scores, others = (keras.ops.convert_to_numpy(model(x)) for x in (image, turned))
        assert np.allclose(scores, others, rtol=1e-4, atol=1e-4) is same
        if positions == "relative":
            with pytest.raises(ValueError, match=r"grid of 3x2 patches.*input_shape=\(20, 8, 3\)"):
                vit.fine_tune(model, classes=3, input_shape=(20, 8, 3))
            tuned = vit.fine_tune(model, classes=3, input_shape=(12, 8, 3))
            close(outputs(body_of(tuned), image), outputs(body_of(model), image), 1e-6)
            continue
        tuned = vit.fine_tune(model, classes=3, input_shape=(20, 8, 3))
        tuned.layers[-1].set_weights(model.layers[-1].get_weights())
        assert tuned.get_layer("patch_embedding").grid == (5, 2)
        if positions == "2d":
            x, y = tuned.get_layer("position_embedding_2d").get_weights()[1:]
            old = model.get_layer("position_embedding_2d").get_weights()[1:]
            np.testing.assert_allclose(x, old[0])
            np.testing.assert_allclose(y[::2], old[1], rtol=1e-6)
    with pytest.raises(ValueError, match='`positions` must be None, "1d", "2d" or "relative"'):
        ViT("Mini/4", positions="3d")


@pytest.mark.parametrize("positions", ["1d", "2d"])
@pytest.mark.parametrize("at", vit.PLACES)
def test_where_positions_are_added(at, positions, small, tmp_path):
    """Table 8, against a loop over the layers; and at another resolution."""
    model = lively(ViT("Ti/16", positions=positions, positions_at=at, **small))
    x, layer, grid = images(2, *small["input_shape"]), model.get_layer, (2, 5)

    def embedding(i):
        name = "position_embedding" if positions == "1d" else "position_embedding_2d"
        name = {"stem": name, "shared": f"shared_{name}", "every_layer": f"{name}_{i}"}[at]
        weights = layer(name).get_weights()
        if positions == "1d":
            return weights[0]
        token, across, down = weights
        pairs = [np.concatenate([across[c], down[r]]) for r, c in np.ndindex(*grid)]
        return np.concatenate([token, pairs])

    z = layer("class_token")(layer("patch_embedding")(x))
    for i in (1, 2, 3):
        if i == 1 or at != "stem":
            z = z + ops.convert_to_tensor(embedding(i))
        z = layer(f"encoder_block_{i}")(z)
    z = layer("predictions")(layer("encoder_norm")(z[:, 0]))
    close(outputs(model, x), numpy(z), 1e-5)
    each = 11 * 24 if positions == "1d" else 24 + 7 * 12
    bare = parameters(shapes_only(ViT, "Ti/16", positions=None, **small))
    assert parameters(model) == bare + each * (3 if at == "every_layer" else 1)

    tuned = fine_tune(model, classes=5, input_shape=(64, 80, 3))
    for new, old in zip(tuned.layers, model.layers, strict=True):
        if "position_embedding" in new.name:
            (of_1d, *of_2d), grid = old.get_weights(), (4, 5)
            expected = old.resize(grid) if of_2d else [resize_positions(of_1d, grid, (2, 5))]
            for one, other in zip(new.get_weights(), expected, strict=True):
                np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": "relative"},
        {"positions": "2d"},
        {"positions_at": "every_layer"},
        {"positions_at": "shared"},
    ],
)
def test_positions_that_no_library_has(changes, small, tmp_path):
    """They are in no file of another one, and in ours: of shared ones, names and shapes agree."""
    model = lively(ViT("Ti/16", activation="gelu", **changes, **small))
    with pytest.raises(ValueError, match="a library with this network: there is none"):
        weights.save(model, tmp_path / "timm.npz", convention="timm")
    weights.save(ViT("Ti/16", activation="gelu", **small), tmp_path / "1d.npz", convention="timm")
    with pytest.raises(ValueError, match=r"1d\.npz"):
        ViT("Ti/16", activation="gelu", weights=tmp_path / "1d.npz", **changes, **small)
    model.save_weights(tmp_path / "our.weights.h5")
    changes = {**changes, "weights": tmp_path / "our.weights.h5"}
    loaded, x = ViT("Ti/16", activation="gelu", **changes, **small), images(2, 32, 80, 3)
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))


@pytest.mark.parametrize("positions", [None, "relative"])
def test_only_what_is_added_has_a_place(positions, small):
    with pytest.raises(ValueError, match=f"leave it .*positions_at='shared', .*={positions!r}"):
        ViT("Ti/16", positions=positions, positions_at="shared", **small)


def by_hand(image, patch, cells):
    """Colours of the cells of each patch, one pixel and one channel at a time."""
    side, found = patch // cells, []
    for row, column in np.ndindex(image.shape[0] // patch, image.shape[1] // patch):
        for down, across in np.ndindex(cells, cells):
            top, left = row * patch + down * side, column * patch + across * side
            steps = []
            for channel in range(3):
                total = sum(image[top + i, left + j, channel] for i, j in np.ndindex(side, side))
                steps.append(min(int((total / side**2 + 1) / 2 * 8), 7))
            found.append(64 * steps[0] + 8 * steps[1] + steps[2])
    return found


def test_colors_of_patches():
    """In eight steps from -1 to 1; not square, and of patches that differ."""
    x = images(2, 16, 24, 3) * np.linspace(0.1, 1, 24, dtype="float32")[:, None]
    x[:, :8, :8] = (1, -1, 0.99)  # the ends
    for target, cells in [("color", 1), ("4x4", 4)]:
        found = numpy(vit.patch_targets(x, 8, target))
        assert found.dtype == "int32"
        np.testing.assert_array_equal(found, [by_hand(image, 8, cells) for image in x])
        assert set(found[:, : cells**2].ravel()) == {7 * 64 + 0 * 8 + 7}
        assert len(set(found.ravel())) > 4
    embedding = applications.vit.PatchEmbedding(192, 8)
    embedding.build(x.shape)
    embedding.set_weights([np.eye(192).reshape(8, 8, 3, 192), np.zeros(192)])
    np.testing.assert_allclose(
        numpy(vit.patch_targets(x, 8, "pixels")), numpy(embedding(x)), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("target", "more"),
    [("color", {}), ("4x4", {"pooling": "avg"}), ("pixels", {"include_top": False})],
)
def test_masked_patches_alone_count(target, more, small, tmp_path):
    """Appendix B.1.2: the loss and the accuracy, from the layers and draws of one seed."""
    model, x = lively(ViT("Ti/16", **{**small, **more})), images(3, *small["input_shape"])
    masked = lively(vit.masked(model, target=target, rate=0.4, seed=5))
    y = numpy(vit.patch_targets(x, 16, target))
    is_color = target != "pixels"
    loss = "sparse_categorical_crossentropy" if is_color else "mse"
    metrics = ["accuracy"] if is_color else ["mse"]
    masked.compile(keras.optimizers.SGD(0.1), loss, metrics=metrics, run_eagerly=True)
    found = masked.evaluate(x, y, verbose=0)

    corruption = applications.vit.PatchCorruption(0.4, seed=5)
    z = model.get_layer("patch_embedding")(x)
    corruption.build(z.shape)
    corruption.mask.assign(masked.get_layer("patch_corruption").mask)
    z, corrupted = corruption(z, always=True, return_corrupted=True)
    if more.get("pooling") != "avg":
        z = model.get_layer("class_token")(z)
    z = model.get_layer("position_embedding")(z)
    for i in (1, 2, 3):
        z = model.get_layer(f"encoder_block_{i}")(z)
    z = model.get_layer("encoder_norm")(z[:, -10:])
    kernel, bias = masked.get_layer("predictions").get_weights()
    z, corrupted = numpy(z) @ kernel + bias, numpy(corrupted)
    if target == "pixels":
        errors, hits = ((z - y) ** 2).mean(-1), ((z - y) ** 2).mean(-1)
    else:
        z, y_of = z.reshape(3, 10, -1, 512), y.reshape(3, 10, -1)
        z -= np.log(np.exp(z).sum(-1, keepdims=True))
        errors = -np.take_along_axis(z, y_of[..., None], -1)[..., 0].mean(-1)
        hits = (z.argmax(-1) == y_of).mean(-1)
    np.testing.assert_allclose(found[0], errors[corrupted].mean(), rtol=1e-5)
    np.testing.assert_allclose(found[1], hits[corrupted].mean(), rtol=1e-4, atol=1e-6)
    assert abs(found[0] / errors.mean() - 1) > 3e-5  # all patches have another loss

    before = {v.path: numpy(v) for v in model.trainable_variables}
    masked.fit(x, y, verbose=0)
    moved = {v.path for v in model.trainable_variables if (numpy(v) != before[v.path]).any()}
    left = {v.path for v in model.trainable_variables} - moved
    assert left == {path for path in before if path.startswith("predictions")}
    masked.save(tmp_path / "masked.keras")
    loaded = keras.saving.load_model(tmp_path / "masked.keras", safe_mode=True)
    assert loaded.output.shape == masked.output.shape
    assert np.isfinite(loaded.evaluate(x, y, verbose=0)).all()


def test_what_masked_learns_is_fine_tuned(small):
    """It begins as a guess among 512 colours, and its encoder goes on as it is."""
    model, x = ViT("Ti/16", positions_at="shared", **small), images(8, *small["input_shape"])
    masked = vit.masked(model, seed=0)
    assert masked.name == "vit_ti16_masked"
    y = vit.patch_targets(x, 16)
    loss = "sparse_categorical_crossentropy"
    masked.compile(keras.optimizers.Adam(3e-3), loss, run_eagerly=True)
    np.testing.assert_allclose(masked.evaluate(x, y, verbose=0), math.log(512), rtol=1e-5)
    masked.fit(x, y, epochs=2, verbose=0)
    tuned = fine_tune(model, classes=4, input_shape=small["input_shape"])
    close(outputs(body_of(tuned), x), outputs(body_of(model), x), 1e-6)
    assert not any("corruption" in layer.name for layer in [*model.layers, *tuned.layers])


def test_masked_refusals(small):
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")])
    with pytest.raises(ValueError, match="must be a ViT.*'sequential.*' with the layers dense"):
        vit.masked(dense)
    grey = {**small, "input_shape": (32, 80, 1)}
    with pytest.raises(ValueError, match="three channels.*patches of 16x16x1"):
        vit.masked(ViT("Ti/16", **grey))
    with pytest.raises(ValueError, match="divisible by 4.*patches of 2x2x3"):
        vit.patch_targets(images(1, 8, 8, 3), 2, "4x4")
    with pytest.raises(ValueError, match=r"`images` must be.*patch of 3 pixels.*\(1, 8, 8, 3\)"):
        vit.patch_targets(images(1, 8, 8, 3), 3)
    for pixels in (np.full((1, 8, 8, 3), 200.0), np.full((1, 8, 8, 3), np.nan)):
        with pytest.raises(ValueError, match="from -1 to 1.* Received: numbers from"):
            vit.patch_targets(pixels, 4)
    with pytest.raises(ValueError, match="from -1 to 1.* Received: images of type uint8"):
        vit.patch_targets(np.zeros((1, 8, 8, 3), "uint8"), 4)
    assert vit.masked(ViT("Ti/16", **grey), target="pixels").output.shape == (None, 10, 256)


def test_nodes():
    """The rows of Table 1 and of figure 1, one block a layer."""
    for variant, side, positions in [
        ("B/16", 224, 197),
        ("B/32", 224, 50),
        ("H/14", 224, 257),
        ("B/16", 384, 577),
        ("B/32", 384, 145),
        ("H/14", 518, 1370),
        ("L/16", 512, 1025),
        ("R50+B/16", 224, 197),
        ("R50+B/32", 224, 50),
        ("R26+S/32", 224, 50),
        ("R+Ti/16", 224, 50),
    ]:
        d, depth, mlp_dim, heads = vit.SIZES[re.sub(r".*\+|/.*", "", variant)]
        model = shapes_only(ViT, variant, input_shape=(side, side, 3))
        shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
        assert shapes["image"] == (side, side, 3)
        assert shapes["patch_embedding"] == (positions - 1, d)
        for name in ("class_token", "position_embedding", "dropout"):
            assert shapes[name] == (positions, d)
        blocks = [layer for layer in model.layers if isinstance(layer, TransformerEncoderBlock)]
        assert [block.name for block in blocks] == [f"encoder_block_{i + 1}" for i in range(depth)]
        assert {(block.num_heads, block.mlp_dim) for block in blocks} == {(heads, mlp_dim)}
        assert {shapes[block.name] for block in blocks} == {(positions, d)}
        assert shapes["encoder_norm"] == (d,)
        assert shapes["predictions"] == (1000,)
        assert model.name == "vit_" + variant.lower().replace("+", "_").replace("/", "")


@pytest.mark.parametrize(
    ("variant", "counts"),
    [
        ("R50+B/16", (3, 4, 9)),
        ("R50+B/32", (3, 4, 6, 3)),
        ("R26+S/32", (2, 2, 2, 2)),
        ("R+Ti/16", ()),
    ],
)
def test_the_hybrids_resnet(variant, counts):
    """Section 4.1: for /16 stage 4 is taken away, and its blocks put into stage 3."""
    model = shapes_only(ViT, variant)
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["conv_root_relu"] == (112, 112, 64)
    assert shapes["pool_root"] == (56, 56, 64)
    for i, count in enumerate(counts):
        assert shapes[f"conv{i + 2}_x"] == (56 // 2**i, 56 // 2**i, 256 * 2**i)
        assert sum(re.fullmatch(rf"conv{i + 2}_\d+", name) is not None for name in shapes) == count
    convolutions = [layer for layer in model.layers if isinstance(layer, StandardizedConv2D)]
    assert len(convolutions) == 1 + 3 * sum(counts) + len(counts)
    strided = [layer.name for layer in convolutions if layer.strides == (2, 2)]
    ends = [f"conv{i}_1_{part}" for i in (3, 4, 5) for part in ("conv2", "shortcut")]
    assert strided == ["conv_root", *ends[: max(2 * len(counts) - 2, 0)]]
    resnet = [w for layer in model.layers for w in layer.weights if layer.name.startswith("conv")]
    if variant == "R50+B/16":
        assert sum(math.prod(w.shape) for w in resnet) == 11_894_848


@pytest.mark.parametrize("name", NAMED)
def test_names_that_people_type(name, monkeypatch):
    """Each passes every argument on; with two blocks, to be quick."""
    for size, (d, _, mlp_dim, heads) in vit.SIZES.items():
        monkeypatch.setitem(vit.SIZES, size, (d, 2, mlp_dim, heads))
    builder = getattr(applications, f"ViT{name}")
    model = shapes_only(builder)
    assert parameters(model) == parameters(shapes_only(ViT, NAMED[name]))
    assert model.name == f"vit_{name.lower()}"
    side = 2 * int(NAMED[name].partition("/")[2])
    arguments = {
        "dropout": 0.2,
        "stochastic_depth": 0.3,
        "activation": "gelu",
        "epsilon": 1e-3,
        "representation_size": 5,
        "input_shape": (side, 2 * side, 4),
        "pooling": "avg",
        "classes": 3,
        "classifier_activation": "sigmoid",
        "name": "mine",
    }
    for more in ({}, {"include_top": False}):
        mine = shapes_only(builder, **arguments, **more)
        assert mine.to_json() == shapes_only(ViT, NAMED[name], **arguments, **more).to_json()
    with pytest.raises((ValueError, OSError), match=r"missing\.weights\.h5"):
        builder(input_shape=(side, side, 3), include_top=False, weights="missing.weights.h5")


def test_activation(small):
    """By its name or itself; the file of a model has the name."""
    for given in ("gelu_tanh", gelu_tanh):
        model = shapes_only(ViT, "Ti/16", activation=given, **small)
        block = model.get_layer("encoder_block_1")
        assert block.activation is gelu_tanh
        assert block.get_config()["activation"] == "gelu_tanh"
        default = shapes_only(ViT, "Ti/16", **small).get_layer("encoder_block_1")
        assert block.get_config() == default.get_config()
    exact = shapes_only(ViT, "Ti/16", activation="gelu", **small).get_layer("encoder_block_1")
    assert exact.activation is keras.activations.gelu
    with pytest.raises(ValueError, match="gelu_tan"):
        ViT("Ti/16", activation="gelu_tan", **small)


def test_epsilon(small):
    """It is that of all layer normalizations."""
    model = shapes_only(ViT, "Ti/16", epsilon=1e-3, **small)
    norms = [
        la for la in model._flatten_layers() if isinstance(la, keras.layers.LayerNormalization)
    ]
    assert len(norms) == 1 + 2 * vit.SIZES["Ti"][1]
    assert {layer.epsilon for layer in norms} == {1e-3}


def test_weights_start_as_in_the_release():
    """Layers inside of a block have tests of their own."""
    model = ViT("Ti/16", input_shape=(64, 96, 3), representation_size=32)
    start = {weight.path: numpy(weight) for weight in model.weights}
    for name in ("predictions/kernel", "predictions/bias", "class_token/token", "pre_logits/bias"):
        assert not start[name].any()
    np.testing.assert_allclose(start["position_embedding/embeddings"].std(), 0.02, rtol=0.05)
    np.testing.assert_allclose(start["patch_embedding/kernel"].std(), 768**-0.5, rtol=0.02)
    qkv = start["encoder_block_5/attention/qkv/kernel"]
    for matrix in (*np.split(qkv, 3, axis=1), start["encoder_block_5/attention/out/kernel"]):
        assert 0.99 * (6 / 384) ** 0.5 < np.abs(matrix).max() <= (6 / 384) ** 0.5
    np.testing.assert_allclose(start["encoder_block_5/mlp2/bias"].std(), 1e-6, rtol=0.3)
    x = images(2, 64, 96, 3)
    np.testing.assert_allclose(numpy(model(x)), 1 / 1000, rtol=1e-5)


def test_a_hybrid_starts_as_in_the_release(small):
    model = ViT("R50+Ti/16", **small)
    for layer in model.layers:
        if layer.name.endswith("_gn"):
            gamma, beta = layer.get_weights()
            assert np.unique(gamma) == [0 if "conv3_gn" in layer.name else 1]
            assert not beta.any()
            assert layer.epsilon == 1e-6
    kernel = model.get_layer("conv_root").get_weights()[0]
    np.testing.assert_allclose(kernel.std(), (7 * 7 * 3) ** -0.5, rtol=0.03)


def step(model, x, uneven):
    """Scores in training mode, and gradients along the weights, by path."""
    state = [v.value for v in model.non_trainable_variables]

    def run(weights):
        return model.stateless_call(weights, state, x, training=True)[0]

    weights = [numpy(v) for v in model.trainable_variables]
    gradients = backend.gradient(lambda weights: ops.sum(run(weights) * uneven), weights)
    scores = run([ops.convert_to_tensor(w) for w in weights])
    paths = [v.path for v in model.trainable_variables]
    return numpy(scores), dict(zip(paths, map(numpy, gradients), strict=True))


def agree(model, twin, pairs, shape, tolerance):
    """Scores in inference and in training, and gradients along all weights, as in PyTorch.

    `pairs` are a parameter of the twin and the path of ours, in the twin's layout after `to`.
    """
    import torch

    layout = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}

    def to(array, path, parameter):
        if not path.endswith(("token", "embeddings")):
            array = array.transpose(layout[array.ndim])
        return array.reshape(parameter.shape).copy()

    values = {v.path: numpy(v) for v in model.trainable_variables}
    assert sorted(path for _, path in pairs) == sorted(values)
    assert len(pairs) == len(list(twin.parameters()))
    with torch.no_grad():
        for parameter, path in pairs:
            parameter.copy_(torch.from_numpy(to(values[path], path, parameter)))
    x = images(4, *shape)
    maps = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        expected = twin.eval()(maps).numpy()
    assert np.abs(expected[0] - expected[1]).max() > 0.01 * np.abs(expected).max()
    close(numpy(model(x)), expected, tolerance)

    uneven = np.random.default_rng(2).normal(size=expected.shape).astype("float32")
    scores, gradients = step(model, x, uneven)
    their_scores = twin.train()(maps)
    (their_scores * torch.from_numpy(uneven)).sum().backward()
    close(scores, their_scores.detach().numpy(), tolerance)
    for parameter, path in pairs:
        close(to(gradients[path], path, parameter), parameter.grad.numpy(), 20 * tolerance, path)


def by_order(model, twin, order):
    """Ours in the order of another library's: patches, their bias, class token, positions, ..."""
    paths = [v.path for v in model.trainable_variables]
    return list(zip(twin.parameters(), [paths[i] for i in order] + paths[4:], strict=True))


def in_ours(name):
    """What we call a parameter of the twin."""
    name = name.replace(".", "/").replace("in_proj_", "qkv/").replace("out_proj", "out")
    name = re.sub("((?:norm.?|_gn)/)weight$", r"\1gamma", name)
    name = re.sub("((?:norm.?|_gn)/)bias$", r"\1beta", name).replace("weight", "kernel")
    ends = {
        "class_token": "class_token/token",
        "position_embedding": "position_embedding/embeddings",
    }
    return ends.get(name, name)


@pytest.mark.parametrize(
    ("variant", "ours", "theirs"),
    [
        ("Ti/16", {}, {}),
        ("Ti/8", {"pooling": "avg", "representation_size": 7}, {"token": False, "hidden": 7}),
        ("R50+Ti/16", {}, {"blocks": (2, 1, 1)}),
        pytest.param(
            "R50+Ti/32", {"input_shape": (64, 96, 3)}, {"blocks": (1, 1, 1, 1)}, marks=slow
        ),
    ],
    ids=["token", "avg, tanh", "hybrid", "hybrid /32"],
)
def test_values_and_gradients_are_those_of_a_twin(variant, ours, theirs, small, twins):
    model = lively(ViT(variant, **{**small, **ours}))
    height, width, _ = shape = model.input_shape[1:]
    side = int(variant.split("/")[1])
    twin = twins.ViTTwin(
        vit.SIZES["Ti"],
        1 if "+" in variant else side,
        (height // side, width // side),
        classes=5,
        **theirs,
    )
    pairs = [(parameter, in_ours(name)) for name, parameter in twin.named_parameters()]
    agree(model, twin, pairs, shape, 1e-3 if "+" in variant else 1e-5)


@slow
@pytest.mark.parametrize(
    ("size", "shape"),
    [("Ti/16", (224, 224, 3)), ("Ti/16", (96, 160, 3)), ("Mini/16", (384, 384, 3))],
    ids=str,
)
def test_values_and_gradients_are_timms(size, shape):
    peer("torchvision")
    timm = peer("timm.models.vision_transformer")
    arguments = {"input_shape": shape, "classes": 7, "classifier_activation": None}
    model = lively(ViT(size, activation="gelu", **arguments))
    (d, depth, mlp_dim, heads), patch = vit.SIZES[size.split("/")[0]], int(size.split("/")[1])
    twin = timm.VisionTransformer(
        img_size=shape[:2],
        patch_size=patch,
        num_classes=7,
        embed_dim=d,
        depth=depth,
        num_heads=heads,
        mlp_ratio=mlp_dim / d,
    )
    agree(model, twin, by_order(model, twin, (2, 3, 0, 1)), shape, 1e-5)


def in_timm(path):
    """What timm calls a weight of a hybrid."""
    path = re.sub(r"^conv(\d)_(\d+)_conv(\d)_gn", r"STAGES.\1.blocks.\2.norm\3", path)
    path = re.sub(r"^conv(\d)_(\d+)_conv(\d)", r"STAGES.\1.blocks.\2.conv\3", path)
    path = re.sub(r"^conv(\d)_(\d+)_shortcut_gn", r"STAGES.\1.blocks.\2.downsample.norm", path)
    path = re.sub(r"^conv(\d)_(\d+)_shortcut", r"STAGES.\1.blocks.\2.downsample.conv", path)
    path = re.sub(
        r"STAGES\.(\d)\.blocks\.(\d+)",
        lambda m: f"patch_embed.backbone.stages.{int(m[1]) - 2}.blocks.{int(m[2]) - 1}",
        path,
    )
    path = re.sub(r"^encoder_block_(\d+)", lambda m: f"blocks.{int(m[1]) - 1}", path)
    for ours, theirs in {
        "conv_root_gn": "patch_embed.backbone.stem.norm",
        "conv_root": "patch_embed.backbone.stem.conv",
        "class_token/token": "cls_token",
        "position_embedding/embeddings": "pos_embed",
        "patch_embedding": "patch_embed.proj",
        "attention/qkv": "attn.qkv",
        "attention/out": "attn.proj",
        "mlp1": "mlp.fc1",
        "mlp2": "mlp.fc2",
        "encoder_norm": "norm",
        "predictions": "head",
        "/kernel": ".weight",
        "/gamma": ".weight",
        "/beta": ".bias",
        "/": ".",
    }.items():
        path = path.replace(ours, theirs)
    return path


@slow
def test_a_hybrid_is_timms(small):
    """Its epsilons are others: none for the kernels, here, on both sides."""
    peer("torchvision")
    timm, layers = peer("timm.models.vision_transformer"), peer("timm.layers")
    hybrid, resnet = peer("timm.models.vision_transformer_hybrid"), peer("timm.models.resnetv2")
    model = lively(ViT("R50+Ti/16", activation="gelu", **small))
    d, depth, mlp_dim, heads = vit.SIZES["Ti"]
    backbone = resnet.ResNetV2(
        layers=vit.RESNETS["R50"][16],
        num_classes=0,
        global_pool="",
        preact=False,
        stem_type="same",
        conv_layer=functools.partial(layers.StdConv2dSame, eps=1e-12),
    )
    twin = timm.VisionTransformer(
        img_size=small["input_shape"][:2],
        patch_size=1,
        num_classes=5,
        embed_dim=d,
        depth=depth,
        num_heads=heads,
        mlp_ratio=mlp_dim / d,
        embed_layer=functools.partial(hybrid.HybridEmbed, backbone=backbone),
    )
    for module in twin.modules():
        if isinstance(module, layers.GroupNormAct):
            module.eps = 1e-6
    for layer in model.layers:
        if isinstance(layer, StandardizedConv2D):
            layer.epsilon = 0.0
    theirs = dict(twin.named_parameters())
    pairs = [(theirs[in_timm(v.path)], v.path) for v in model.trainable_variables]
    agree(model, twin, pairs, small["input_shape"], 1e-3)


@slow
@pytest.mark.parametrize("hidden", [None, 11])
def test_values_and_gradients_are_torchvisions(hidden):
    torchvision = peer("torchvision")
    model = lively(
        ViT(
            "Mini/8",
            activation="gelu",
            representation_size=hidden,
            input_shape=(40, 40, 3),
            classes=7,
            classifier_activation=None,
        )
    )
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    twin = torchvision.models.VisionTransformer(
        40, 8, depth, heads, d, mlp_dim, num_classes=7, representation_size=hidden
    )
    agree(model, twin, by_order(model, twin, (2, 0, 1, 3)), (40, 40, 3), 1e-5)


@slow
def test_tokens_are_keras_hubs():
    hub = peer("keras_hub")
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    shape = (40, 72, 3)
    theirs = hub.models.ViTBackbone(
        image_shape=shape,
        patch_size=8,
        num_layers=depth,
        num_heads=heads,
        hidden_dim=d,
        mlp_dim=mlp_dim,
        layer_norm_epsilon=1e-6,
    )
    model = lively(ViT("Mini/8", activation="gelu", include_top=False, input_shape=shape))
    values = {v.path: numpy(v) for v in model.weights}
    kernel, bias, token, positions, *rest = values.values()
    arrays = [token, kernel, bias, positions]
    for path, array in list(values.items())[4:]:
        arrays += np.split(array, 3, axis=-1) if "/qkv/" in path else [array]
    # Theirs list the kernel and the bias of the queries, then of the keys, then of the values.
    for i in range(depth):
        at = 4 + 16 * i + 2
        arrays[at : at + 6] = [arrays[at + j] for j in (0, 3, 1, 4, 2, 5)]
    assert len(rest) == 12 * depth + 2
    for weight, array in zip(theirs.weights, arrays, strict=True):
        weight.assign(array.reshape(weight.shape))
    x = images(3, *shape)
    close(numpy(model(x)), numpy(theirs(x)), 1e-5)


def outputs(model, x, training=False):
    return numpy(ops.cast(model(x, training=training), "float32"))


def test_what_represents_an_image(small):
    """With the top and without it: all tokens, the class token, the mean of the patches."""
    x, small = images(3, *small["input_shape"]), {"input_shape": small["input_shape"]}
    tokens = lively(ViT("Ti/16", include_top=False, **small))
    token = ViT("Ti/16", include_top=False, pooling="token", **small)
    token.set_weights(tokens.get_weights())
    assert tokens.output_shape == (None, 1 + 2 * 5, 24)
    np.testing.assert_allclose(outputs(token, x), outputs(tokens, x)[:, 0], rtol=1e-5, atol=1e-6)
    mean = lively(ViT("Ti/16", include_top=False, pooling="avg", **small))
    assert "class_token" not in [layer.name for layer in mean.layers]
    normalized = keras.Model(mean.input, mean.get_layer("encoder_norm").output)
    assert normalized.output_shape == (None, 2 * 5, 24)
    np.testing.assert_allclose(
        outputs(mean, x), outputs(normalized, x).mean(1), rtol=1e-4, atol=1e-6
    )
    for pooling, body in [(None, token), ("token", token), ("avg", mean)]:
        model = lively(ViT("Ti/16", pooling=pooling, classes=6, representation_size=4, **small))
        model.set_weights(body.get_weights() + model.get_weights()[-4:])
        w1, b1, w2, b2 = model.get_weights()[-4:]
        scores = np.tanh(outputs(body, x) @ w1 + b1) @ w2 + b2
        expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        np.testing.assert_allclose(outputs(model, x), expected, rtol=1e-4, atol=1e-6)


def test_dropout_and_stochastic_depth(small):
    """After the positions and in the blocks; the share of skipped images rises to the last."""
    model = lively(ViT("Ti/16", dropout=0.25, stochastic_depth=0.5, **small))
    assert model.get_layer("dropout").rate == 0.25
    blocks = [model.get_layer(f"encoder_block_{i}") for i in (1, 2, 3)]
    assert [block.dropout for block in blocks] == [0.25] * 3
    assert [block.stochastic_depth for block in blocks] == [0, 0.25, 0.5]
    assert [block.attention.dropout for block in blocks] == [0] * 3
    x = images(2, *small["input_shape"])
    embedded = keras.Model(model.input, model.get_layer("dropout").output)
    ratio = outputs(embedded, x, training=True) / outputs(embedded, x)
    assert np.logical_or(ratio == 0, np.isclose(ratio, 4 / 3, rtol=1e-3)).all()
    np.testing.assert_allclose((ratio == 0).mean(), 0.25, atol=0.08)
    plain = lively(ViT("Ti/16", **small))
    np.testing.assert_array_equal(outputs(model, x), outputs(plain, x))
    np.testing.assert_allclose(outputs(plain, x, training=True), outputs(plain, x), rtol=1e-5)


def test_wrong_arguments():
    for variant in ("B16", "B/0", "Q/16", "/16", "+B/16", "R26+B/16", "R50+B/8", 16, None):
        received = re.escape(f"Received: variant={variant!r}")
        with pytest.raises(ValueError, match=f"`variant` must be one of the sizes .*{received}$"):
            ViT(variant)
    for variant, shape in [
        ("B/16", (224, 230, 3)),
        ("B/16", (None, 224, 3)),
        ("H/14", (384, 384, 3)),
    ]:
        patch = variant[2:]
        with pytest.raises(ValueError, match=rf"patch of {patch} pixels. Received: input_shape=\("):
            ViT(variant, input_shape=shape)
    with pytest.raises(ValueError, match="`input_shape` must be"):
        ViT("B/16", input_shape=(224, 224))
    with pytest.raises(ValueError, match='None, "token" or "avg". Received: pooling=\'max\''):
        ViT("B/16", pooling="max")
    assert shapes_only(ViT, "Mini/4", input_shape=(32, 32, 1)).name == "vit_mini4"


def body_of(model):
    names = [layer.name for layer in model.layers]
    last = "avg_pool" if "avg_pool" in names else "encoder_norm"
    return keras.Model(model.input, model.get_layer(last).output)


@pytest.mark.parametrize(
    ("variant", "arguments"),
    [
        ("Ti/16", {"representation_size": 7, "dropout": 0.1, "stochastic_depth": 0.2}),
        ("Ti/8", {"pooling": "avg"}),
        pytest.param("R50+Ti/16", {}, marks=slow),
    ],
    ids=["token, tanh", "avg", "hybrid"],
)
def test_fine_tune(variant, arguments, small):
    model = lively(ViT(variant, **{**small, **arguments}))
    x, before = images(2, *small["input_shape"]), model.get_weights()

    same = fine_tune(model, classes=4, input_shape=small["input_shape"])
    assert same.name == model.name
    np.testing.assert_array_equal(outputs(body_of(same), x), outputs(body_of(model), x))
    np.testing.assert_allclose(outputs(same, x), 0.25, rtol=1e-6)  # the head is 0

    shape = (48, 32, 3)
    tuned = fine_tune(model, classes=4, input_shape=shape, classifier_activation=None, name="cats")
    assert (tuned.name, tuned.input_shape, tuned.output_shape) == (
        "cats",
        (None, *shape),
        (None, 4),
    )
    other = fine_tune(model, classes=4, dropout=0.3, stochastic_depth=0.4, input_shape=shape)
    assert "pre_logits" not in [layer.name for layer in tuned.layers]
    old = {v.path: numpy(v) for v in model.trainable_variables}
    side = int(variant[-2:].strip("/"))
    for v in tuned.trainable_variables:
        if v.path.startswith("predictions"):
            assert not numpy(v).any()
        elif v.path.startswith("position_embedding"):
            grids = [(s[0] // side, s[1] // side) for s in (shape, small["input_shape"])]
            np.testing.assert_array_equal(numpy(v), resize_positions(old[v.path], *grids))
        else:
            np.testing.assert_array_equal(numpy(v), old[v.path])
    assert len(tuned.trainable_variables) == len(old) - 2 * ("representation_size" in arguments)
    for net, dropout, depth in ((tuned, 0.0, 0.0), (other, 0.3, 0.4)):
        blocks = [layer for layer in net.layers if isinstance(layer, TransformerEncoderBlock)]
        assert net.get_layer("dropout").rate == dropout
        assert {block.dropout for block in blocks} == {dropout}
        rates = [block.stochastic_depth for block in blocks]
        np.testing.assert_allclose(rates, np.linspace(0, depth, len(blocks)))
        assert blocks[0].mlp_dim == model.get_layer("encoder_block_1").mlp_dim

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    tuned.compile("sgd", loss, run_eagerly="+" in variant)
    tuned.fit(images(4, *shape), np.arange(4), verbose=0)
    assert numpy(tuned.get_layer("predictions").kernel).any()
    assert np.isfinite(outputs(tuned, images(2, *shape))).all()
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    again = fine_tune(tuned, classes=3, input_shape=shape)
    np.testing.assert_array_equal(
        outputs(body_of(again), images(2, *shape)), outputs(body_of(tuned), images(2, *shape))
    )


@pytest.mark.parametrize(
    ("variant", "dropout"),
    [
        *[("L/16", 0.1), ("H/14", 0.1), ("R50+B/16", 0.1)],
        *[("B/16", 0.0), ("L/32", 0.0), ("H/16", 0.0)],
    ],
)
def test_fine_tune_drops_out_as_the_release(variant, dropout, monkeypatch):
    """Whatever the model is called; the sizes are small ones of the same names."""
    small = {"Ti": (8, 2), "B": (16, 2), "L": (16, 3), "H": (24, 2)}
    monkeypatch.setattr(vit, "SIZES", {name: (*row, 16, 2) for name, row in small.items()})
    monkeypatch.setattr(vit, "RESNETS", {"R50": {16: (1, 1, 1)}})
    side = 2 * int(variant[-2:])
    shape = {"input_shape": (side, side, 3), "classes": 2}
    model = ViT(variant, dropout=0.5, name="mine", **shape)
    tuned = fine_tune(model, **shape)
    rates = {layer.dropout for layer in tuned.layers if hasattr(layer, "mlp_dim")}
    assert rates == {tuned.get_layer("dropout").rate} == {dropout}


def test_fine_tune_at_the_papers_sizes():
    """The counts of Table 1 at 384 pixels, from 224; the class token's position is kept."""
    model = ViT("Ti/16")
    tuned = fine_tune(model, classes=1000)
    assert parameters(tuned) == PARAMETERS["Ti/16"][2]
    new, old = (m.get_layer("position_embedding").get_weights()[0] for m in (tuned, model))
    np.testing.assert_array_equal(new, resize_positions(old, (24, 24)))
    np.testing.assert_array_equal(new[[0, 1, 24, -1]], old[[0, 1, 14, -1]])  # and the corners'


def test_fine_tune_follows_the_dtype_policy(small):
    model = ViT("Ti/16", **small)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        tuned = fine_tune(model, classes=4, input_shape=small["input_shape"])
    finally:
        keras.config.set_dtype_policy("float32")
    policies = {layer.name: layer.dtype_policy.name for layer in tuned.layers[1:]}
    assert policies.pop("predictions") == "float32"
    assert set(policies.values()) == {"mixed_bfloat16"}
    assert model.get_layer("encoder_block_1").dtype_policy.name == "float32"


def test_fine_tune_needs_a_vit_with_its_top(small):
    bodies = [
        ViT("Ti/16", include_top=False, pooling=pooling, input_shape=(32, 32, 3))
        for pooling in vit.POOLINGS
    ]
    mlp = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")])
    for model in (*bodies, mlp):
        with pytest.raises(ValueError, match=f"a ViT with its top. Received: '{model.name}' with"):
            fine_tune(model, classes=3, input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"patch of 16 pixels.*input_shape=\(32, 40, 3\)"):
        fine_tune(ViT("Ti/16", **small), classes=3, input_shape=(32, 40, 3))
    with pytest.raises(ValueError, match="shape"):
        fine_tune(ViT("Ti/16", **small), classes=3, input_shape=(32, 32, 1))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("variant", ["Ti/16", pytest.param("R50+Ti/16", marks=slow)])
def test_mixed_precision(variant, policy, small):
    full = lively(ViT(variant, **small))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        half = ViT(variant, **small)
        tuned = fine_tune(half, classes=3, input_shape=(48, 32, 3))
    finally:
        keras.config.set_dtype_policy(before)
    half.set_weights(full.get_weights())
    assert {weight.dtype for weight in half.weights} == {"float32"}
    assert half.get_layer("encoder_block_2").compute_dtype == policy.removeprefix("mixed_")
    assert half.get_layer("predictions").compute_dtype == "float32"
    x = images(4, *small["input_shape"])
    close(outputs(half, x), outputs(full, x), 0.1 if policy == "mixed_bfloat16" else 0.02)
    assert tuned.get_layer("encoder_block_2").dtype_policy.name == policy
    assert {weight.dtype for weight in tuned.weights} == {"float32"}
    # The graph of a step takes ten times as long as the step: it is traced for the other.
    eagerly = "+" in variant
    tuned.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eagerly)
    assert np.isfinite(tuned.fit(images(4, 48, 32, 3), np.arange(4) % 3, verbose=0).history["loss"])


def trained(model, jit_compile):
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    x = images(12, *model.input_shape[1:])
    history = model.fit(x, np.arange(12) % 5, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return history.history["loss"], model.get_weights()


@slow
def test_trains_alike_compiled_and_not(small):
    if not backend.has_xla():
        pytest.skip("compiled by XLA with TensorFlow and JAX only")
    (loss, weights), (compiled_loss, compiled) = (
        trained(lively(ViT("Ti/16", **small)), jit_compile) for jit_compile in (False, True)
    )
    np.testing.assert_allclose(compiled_loss, loss, rtol=1e-4)
    for one, other in zip(compiled, weights, strict=True):
        close(one, other, 1e-3)


@slow
def test_learns(small):
    """From the start of the release, with every kind of dropout: the loss falls."""
    keras.utils.set_random_seed(0)
    small = {**small, "input_shape": (32, 32, 3)}
    model = ViT("Ti/8", dropout=0.1, stochastic_depth=0.1, **small)
    model.compile(
        keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    x = images(40, 32, 32, 3)
    loss = model.fit(x, np.arange(40) % 5, batch_size=8, epochs=15, verbose=0).history["loss"]
    np.testing.assert_allclose(loss[0], math.log(5), rtol=0.2)
    assert loss[-1] < 0.5 * loss[0]


def test_layers_in_a_model_of_ones_own(tmp_path):
    """Saved in safe mode in the middle of a training, loaded, and trained on alike."""
    layers = importlib.import_module("keras_classics.layers")
    sinusoidal = importlib.import_module("keras_classics.initializers").SinusoidalPositions()
    model = keras.Sequential(
        [
            keras.Input((8, 12, 1)),
            layers.StandardizedConv2D(6, 3),
            layers.PatchEmbedding(12, 4),
            layers.ClassToken(),
            layers.PositionEmbedding(sinusoidal, trainable=False),
            layers.TransformerEncoderBlock(3, 20),
            layers.MultiHeadSelfAttention(2),
            keras.layers.GlobalAveragePooling1D("channels_last"),
            keras.layers.Dense(3),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = images(8, 8, 12, 1), np.arange(8) % 3
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for each in (model, loaded):
        each.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_cloned(small):
    for variant in ("Ti/16", "R50+Ti/16"):
        model, x = lively(ViT(variant, **small)), images(2, *small["input_shape"])
        clone = keras.models.clone_model(model)
        clone.set_weights(model.get_weights())
        np.testing.assert_array_equal(outputs(clone, x), outputs(model, x))


def test_low_rank_adaptation(small, tmp_path):
    """Keras's LoRA on the matrices inside the blocks: it starts at 0, learns, and is saved."""
    model, x = lively(ViT("Ti/16", **small)), images(4, *small["input_shape"])
    before = outputs(model, x)
    for i in (1, 2, 3):
        block = model.get_layer(f"encoder_block_{i}")
        for dense in (block.attention.qkv, block.attention.out, block.mlp1, block.mlp2):
            dense.enable_lora(2)
    np.testing.assert_array_equal(outputs(model, x), before)
    kernel = numpy(block.mlp1._kernel)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, np.arange(4), verbose=0)
    np.testing.assert_array_equal(numpy(block.mlp1._kernel), kernel)
    assert numpy(block.mlp1.lora_kernel_b).any()
    model.save_weights(tmp_path / "model.weights.h5")
    merged = ViT("Ti/16", weights=tmp_path / "model.weights.h5", **small)
    np.testing.assert_allclose(outputs(merged, x), outputs(model, x), rtol=1e-4, atol=1e-5)


@slow
@pytest.mark.usefixtures("quick_to_quantize")
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_quantized(small, tmp_path):
    """Keras's `quantize` turns the matrices of the blocks and the head into integers.

    As with Keras's own attention, such a model is rebuilt and quantized before its weights
    are loaded.
    """
    model, x = lively(ViT("Ti/16", **small)), images(4, *small["input_shape"])
    before = outputs(model, x)
    model.quantize("int8")
    attention = model.get_layer("encoder_block_2").attention
    assert isinstance(attention, MultiHeadSelfAttention)
    assert attention.qkv.kernel.dtype == "int8"
    close(outputs(model, x), before, 0.1)
    model.save_weights(tmp_path / "model.weights.h5")
    again = ViT("Ti/16", **small)
    again.quantize("int8")
    again.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(outputs(again, x), outputs(model, x))


def test_the_model_is_fine_tuned_and_not_its_masked_form(tmp_path):
    model = ViT("Mini/8", input_shape=(16, 16, 3), classes=3)
    masked = vit.masked(model)
    masked.save(tmp_path / "masked.keras")
    for given in (masked, keras.saving.load_model(tmp_path / "masked.keras")):
        with pytest.raises(ValueError, match="the ViT that `masked` was given"):
            vit.fine_tune(given, classes=3, input_shape=(16, 16, 3))
        with pytest.raises(ValueError, match="the ViT that `masked` was given"):
            vit.masked(given)


@pytest.mark.parametrize("at", ["stem", "every_layer"])
def test_two_dimensional_positions_are_resized_on_loading(at, tmp_path):
    given = {"positions": "2d", "positions_at": at, "classes": 3}
    model = ViT("Mini/8", input_shape=(32, 48, 3), **given)
    model.save_weights(tmp_path / "model.weights.h5")
    path = tmp_path / "model.weights.h5"
    larger = ViT("Mini/8", input_shape=(48, 64, 3), weights=path, **given)
    tuned = vit.fine_tune(model, classes=3, input_shape=(48, 64, 3))
    names = [layer.name for layer in model.layers if "position_embedding" in layer.name]
    assert len(names) == (1 if at == "stem" else 6)
    for name in names:
        found, expected = (m.get_layer(name).get_weights() for m in (larger, tuned))
        assert [w.shape[0] for w in found] == [1, 8, 6]
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_no_other_library_has_a_vit_without_positions(tmp_path):
    for convention, activation in (
        *((name, "gelu") for name in ("timm", "torchvision", "transformers", "kerashub")),
        *((name, "gelu_tanh") for name in ("vision_transformer", "big_vision")),
    ):
        path = tmp_path / ("model.h5" if convention == "kerashub" else "model.safetensors")
        model = ViT("Mini/8", positions=None, activation=activation, input_shape=(16, 16, 3))
        with pytest.raises(ValueError, match="it has position embeddings"):
            weights.save(model, path, convention=convention)
