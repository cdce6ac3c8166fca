"""Classifiers with published weights; the file is one of random values."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_classics as kc
from keras_classics import weights
from keras_classics.classification import class_names
from keras_classics.weights.card import Card

RELEASE = "akamaster/resnet20-12fca82f"


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
    model = kc.classifier("ResNet20-CIFAR", RELEASE)
    before = images.copy()
    found = model.predict(images, verbose=0)
    np.testing.assert_array_equal(images, before)
    card = next(c for c in weights.cards("resnet20_cifar") if c.name == RELEASE)
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
    model = kc.classifier("resnet20_cifar", RELEASE)
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
    model = kc.classifier("resnet20_cifar", RELEASE)
    for scaled in (images / 255, images / 127.5 - 1, images - 120.0):
        with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
            model.predict(scaled, verbose=0)


def test_one_image_is_a_batch_of_one(published, images):
    model = kc.classifier("resnet20_cifar", RELEASE)
    expected = model.predict(images[:1], verbose=0)
    np.testing.assert_allclose(model.predict(images[0], verbose=0), expected, rtol=1e-5)
    tensor = keras.ops.convert_to_tensor(images[0])
    np.testing.assert_allclose(model.predict(tensor, verbose=0), expected, rtol=1e-5)


def test_images_of_another_shape_are_refused(published, images):
    model = kc.classifier("resnet20_cifar", RELEASE)
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
    model = kc.classifier("resnet20_cifar", RELEASE)
    scores = model.predict(images, verbose=0)
    for row, best in zip(scores, model.decode_predictions(scores, top=3), strict=True):
        order = np.argsort(-row)[:3]
        assert [name for _, name, _ in best] == [model.classes[k][1] for k in order]
        np.testing.assert_allclose([score for *_, score in best], row[order])
    with pytest.raises(ValueError, match=r"shape \(batch, 10\). Received: \(4, 9\)"):
        model.decode_predictions(scores[:, 1:])
    scores[2, 5] = np.nan
    with pytest.raises(ValueError, match="nan for 1 of 4 images"):
        model.decode_predictions(scores)


def test_it_is_saved_whole(published, images, tmp_path):
    model = kc.classifier("resnet20_cifar", RELEASE)
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


@pytest.mark.parametrize("network", ["lenet1", "resnet20_cifar"])
def test_what_cannot_be_read(network):
    model = kc.classifier(network, classes=np.array(["cat", "dog"]))
    assert model.classes == [("cat", "cat"), ("dog", "dog")]
    images = np.full((3, 32, 32, model.network.input_shape[-1]), 100.0)
    images[:, 5:27, 14:18] = 250
    images[1, 3, 3] = np.nan
    with pytest.raises(ValueError, match="1 of 3 have pixels that are nan"):
        model.predict(images, verbose=0)
    with pytest.raises(ValueError, match=r"`x` must have an image.*\(0, 32, 32, "):
        model.predict(images[:0], verbose=0)
    found = model.predict(images[::2], verbose=0)
    with pytest.raises(ValueError, match="`top` must be at least 1. Received: top=-1"):
        model.decode_predictions(found, top=-1)


def test_classes_of_data(published):
    model = kc.classifier("resnet20_cifar", RELEASE)
    assert model.positions(["cat", "airplane"]) == [3, 0]
    assert model.positions([f"{k:02}" for k in range(10)]) == list(range(10))
    with pytest.raises(ValueError, match=r"among the network's 10, such as airplane.*: tiger"):
        model.positions(["cat", "tiger"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet51",), "There is no network 'resnet51'. Did you mean resnet1?5?0"),
        (("resnet50", "imagnet"), r"no weights 'imagnet' for resnet50\..* one of: keras/resnet50"),
        (("plain18",), "No weights are published for 'plain18'"),
        (("plain18", "imagenet"), r"no weights 'imagenet' for plain18\..* one of: none"),
        (("resnet50", "vgg16_notop"), "keras/vgg16_notop is of vgg16, and not of resnet50"),
        (("vit_h14", "imagenet21k"), "H_14 has no output layer with weights: give `classes`"),
        (("vgg16", "vgg16_notop"), "keras/vgg16_notop has no output layer with weights: give"),
        (("resnet50", "imagenet", 1), "`classes` must be .*a number of classes, at least 2.*=1"),
        (("resnet50", "imagenet", ["a", "a"]), "`classes` must be .*names, all different"),
        (("resnet50", "imagenet", None, 0), "`image_size` must be"),
        (("alexnet", "alexnet-owt-7be5be79"), "One weird trick"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        kc.classifier(*arguments)


def test_like_is_for_files_and_names_a_release(published, tmp_path):
    with pytest.raises(ValueError, match="`like` is for a file, and keras/resnet50 is a release"):
        kc.classifier("resnet50", like="torchvision/resnet50-0676ba61")
    path = cards_file(published, tmp_path)
    with pytest.raises(ValueError, match="There are no weights 'resnet21' for resnet20_cifar"):
        kc.classifier("resnet20_cifar", path, like="resnet21")
    with pytest.raises(ValueError, match="`like` must be the name of a release"):
        kc.classifier("resnet20_cifar", path, like=str(path))
    with pytest.raises(FileNotFoundError, match=r"There is no file mine\.h5"):
        kc.classifier("resnet50", "mine.h5")


@pytest.mark.parametrize("word", ["num_classes", "n_classes", "img_size"])
def test_other_arguments_are_refused(word):
    other = {"img_size": "image_size"}.get(word, "classes")
    message = rf"classifier\(\) got .*: give `{other}=5` in its place.* Received: {word}=5"
    with pytest.raises(TypeError, match=message):
        kc.classifier("resnet50", **{word: 5})


def cards_file(network, folder, convention="akamaster"):
    """A file of the network, by the names of a library."""
    path = folder / "mine.npz"
    if convention:
        weights.save(network, path, convention=convention)
    else:
        path = folder / "mine.weights.h5"
        network.save_weights(path)
    return path


@pytest.mark.parametrize("like", [None, RELEASE])
def test_a_file(published, images, tmp_path, like):
    """The names of its library say the preprocessing, or a release does."""
    expected = kc.classifier("resnet20_cifar", RELEASE)
    model = kc.classifier("resnet20_cifar", cards_file(published, tmp_path), like=like)
    np.testing.assert_array_equal(model.predict(images, verbose=0), expected.predict(images))
    assert model.classes == expected.classes


def test_a_file_of_this_library_needs_a_release(published, images, tmp_path):
    path = cards_file(published, tmp_path, None)
    with pytest.raises(ValueError, match="not say the preprocessing.* one of keras_classics/resn"):
        kc.classifier("resnet20_cifar", path)
    model = kc.classifier("resnet20_cifar", path, like=RELEASE)
    expected = kc.classifier("resnet20_cifar", RELEASE)
    np.testing.assert_array_equal(model.predict(images, verbose=0), expected.predict(images))


def test_a_file_of_other_classes(tmp_path, images, caplog):
    """Its outputs are kept, whatever their names; another number of classes is a new layer."""
    path = cards_file(kc.applications.ResNetCIFAR(20, classes=3), tmp_path)
    model = kc.classifier("resnet20_cifar", path)
    assert model.classes == [("0", "class 0"), ("1", "class 1"), ("2", "class 2")]
    named = kc.classifier("resnet20_cifar", path, classes=["cat", "dog", "emu"])
    np.testing.assert_array_equal(model.predict(images, verbose=0), named.predict(images))
    (best,) = named.decode_predictions(np.float32([[0.1, 0.2, 0.7]]), top=1)
    assert best == [("emu", "emu", pytest.approx(0.7))]
    caplog.clear()
    other = kc.classifier("resnet20_cifar", path, classes=4)
    assert other.output_shape == (None, 4)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("predictions stays as it is, for 4 classes; the file has 3")
    body = [model.network.get_layer("conv4_3_conv2").kernel for model in (model, other)]
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, body))


def test_another_size_of_the_image(published, images):
    model = kc.classifier("resnet20_cifar", RELEASE, image_size=48)
    layer = kc.preprocessing.ClassifierInput(**{**model.preprocessing.get_config(), "name": "x"})
    assert (layer.resize, layer.crop) == (48, 48)
    wide = kc.build("resnet20_cifar", input_shape=(48, 48, 3))
    wide.set_weights(published.get_weights())
    expected = wide.predict(keras.ops.convert_to_numpy(layer(images)), verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-6)


def test_the_border_is_in_proportion():
    card = weights.cards("resnet50")[-1]
    assert (card.prepare["resize"], card.prepare["crop"]) == (256, 224)
    assert (card.prepared(448)["resize"], card.prepared(448)["crop"]) == (512, 448)
    squashed = next(c for c in weights.cards("vit_b16") if isinstance(c.prepare["resize"], tuple))
    assert squashed.prepared(96)["resize"] == (96, 96)


def test_it_is_a_functional_model(published, images, tmp_path):
    """`fit`, `clone_model`, weights files, `freeze_statistics`: nothing of it is special."""
    model = kc.classifier("resnet20_cifar", RELEASE, classes=2)
    kc.freeze_statistics(model)
    head = model.network.get_layer("predictions")
    head.set_weights([np.zeros(weight.shape) for weight in head.weights])
    model.compile(keras.optimizers.SGD(0.1, clipnorm=1.0), "sparse_categorical_crossentropy")
    before = model.predict(images, verbose=0)
    frozen = [w for w in model.weights if "moving" in w.name]
    values = [keras.ops.convert_to_numpy(w).copy() for w in frozen]
    model.fit(images, np.arange(4) % 2, verbose=0)
    assert np.abs(model.predict(images, verbose=0) - before).max() > 0.01
    for weight, value in zip(frozen, values, strict=True):
        np.testing.assert_array_equal(weight, value)
    model.save_weights(tmp_path / "mine.weights.h5")
    copy = keras.models.clone_model(model)
    copy.load_weights(tmp_path / "mine.weights.h5")
    expected = model.predict(images, verbose=0)
    np.testing.assert_array_equal(copy.predict(images.astype("float32"), verbose=0), expected)
    model.save(tmp_path / "mine.keras")
    again = keras.models.load_model(tmp_path / "mine.keras")
    np.testing.assert_array_equal(again.predict(images, verbose=0), expected)
    assert int(again.optimizer.iterations) == 1


def test_surgery(published, images):
    """`fuse` gives a classifier, `features` takes its images."""
    model = kc.classifier("resnet20_cifar", RELEASE)
    fused = kc.fuse(model)
    assert len(fused.network.layers) < len(model.network.layers)
    np.testing.assert_allclose(
        fused.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-3, atol=1e-5
    )
    assert (fused.classes, fused.name) == (model.classes, model.name)
    prepared = model.preprocessing(images)
    for names in (None, ["conv3_1_add"]):
        expected = kc.features(published, names)(prepared)
        found = kc.features(model, names)(images)
        assert list(found) == list(expected)
        for name, maps in found.items():
            np.testing.assert_allclose(maps, expected[name], rtol=1e-4, atol=1e-4)


def test_the_file_of_names_is_installed():
    assert (pathlib.Path(weights.__file__).parent / "imagenet.txt").is_file()


@pytest.fixture(scope="module")
def digits():
    """A classifier of digits whose scores differ from image to image."""
    network = kc.applications.LeNet5(head="softmax")
    rng = np.random.default_rng(2)
    for weight in network.weights:
        weight.assign(rng.normal(0, 0.1, tuple(weight.shape)))
    layer = kc.preprocessing.DigitInput(20, 32, -0.1, 1.175)
    return kc.Classifier(network, layer, [(f"d{k}", f"digit {k}") for k in range(10)])


@pytest.fixture(scope="module")
def strokes():
    """Dark on light, in RGB."""
    rng = np.random.default_rng(3)
    images = np.full((3, 40, 36, 3), (250, 230, 210), "uint8")
    for image in images:
        top, left, foot = rng.integers(3, 12, 3)
        image[top : top + 22, left : left + 4] = (30, 60, 10)
        image[top + foot : top + foot + 4, left : left + 16] = (10, 40, 90)
    return images


def test_a_network_of_one_channel_takes_grey_and_rgb(digits, strokes, tmp_path):
    grey = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in strokes])
    layer = digits.preprocessing
    prepared = np.stack([layer.of_array(image[..., None]) for image in grey])
    expected = digits.network.predict(prepared, verbose=0)
    assert np.ptp(expected, axis=0).max() > 0.01
    path = tmp_path / "digit.png"
    Image.fromarray(strokes[0]).save(path)
    clear = np.dstack([np.zeros_like(strokes[0]), 255 - grey[0]])  # black ink, as opaque as dark
    Image.fromarray(clear).save(tmp_path / "clear.png")
    for x in [
        *(grey, grey[..., None], strokes, 255 - grey, strokes[0], grey[0], grey[0][..., None]),
        *(keras.ops.convert_to_tensor(grey), keras.ops.convert_to_tensor(strokes)),
        *(path, path.read_bytes(), [str(path)], tmp_path / "clear.png"),
    ]:
        found = digits.predict(x, verbose=0)
        np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-3, atol=1e-5)
    best = digits.decode_predictions(expected, top=1)
    assert [row[0][0] for row in best] == [f"d{k}" for k in expected.argmax(1)]


def test_what_a_network_of_one_channel_refuses(digits, strokes):
    rgba = np.dstack([strokes[0], strokes[0]])[None, ..., :4]
    shape = r"\(batch, height, width, 1\)"
    for call, wrong in [(digits.predict, rgba), (digits, strokes), (digits, strokes[..., 0])]:
        words = rf"{shape}.*of grey images take `images\[..., None\]`; `predict` takes RGB"
        with pytest.raises(ValueError, match=words):
            call(wrong)
    with pytest.raises(ValueError, match=rf"{shape}: stack them.*a list of 3"):
        digits.predict(list(strokes), verbose=0)
    many = np.repeat(strokes, 12, axis=0)
    many[-1] = 200  # beyond the first batch; on JAX the layer alone would not see it
    with pytest.raises(ValueError, match="shows no digit"):
        digits.predict(many, verbose=0)
    with pytest.raises(ValueError, match="Pixels must be from 0 to 255"):
        digits.predict(strokes[..., 0] - 240.0, verbose=0)


def test_a_classifier_of_digits_is_saved_fused_and_given_another_network(digits, strokes, tmp_path):
    expected = digits.predict(strokes, verbose=0)
    digits.save(tmp_path / "digits.keras")
    for again in (
        keras.models.load_model(tmp_path / "digits.keras"),
        kc.fuse(digits),
        digits.with_network(digits.network),
    ):
        np.testing.assert_allclose(again.predict(strokes, verbose=0), expected, atol=1e-5)
        assert again.classes == digits.classes
    assert digits.positions(["digit 3", "d0"]) == [3, 0]


def test_a_fresh_process_must_import_the_library(digits, tmp_path):
    digits.save(tmp_path / "digits.keras")
    lines = f"""
import keras
load = lambda: keras.saving.load_model({str(tmp_path / "digits.keras")!r})
try:
    load()
except TypeError as error:
    print(error)
import keras_classics
print(load().classes)
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Could not locate class 'Classifier'")
    assert "'module': 'keras_classics.classification'" in done.stdout
    assert done.stdout.endswith(f"{digits.classes}\n")


def test_any_preprocessing_with_of_array_prepares_files_by_it(
    digits, strokes, tmp_path, monkeypatch
):
    plane = np.linspace(0, 1, 1024, dtype="float32").reshape(32, 32, 1)
    monkeypatch.setattr(type(digits.preprocessing), "of_array", lambda layer, image: plane)
    Image.fromarray(strokes[0]).save(tmp_path / "digit.png")
    found = digits.predict(tmp_path / "digit.png", verbose=0)
    np.testing.assert_allclose(found, digits.network.predict(plane[None], verbose=0), rtol=1e-5)
