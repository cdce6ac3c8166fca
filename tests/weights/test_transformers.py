"""Files of transformers: networks of that library, and what it computes with ours."""

import functools

import keras
import numpy as np
import pytest

from keras_classics import weights
from keras_classics.applications import ResNet18, ResNet50, ViT, resnet, vit

numpy = keras.ops.convert_to_numpy
TOP = {"classes": 5, "classifier_activation": None}
SIDE = {"input_shape": (40, 40, 3), **TOP}
MINI = functools.partial(ViT, "Mini/8", activation="gelu", epsilon=1e-12)
V15 = functools.partial(ResNet50, stride_in="3x3")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A Transformer of two blocks, and residual networks of a few maps."""
    monkeypatch.setitem(vit.SIZES, "Mini", (24, 2, 40, 3))
    monkeypatch.setattr(resnet, "WIDTHS", (16, 20, 24, 28))
    monkeypatch.setitem(resnet.BLOCKS, 18, ("basic", (2, 1, 1, 1)))
    monkeypatch.setitem(resnet.BLOCKS, 50, ("bottleneck", (1, 1, 2, 1)))


def config_of_vit(library, kind="ViT", **given):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    arguments = {
        "hidden_size": d,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "intermediate_size": mlp_dim,
        "image_size": 40,
        "patch_size": 8,
        "num_labels": 5,
    }
    return getattr(library, f"{kind}Config")(**arguments | given)


def config_of_resnet(library, depth, **given):
    kind, counts = resnet.BLOCKS[depth]
    widths = [width * (4 if kind == "bottleneck" else 1) for width in resnet.WIDTHS]
    arguments = {"depths": counts, "hidden_sizes": widths, "layer_type": kind, "num_labels": 5}
    return library.ResNetConfig(embedding_size=64, **arguments | given)


def lively(peers, twin):
    """Random values, with a token and positions as small as those of trained networks."""
    peers.lively(twin)
    with peers.torch.no_grad():
        for name, tensor in twin.named_parameters():
            if name.endswith(("cls_token", "position_embeddings")):
                tensor.mul_(0.05)
    return twin


def logits(twin):
    """The network as `peers.outputs` takes it."""

    def call(x):
        return twin(x).logits

    return call


@pytest.fixture
def vit_folder(peers, tmp_path):
    """A function that writes a network as `save_pretrained` does, and returns it."""

    def write(kind="ViTForImageClassification", **given):
        library = peers.transformers()
        config = config_of_vit(library, kind[: kind.index("T") + 1 if kind[0] == "D" else 3])
        for name, value in given.items():
            setattr(config, name, value)
        twin = lively(peers, getattr(library, kind)(config))
        twin.save_pretrained(tmp_path / "theirs")
        return twin, tmp_path / "theirs" / "model.safetensors"

    return write


@pytest.mark.parametrize("form", ["safetensors", "new names", "pytorch_model.bin"])
def test_vit(form, vit_folder, peers, tmp_path, images, agree, caplog):
    """By the names of the file, which are the older ones, and by those of `state_dict()`."""
    (twin, path), x = vit_folder(), images(40, 40, 3)
    if form != "safetensors":
        path = tmp_path / ("new.safetensors" if form == "new names" else form)
        peers.write(twin.state_dict(), path)
        assert any(".q_proj." in name for name in weights.read(path))
    else:
        assert any(".attention.query." in name for name in weights.read(path))
    agree(
        MINI(weights=path, **SIDE),
        x,
        peers.outputs(logits(twin), x),
        1e-5,
        of=("transformers", "ViT", "read"),
    )
    assert "epsilon" not in caplog.text  # its own, also where no file says it


def test_epsilon_of_vit(vit_folder, peers, images, agree, caplog):
    """Without it, the difference is seen, and said; other forms of a file say their own."""
    (twin, path), x = vit_folder(), images(40, 40, 3)
    with pytest.raises(AssertionError):
        agree(MINI(epsilon=1e-6, weights=path, **SIDE), x, peers.outputs(logits(twin), x), 1e-5)
    assert "the library adds 1e-12 to the variances" in caplog.text
    assert "build it with epsilon=1e-12" in caplog.text
    caplog.clear()
    twin, path = vit_folder(layer_norm_eps=1e-6)
    MINI(epsilon=1e-6, weights=path, **SIDE)
    assert "epsilon" not in caplog.text


def test_the_backbone_of_vit(vit_folder, peers, images, agree, caplog):
    (twin, path), x = vit_folder("ViTModel"), images(40, 40, 3)
    model = MINI(weights=path, input_shape=(40, 40, 3), include_top=False)
    assert "pre_logits left out: the model is without" in caplog.text
    agree(model, x, peers.outputs(lambda x: twin(x).last_hidden_state, x), 1e-5)
    # The pooler is the hidden layer of the head.
    hidden = vit.SIZES["Mini"][0]
    model = MINI(weights=path, representation_size=hidden, **SIDE)
    pooled = keras.Model(model.input, model.get_layer("pre_logits").output)
    agree(pooled, x, peers.outputs(lambda x: twin(x).pooler_output, x), 1e-5)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"hidden_act": "gelu_new"}, 'its activation is "gelu_tanh".*activation="gelu_tanh"'),
        ({"hidden_act": "quick_gelu"}, "its activation is 'quick_gelu', which is not known here"),
        ({"num_attention_heads": 6}, "its attention has 6 heads, and 3 here"),
    ],
)
def test_what_a_config_says(given, reason, vit_folder, no_values):
    """The arrays fit; the file beside them says that the network is another."""
    _, path = vit_folder(**given)
    with pytest.raises(ValueError, match=reason):
        MINI(weights=path, **SIDE)


@pytest.mark.parametrize("content", [b"{", b"[" * 10**5, b"\xff\xfe"])
def test_a_damaged_config(content, vit_folder, lively):
    _, path = vit_folder()
    path.with_name("config.json").write_bytes(content)
    model = lively(MINI(**SIDE))
    before = [numpy(weight).copy() for weight in model.weights]
    with pytest.raises(ValueError, match="config.json, which says what .* is damaged"):
        weights.load(model, path)
    assert all(np.array_equal(a, numpy(b)) for a, b in zip(before, model.weights, strict=True))


@pytest.mark.parametrize("content", [b"7", b"{}", b" " * 2**21])
def test_a_config_that_says_nothing(content, vit_folder):
    _, path = vit_folder()
    path.with_name("config.json").write_bytes(content)
    MINI(weights=path, **SIDE)


@pytest.mark.parametrize(
    "kind", ["DeiTForImageClassification", "DeiTForImageClassificationWithTeacher"]
)
def test_distilled_deit_is_another_network(kind, vit_folder, no_values):
    _, path = vit_folder(kind)
    with pytest.raises(ValueError, match="a distillation token beside the class token"):
        MINI(weights=path, **SIDE)


def resnet_folder(peers, path, depth, **given):
    library = peers.transformers()
    twin = library.ResNetForImageClassification(config_of_resnet(library, depth, **given))
    peers.lively(twin).save_pretrained(path)
    return twin, path / "model.safetensors"


@pytest.mark.parametrize(
    ("depth", "builder", "given"),
    [
        (18, ResNet18, {}),
        (50, V15, {}),
        (50, ResNet50, {"downsample_in_bottleneck": True}),
    ],
)
def test_resnet(depth, builder, given, peers, tmp_path, images, agree):
    (twin, path), x = resnet_folder(peers, tmp_path, depth, **given), images(64, 96, 3)
    model = builder(weights=path, input_shape=(64, 96, 3), **TOP)
    agree(model, x, peers.outputs(logits(twin), x), of=("transformers", "ResNet", "read"))


@pytest.mark.parametrize(
    ("builder", "given", "reason"),
    [
        (V15, {"downsample_in_bottleneck": True}, "build it with stride_in='1x1'"),
        (ResNet50, {}, "build it with stride_in='3x3'"),
        (V15, {"downsample_in_first_stage": True}, "in its first stage, too"),
        (V15, {"hidden_act": "gelu"}, "its activation is 'gelu', and the paper's is 'relu'"),
    ],
)
def test_what_a_config_says_of_resnet(builder, given, reason, peers, tmp_path, no_values):
    _, path = resnet_folder(peers, tmp_path, 50, **given)
    with pytest.raises(ValueError, match=reason):
        builder(weights=path, classes=5)


# What it computes with ours


def taken(library, kind, config, path, peers, x):
    """What a network of the library computes with a file, which must have all of its weights.

    Their names must be those of the library's own file, but for counters.
    """
    getattr(library, kind)(config).save_pretrained(path.parent / "theirs")
    theirs = weights.read(path.parent / "theirs")
    theirs = {name for name in theirs if not name.endswith("num_batches_tracked")}
    assert weights.read(path).keys() == theirs
    twin, info = getattr(library, kind).from_pretrained(
        path.parent, config=config, output_loading_info=True
    )
    counters = {name for name in info["missing_keys"] if name.endswith("num_batches_tracked")}
    assert not any({**info, "missing_keys": info["missing_keys"] - counters}.values())
    return peers.outputs(logits(twin.eval()), x)


def test_it_takes_our_vit(peers, tmp_path, lively, images, agree):
    library, x, path = peers.transformers(), images(40, 40, 3), tmp_path / "model.safetensors"
    model = lively(MINI(**SIDE))
    weights.save(model, path, convention="transformers")
    config = config_of_vit(library)
    agree(
        model,
        x,
        taken(library, "ViTForImageClassification", config, path, peers, x),
        1e-5,
        of=("transformers", "ViT", "written"),
    )


@pytest.mark.parametrize(("depth", "builder"), [(18, ResNet18), (50, V15)])
def test_it_takes_our_resnet(depth, builder, peers, tmp_path, lively, images, agree):
    library, x, path = peers.transformers(), images(64, 96, 3), tmp_path / "model.safetensors"
    model = lively(builder(input_shape=(64, 96, 3), **TOP))
    weights.save(model, path, convention="transformers")
    config = config_of_resnet(library, depth)
    agree(
        model,
        x,
        taken(library, "ResNetForImageClassification", config, path, peers, x),
        of=("transformers", "ResNet", "written"),
    )


def test_other_networks_are_not_written(tmp_path, no_values):
    for model, reason in [
        (ViT("Mini/8", **SIDE), 'build it with activation="gelu"'),
        (MINI(representation_size=9, **SIDE), "build it with representation_size=None"),
        (ResNet50(input_shape=(32, 32, 3)), "build it with stride_in='3x3'"),
    ]:
        with pytest.raises(ValueError, match=reason):
            weights.save(model, tmp_path / "a.safetensors", convention="transformers")
    assert not list(tmp_path.iterdir())
