"""An image's way to the network: decoded files, the mean, and layers at test time."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets, preprocessing, training
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
    """The photographs with a damaged file in training, and one in validation."""
    folder = tmp_path / "damaged"
    broken = []
    for part, numbers in [("train", range(6)), ("val", range(6, 10))]:
        for name in ("green", "red"):
            (folder / part / name).mkdir(parents=True)
            for k in numbers:
                content = (photographs / name / f"{k}.png").read_bytes()
                (folder / part / name / f"{k}.png").write_bytes(content)
        broken.append(folder / part / "red" / "x.png")
        broken[-1].write_bytes(content[:100])
    return str(folder), {str(path) for path in broken}


@pytest.mark.parametrize(
    ("name", "shape"),
    [("alexnet", (72, 72, 3)), ("vgg11", (3,)), ("googlenet", (3,)), ("resnet18", (32, 32, 3))],
)
def test_the_mean_is_that_of_the_center_crops(name, shape, photographs, decoded):
    """Of training images alone, each of which is decoded once, as are those of validation."""
    recipe = dataclasses.replace(training.recipe(name), **SMALL[name])
    data = datasets.load(str(photographs))
    kept, left, mean = imaging.look_through(recipe, data)
    assert (len(kept.train), len(kept.validation), left) == (22, 2, {})
    assert sorted(decoded) == sorted([*data.train.paths, *data.validation.paths])
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
        kept, left, mean = imaging.look_through(recipe, data)
        assert kept is data
        assert left == {}
        np.testing.assert_allclose(mean, images.mean(axes), rtol=1e-4)
    recipe = dataclasses.replace(training.recipe("resnet_cifar"), batch_size=8, held_out=20)
    mean = imaging.look_through(recipe, data)[2]
    np.testing.assert_allclose(mean, data.train.images[:24].mean(0), rtol=1e-4)


def test_no_mean(photographs, decoded):
    """Files are looked through as well."""
    recipe = training.recipe("vit_cifar")
    data = datasets.load(str(photographs))
    assert imaging.look_through(recipe, data)[1:] == ({}, None)
    assert sorted(decoded) == sorted([*data.train.paths, *data.validation.paths])


def test_damaged_files_are_left_out(damaged, decoded):
    folder, broken = damaged
    data = datasets.load(folder)
    with pytest.warns(UserWarning, match="2 files of .* cannot be decoded: .*are left out"):
        kept, left, mean = imaging.look_through(tiny.Tiny(), data)
    assert set(left) == broken
    assert all(left.values())
    assert (len(data.train), len(data.validation)) == (13, 9)
    assert (len(kept.train), len(kept.validation)) == (12, 8)
    assert sorted(decoded) == sorted([*data.train.paths, *data.validation.paths])
    expected = np.mean([data.train[k][0].mean((0, 1)) for k in range(12)], axis=0)
    np.testing.assert_allclose(mean, expected, atol=2)


def test_validation_files_beside_training_images_in_memory(colours, damaged):
    _, held = datasets.test_folder(damaged[0])
    mixed = datasets.Images("mixed", ("green", "red"), colours().train, held)
    with pytest.warns(UserWarning, match="1 file of mixed cannot be decoded"):
        kept, left, mean = imaging.look_through(tiny.Tiny(), mixed)
    assert (len(kept.validation), len(left), mean.shape) == (8, 1, (3,))


@tensorflow
def test_a_training_decodes_each_file_once_before_its_first_step(damaged, decoded, tmp_path):
    """And one that is resumed none, but those that are tested in the end."""
    folder, broken = damaged
    data, recipe = datasets.load(folder), tiny.Tiny()
    shared = {"builder": tiny.network, "verbose": 0}
    with pytest.warns(UserWarning, match="left out"), pytest.raises(tiny.Break):
        training.train(recipe, data, tmp_path / "run", callbacks=[tiny.BreakAt(1)], **shared)
    assert sorted(decoded) == sorted([*data.train.paths, *data.validation.paths])
    decoded.clear()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*left out")
        run = training.train(recipe, data, tmp_path / "run", resume=True, **shared)
    assert decoded == []
    assert set(run.manifest["left out"]) == broken
    assert run.manifest["errors"]["validation"]["of"] == 8
    unbroken = tmp_path / "unbroken"
    with pytest.warns(UserWarning, match="left out"):
        other = training.train(recipe, data, unbroken, **shared)
    assert other.history == run.history
    assert len(run.pictured(data)[0]) == 4
    with pytest.warns(UserWarning, match="left out"):
        assert run.evaluate(data) == run.manifest["errors"]


def test_damaged_files_that_are_refused_leave_no_folder(damaged, tmp_path):
    data = datasets.image_folder(damaged[0], corrupt="refuse")
    with pytest.raises(ValueError, match="2 files of .* cannot be decoded"):
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
