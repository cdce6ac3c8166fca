"""Classifiers with published weights; the file is one of random values."""

import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

import keras_classics as kc
from keras_classics import weights
from keras_classics.classification import class_names
from keras_classics.weights.card import Card


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 40, 50, 3), dtype="uint8")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A network with random weights, whose file stands for the published one."""
    network = kc.applications.ResNetCIFAR(20)
    rng = np.random.default_rng(1)
    for weight in network.weights:
        shape = tuple(weight.shape)
        positive = weight.name in ("gamma", "moving_variance")
        values = rng.uniform(0.5, 1.5, shape) if positive else rng.normal(0, 0.3, shape)
        weight.assign(values)
    path = tmp_path / "resnet20-12fca82f.npz"
    weights.save(network, path, convention="akamaster")
    monkeypatch.setattr(Card, "path", lambda card: str(path))
    return network


def test_uint8_images_of_any_size(published, images):
    model = kc.classifier("ResNet20-CIFAR", "cifar10")
    before = images.copy()
    found = model.predict(images, verbose=0)
    np.testing.assert_array_equal(images, before)
    card = next(c for c in weights.cards("resnet20_cifar"))
    expected = published.predict(
        keras.ops.convert_to_numpy(card.preprocessing()(images)), verbose=0
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found.max() > 0.2
    for size in [(32, 32), (33, 200)]:
        other = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype="uint8")
        assert model.predict(other, verbose=0).shape == (2, 10)
    again = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(again, found, rtol=1e-4, atol=1e-6)


def test_image_files(published, images, tmp_path):
    """Of several sizes; photographs are upright."""
    model = kc.classifier("resnet20_cifar", "cifar10")
    exif = Image.Exif()
    exif[0x0112] = 8
    turned, plain = tmp_path / "turned.png", str(tmp_path / "plain.png")
    Image.fromarray(np.rot90(images[0], -1).copy()).save(turned, exif=exif)
    Image.fromarray(images[1, :36]).save(plain)
    found = model.predict([turned, plain], verbose=0)
    for row, image in zip(found, (images[0], images[1, :36]), strict=True):
        expected = model.predict(image[None], verbose=0)[0]
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict(plain, verbose=0)[0], found[1], rtol=1e-4, atol=1e-6)
    with pytest.raises(FileNotFoundError, match=r"There is no file .*gone\.png"):
        model.predict(tmp_path / "gone.png", verbose=0)


def test_images_that_were_scaled_before_are_refused(published, images):
    model = kc.classifier("resnet20_cifar", "cifar10")
    for scaled in (images / 255, images / 127.5 - 1, images - 120.0):
        with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
            model.predict(scaled, verbose=0)


def test_one_image_is_a_batch_of_one(published, images):
    model = kc.classifier("resnet20_cifar", "cifar10")
    expected = model.predict(images[:1], verbose=0)
    np.testing.assert_allclose(model.predict(images[0], verbose=0), expected, rtol=1e-5)
    tensor = keras.ops.convert_to_tensor(images[0])
    np.testing.assert_allclose(model.predict(tensor, verbose=0), expected, rtol=1e-5)


def test_images_of_another_shape_are_refused(published, images):
    model = kc.classifier("resnet20_cifar", "cifar10")
    rgba = np.concatenate([images, images[..., :1]], axis=-1)
    shape = r"\(batch, height, width, 3\)"
    for wrong in (rgba, rgba[0], images[..., :1], images[..., 0], images[0, :, :, 0]):
        with pytest.raises(ValueError, match=rf"{shape}.*take .images\[..., :3\]"):
            model.predict(wrong, verbose=0)
    with pytest.raises(ValueError, match=rf"{shape}.*Received: .*\(40, 50, 3\)"):
        model(images[0])
    with pytest.raises(ValueError, match=r"stack them with np.stack.*a list of 4"):
        model.predict(list(images), verbose=0)
    with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
        model.predict(keras.ops.convert_to_tensor(images / 255), verbose=0)


def test_named_classes(published, images):
    model = kc.classifier("resnet20_cifar", "cifar10")
    scores = model.predict(images, verbose=0)
    for row, best in zip(scores, model.decode_predictions(scores, top=3), strict=True):
        order = np.argsort(-row)[:3]
        assert [name for _, name, _ in best] == [model.classes[k][1] for k in order]
        np.testing.assert_allclose([score for *_, score in best], row[order])
    with pytest.raises(ValueError, match=r"shape \(batch, 10\). Received: \(4, 9\)"):
        model.decode_predictions(scores[:, 1:])


def test_it_is_saved_whole(published, images, tmp_path):
    model = kc.classifier("resnet20_cifar", "cifar10")
    model.save(tmp_path / "classifier.keras")
    again = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_allclose(
        again.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-5
    )
    assert again.classes == model.classes


def test_imagenets_classes():
    names = class_names(1000)
    assert len(names) == 1000
    identifiers = [identifier for identifier, _ in names]
    assert identifiers == sorted(set(identifiers))
    assert all(identifier[0] == "n" and identifier[1:].isdigit() for identifier in identifiers)
    at = dict(enumerate(names))
    assert at[0] == ("n01440764", "tench")
    assert at[281][1] == "tabby"
    assert at[386][1] == "African elephant"
    assert at[999] == ("n15075141", "toilet tissue")


def test_classes_of_data(published):
    model = kc.classifier("resnet20_cifar", "cifar10")
    assert model.positions(["cat", "airplane"]) == [3, 0]
    assert model.positions([f"{k:02}" for k in range(10)]) == list(range(10))
    with pytest.raises(ValueError, match=r"among the network's 10, such as airplane.*: tiger"):
        model.positions(["cat", "tiger"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet51",), "There is no network 'resnet51'. Did you mean resnet1?5?0"),
        (("resnet50", "imagnet"), r"no weights 'imagnet' for resnet50\..* one of: keras/resnet50"),
        (("lenet5",), r"no weights 'imagenet' for lenet5\..* one of: none"),
        (("resnet50", "mine.h5"), "`weights` must be the name of a release.*'mine.h5'"),
        (("resnet50", "vgg16_notop"), "keras/vgg16_notop is of vgg16, and not of resnet50"),
        (("vit_h14", "imagenet21k"), "was published without its output layer"),
        (("vgg16", "vgg16_notop"), "was published without its output layer"),
        (("alexnet", "alexnet-owt-7be5be79"), "One weird trick"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        kc.classifier(*arguments)


@pytest.mark.parametrize("word", ["num_classes", "classes", "img_size", "pretrained"])
def test_other_arguments_are_refused(word):
    message = rf"classifier\(\) got .*: .*keras_classics\.build\(network.* Received: {word}=5"
    with pytest.raises(TypeError, match=message):
        kc.classifier("resnet50", **{word: 5})


def test_the_file_of_names_is_installed():
    assert (pathlib.Path(weights.__file__).parent / "imagenet.txt").is_file()
