"""An image's way to the network: decoded files, the mean, and layers at test time."""

import dataclasses
import os
import pathlib
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import classification, datasets, preprocessing, training
from keras_classics.datasets import splits
from keras_classics.training import imaging, trainer
from tests.training import tiny

SMALL = {
    "alexnet": {"image_size": 64, "short_side": 72},
    "vgg11": {"image_size": 32, "short_side": (36, 44)},
    "googlenet": {"image_size": 72},
    "resnet18": {"image_size": 32, "short_side": (36, 44)},
}
tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends train from the same decoder"
)


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded before a training, each as often as it was."""
    paths, read = [], splits.read_image

    def count(path, upright=False):
        paths.append(path)
        return read(path, upright)

    monkeypatch.setattr(splits, "read_image", count)
    return paths


@pytest.fixture
def damaged(photographs, tmp_path):
    """The photographs with a damaged file in training, and one in validation, both truncated."""
    folder = tmp_path / "damaged"
    broken = []
    for part, numbers in [("train", range(6)), ("val", range(6, 10))]:
        for name in ("green", "red"):
            (folder / part / name).mkdir(parents=True)
            for k in numbers:
                content = (photographs / name / f"{k}.png").read_bytes()
                (folder / part / name / f"{k}.png").write_bytes(content)
        broken.append(folder / part / "red" / "x.png")
        first = folder / part / "red" / f"{min(numbers)}.png"
        broken[-1].write_bytes(first.read_bytes()[:100].ljust(first.stat().st_size, b"\0"))
    return str(folder), {str(path) for path in broken}


@pytest.mark.parametrize(
    ("name", "shape"),
    [("alexnet", (72, 72, 3)), ("vgg11", (3,)), ("googlenet", (3,)), ("resnet18", (32, 32, 3))],
)
def test_the_mean_is_that_of_the_center_crops(name, shape, photographs, decoded):
    """Of training images alone, each of which is decoded once."""
    recipe = dataclasses.replace(training.recipe(name), **SMALL[name])
    data = datasets.load(str(photographs))
    mean, stated = imaging.mean_of(recipe, data)
    assert stated == {"images": 22, "of": 22}
    assert sorted(decoded) == sorted(data.train.paths)
    assert mean.shape == shape
    np.testing.assert_allclose(mean.reshape(-1, 3).mean(0), [119.5, 119.5, 39.5], atol=2)

    layers = imaging.layers_of(recipe, training=False)
    before = layers[: [isinstance(e, preprocessing.SubtractMean) for e in layers].index(True)]
    crops = [imaging.apply(before, data.train[k][0]) for k in range(22)]
    crops = np.stack([keras.ops.convert_to_numpy(crop) for crop in crops])
    axes = 0 if recipe.mean == "pixel" else (0, 1, 2)
    np.testing.assert_allclose(mean, crops.mean(axes), atol=0.1)


def test_the_mean_of_images_in_memory(colours):
    data = colours()
    for recipe, images, axes in [
        (training.recipe("resnet_cifar"), data.train.images, 0),
        (tiny.InMemory(), data.train.images / 255, (0, 1, 2)),
    ]:
        recipe = dataclasses.replace(recipe, batch_size=8)
        mean, stated = imaging.mean_of(recipe, data)
        assert stated is None
        np.testing.assert_allclose(mean, images.mean(axes), rtol=1e-4)
    recipe = dataclasses.replace(training.recipe("resnet_cifar"), batch_size=8, held_out=20)
    mean, _ = imaging.mean_of(recipe, data)
    np.testing.assert_allclose(mean, data.train.images[:24].mean(0), rtol=1e-4)


def test_no_mean(photographs, decoded):
    data = datasets.load(str(photographs))
    assert imaging.mean_of(training.recipe("vit_cifar"), data) == (None, None)
    assert decoded == []


def test_the_mean_of_many_files_is_that_of_a_sample(photographs, decoded, monkeypatch, tmp_path):
    """Drawn always the same, with its standard error; and kept."""
    monkeypatch.setattr(imaging, "SAMPLE", 12)
    monkeypatch.setattr(imaging, "LARGE", 20)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    data = datasets.load(str(photographs))
    mean, stated = imaging.mean_of(tiny.Tiny(), data)
    assert len(decoded) == len(set(decoded)) == 12
    images = [datasets.read_image(path) for path in decoded]
    means = np.array([image.mean((0, 1)) for image in images])
    np.testing.assert_allclose(mean, means.mean(0), atol=2)
    error = np.sqrt(means.var(0).mean() / 12 * (1 - 12 / 22))
    assert stated == {"images": 12, "of": 22, "standard error": pytest.approx(error, rel=0.05)}
    decoded.clear()
    again, same = imaging.mean_of(tiny.Tiny(), data)
    assert (decoded, same) == ([], stated)
    np.testing.assert_array_equal(again, mean)
    # Of other files, or other layers before it, it is another mean.
    os.utime(data.train.paths[0], (1, 1))
    imaging.mean_of(tiny.Tiny(), datasets.load(str(photographs)))
    assert len(decoded) == 12
    per_pixel = imaging.Spread("pixel")
    assert len(list(per_pixel.of(np.arange(24.0).reshape(2, 2, 2, 3)))) == 2
    assert per_pixel.error(10**9) == pytest.approx(6 / np.sqrt(2))


def test_the_mean_is_without_damaged_files(damaged, decoded):
    folder, broken = damaged
    data = datasets.load(folder)
    mean, stated = imaging.mean_of(tiny.Tiny(), data)
    assert stated == {"images": 12, "of": 13}
    assert {data.train.paths[k] for k in data.train.damaged} == broken & {*data.train.paths}
    kept = [k for k in range(13) if k not in data.train.damaged]
    expected = np.mean([data.train[k][0].mean((0, 1)) for k in kept], axis=0)
    np.testing.assert_allclose(mean, expected, atol=2)


def test_validation_files_beside_training_images_in_memory(colours, damaged):
    _, held = datasets.test_folder(damaged[0])
    mixed = datasets.Images("mixed", ("green", "red"), colours().train, held)
    assert imaging.mean_of(tiny.Tiny(), mixed)[0].shape == (3,)


def test_damaged_files_are_replaced_and_named_once(damaged, tmp_path):
    """Whether the training is unbroken, is broken and resumed, or knows them before it begins."""
    folder, broken = damaged
    data, recipe = datasets.load(folder), tiny.Tiny(epochs=3)
    shared = {"builder": tiny.network, "verbose": 0}
    with pytest.warns(UserWarning, match="1 file of .*takes the place") as caught:
        unbroken = training.train(recipe, data, tmp_path / "unbroken", **shared)
    told = [str(each.message) for each in caught if "cannot be decoded" in str(each.message)]
    assert len(told) == 2
    assert set(unbroken.manifest["replaced"]) == broken
    assert unbroken.manifest["left out"] == {}
    assert unbroken.manifest["errors"]["validation"]["of"] == 8
    assert not list(unbroken.folder.glob("replaced-*"))
    with pytest.warns(UserWarning, match="1 file of .*: val/red/x.png .*They are not counted"):
        assert unbroken.evaluate(datasets.load(folder)) == unbroken.manifest["errors"]

    data = datasets.load(folder)
    with pytest.warns(UserWarning, match="cannot be decoded"), pytest.raises(tiny.Break):
        training.train(recipe, data, tmp_path / "run", callbacks=[tiny.BreakAt(2)], **shared)
    # What was replaced belongs to the run, though it could be decoded by now.
    for path in map(pathlib.Path, broken):
        sound = path.with_name(f"{'0' if 'train' in path.parts else '6'}.png").read_bytes()
        path.write_bytes(sound)  # of the same size
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*cannot be decoded")
        run = training.train(recipe, datasets.load(folder), tmp_path / "run", resume=True, **shared)
    assert run.history == unbroken.history
    assert run.manifest["replaced"] == unbroken.manifest["replaced"]
    assert run.manifest["errors"] == unbroken.manifest["errors"]


def test_damaged_files_that_are_refused_leave_no_folder(damaged, tmp_path):
    data = datasets.image_folder(damaged[0], corrupt="refuse")
    with pytest.raises(ValueError, match="x.png cannot be decoded: it is cut off"):
        training.train(tiny.Tiny(), data, tmp_path / "run", builder=tiny.network)
    assert not (tmp_path / "run").exists()


def test_the_survey_leaves_keras_seeds_as_they_are(photographs, tmp_path):
    """So that all workers begin with the same weights, of which one surveys."""
    weights = []
    recipe, data = tiny.Tiny(), datasets.load(str(photographs))
    for k in range(2):
        splits = recipe.splits(data)
        with training.Run.open(tmp_path / str(k), recipe, data, splits, 0) as (run, _):
            keras.utils.set_random_seed(1)
            if k:
                run.look_through(data)
        job = trainer.prepare(recipe, splits, 2, mean=np.zeros(3), builder=tiny.network)
        weights.append(job.model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_of_images_in_memory_are_those_of_the_test(colours):
    """They take batches, and run at the test as in the validation."""
    recipe, data = tiny.InMemory(), colours(8)
    mean = np.array([0.1, 0.2, 0.3], "float32")
    expected = data.validation.images / 255 - mean
    seen = imaging.preprocess(recipe, mean, data.validation.images)
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    job = trainer.prepare(recipe, recipe.splits(data), 2, mean=mean, builder=tiny.network)
    for batches, split in [(job.batches, data.train), (job.validation, data.validation)]:
        images, labels = tiny.as_arrays(batches)
        by_label = split.images[split.labels == 0] / 255 - mean
        found = images[labels == 0]
        np.testing.assert_allclose(found.mean((0, 1, 2)), by_label.mean((0, 1, 2)), atol=1e-4)
    scores, labels = imaging.predictions(recipe, job.model, mean, data.validation)
    expected = job.model.predict(expected.astype("float32"), verbose=0)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_array_equal(labels, data.validation.labels)


def test_files_are_read_as_images_of_the_test(green_and_red):
    recipe, mean = tiny.Tiny(), np.array([10, 20, 30], "float32")
    network = tiny.network((8, 8, 3), 2)
    image = datasets.read_image(green_and_red[0])
    seen = imaging.read(recipe, mean, green_and_red[0])
    np.testing.assert_allclose(seen, imaging.preprocess(recipe, mean, image[None])[0])
    np.testing.assert_allclose(seen.mean((0, 1)), image.mean((0, 1)) - mean, atol=6)
    (scores,) = imaging.predictions_of_files(recipe, network, mean, green_and_red[:1])
    np.testing.assert_allclose(scores, network.predict(seen[None], verbose=0)[0], rtol=1e-4)


def mean_for(recipe):
    """Some mean of the images, if the recipe subtracts one that it does not know."""
    layers = [*recipe.layers(False), *recipe.device_layers(0)]
    unknown = [layer for layer in layers if imaging._is_unknown(layer)]
    if not unknown:
        return None
    side = recipe.test_side if recipe.network == "alexnet" else recipe.image_size
    shape = {"pixel": (side, side, 3), "channel": (3,)}[unknown[0].per]
    return np.random.default_rng(1).uniform(100, 150, shape).astype("float32")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *SMALL.items(),
        ("alexnet", SMALL["alexnet"] | {"mean": "123,117,104"}),
        ("resnet20_cifar", {}),
        ("cuda_convnet_80sec", {}),
        ("cuda_convnet_11pct", {}),
        ("vit_b16", {"image_size": 56}),
        ("vit_finetune", {"image_size": 48}),
        ("vit_deit", {"image_size": 48}),
        ("vit_cifar", {}),
        ("vit_mnist", {}),
        ("lecun1989", {}),
        ("lenet1", {"centre": "mnist"}),
        ("lenet5", {}),
        ("mlp", {}),
    ],
)
def test_a_classifier_prepares_as_the_test_does(name, changes, tmp_path):
    recipe = dataclasses.replace(training.recipe(name), **changes)
    grey, path, rng = recipe.input_shape[-1] == 1, tmp_path / "image.png", np.random.default_rng(0)
    if grey:
        drawing = np.full((90, 70), 250, "uint8")
        drawing[20:75, 30:38] = drawing[40:48, 30:60] = 20
        Image.fromarray(drawing).save(path)
    else:
        colours = rng.integers(0, 256, (9, 13, 3), "uint8")
        Image.fromarray(colours).resize((131, 91), Image.Resampling.BICUBIC).save(path)
    mean = mean_for(recipe)
    layer = recipe.input_layer(lambda images: imaging.preprocess(recipe, mean, images))
    image = datasets.read_image(path, upright=True, grey=grey)
    expected = imaging.read(recipe, mean, path)
    assert expected.shape == recipe.input_shape
    tolerance = 5e-3 * np.ptp(expected)
    for found in (classification.prepared(layer, image), np.asarray(layer(image[None]))[0]):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    imaging.refuse_another_way(recipe, mean, layer)


def test_layers_are_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layers = imaging.layers_of(tiny.Tiny(), training=True, mean=np.zeros(3, "float32"))
        layers += imaging.device_layers_of(training.recipe("resnet_cifar"))
    finally:
        keras.config.set_dtype_policy(before)
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    image = keras.ops.convert_to_tensor(np.full((8, 8, 3), 200.123, "float32"))
    for layer in layers[:2]:
        image = layer(image)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(image), 200.123, rtol=1e-6)


def test_a_file_that_is_no_image(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "image.png")
    (tmp_path / "image.png").write_bytes((tmp_path / "image.png").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"image.png cannot be decoded"):
        imaging.read(tiny.Tiny(), np.zeros(3), tmp_path / "image.png")
