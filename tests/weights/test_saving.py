"""What is saved for other libraries, they load, and compute the same; and our own files."""

import functools
import shutil
import types

import keras
import numpy as np
import pytest

from keras_classics import weights
from keras_classics.applications import (
    VGG,
    VGG11,
    VGG16,
    VGG19,
    AlexNet,
    GoogLeNet,
    LeNet5,
    PlainNet,
    PlainNetCIFAR,
    ResNet,
    ResNet18,
    ResNet50,
    ResNet101,
    ResNetCIFAR,
    ViT,
    resnet,
    vit,
)

slow = pytest.mark.slow
numpy = keras.ops.convert_to_numpy
TOP = {"classes": 5, "classifier_activation": None}
WIDE = {"input_shape": (64, 96, 3), **TOP}
MINI = {"input_shape": (40, 40, 3), **TOP}
V15 = {"stride_in": "3x3"}
GELU = {"activation": "gelu"}


def values(model):
    return {weight.path: numpy(weight).copy() for weight in model.weights}


def same(ours, theirs):
    for path, value in ours.items():
        assert value.dtype == theirs[path].dtype, path
        assert np.array_equal(value, theirs[path]), path  # and so the same shape


SAVED = [
    ("torchvision", ".safetensors", VGG11, WIDE),
    ("torchvision", ".safetensors", ResNet50, WIDE | V15),
    ("torchvision", ".npz", functools.partial(ViT, "Mini/8"), MINI | GELU),
    ("torchvision", ".npz", ResNet18, {"input_shape": (32, 32, 3), "include_top": False}),
    ("timm", ".safetensors", VGG11, WIDE),
    ("timm", ".safetensors", ResNet18, WIDE),
    ("timm", ".npz", functools.partial(ViT, "Mini/8"), MINI | GELU),
    ("vision_transformer", ".npz", functools.partial(ViT, "Mini/8"), {**MINI, "pooling": "avg"}),
    (
        *("vision_transformer", ".npz"),
        functools.partial(ViT, "R50+Mini/16"),
        {"input_shape": (32, 64, 3), "representation_size": 11, **TOP},
    ),
    ("vision_transformer", ".safetensors", functools.partial(ViT, "Mini/8"), MINI),
    ("big_vision", ".npz", functools.partial(ViT, "Mini/8"), MINI),
    ("akamaster", ".safetensors", functools.partial(ResNetCIFAR, 20), {}),
    ("akamaster", ".npz", functools.partial(ResNetCIFAR, 20), {"classes": 5}),
    ("chenyaofo", ".safetensors", functools.partial(ResNetCIFAR, 8, shortcut="B"), {}),
    ("keras", ".h5", VGG16, WIDE),
    ("keras", ".h5", ResNet50, WIDE),
    ("keras", ".h5", ResNet50, {"input_shape": (32, 32, 3), "include_top": False}),
]


@pytest.mark.parametrize(("convention", "suffix", "builder", "given"), SAVED)
def test_and_back(convention, suffix, builder, given, tmp_path, built, lively):
    """To the last bit."""
    model, path = built(builder, **given), tmp_path / f"ours{suffix}"
    weights.save(model, path, convention=convention)
    before = values(model)
    weights.load(lively(model, seed=2), path)
    same(values(model), before)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def torch_outputs(peers, twin, path, x):
    """What PyTorch's network computes with a file that it takes as it is."""
    from safetensors.torch import load_file

    twin.load_state_dict(load_file(path), strict=True)
    return peers.outputs(twin.eval(), x)


@pytest.mark.parametrize(
    ("name", "builder", "given"), [("vgg11", VGG11, {}), ("resnet50", ResNet50, V15)]
)
def test_torchvision_takes_it(name, builder, given, peers, tmp_path, built, images, agree):
    models, nn = peers.library("torchvision").models, peers.torch.nn

    def network():
        twin = getattr(models, name)(num_classes=5)
        if name == "vgg11":
            twin.avgpool, twin.classifier[0] = nn.Identity(), nn.Linear(512 * 2 * 3, 4096)
        return twin

    model, x, path = built(builder, **WIDE, **given), images(64, 96, 3), tmp_path / "a.safetensors"
    weights.save(model, path, convention="torchvision")
    of = ("torchvision", "VGG" if name == "vgg11" else "ResNet", "written")
    agree(model, x, torch_outputs(peers, peers.build(network), path, x), of=of)


