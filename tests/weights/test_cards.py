"""The cards: what they say fits the builders, and what is done without a network, or with one."""

import ast
import dataclasses
import functools
import hashlib
import http.server
import inspect
import logging
import pathlib
import re
import subprocess
import sys
import threading

import keras
import pytest

from keras_classics import activations, applications, names, preprocessing, weights
from keras_classics.weights.card import OWN, Cards
from keras_classics.weights.catalogue import resolve
from keras_classics.weights.conventions import groups
from keras_classics.weights.fitting import builder, conflicts, fits
from keras_classics.weights.names import conventions_for

CARDS = weights.cards()
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
VGG16 = next(card for card in CARDS if card.name == "keras/vgg16")
OFFERED = [card for card in CARDS if not card.refused]
# By how they are built, but for one that takes its time.
BUILT = {}
for each in OFFERED:
    if each.network != "resnet1202_cifar":
        BUILT.setdefault(f"{each.call} {each.classes}", []).append(each)
SUMS = {"md5": 32, "sha1": 40, "sha256": 64}


@pytest.fixture
def memory():
    """Nothing is to be given back here: models without values are small."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache of Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def named(name):
    return next(card for card in CARDS if card.name == name)


@every_card
def test_a_card_is_complete(card):
    if card.library == OWN:
        assert card.cached.is_file()
        assert card.labels
    else:
        ends = "h5|caffemodel|pth|npz|safetensors|th"
        assert re.fullmatch(rf"https?://\S+/[\w.+-]+\.({ends})", card.url)
        assert card.source.startswith("http")
    if card.checksum:
        algorithm, digits = re.fullmatch(r"(\w+):([0-9a-f]+)", card.checksum).groups()
        # PyTorch publishes the beginning of a sha256, in the names of its files.
        assert len(digits) == SUMS[algorithm] or digits in pathlib.PurePath(card.url).stem
    assert card.licence
    assert card.protocol
    for error in (card.top1, card.top5):
        assert error is None or 0 <= error < 50
    assert card.top1 is None or card.top5 is None or card.top5 < card.top1
    assert [other for other in CARDS if other.name == card.name] == [card]
    assert [other for other in CARDS if other.cached == card.cached] == [card]


@pytest.mark.parametrize("call", BUILT, ids=str)
def test_a_card_fits_its_builder(call):
    """The arguments are the builder's, and what they build is the network of that library."""
    card, *others = BUILT[call]
    with keras.StatelessScope(initialize_variables=False):
        model = builder(card)(**card.fill({}))
    known = conventions_for(groups(model))
    for each in (card, *others):
        if each.library != OWN:
            ((_, _, convention),) = [found for found in known if found[1] == each.library]
            assert convention.differs(model, None) is None
        if each.arguments.get("include_top", True):
            assert model.output_shape == (None, each.classes)
            layer = each.preprocessing()
            digit = model.input_shape[-1] == 1
            kind = preprocessing.DigitInput if digit else preprocessing.ClassifierInput
            assert isinstance(layer, kind)
            shape = (None, 500, 300, each.channels)
            assert layer.compute_output_shape(shape) == model.input_shape


@pytest.mark.parametrize(
    "name", ["keras/resnet50", "torchvision/resnet50-0676ba61", "caffe/ResNet-50-model"]
)
def test_of_one_network_only_one_release_fits(name):
    builds = {"keras": {}, "torchvision": {"stride_in": "3x3"}, "caffe": {"convention": "caffe"}}
    for library, arguments in builds.items():
        with keras.StatelessScope(initialize_variables=False):
            model = applications.ResNet50(**arguments, classes=7)
        assert fits(named(name), model) == name.startswith(library)


SPELLINGS = {
    "resnet50": ("ResNet50", "ResNet-50", "resnet_50"),
    "vgg16": ("VGG16", "VGG-16", "vgg_d", "VGG D"),
    "vit_b16": ("ViTB16", "ViT-B/16", "vit_b_16", "vitb16"),
    "vit_r50_b16": ("ViT-R50+B/16",),
    "resnet20_cifar": ("ResNet20-CIFAR", "resnet_20_cifar", "resnet20cifar"),
    "alexnet": ("AlexNet", "Alex-Net", "alexn?t"),
}


