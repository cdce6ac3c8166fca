"""Files of training programs, models within models, other tops, and models that were changed."""

import argparse
import functools
import logging
import re
import textwrap

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_classics import weights
from keras_classics.applications import (
    CudaConvNet,
    LeCun1989,
    LeNet1,
    LeNet5,
    PlainNetCIFAR,
    ResNet18,
    ResNetCIFAR,
    ViT,
    vgg,
    vit,
)
from keras_classics.weights.catalogue import resolve

numpy = keras.ops.convert_to_numpy
RESNET = functools.partial(ResNetCIFAR, 8)
IMAGE = {"input_shape": (32, 32, 3)}
SMALL = {**IMAGE, "classes": 5}


@pytest.fixture(autouse=True)
def thin(monkeypatch):
    """A Vision Transformer, and a VGG, of few weights."""
    monkeypatch.setitem(vit.SIZES, "Mini", (8, 2, 12, 2))
    monkeypatch.setitem(vit.SIZES, "Ti", (8, 3, 12, 2))
    monkeypatch.setitem(vgg.CONFIGURATIONS, "A", [[(3, 2)]] * 4 + [[(3, 4)]])
    monkeypatch.setattr(vgg, "UNITS", 16)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs PyTorch, which reads its checkpoints")


def values(model):
    return {weight.path: numpy(weight).copy() for weight in model.weights}


def same(model, other, besides=()):
    """Whether the weights are those of another model, but for layers that the other has not."""
    theirs = values(other)
    for path, value in values(model).items():
        if path.split("/")[0] not in besides:
            np.testing.assert_array_equal(value, theirs[path], strict=True)


def arrays(model, convention, folder):
    """The arrays of a model by the names of a library."""
    weights.save(model, folder / "names.npz", convention=convention)
    return dict(np.load(folder / "names.npz"))


# Names with something before them

NETWORKS = [
    (RESNET, "akamaster"),
    (functools.partial(ViT, "Mini/8", activation="gelu", **SMALL), "timm"),
    (functools.partial(ViT, "Mini/8", **SMALL), "vision_transformer"),
]


@pytest.mark.parametrize("start", ["model.", "net.", "backbone.", "encoder/", "_orig_mod.module."])
@pytest.mark.parametrize(("build", "convention"), NETWORKS)
def test_names_within_longer_ones(build, convention, start, tmp_path, lively, caplog):
    trained = lively(build())
    found = {f"{start}{k}": v for k, v in arrays(trained, convention, tmp_path).items()}
    beside = {"n_averaged": np.int64(3), "optimizer/m": np.ones(3, "float32")}
    np.savez(tmp_path / "a.npz", **found, **beside)
    with caplog.at_level(logging.INFO, "keras_classics"):
        same(weights.load(build(), tmp_path / "a.npz"), trained)
    assert f" of {start.rstrip('./')}, by the names of {convention}" in caplog.text


def test_a_top_beside_the_network_below_it(tmp_path, lively):
    trained = lively(RESNET())
    found = arrays(trained, "akamaster", tmp_path)
    tops = {"linear": "head.", "": "backbone."}
    named = {
        f"{next(to for of, to in tops.items() if k.startswith(of))}{k}": v for k, v in found.items()
    }
    assert {"head.linear.bias", "backbone.conv1.weight"} < named.keys()
    np.savez(tmp_path / "a.npz", **named)
    same(weights.load(RESNET(), tmp_path / "a.npz"), trained)


@pytest.mark.parametrize("start", ["model.", "module.", "_orig_mod."])
def test_checkpoints_of_training_programs(start, torch, tmp_path, lively):
    """With counters, and the state of the optimizer, beside the weights."""
    trained = lively(RESNET())
    found = arrays(trained, "akamaster", tmp_path)
    tensors = {start + k: torch.tensor(v) for k, v in found.items()}
    moments = {"state": {0: {"exp_avg": torch.ones(16)}}, "param_groups": [{"lr": 0.1}]}
    for content in (
        {"epoch": 3, "state_dict": tensors, "optimizer_states": [moments], "loops": {"fit": {}}},
        {"model": tensors, "optimizer": moments, "step": torch.tensor(7), "best_acc": 0.5},
        {"checkpoint": {"net": tensors}, "scaler": {"scale": 65536.0}},
    ):
        torch.save(content, tmp_path / "a.ckpt")
        same(weights.load(RESNET(), tmp_path / "a.ckpt"), trained)
        assert weights.read(tmp_path / "a.ckpt").keys() == tensors.keys()