@pytest.mark.parametrize("hidden", [None, 11])
def test_torchvisions_vit_takes_it(hidden, peers, tmp_path, lively, images, agree):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    network = peers.library("torchvision").models.VisionTransformer
    arguments = {"num_classes": 5, "representation_size": hidden}
    twin = peers.build(network, 40, 8, depth, heads, d, mlp_dim, **arguments)
    model = lively(ViT("Mini/8", representation_size=hidden, **MINI, **GELU))
    x, path = images(40, 40, 3), tmp_path / "ours.safetensors"
    weights.save(model, path, convention="torchvision")
    of = ("torchvision", "ViT", "written")
    agree(model, x, torch_outputs(peers, twin, path, x), of=of)


def test_timms_vit_takes_it(peers, tmp_path, lively, images, agree):
    d, depth, mlp_dim, heads = vit.SIZES["Mini"]
    network = peers.library("timm.models.vision_transformer").VisionTransformer
    arguments = {"embed_dim": d, "depth": depth, "num_heads": heads, "mlp_ratio": mlp_dim / d}
    twin = peers.build(network, 40, 8, num_classes=5, **arguments)
    x, path = images(40, 40, 3), tmp_path / "ours.safetensors"
    model = lively(ViT("Mini/8", **MINI, **GELU))
    weights.save(model, path, convention="timm")
    agree(model, x, torch_outputs(peers, twin, path, x), of=("timm", "ViT", "written"))


def test_timms_vgg_takes_it(peers, tmp_path, lively, images, agree):
    """Whose dense layers are convolutions."""
    timm = peers.library("timm.models.vgg")

    def network():
        twin = timm.vgg11(num_classes=5)
        twin.pre_logits = timm.ConvMlp(512, 4096, 2)
        return twin

    twin, x, path = peers.build(network), images(64, 64, 3), tmp_path / "ours.safetensors"
    model = lively(VGG11(input_shape=(64, 64, 3), **TOP))
    weights.save(model, path, convention="timm")
    agree(model, x, torch_outputs(peers, twin, path, x), of=("timm", "VGG", "written"))


def test_timms_resnet_takes_it(peers, tmp_path, lively, images, agree, monkeypatch):
    monkeypatch.setitem(resnet.BLOCKS, 18, ("basic", (2, 1, 1, 1)))
    network = peers.library("timm.models.resnet")
    twin = peers.build(network.ResNet, network.BasicBlock, (2, 1, 1, 1), num_classes=5)
    model, x = lively(ResNet18(**WIDE)), images(64, 96, 3)
    weights.save(model, path := tmp_path / "ours.safetensors", convention="timm")
    agree(model, x, torch_outputs(peers, twin, path, x), of=("timm", "ResNet", "written"))


def test_chenyaofo_takes_it(peers, tmp_path, lively, images, agree):
    model, path = lively(ResNetCIFAR(8, shortcut="B", **TOP)), tmp_path / "a.safetensors"
    weights.save(model, path, convention="chenyaofo")
    twin, x = peers.build(peers.Projecting, 8, 5), images(32, 32, 3)
    agree(
        model,
        x,
        torch_outputs(peers, twin, path, x),
        of=("chenyaofo", "ResNetCIFAR", "written"),
    )


def test_akamaster_takes_it(peers, tmp_path, lively, images, agree):
    model, x, path = lively(ResNetCIFAR(20, **TOP)), images(32, 32, 3), tmp_path / "a.safetensors"
    weights.save(model, path, convention="akamaster")
    twin = peers.build(peers.Akamaster, 20, classes=5)
    of = ("akamaster", "ResNetCIFAR", "written")
    agree(model, x, torch_outputs(peers, twin, path, x), of=of)


@pytest.mark.parametrize(
    ("builder", "given"),
    [
        (VGG16, WIDE),
        pytest.param(VGG19, WIDE, marks=slow),
        (ResNet50, WIDE),
        (ResNet50, {"input_shape": (64, 96, 3), "include_top": False}),
        pytest.param(ResNet101, WIDE, marks=slow),
    ],
)
def test_keras_applications_takes_it(builder, given, tmp_path, built, images, agree):
    model, x, path = built(builder, **given), images(64, 96, 3), tmp_path / "ours.h5"
    weights.save(model, path, convention="keras")
    theirs = getattr(keras.applications, builder.__name__)(weights=str(path), **given)
    of = ("keras", builder.__name__.rstrip("0123456789"), "written")
    agree(model, x, theirs(x[..., ::-1], training=False), of=of)


