"""The weights in the package: their cards are true, and they work wherever weights do."""

import dataclasses
import hashlib
import pathlib

import keras
import numpy as np
import pytest

import keras_classics as kc
from keras_classics import datasets, names, training, weights
from keras_classics.training import evaluation, imaging
from keras_classics.weights import card as card_module
from keras_classics.weights import catalogue
from keras_classics.weights.card import OWN, TRAINED
from keras_classics.weights.conventions import groups

CARDS = [card for card in weights.cards() if card.library == OWN]
every = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.url.partition(".")[0])
numpy = keras.ops.convert_to_numpy
MOST = 10e6  # bytes of the package


def recipe_of(card):
    fields = {**card.training["recipe"]}
    cls = fields.pop("class").partition(":")[2]
    (name,) = [name for name, row in names.RECIPES.items() if row[1] == cls]
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return type(training.recipe(name))(**fields)


def test_they_are_few_bytes():
    files = [path for path in TRAINED.iterdir() if path.suffix != ".json"]
    assert {path.name for path in files} == {card.url for card in CARDS}
    assert sum(path.stat().st_size for path in TRAINED.iterdir()) < MOST


@every
def test_the_file_is_that_of_the_card(card):
    digest = hashlib.sha256(pathlib.Path(card.path()).read_bytes()).hexdigest()
    assert card.checksum == f"sha256:{digest}"
    assert card.training["errors"]["test"]["percent"] == card.top1
    assert str(card.training["errors"]["test"]["of"]) in card.protocol.replace(",", "")
    assert card.training["seed"] == 0


@every
def test_the_errors_are_those_of_the_card(card, data_dir):
    """On another backend, a few images differ."""
    name, recipe = card.training["data"]["name"], recipe_of(card)
    data = datasets.load(name, data_dir(name))
    split = recipe.splits(data)[data.held]
    model = kc.build(card.network, weights=card)
    mean = None
    if card.prepare.get("mean") == "pixel":
        mean = np.array(card.prepared()["mean"], "float32")
    found = evaluation.count(*imaging.predictions(recipe, model, mean, split))
    expected = card.training["errors"][data.held]
    if keras.backend.backend() == "tensorflow" and found["of"] * model.count_params() < 1e9:
        assert found == expected  # of larger networks, the processor's rounding moves a few
    assert found["of"] == expected["of"]
    assert abs(found["wrong"] - expected["wrong"]) <= 2


def test_a_short_name_means_the_head_that_is_asked_for():
    rbf, softmax = (
        kc.applications.LeNet5(weights="mnist"),
        kc.applications.LeNet5(head="softmax", weights="mnist"),
    )
    assert (rbf.layers[-1].name, softmax.layers[-1].name) == ("scores", "predictions")
    assert not np.array_equal(*(numpy(m.get_layer("C1").kernel) for m in (rbf, softmax)))
    distorted = kc.applications.LeNet5(weights="mnist-distortions")
    assert not np.array_equal(*(numpy(m.get_layer("C1").kernel) for m in (rbf, distorted)))
    with pytest.raises(ValueError, match=r"head='rbf' \(given: 'softmax'\)"):
        kc.applications.LeNet5(head="softmax", weights="mnist-distortions")
    for model, head in ((rbf, "rbf"), (softmax, "softmax")):
        other = weights.load(kc.applications.LeNet5(head=head), "mnist")
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@every
def test_other_classes_and_channels(card):
    """The body is the trained one; the first kernel sums to it over the channels."""
    model = kc.build(card.network, weights=card)
    side, channels = model.input_shape[1], 4 - model.input_shape[-1]  # 3 for 1, 1 for 3
    other = kc.build(card.network, weights=card, classes=7, input_shape=(side, side, channels))
    assert other.output_shape == (None, 7)
    body = {v.path: numpy(v) for v in model.weights}
    same = [
        v.path for v in other.weights if v.path in body and np.array_equal(numpy(v), body[v.path])
    ]
    assert len(same) >= len(model.weights) - 3  # but for the first kernel and the head
    whole = kc.build(card.network, weights=card, include_top=False)
    assert len(whole.weights) < len(model.weights)


@pytest.mark.parametrize("order", [1, -1])
def test_without_a_name_it_is_the_data_of_the_paper(order, monkeypatch):
    """And not the first in the list."""
    monkeypatch.setattr(catalogue, "CARDS", catalogue.CARDS[::order])
    expected = {
        "lenet1": "usps", "lenet5": "mnist", "resnet50": "imagenet", "vit_b16": "imagenet",
        "vit_mini4": "cifar10",
    }  # fmt: skip
    assert {name: catalogue.usual(name) for name in expected} == expected


def test_a_file_of_ones_own_says_nothing_of_its_images(tmp_path):
    """It has the names of this library's, which were given other images."""
    kc.applications.LeNet1().save_weights(tmp_path / "mine.weights.h5")
    with pytest.raises(ValueError, match=r"do not say the preprocessing.*keras_classics/lenet1"):
        kc.classifier("lenet1", tmp_path / "mine.weights.h5")
    model = kc.classifier("lenet1", tmp_path / "mine.weights.h5", like="lenet1-usps")
    assert model.classes[3] == ("3", "3")


def test_the_mean_of_each_pixel_is_in_the_file(tmp_path, monkeypatch):
    """Of images of another size, it is that of each channel."""
    from safetensors.numpy import save_file

    monkeypatch.setattr(card_module, "TRAINED", tmp_path)
    mean = np.random.default_rng(0).uniform(90, 150, (32, 32, 3)).astype("float32")
    model = kc.build("resnet20_cifar")
    arrays = {f"{g.name}/{n}": numpy(v) for g in groups(model).values() for n, v in g[1].items()}
    save_file({**arrays, card_module.MEAN: mean}, tmp_path / "small.safetensors")
    card = dataclasses.replace(
        CARDS[0],
        network="resnet20_cifar",
        url="small.safetensors",
        prepare={"resize": 32, "crop": 32, "mean": "pixel"},
    )
    np.testing.assert_array_equal(np.array(card.prepared()["mean"], "float32"), mean)
    np.testing.assert_allclose(card.prepared(48)["mean"], mean.mean((0, 1)), rtol=1e-5)
    loaded = kc.classifier("resnet20_cifar", card)
    for a, b in zip(loaded.network.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), "uint8")
    expected = numpy(model(images - mean))
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, rtol=1e-3, atol=1e-5)