@pytest.mark.parametrize(
    ("first", "second"),
    [("model", "model_ema"), ("state_dict", "state_dict_ema"), ("student", "teacher")],
)
def test_a_network_that_is_there_twice(first, second, torch, tmp_path, lively):
    """The user says which."""
    path, models = tmp_path / "a.pth", {first: lively(RESNET()), second: lively(RESNET(), 2)}
    found = {name: arrays(model, "akamaster", tmp_path) for name, model in models.items()}
    content = {
        name: {f"module.{k}": torch.tensor(v) for k, v in its.items()}
        for name, its in found.items()
    }
    torch.save({**content, "epoch": 3}, path)
    target = RESNET()
    before = values(target)
    message = f"several times: say key='{first}.module' or key='{second}.module'.*parts {first}, "
    with pytest.raises(ValueError, match=message):
        weights.load(target, path)
    assert all(np.array_equal(before[k], v) for k, v in values(target).items())
    for name, model in models.items():
        same(weights.load(target, path, key=name), model)
        same(weights.load(target, path, key=f"{name}.module"), model)
    with pytest.raises(ValueError, match=f"`key` must be .*: {first}, {second}. Received: key='x'"):
        weights.load(target, path, key="x")


def test_the_network_that_is_not_within_another_part(tmp_path, lively):
    raw, averaged = lively(RESNET()), lively(RESNET(), 2)
    ema = {f"ema.{k}": v for k, v in arrays(averaged, "akamaster", tmp_path).items()}
    np.savez(tmp_path / "a.npz", **arrays(raw, "akamaster", tmp_path), **ema)
    with pytest.raises(ValueError, match="several times: say key='' or key='ema'"):
        weights.load(RESNET(), tmp_path / "a.npz")
    same(weights.load(RESNET(), tmp_path / "a.npz", key=""), raw)
    same(weights.load(RESNET(), tmp_path / "a.npz", key="ema"), averaged)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_two_models_of_keras_in_one(suffix, tmp_path, lively):
    path, image = tmp_path / f"a{suffix}", keras.Input((32, 32, 3))
    models = [lively(RESNET(name=name), seed) for seed, name in enumerate(("student", "teacher"))]
    both = keras.Model(image, [model(image) for model in models])
    both.save(path) if suffix == ".keras" else both.save_weights(path)
    with pytest.raises(ValueError, match="several times: say key='student' or key='teacher'"):
        weights.load(RESNET(), path)
    same(weights.load(RESNET(), path, key="teacher"), models[1])


# Names that are not known


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("build", [LeNet5, *(build for build, _ in NETWORKS)])
def test_the_advice_on_other_names(build, suffix, tmp_path, lively):
    """It says what was looked for, and what would be taken; and takes that."""
    path, trained = tmp_path / f"a{suffix}", lively(build())
    save = np.savez
    if suffix == ".safetensors":
        import safetensors.numpy as library

        def save(path, **arrays):
            library.save_file(arrays, path)

    save(path, **{f"w{i:02}": numpy(w) for i, w in enumerate(trained.weights)})
    with pytest.raises(ValueError, match="has none of the names that the weights of") as error:
        weights.load(build(), path)
    own = trained.weights[0].path
    for words in ("keras_classics. Received: ", "begin with w00, w01, ", "names", f"{{'{own}': "):
        assert words in str(error.value)
    assert "another network's" not in str(error.value)
    with pytest.raises(ValueError, match="looked for without convention='keras_classics'"):
        weights.load(build(), path, convention="keras_classics")
    found = weights.read(path)
    names = {w.path: found[f"w{i:02}"] for i, w in enumerate(trained.weights)}
    save(tmp_path / f"renamed{suffix}", **names)
    same(weights.load(build(), tmp_path / f"renamed{suffix}"), trained)