@pytest.mark.parametrize(
    ("name", "spelled"), [(name, each) for name, others in SPELLINGS.items() for each in others]
)
def test_every_spelling_gives_the_same_cards(name, spelled):
    found = weights.cards(spelled)
    assert found == weights.cards(name)
    assert found
    assert {card.network for card in found} == {name}


def test_names_of_several_networks():
    """A builder, a paper or a pattern."""
    assert {card.network for card in weights.cards("ResNet")} == {
        f"resnet{depth}" for depth in (18, 34, 50, 101, 152)
    }
    both = [*weights.cards("ResNet"), *weights.cards("ResNetCIFAR")]
    assert {card.name for card in weights.cards("resnet*")} == {card.name for card in both}
    with pytest.raises(ValueError, match="There is no network 'resnet51'. Did you mean"):
        weights.cards("resnet51")


@every_card
def test_a_card_names_its_network_as_the_index_does(card):
    network = names.find(card.network)
    assert network.name == card.network
    parameters = inspect.signature(builder(card)).parameters
    for name, value in {**card.arguments, **card.top}.items():
        assert parameters[name].default != value  # so that the printed call is as short as can be
    assert not set(network.arguments) & set(card.arguments)


def test_cards_need_no_keras():
    """To list and print them; so the command line does it in a moment."""
    code = (
        "import sys; sys.argv = ['keras-classics']\n"
        "from keras_classics import weights\n"
        "print(weights.cards())\n"
        "weights.cards('ViT-B/16'), repr(weights.cards()[0]), weights.cards()[0].call\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    *table, modules = done.stdout.splitlines()
    assert str(CARDS).splitlines() == table
    loaded = set(ast.literal_eval(modules))
    assert "keras_classics" in loaded
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "numpy", "h5py"}


# Arguments of the builders that leave the weights as they are.
NO_CONFLICTS = [
    ("VGG16", {"kernel_initializer": "he_normal", "include_top": False, "pooling": "avg"}),
    ("ResNet18", {"classes": 7, "classifier_activation": None, "name": "mine"}),
    ("ResNet", {"depth": 34, "stride_in": "3x3", "shortcut": "B"}),
    ("AlexNet", {"bias_start": 0.1, "input_shape": (100, 100, 1), "towers": 2}),
    ("GoogLeNet", {"auxiliary": True}),
    ("ViT", {"variant": "B/32", "dropout": 0.1, "stochastic_depth": 0.1, "pooling": "token"}),
    ("ViT", {"variant": "B/32", "activation": activations.gelu_tanh}),
    ("ViT", {"variant": "B/32", "representation_size": 7}),
]


@pytest.mark.parametrize(("network", "given"), NO_CONFLICTS)
def test_arguments_that_leave_the_weights_as_they_are(network, given):
    card = resolve("imagenet", network, given)
    assert {"aliases": "imagenet" in card.aliases, "conflicts": conflicts(card, given)} == {
        "aliases": True,
        "conflicts": [],
    }


@pytest.mark.parametrize(
    ("network", "source", "given", "expected"),
    [
        ("VGG", "imagenet", {"configuration": "D"}, "keras/vgg16"),
        ("VGG", "imagenet", {"configuration": "D", "include_top": False}, "keras/vgg16_notop"),
        ("VGG", "imagenet", {"configuration": "A"}, "torchvision/vgg11-8a719046"),
        ("VGG", "VGG_ILSVRC_16_layers", {"configuration": "D"}, "caffe/VGG_ILSVRC_16_layers"),
        ("ResNet", "imagenet", {"depth": 50}, "keras/resnet50"),
        (
            "ResNet",
            "imagenet",
            {"depth": 50, "stride_in": "3x3"},
            "torchvision/resnet50-0676ba61",
        ),
        ("ResNet", "imagenet", {"depth": 50, "convention": "caffe"}, "caffe/ResNet-50-model"),
        ("ResNet", "imagenet", {"depth": 18}, "torchvision/resnet18-f37072fd"),
        ("LeNet5", "mnist", {}, "keras_classics/lenet5-mnist"),
        ("LeNet5", "mnist", {"head": "softmax"}, "keras_classics/lenet5-mnist-softmax"),
        ("LeNet1", "usps", {"classes": 26}, "keras_classics/lenet1-usps"),
        ("ResNetCIFAR", "cifar10", {"depth": 110}, "akamaster/resnet110-1d1ed7c2"),
        ("AlexNet", "imagenet", {}, "caffe/bvlc_alexnet"),
        ("GoogLeNet", "imagenet", {"classes": 7}, "caffe/bvlc_googlenet"),
        (
            "ViT",
            "imagenet",
            {"variant": "B/16", "input_shape": (224, 224, 3)},
            "vision_transformer/imagenet21k+imagenet2012/ViT-B_16-224",
        ),
        (
            "ViT",
            "imagenet",
            {"variant": "B/16", "activation": keras.activations.gelu},
            "torchvision/vit_b_16-c867db91",
        ),
        (
            "ViT",
            "L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1",
            {"variant": "L/16"},
            "vision_transformer/augreg/L_16-21k",
        ),
        ("vit_b16", "imagenet", {}, "vision_transformer/imagenet21k+imagenet2012/ViT-B_16"),
        ("VGG", "weights/mine.h5", {"configuration": "D"}, None),
        ("VGG", VGG16, {"configuration": "D"}, "keras/vgg16"),
    ],
)
def test_names(network, source, given, expected):
    found = resolve(source, network, given)
    assert (found and found.name) == expected