def test_small_variances(tmp_path, built, lively, images, agree):
    """At which the 0.1 % between the epsilons shows; they come back exactly, but near 0."""
    model, x, path = built(ResNet50, **WIDE), images(64, 96, 3), tmp_path / "ours.h5"
    scale = np.geomspace(1e-10, 1e-5, 64)
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(numpy(weight) * np.resize(scale, weight.shape))
        elif weight.name == "gamma":
            weight.assign(numpy(weight) * 3e-3)
    weights.save(model, path, convention="keras")
    theirs = keras.applications.ResNet50(weights=str(path), **WIDE)
    agree(model, x, theirs(x[..., ::-1], training=False))
    before = values(model)
    again = values(weights.load(lively(model, seed=2), path))
    for name, value in before.items():
        large = np.ones_like(value, bool) if "variance" not in name else value > 1e-8
        np.testing.assert_array_equal(again[name][large], value[large])
        np.testing.assert_allclose(again[name], value, rtol=0, atol=1e-15)


def test_order_of_channels(tmp_path, lively, images, agree):
    """keras.applications with RGB, and a network of torchvision with BGR."""
    model, x = lively(VGG16(input_shape=(32, 32, 3), **TOP)), images(32, 32, 3)
    weights.save(model, tmp_path / "ours.h5", convention="keras", channels="RGB")
    given = {"weights": str(tmp_path / "ours.h5"), "input_shape": (32, 32, 3), **TOP}
    agree(model, x, keras.applications.VGG16(**given)(x))
    path = tmp_path / "ours.npz"
    weights.save(model, path, convention="torchvision", channels="BGR")
    assert set(np.load(path)) > {"features.0.weight", "classifier.6.bias"}
    kernel = values(model)["conv1_1/kernel"].transpose(3, 2, 0, 1)
    np.testing.assert_array_equal(np.load(path)["features.0.weight"], kernel[:, ::-1])
    again = weights.load(VGG16(input_shape=(32, 32, 3), **TOP), path, channels="BGR")
    same(values(again), values(model))
    with pytest.raises(ValueError, match="`channels` must be .* Received: channels='bgr'"):
        weights.save(model, path, convention="torchvision", channels="bgr")