def test_few_names_that_are_known(tmp_path):
    """As in the oldest files of keras.applications."""
    with h5py.File(tmp_path / "a.h5", "w") as root:
        root.attrs["layer_names"] = [b"conv1", b"res2a_branch2a"]
        for layer in ("conv1", "res2a_branch2a"):
            root.create_group(layer).attrs["weight_names"] = [f"{layer}/kernel:0".encode()]
            root[layer][f"{layer}/kernel:0"] = np.ones((7, 7, 3, 64), "float32")
    with pytest.raises(ValueError, match="does not fit resnet18") as error:
        ResNet18(weights=tmp_path / "a.h5", **SMALL)
    assert "nothing here: res2a_branch2a" in str(error.value)
    assert "It is of another network, or of this one by other names." in str(error.value)


def test_a_file_without_tensors(torch, tmp_path):
    torch.save({"epoch": 3, "args": {"lr": 0.1}}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="no tensors by their names. Received: the keys epoch, ar"):
        weights.load(RESNET(), tmp_path / "a.pth")


def test_a_checkpoint_with_arguments_of_a_program(torch, tmp_path, lively):
    """The error's code, as it is, makes a file that is loaded."""
    trained = lively(RESNET())
    tensors = {k: torch.tensor(v) for k, v in arrays(trained, "akamaster", tmp_path).items()}
    content = {
        "model": tensors,
        "args": argparse.Namespace(lr=0.1),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []},
        "lr_scheduler": {"last_epoch": 3},
        "epoch": 3,
    }
    for legacy in (False, True):
        path = tmp_path / f"{legacy}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(ValueError, match="runs no code of the file") as error:
            weights.load(RESNET(), path)
        exec(textwrap.dedent(str(error.value).split("\n\n")[1]), {})
        same(weights.load(RESNET(), path.with_name(f"{legacy}_tensors.pth")), trained)


def test_a_whole_model_of_pytorch(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 3), tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"Linear. Save the tensors alone .*model.state_dict\(\)"):
        weights.load(RESNET(), tmp_path / "a.pth")


# Models within models


def wrapped(*inside):
    return keras.Sequential([keras.Input((32, 32, 3)), layers.RandomFlip(), *inside])


def functional(inside):
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Dense(3, name="mine")(inside(layers.Rescaling(2.0)(image))))


def store(model, path):
    model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)
    return path


OWN = [RESNET, LeNet5, functools.partial(ViT, "Mini/8", **SMALL)]


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize("build", OWN)
def test_our_own_network_within_a_model(build, suffix, tmp_path, lively):
    inner = lively(build(include_top=False))
    image = keras.Input(inner.input_shape[1:])
    outer = keras.Model(image, layers.Dense(3, name="mine")(inner(layers.Rescaling(2.0)(image))))
    path, model = store(outer, tmp_path / f"a{suffix}"), build(include_top=False)
    with pytest.raises(ValueError, match=r"nothing here: mine/0(?s:.*)another top: adapt=True"):
        weights.load(model, path)
    same(weights.load(model, path, adapt=True), inner)
    same(build(weights=path, include_top=False), inner)


@pytest.mark.parametrize("wrap", [wrapped, functional])
def test_another_network_within_a_model(wrap, tmp_path):
    path = store(wrap(RESNET()), tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"only one of both has.*conv2_1_add"):
        weights.load(PlainNetCIFAR(8), path, adapt=True)


def keras_vgg(top):
    """As keras.applications builds one, but thin."""
    x = image = keras.Input((32, 32, 3))
    for stage, width in enumerate((2, 2, 2, 2, 4), 1):
        x = layers.Conv2D(width, 3, padding="same", name=f"block{stage}_conv1")(x)
        x = layers.MaxPooling2D(name=f"block{stage}_pool")(x)
    if top:
        x = layers.Flatten(name="flatten")(x)
        for name, units in (("fc1", 16), ("fc2", 16), ("predictions", 5)):
            x = layers.Dense(units, name=name)(x)
    return keras.Model(image, x, name="vgg11")