@pytest.mark.parametrize(
    ("network", "source", "given", "message"),
    [
        ("VGG", "imagenet", {"configuration": "C"}, r"Needed: configuration='D' \(given: 'C'\)"),
        ("ResNet", "keras/resnet50", {"depth": 50, "stride_in": "3x3"}, r"stride_in='1x1'"),
        ("AlexNet", "imagenet", {"lrn": False}, r"lrn=True \(given: False"),
        ("AlexNet", "imagenet", {"convention": "paper"}, r"convention='caffe' \(given: 'paper'"),
        ("ResNet", "bvlc_alexnet", {"depth": 50}, "bvlc_alexnet is of alexnet, and not of ResNet"),
        ("GoogLeNet", "imagnet", {}, r"no weights 'imagnet' for GoogLeNet.*caffe/bvlc_googlenet"),
        ("LeNet5", "imagenet", {}, "one of: keras_classics/lenet5-mnist"),
        ("PlainNet", "imagenet", {"depth": 18}, r"one of: none\."),
        ("ResNet", "imagenet", {"depth": 18, "shortcut": "A"}, r"shortcut='B' \(given: 'A'\)"),
        ("VGG", "vgg16_notop", {"include_top": True}, r"include_top=False \(given: True\)"),
        ("VGG", VGG16, {"configuration": "C"}, "The weights 'keras/vgg16' do not go"),
        ("ViT", "imagenet21k", {"variant": "Ti/8"}, r"variant='Ti/16' \(given: 'Ti/8'\)"),
    ],
)
def test_names_that_do_not_fit(network, source, given, message):
    with pytest.raises(ValueError, match=message):
        resolve(source, network, given)


def test_a_card_fills_in_what_was_not_given():
    alexnet = named("caffe/bvlc_alexnet")
    assert alexnet.fill({})["convention"] == "caffe"
    assert alexnet.fill({})["input_shape"] == (227, 227, 3)
    assert alexnet.fill({"input_shape": (300, 300, 1)})["input_shape"] == (300, 300, 1)
    vit = named("vision_transformer/imagenet21k/ViT-B_16")
    assert vit.fill({})["representation_size"] == 768
    assert vit.fill({})["classes"] == 21843
    # For other classes the whole head gives way to one layer (section 3.2).
    assert "representation_size" not in vit.fill({"classes": 10})
    assert "representation_size" not in vit.fill({"include_top": False})


def test_a_name_needs_no_builder(home):
    """`load` finds the release by the network."""
    with keras.StatelessScope(initialize_variables=False):
        model = applications.ResNet50(stride_in="3x3", classes=5)
        cifar = applications.ResNetCIFAR(110)
    for network, source, expected in [
        (model, "imagenet", "torchvision/resnet50-0676ba61"),
        (cifar, "cifar10", "akamaster/resnet110-1d1ed7c2"),
    ]:
        with pytest.raises(OSError, match=f"^{expected} could not be downloaded"):
            weights.load(network, source)
    with pytest.raises(ValueError, match="No weights 'cifar10' are published for the network"):
        weights.load(model, "cifar10")