@pytest.mark.parametrize(
    ("variant", "convention", "hidden"),
    [
        ("Mini/8", "vision_transformer", 11),
        ("Mini/8", "big_vision", None),
        ("R50+Mini/16", "vision_transformer", None),
    ],
)
def test_the_authors_files_come_back(
    variant, convention, hidden, peers, twins, tmp_path, monkeypatch, images, agree
):
    """A file of theirs is loaded and written: the same names, shapes and numbers."""
    monkeypatch.setitem(vit.SIZES, "Mini", (24, 2, 40, 3))
    monkeypatch.setitem(vit.RESNETS, "R50", {16: (2, 1, 1)})
    hybrid, size, patch = variant[0] == "R", vit.SIZES["Mini"], int(variant.split("/")[1])
    blocks = (2, 1, 1) if hybrid else None
    grid = (64 // patch, 96 // patch)
    twin = twins.ViTTwin(size, 1 if hybrid else patch, grid, 5, hidden=hidden, blocks=blocks)
    theirs = peers.released(peers.lively(twin), size[3], convention == "big_vision")
    np.savez(tmp_path / "theirs.npz", **theirs)
    model = ViT(variant, weights=tmp_path / "theirs.npz", representation_size=hidden, **WIDE)
    weights.save(model, tmp_path / "ours.npz", convention=convention)
    ours = dict(np.load(tmp_path / "ours.npz"))
    theirs = {name.removeprefix("params/"): array for name, array in theirs.items()}
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        shape = ours[name].shape
        assert array.size == ours[name].size
        assert hybrid or shape == array.shape, name  # group normalization has more axes there
        np.testing.assert_array_equal(ours[name].reshape(array.shape), array)
    x = images(64, 96, 3)
    of = (convention, "ViT, hybrids" if hybrid else "ViT", "written")
    agree(model, x, peers.outputs(twin, x), of=of)


@pytest.mark.parametrize(
    ("convention", "path", "model", "reason"),
    [
        (
            "torchvision",
            "a.npz",
            (VGG, "A-LRN"),
            "vgg_a_lrn is not torchvision's network: it has no",
        ),
        ("timm", "a.npz", (VGG, "C"), "no kernels of 1x1"),
        ("keras", "a.h5", (VGG, "B"), "it has configuration D or E"),
        ("torchvision", "a.npz", (ResNet, 50), r"in the 3x3.*stride_in='3x3'"),
        ("keras", "a.h5", (ResNet, 18), "it has 50, 101 or 152 layers"),
        ("torchvision", "a.npz", (ResNet, 34, {"shortcut": "A"}), 'build it with shortcut="B"'),
        ("torchvision", "a.npz", (ResNet, 34, {"shortcut": "C"}), 'build it with shortcut="B"'),
        ("timm", "a.npz", (ResNet, 18, {"convention": "caffe"}), "convention='paper'"),
        ("torchvision", "a.npz", (PlainNet, 18), "it has shortcuts, and this network is plain"),
        ("torchvision", "a.npz", (ResNetCIFAR, 20), "for ImageNet, and this one is for CIFAR-10"),
        ("akamaster", "a.npz", (PlainNetCIFAR, 20), "build ResNetCIFAR"),
        ("akamaster", "a.npz", (ResNet, 18, {"shortcut": "A"}), "build ResNetCIFAR"),
        ("timm", "a.npz", (ViT, "Mini/8"), 'its activation is "gelu"'),
        ("vision_transformer", "a.npz", (ViT, "Mini/8", GELU), 'activation="gelu_tanh"'),
        ("timm", "a.npz", (ViT, "Mini/8", GELU | {"representation_size": 9}), "no hidden layer"),
        ("torchvision", "a.npz", (ViT, "Mini/8", GELU | {"pooling": "avg"}), "has a class token"),
        (
            *("torchvision", "a.npz", (ViT, "Mini/8", GELU | {"input_shape": (32, 64, 3)})),
            "as many patches to the side as down",
        ),
        (
            "torchvision",
            "a.npz",
            (AlexNet,),
            "this network: tensorflow. Received: convention='torchvision' for",
        ),
        ("caffe", "a.npz", (GoogLeNet,), "there is none. Received: convention='caffe'"),
        ("keras", "a.h5", (LeNet5,), "there is none. Received: convention='keras' for"),
        ("keras", "a.h5", (ViT, "Mini/8"), "vision_transformer, big_vision, timm, torchvision, tr"),
        (
            "mxnet",
            "a.npz",
            (ResNet, 18),
            "keras, kerashub, torchvision, timm, transformers, chenyaofo",
        ),
        ("torchvision", "a.pth", (ResNet, 18), "written as .safetensors or .npz.*a.pth"),
        ("vision_transformer", "a.h5", (ViT, "Mini/8"), "written as .npz or .safetensors.*a.h5"),
        ("keras", "a.weights.h5", (ResNet, 50), "written as .h5, not .weights.h5.*a.weights.h5"),
        ("keras", "a.keras", (ResNet, 50), "written as .h5.*a.keras"),
    ],
)
def test_what_no_other_library_has(convention, path, model, reason, tmp_path, no_values):
    builder, *arguments = model
    given = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    if builder in (VGG, ResNet, PlainNet, ViT):
        given = {"input_shape": (32, 32, 3), **given}
    elif builder is AlexNet:
        given = {"input_shape": (67, 67, 3)}
    with pytest.raises(ValueError, match=reason):
        weights.save(builder(*arguments, **given), tmp_path / path, convention=convention)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_replaced_as_a_whole(tmp_path, monkeypatch, lively):
    """Or stays, if writing fails."""
    path, model = tmp_path / "ours.npz", lively(ResNetCIFAR(8))
    path.write_bytes(b"old")

    def fail(*arguments, **arrays):
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", fail)
        with pytest.raises(OSError, match="no space"):
            weights.save(model, path, convention="akamaster")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    weights.save(model, str(path), convention="akamaster")
    same(values(weights.load(ResNetCIFAR(8), path)), values(model))
    (tmp_path / "new").touch()
    assert path.stat().st_mode == (tmp_path / "new").stat().st_mode


# Our own files, which Keras writes


@pytest.fixture
def short(monkeypatch):
    """Of Table 1's networks, one block a stage."""
    for depth, (kind, _) in resnet.BLOCKS.items():
        monkeypatch.setitem(resnet.BLOCKS, depth, (kind, (1, 1, 1, 1)))


OWN = [
    (functools.partial(VGG, "A-LRN"), {"input_shape": (32, 32, 3), "classes": 5}),
    (AlexNet, {"convention": "caffe", "input_shape": (67, 67, 3), "classes": 5}),
    (
        GoogLeNet,
        {"convention": "caffe", "auxiliary": True, "input_shape": (80, 80, 3), "classes": 5},
    ),
    (functools.partial(ResNet, 34), {"shortcut": "A", "input_shape": (32, 32, 3)}),
    (ResNet50, {**V15, "input_shape": (32, 32, 3), "classes": 5}),
    (functools.partial(PlainNet, 18), {"input_shape": (32, 32, 3), "include_top": False}),
    (functools.partial(ResNetCIFAR, 20), {}),
    (functools.partial(ViT, "Mini/8"), {**MINI, "representation_size": 11}),
    (LeNet5, {}),
]


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize(("builder", "given"), OWN)
def test_our_own_files(builder, given, suffix, short, tmp_path, lively):
    """To the last bit, also with what an optimizer keeps in them."""
    model, path = lively(builder(**given)), tmp_path / f"ours{suffix}"
    model.compile(keras.optimizers.SGD(momentum=0.9))
    model.optimizer.build(model.trainable_variables)
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    again = builder(weights=path, **given)
    same(values(again), values(model))
    again = lively(again, seed=2)
    assert weights.load(again, str(path)) is again
    same(values(again), values(model))


def cifar(builder):
    return functools.partial(builder, 20)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [
        (cifar(ResNetCIFAR), cifar(PlainNetCIFAR), "only one of both has.*conv2_1_add"),
        (cifar(PlainNetCIFAR), cifar(ResNetCIFAR), "only one of both has.*conv2_1_add"),
        (
            functools.partial(VGG, "A-LRN", input_shape=(32, 32, 3), include_top=False),
            functools.partial(VGG, "A", input_shape=(32, 32, 3), include_top=False),
            "only one of both has the layers lrn1",
        ),
        (
            functools.partial(ResNet50, input_shape=(32, 32, 3), include_top=False),
            functools.partial(ResNet50, input_shape=(32, 32, 3), include_top=False, **V15),
            "a stride of 2 in conv3_1_conv1, which has 1 here.*stride_in",
        ),
    ],
)
def test_our_own_files_of_another_network(theirs, ours, reason, suffix, short, tmp_path, lively):
    """Whose weights have the same shapes."""
    path, model = tmp_path / f"ours{suffix}", ours()
    other = lively(theirs())
    other.save(path) if suffix == ".keras" else other.save_weights(path)
    assert [v.shape for v in values(model).values()] == [v.shape for v in values(other).values()]
    before = values(model)
    with pytest.raises(ValueError, match=reason):
        weights.load(model, path)
    same(values(model), before)
    with pytest.raises(ValueError, match=reason):
        ours(weights=path)