def with_head(base, name):
    return keras.Model(base.input, layers.Dense(3, name=name)(layers.Flatten()(base.output)))


def hub_vgg(top):
    hub = pytest.importorskip("keras_hub", reason="needs KerasHub, to compare with")
    base = hub.models.VGGBackbone([1] * 5, [2, 2, 2, 2, 4], image_shape=(32, 32, 3))
    if not top:
        return base
    return hub.models.VGGImageClassifier(base, 5, pooling="flatten", pooling_hidden_dim=16)


def head(name="mine"):
    return layers.Flatten(), layers.Dense(3, name=name)


# Which order of channels the first kernel has in the file, if the file says it.
ORDERS = {
    "keras": (lambda net: net, keras_vgg, True, "BGR"),
    "keras wrapped": (wrapped, keras_vgg, True, "BGR"),
    "keras backbone": (lambda net: net, keras_vgg, False, None),
    "keras backbone wrapped": (wrapped, keras_vgg, False, None),
    "keras backbone, head": (lambda net: wrapped(net, *head()), keras_vgg, False, None),
    "keras backbone, predictions": (
        lambda net: wrapped(net, *head("predictions")),
        keras_vgg,
        False,
        None,
    ),
    "keras backbone, functional": (functional, keras_vgg, False, None),
    "keras backbone, flat": (lambda net: with_head(net, "predictions"), keras_vgg, False, None),
    "hub": (lambda net: net, hub_vgg, True, "RGB"),
    "hub wrapped": (wrapped, hub_vgg, True, "RGB"),
    "hub backbone, head": (lambda net: wrapped(net, *head()), hub_vgg, False, "RGB"),
    "hub backbone, flat": (lambda net: with_head(net, "mine"), hub_vgg, False, None),
}


@pytest.mark.parametrize(
    ("form", "suffix"),
    [
        *((form, ".weights.h5") for form in ORDERS),
        *((form, end) for form in ORDERS if "keras" in form for end in (".keras", ".h5")),
    ],
)
def test_order_of_channels_within_a_model(form, suffix, tmp_path, lively):
    """Where two libraries can have written a file, the user is asked."""
    wrap, peer, top, expected = ORDERS[form]
    net = lively(peer(top))
    theirs = next(numpy(w) for w in net.weights if w.path.endswith("block1_conv1/kernel"))
    path = store(wrap(net), tmp_path / f"a{suffix}")
    model = vgg.VGG("A", include_top=top, **SMALL)

    def order(**given):
        weights.load(model, path, adapt=True, **given)
        ours = numpy(model.get_layer("conv1_1").kernel)
        assert np.array_equal(ours, theirs) != np.array_equal(ours, theirs[:, :, ::-1])
        return "RGB" if np.array_equal(ours, theirs) else "BGR"

    if expected:
        assert order() == expected
    else:
        before = values(model)
        with pytest.raises(ValueError, match='say channels="BGR" or channels="RGB"'):
            order()
        assert all(np.array_equal(before[k], v) for k, v in values(model).items())
    assert [order(channels=each) for each in ("RGB", "BGR")] == ["RGB", "BGR"]


# Tops

TOPS = {
    "lecun1989": (LeCun1989, "output", ["H3"]),
    "lenet1": (LeNet1, "output", []),
    "lenet5 rbf": (LeNet5, "RBF", ["F6"]),
    "lenet5 softmax": (functools.partial(LeNet5, head="softmax"), "predictions", ["F6"]),
    "cuda-convnet": (functools.partial(CudaConvNet, "80sec"), "fc10", ["fc64"]),
    "vgg": (lambda **given: vgg.VGG("A", **{**IMAGE, **given}), "predictions", ["fc7", "fc6"]),
    "resnet": (RESNET, "predictions", []),
    "vit": (
        lambda **given: ViT("Mini/8", representation_size=9, **{**IMAGE, **given}),
        "predictions",
        ["pre_logits"],
    ),
}