def test_a_release_says_whose_names_it_has(home):
    """The file is read by the names of that library, and of no other."""
    model = applications.ResNetCIFAR(20)
    for name in ("akamaster/resnet20-12fca82f", "akamaster/resnet56-4bfd9763"):
        card = dataclasses.replace(named(name), checksum=None)
        card.cached.parent.mkdir(parents=True)
        model.save_weights(home / "own.weights.h5")
        (home / "own.weights.h5").rename(card.cached)
        with pytest.raises(ValueError, match="has none of the names .* in akamaster. Received: 11"):
            weights.load(model, card)
        weights.load(model, card, convention="keras_classics")


def test_without_a_network_the_error_says_what_to_do_by_hand(home):
    card = named("keras/resnet50")
    with pytest.raises(OSError, match="keras/resnet50 could not be downloaded") as error:
        applications.ResNet50(weights="imagenet")
    words = str(error.value)
    assert card.url in words
    assert str(home / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels.h5") in words
    assert card.checksum in words


@pytest.mark.parametrize("name", ["bvlc_googlenet", "resnet20-12fca82f", "keras/vgg16"])
def test_a_file_placed_by_hand_is_found_and_checked(home, name):
    card = resolve(name)
    algorithm = card.checksum.partition(":")[0]
    card.cached.parent.mkdir(parents=True, exist_ok=True)
    card.cached.write_bytes(b"weights")
    digest = hashlib.new(algorithm, b"weights").hexdigest()
    right = dataclasses.replace(card, checksum=f"{algorithm}:{digest}")
    assert pathlib.Path(right.path()).read_bytes() == b"weights"
    begins = dataclasses.replace(card, checksum=f"{algorithm}:{digest[:8]}")
    assert pathlib.Path(begins.path()).read_bytes() == b"weights"
    wrong = dataclasses.replace(
        card, checksum=f"{algorithm}:{'0' * len(digest)}", url=_nowhere(card)
    )
    with pytest.raises((OSError, ValueError), match=re.escape(str(wrong.cached))):
        wrong.path()


def _nowhere(card):
    return f"http://127.0.0.1:1/{pathlib.PurePosixPath(card.url).name}"


def test_without_a_published_checksum_the_files_own_is_said(home, caplog):
    card = named("vision_transformer/augreg/Ti_16-224")
    assert card.checksum is None
    card.cached.parent.mkdir(parents=True)
    card.cached.write_bytes(b"weights")
    with caplog.at_level(logging.WARNING, "keras_classics"):
        card.path()
    assert hashlib.sha256(b"weights").hexdigest() in caplog.text


def test_a_download(home, tmp_path):
    """By a server on this machine: kept in the cache; a damaged one is refused, and removed."""
    (tmp_path / "weights.h5").write_bytes(b"weights" * 1000)
    handler = functools.partial(_Quiet, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digest = hashlib.md5(b"weights" * 1000).hexdigest()
    card = dataclasses.replace(
        named("keras/vgg16"),
        url=f"http://127.0.0.1:{server.server_port}/weights.h5",
        checksum=f"md5:{digest}",
    )
    wrong = dataclasses.replace(card, checksum="md5:" + "0" * 32)
    with pytest.raises(OSError, match=r"hash does not match.*Its address is http://127"):
        wrong.path()
    path = pathlib.Path(card.path())
    server.shutdown()
    server.server_close()
    assert path == home / "models" / "weights.h5"
    assert path.read_bytes() == b"weights" * 1000
    assert card.path() == str(path)  # without the server


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.parametrize("card", [c for c in CARDS if c.refused], ids=lambda card: card.name)
def test_a_famous_name_of_another_network_is_refused(card):
    with pytest.raises(ValueError, match=re.escape(card.refused)):
        builder(card)(weights=card.name)


def test_the_table():
    table = str(weights.cards("resnet50"))
    assert "| `keras/resnet50` " in table
    assert "ResNet(50, stride_in='3x3')" in table
    assert "vgg" not in table
    assert {card.network for card in weights.cards("vgg")} == {"vgg11", "vgg13", "vgg16", "vgg19"}
    with pytest.raises(
        ValueError, match="No weights are published for 'plain18'; there are of AlexNet"
    ):
        weights.cards("plain18")


def test_the_documents_show_the_table():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "weights.md").read_text()
    assert str(CARDS) in text
    short = {}  # what the short names mean
    for card in CARDS:
        for alias in card.aliases:
            short.setdefault((card.network, alias), card)
    assert str(Cards(short.values())) in text