# The Hugging Face Hub, which is Keras's own


class Hub:
    """A folder in place of the hub: what Keras calls of `huggingface_hub`."""

    def __init__(self, folder):
        self.folder = folder

    def HfApi(self, **about):
        return self

    def create_repo(self, name, exist_ok):
        assert exist_ok
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        return types.SimpleNamespace(repo_id=name)

    def upload_folder(self, repo_id, folder_path, commit_message):
        shutil.copytree(folder_path, self.folder / repo_id, dirs_exist_ok=True)

    def snapshot_download(self, repo_id, **about):
        return str(self.folder / repo_id)


@pytest.mark.parametrize(
    "build", [LeNet5, functools.partial(ResNetCIFAR, 8), functools.partial(ViT, "Mini/8", **MINI)]
)
def test_the_hugging_face_hub(build, tmp_path, monkeypatch, lively):
    """Also its folder alone, as a file of weights."""
    from keras.src.saving import saving_lib

    monkeypatch.setattr(saving_lib, "huggingface_hub", Hub(tmp_path))
    # With pydot, which NNCF brings, Keras draws the model, and fails without graphviz.
    monkeypatch.setattr(saving_lib, "check_pydot", lambda: False)
    model = lively(build())
    model.save("hf://me/mine")
    again = keras.saving.load_model("hf://me/mine")
    assert again.to_json() == model.to_json()
    same(values(again), values(model))
    with pytest.raises(ValueError, match="Directory doesn't exist"):
        keras.saving.load_model("hf://me/another")
    same(values(weights.load(lively(build(), seed=2), tmp_path / "me" / "mine")), values(model))