@pytest.mark.parametrize("name", TOPS)
def test_tops_of_all_networks(name, tmp_path, lively, caplog):
    """Other classes, none in the model, none in the file: one rule for all."""
    build, output, below = TOPS[name]
    trained, bare = lively(build()), lively(build(include_top=False), 2)
    path, notop = store(trained, tmp_path / "a.keras"), store(bare, tmp_path / "b.keras")
    same(build(weights=path, classes=7), trained, [output])
    assert f"{output} stays as it is, for 7 classes; the file has " in caplog.text
    same(build(weights=path, include_top=False), trained)
    same(weights.load(build(include_top=False), path), trained)
    assert f"{output} left out: the model is without" in caplog.text or below
    same(build(weights=notop, classes=7), bare, [output, *below])
    assert f"{', '.join([output, *below])} stay" in caplog.text
    with pytest.raises(ValueError, match="include_top=False; or give `classes`, for a new top"):
        build(weights=notop)
    with pytest.raises(ValueError, match="does not fit(?s:.*)with another top: adapt=True"):
        weights.load(build(), notop)
    same(weights.load(build(), notop, adapt=True), bare, [output, *below])


def test_another_head_of_the_same_network(tmp_path, lively):
    trained = lively(LeNet5(head="softmax"))
    path = store(trained, tmp_path / "a.keras")
    same(LeNet5(weights=path, classes=26), trained, ["RBF"])
    with pytest.raises(ValueError, match="RBF/0 missing there(?s:.*)for a new top"):
        LeNet5(weights=path)


def squeezed():
    """A network with dense layers between its blocks, which are no top."""
    base = vgg.VGG("A", include_top=False, **SMALL)
    x = layers.Dense(2, name="gate")(
        layers.GlobalAveragePooling2D()(base.get_layer("pool2").output)
    )
    x = layers.Multiply()([base.output, layers.Dense(1, name="gated")(x)[:, None, None]])
    return keras.Model(base.input, x)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_head_of_ones_own(suffix, tmp_path, lively, caplog):
    """On the network below: in place of its top, or beside it."""
    base = lively(RESNET(include_top=False))
    x = layers.Dense(6, name="hidden")(layers.Flatten()(base.output))
    x = layers.BatchNormalization(name="norm")(x)
    path = store(keras.Model(base.input, layers.Dense(3, name="mine")(x)), tmp_path / f"a{suffix}")
    same(RESNET(weights=path, include_top=False), base)
    assert "hidden, norm, mine left out: the model is without" in order_free(caplog.text)
    same(RESNET(weights=path, classes=4), base, ["predictions"])
    with pytest.raises(ValueError, match=r"nothing here: hidden/0 \(4096, 6\) there"):
        RESNET(weights=path)


def order_free(text):
    """The text, with the layers of a top in our order: a file has them by classes."""
    return text.replace("norm, hidden, mine", "hidden, norm, mine")


@pytest.mark.parametrize(
    ("theirs", "ours", "message"),
    [
        (
            squeezed,
            lambda: vgg.VGG("A", include_top=False, **SMALL),
            r"nothing here: gate/0 \(2, 2\) there",
        ),
        (
            lambda: ResNetCIFAR(14, include_top=False),
            lambda: PlainNetCIFAR(8, include_top=False),
            "only one of both has the layers",
        ),
        (
            lambda: PlainNetCIFAR(14, include_top=False),
            lambda: PlainNetCIFAR(8, include_top=False),
            "nothing here: conv4_2_conv1_bn/0",
        ),
        (
            lambda: ViT("Ti/8", include_top=False, **IMAGE),
            lambda: ViT("Mini/8", include_top=False, **IMAGE),
            r"nothing here: encoder_block_3/mlp1/0 \(8, 12\)",
        ),
    ],
)
def test_what_is_no_top(theirs, ours, message, tmp_path):
    """Layers between those of the network, or more of them."""
    path, model = store(theirs(), tmp_path / "a.keras"), ours()
    with pytest.raises(ValueError, match=message) as error:
        weights.load(model, path, adapt=True)
    assert "adapt=True" not in str(error.value)


