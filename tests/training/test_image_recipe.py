"""The recipes of the ImageNet papers, and whole runs on a few small photographs."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets, training
from keras_classics.preprocessing import AverageOverViews, ten_crop, whole_images

# Every recipe at a size that two processors train in seconds.
SMALL = {
    "alexnet": {"crop": 64, "short_side": (72,), "bias_start": 0.1},
    "vgg": {"crop": 32, "short_side": (36, 44), "configuration": "A"},
    "googlenet": {"crop": 72, "polyak": 0.5},
    "resnet-imagenet": {"crop": 32, "short_side": (36, 44), "configuration": "18"},
}
SHORT = {"passes": 2, "batch_size": 4, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Red and green photographs with noise, 12 of each, of several sizes."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name, colour in [("green", (40, 200, 40)), ("red", (200, 40, 40))]:
        (folder / name).mkdir()
        for i in range(12):
            noise = rng.integers(-40, 40, (80 + i, 100 - i, 3))
            image = Image.fromarray((np.array(colour) + noise).astype("uint8"))
            image.save(folder / name / f"{i}.png")
    return folder


def small(name, **changes):
    return dataclasses.replace(training.RECIPES[name], **SMALL[name], **{**SHORT, **changes})


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_run_of_each_recipe(name, folder, tmp_path):
    data = datasets.load(str(folder))
    recipe = small(name)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)

    again = training.Run(tmp_path / "run")
    assert again.recipe.build(2).count_params() == recipe.build(2).count_params()
    assert again.manifest["data"]["classes"] == ["green", "red"]
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    assert isinstance(again.model.output, keras.KerasTensor)  # no auxiliary classifiers
    top1 = again.manifest["errors"]["validation"]
    accuracy = "val_predictions_accuracy" if name == "googlenet" else "val_accuracy"
    if recipe.polyak == 0 and name != "resnet-imagenet":  # whose statistics are recomputed
        assert top1["percent"] == pytest.approx(100 * (1 - run.history[accuracy][-1]), abs=0.01)
    assert "top-5" not in top1  # of two classes
    classes = {c for c, *_ in again.predict(folder / "green" / "0.png", folder / "red" / "0.png")}
    assert classes <= {"green", "red"}

    further = {"googlenet": [], "resnet-imagenet": ["paper", "scales"]}  # 144 crops take minutes
    for views in further.get(name, ["paper"]):
        again.recipe = dataclasses.replace(again.recipe, views=views)
        errors = again.evaluate(data)["validation"]
        assert errors["of"] == top1["of"]
        assert "top-5" not in errors


@pytest.mark.slow
def test_learns_colours(folder, tmp_path):
    """AlexNet tells red from green, by the center crop and by ten crops."""
    recipe = small("alexnet", passes=12, patience=12, color=False, learning_rate=0.01)
    data = datasets.load(str(folder))
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    assert run.manifest["errors"]["validation"]["wrong"] == 0
    for views in ("center", "paper"):
        run.recipe = dataclasses.replace(recipe, views=views)
        read = run.predict(*(folder / c / f"{i}.png" for i in (3, 8) for c in ("red", "green")))
        assert [first for first, _, _ in read] == ["red", "green"] * 2


def test_the_mean_is_that_of_the_center_crops(folder, tmp_path):
    data = datasets.load(str(folder))
    for name, shape in [
        ("alexnet", (72, 72, 3)),
        ("vgg", (3,)),
        ("resnet-imagenet", (32, 32, 3)),
    ]:
        recipe = small(name)
        (tmp_path / name).mkdir()
        recipe.prepare(data, 0, tmp_path / name)
        mean = np.load(tmp_path / name / "mean.npy")
        assert mean.shape == shape
        np.testing.assert_allclose(mean.reshape(-1, 3).mean(0), [119.5, 119.5, 39.5], atol=2)


def test_rates_drop_on_a_plateau_three_times():
    recipe = small("alexnet", learning_rate=0.01, patience=2)
    callback = recipe.rates("val_accuracy")
    model = recipe.build(2)
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, accuracy in enumerate([0.1, 0.3, *[0.2] * 12]):
        callback.on_epoch_end(epoch, {"val_accuracy": accuracy})
        rates.append(float(model.optimizer.learning_rate))
    expected = [0.01] * 3 + [0.001] * 2 + [1e-4] * 2 + [1e-5] * 7
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_rates_drop_by_steps():
    recipe = training.RECIPES["googlenet"]
    rate = recipe.rates("val_accuracy").schedule
    assert [rate(7), rate(8), rate(16)] == pytest.approx([0.01, 0.0096, 0.009216])


def test_ten_crops_are_read_from_the_rescaled_image(folder, tmp_path):
    """The paper's protocol by hand: resize, subtract, cut, average."""
    recipe = small("alexnet", views="paper")
    model = recipe.build(2)
    mean = np.random.default_rng(0).uniform(100, 150, (72, 72, 3)).astype("float32")
    np.save(tmp_path / "mean.npy", mean)
    image = np.random.default_rng(1).integers(0, 256, (72, 72, 3)).astype("uint8")
    Image.fromarray(image).save(tmp_path / "image.png")
    expected = AverageOverViews(model, ten_crop, {"size": 64}).predict(
        (image - mean)[None], verbose=0
    )[0]
    (scores,) = recipe.scores(model, [tmp_path / "image.png"], tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_resnet_is_read_by_ten_crops_and_at_several_scales(folder, tmp_path):
    """Both protocols by hand, with a mean that differs from pixel to pixel."""
    recipe = small("resnet-imagenet")
    model = recipe.build(2)
    rng = np.random.default_rng(0)
    for weight in model.weights:  # a fresh network's answers hardly depend on the image
        if weight.path.endswith("moving_mean"):
            weight.assign(rng.uniform(-1, 1, weight.shape))
    mean = rng.uniform(100, 150, (32, 32, 3)).astype("float32")
    np.save(tmp_path / "mean.npy", mean)
    image = rng.integers(0, 256, (36, 50, 3)).astype("uint8")
    Image.fromarray(image).save(tmp_path / "image.png")

    crops = np.array(ten_crop(image[None].astype("float32"), 32))[0]
    expected = model.predict(crops - mean, verbose=0).mean(axis=0)
    paper = dataclasses.replace(recipe, views="paper")
    (scores,) = paper.scores(model, [tmp_path / "image.png"], tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)

    any_size = keras.models.clone_model(model, keras.Input((None, None, 3)))
    any_size.set_weights(model.get_weights())
    views = whole_images((image - mean.mean(axis=(0, 1)))[None], (224, 256, 384, 480, 640))
    expected = np.mean(
        [any_size.predict(view[0], verbose=0).mean(axis=0) for view in views], axis=0
    )
    scales = dataclasses.replace(recipe, views="scales")
    (scores,) = scales.scores(model, [tmp_path / "image.png"], tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("alexnet", {"network": "lenet5"}, "`network` must be one of alexnet, vgg, googlenet"),
        ("alexnet", {"views": "all"}, "`views` must be one of center, paper"),
        ("alexnet", {"schedule": "cosine"}, "`schedule` must be one of plateau, steps"),
        ("alexnet", {"bias_start": None}, "`bias_start` belongs to alexnet, which"),
        ("vgg", {"bias_start": 1.0}, "`bias_start` belongs to alexnet.*for vgg"),
        ("googlenet", {"configuration": "D"}, "`configuration` belongs to vgg.*for googlenet"),
        ("alexnet", {"views": "scales"}, "views=scales is ResNet's test"),
        ("vgg", {"passes": 0}, "must be at least 1. Received: 0, 256, 5"),
        ("vgg", {"crop": 300}, r"hold the crop. Received: short_side=\(256, 512\), crop=300"),
    ],
)
def test_recipes_refuse(name, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(training.RECIPES[name], **changes)


def test_a_depth_that_is_none(folder, tmp_path):
    recipe = dataclasses.replace(small("resnet-imagenet"), configuration="D")
    with pytest.raises(ValueError, match="one of 18, 34, 50, 101, 152. Received: depth='D'"):
        training.train(recipe, datasets.load(str(folder)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_manifest_names_the_recipe(folder, tmp_path):
    data = datasets.load(str(folder))
    training.Run.open(tmp_path / "run", small("vgg"), data, 3)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["recipe"]["configuration"] == "A"
    assert (manifest["data"]["train"], manifest["data"]["validation"]) == (22, 2)
    assert (manifest["seed"], manifest["dtype_policy"]) == (3, "float32")