def test_a_release_without_its_top():
    """With `classes`, the network has a new one."""
    card = weights.cards("vgg16")[1]
    assert card.name == "keras/vgg16_notop"
    assert card.fill({})["include_top"] is False
    assert card.fill({"classes": 7}).get("include_top", True) is True
    assert resolve(card, "vgg16", {"classes": 7, "include_top": True}) is card
    with pytest.raises(ValueError, match="Needed: include_top=False"):
        resolve(card, "vgg16", {"include_top": True})


# Models that were changed


def adapted(model):
    """The model with adapters that change what it computes."""
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Dense | layers.Conv2D):
            layer.enable_lora(2)
            layer.lora_kernel_b.assign(rng.standard_normal(layer.lora_kernel_b.shape))
    return model


def stack(*names):
    """Layers of one shape, so that their names alone tell them apart."""
    return keras.Sequential([keras.Input((3,)), *(layers.Dense(3, name=name) for name in names)])


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_layers_in_another_order(suffix, tmp_path, lively):
    """Keras's `load_weights` gives each layer the weights of another one."""
    saved, path = lively(stack("first", "second", "third")), tmp_path / f"model{suffix}"
    (saved.save_weights if suffix == ".weights.h5" else saved.save)(path)
    loaded = weights.load(stack("third", "first", "second"), path)
    for layer in saved.layers:
        for ours, theirs in zip(loaded.get_layer(layer.name).weights, layer.weights, strict=True):
            np.testing.assert_array_equal(numpy(ours), numpy(theirs), strict=True)
    with pytest.raises(ValueError, match="nothing here: second/"):
        weights.load(stack("third", "first"), path)


@pytest.mark.parametrize(("build", "convention"), NETWORKS)
def test_adapters_are_merged(build, convention, tmp_path, lively, images):
    model, path, x = lively(build()), tmp_path / "a.npz", images(32, 32, 3)
    plain = numpy(model(x))
    expected = numpy(adapted(model)(x))
    assert abs(expected - plain).max() > 1e-3
    weights.save(model, path, convention=convention)
    np.testing.assert_allclose(numpy(weights.load(build(), path)(x)), expected, atol=1e-6)
    model.save_weights(tmp_path / "a.weights.h5")
    again = weights.load(build(), tmp_path / "a.weights.h5")
    np.testing.assert_allclose(numpy(again(x)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="changed by `enable_lora`: load its weights before that"):
        weights.load(model, path)


@pytest.mark.filterwarnings("ignore:.*does not have a `quantize` method")
@pytest.mark.parametrize(("build", "convention"), NETWORKS[:2])
def test_quantized_models(build, convention, tmp_path):
    model, path = build(), tmp_path / "a.npz"
    weights.save(model, path, convention=convention)
    model.quantize("int8")
    with pytest.raises(ValueError, match="changed by `quantize`: save it before that"):
        weights.save(model, tmp_path / "b.npz", convention=convention)
    with pytest.raises(ValueError, match="changed by `quantize`: load its weights before that"):
        weights.load(model, path)
    store(model, tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match="quantized model: save the weights before `quantize`"):
        weights.load(build(), tmp_path / "a.weights.h5")


def test_a_message_names_the_first_of_many(tmp_path):
    np.savez(tmp_path / "few.npz", **{"bn1.weight": np.zeros(16)})
    with pytest.raises(ValueError, match=r"bn1.weight|conv1") as raised:
        weights.load(RESNET(), tmp_path / "few.npz")
    lines = str(raised.value).splitlines()
    assert sum(" here: " in line for line in lines) == 10
    assert sum(bool(re.fullmatch(r"  and \d+ more", line)) for line in lines) == 1
