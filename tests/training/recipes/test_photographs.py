"""The recipes of the ImageNet papers, and whole runs on a few small photographs."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets, optimizers, training
from keras_classics.applications.googlenet import LOSS_WEIGHTS
from keras_classics.applications.vgg import dense
from keras_classics.preprocessing import (
    AverageOverViews,
    SubtractMean,
    googlenet_crops,
    multi_crop,
    ten_crop,
    whole_images,
)
from keras_classics.training import imaging, trainer
from tests.training.tiny import as_arrays

# Every recipe at a size that two processors train in seconds.
SMALL = {
    "alexnet": {"image_size": 64, "short_side": 72, "bias_start": 0.1},
    "vgg11": {"image_size": 32, "short_side": (36, 44)},
    "googlenet": {"image_size": 72, "ema": 0.5},
    "resnet18": {"image_size": 32, "short_side": (36, 44)},
}
SHORT = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3}


def small(name, **changes):
    return dataclasses.replace(training.recipe(name), **{**SMALL[name], **SHORT, **changes})


def build(recipe, classes=2):
    return recipe.build(input_shape=recipe.input_shape, classes=classes)


def test_the_papers_numbers():
    alexnet, vgg, googlenet, resnet = map(
        training.recipe, ("alexnet", "vgg", "googlenet", "resnet")
    )
    assert (alexnet.epochs, vgg.epochs, googlenet.epochs, resnet.epochs) == (90, 74, 90, 120)
    assert (alexnet.batch_size, vgg.batch_size, resnet.batch_size) == (128, 256, 256)
    assert (alexnet.learning_rate, vgg.learning_rate, resnet.learning_rate) == (0.01, 0.01, 0.1)
    assert (alexnet.weight_decay, vgg.weight_decay, resnet.weight_decay) == (5e-4, 5e-4, 1e-4)
    assert (alexnet.no_decay, vgg.no_decay, resnet.no_decay) == (("bias",), ("bias",), ())
    assert (alexnet.short_side, vgg.short_side, resnet.short_side) == (256, (256, 512), (256, 480))
    assert (alexnet.mean, vgg.mean, googlenet.mean, resnet.mean) == (
        *("pixel", "channel", "channel", "pixel"),
    )
    for recipe in (alexnet, vgg, resnet):
        assert (recipe.factor, recipe.drops, recipe.color) == (0.1, 3, True)
    for recipe in (alexnet, vgg, googlenet, resnet):
        assert (recipe.image_size, recipe.momentum, recipe.views) == (224, 0.9, "center")
    assert (alexnet.towers, alexnet.lrn, alexnet.overlapping_pooling) == (2, True, True)
    assert alexnet.bias_start == 1.0
    assert (googlenet.factor, googlenet.epochs_per_drop, googlenet.ema) == (0.96, 8, 0.9999)
    assert googlenet.smallest_area == 0.08
    assert not resnet.synchronized
    assert [recipe.network for recipe in (vgg, resnet)] == ["vgg16", "resnet50"]


@pytest.mark.parametrize("name", SMALL)
def test_update_rules(name):
    recipe = training.recipe(name)
    rule = recipe.update_rule(100, keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    assert type(rule) is optimizers.CoupledSGD
    assert float(rule.learning_rate) == pytest.approx(recipe.learning_rate)
    config = rule.get_config()
    assert rule.momentum == recipe.momentum
    assert config.get("decay", config["weight_decay"]) == recipe.weight_decay
    assert (rule.use_ema, rule.ema_momentum) == (
        (True, recipe.ema) if name == "googlenet" else (False, rule.ema_momentum)
    )
    assert tuple(config["exempt"]) == recipe.no_decay
    top1, top5 = recipe.metrics()
    assert (top1, top5.name, top5.k) == ("accuracy", "top5", 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_run_of_each_recipe(name, photographs, tmp_path):
    data = datasets.load(str(photographs))
    recipe = small(name)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)

    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe
    assert again.manifest["data"]["classes"] == ["green", "red"]
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    assert isinstance(again.model.output, keras.KerasTensor)  # no auxiliary classifiers
    top1 = again.manifest["errors"]["validation"]
    accuracy = "val_predictions_accuracy" if name == "googlenet" else "val_accuracy"
    if name not in ("googlenet", "resnet18"):  # averaged weights; recomputed statistics
        assert top1["percent"] == pytest.approx(100 * (1 - run.history[accuracy][-1]), abs=0.01)
    assert "top-5" not in top1  # of two classes
    files = [photographs / "green" / "0.png", photographs / "red" / "0.png"]
    assert {first for first, *_ in again.predict(*files)} <= {"green", "red"}

    further = {"googlenet": [], "resnet18": ["paper", "scales"]}  # 144 crops take minutes
    for views in further.get(name, ["paper"]):
        again.recipe = dataclasses.replace(again.recipe, views=views)
        errors = again.evaluate(data)["validation"]
        assert errors["of"] == top1["of"]
        assert "top-5" not in errors


@pytest.mark.slow
def test_learns_colours(photographs, tmp_path):
    """AlexNet tells red from green, by the center crop and by ten crops."""
    recipe = small("alexnet", epochs=12, patience=12, color=False, learning_rate=0.01)
    data = datasets.load(str(photographs))
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    assert run.manifest["errors"]["validation"]["wrong"] == 0
    for views in ("center", "paper"):
        run.recipe = dataclasses.replace(recipe, views=views)
        read = run.predict(
            *(photographs / c / f"{i}.png" for i in (3, 8) for c in ("red", "green"))
        )
        assert [first for first, _, _ in read] == ["red", "green"] * 2


def test_what_the_network_sees_in_the_test(photographs):
    """The rescaled image's center less its mean, and no jitter of the colours."""
    data = datasets.load(str(photographs))
    mean = np.random.default_rng(0).uniform(100, 150, (72, 72, 3)).astype("float32")
    image = data.validation[0][0]
    rescaled = Image.fromarray(image).resize((72, 72))  # not quite: it is no square
    found = imaging.preprocess(small("alexnet"), mean, image[None])[0]
    assert found.shape == (64, 64, 3)
    expected = np.asarray(rescaled, "float32").mean((0, 1)) - mean[4:-4, 4:-4].mean((0, 1))
    np.testing.assert_allclose(found.mean((0, 1)), expected, atol=2)
    again = imaging.preprocess(small("alexnet", color=False), mean, image[None])[0]
    np.testing.assert_array_equal(found, again)

    grey = np.full((36, 50, 3), 90, "uint8")
    grey[:, 9:41] = 100  # the middle
    mean = mean[20:-20, 20:-20]
    for name in ("vgg11", "resnet18"):
        recipe = small(name, image_size=32, short_side=(36,))
        per = mean if recipe.mean == "pixel" else mean.mean((0, 1))
        found = imaging.preprocess(recipe, per, grey[None])[0]
        np.testing.assert_allclose(found, np.broadcast_to(100 - per, (32, 32, 3)), atol=1e-3)
    found = imaging.preprocess(small("googlenet"), np.zeros(3, "float32"), grey[None])[0]
    assert found.shape == (72, 72, 3)


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "googlenet", "resnet18"])
def test_what_the_network_sees_in_training(name, photographs):
    """New crops and colours in each epoch, less the mean."""
    recipe, data = small(name), datasets.load(str(photographs))
    shape = {"alexnet": (72, 72, 3), "resnet18": (32, 32, 3)}.get(name, (3,))
    mean = np.full(shape, 50, "float32")
    layers = imaging.layers_of(recipe, training=True, mean=mean)
    batches, steps = imaging.batches(
        *(recipe, data.train, 2, 0, mean),
        *(trainer.Position(), trainer.strategies.Replicas(), lambda labels: labels),
    )
    assert steps == 5
    images, labels = as_arrays(batches)
    assert images.shape == (20, *recipe.input_shape)
    assert images.dtype == "float32"
    colours = np.array([(40, 200, 40), (200, 40, 40)])[labels] - 50
    off = images.mean((1, 2)) - colours
    assert np.abs(off).max() < 40
    jitters = any("Jitter" in type(layer).__name__ for layer in layers)
    assert jitters is (name != "googlenet")
    assert bool(off.std(0).max() > 1.5) is jitters


def test_rates_drop_on_a_plateau_three_times():
    for name in ("alexnet", "vgg11", "resnet18"):
        recipe = small(name, learning_rate=0.01, patience=2)
        (callback,) = recipe.callbacks("val_accuracy", None, 0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse")
        callback.set_model(model)
        callback.on_train_begin()
        rates = []
        for epoch, accuracy in enumerate([0.1, 0.3, *[0.2] * 12]):
            callback.on_epoch_end(epoch, {"val_accuracy": accuracy})
            rates.append(float(model.optimizer.learning_rate))
        expected = [0.01] * 3 + [0.001] * 2 + [1e-4] * 2 + [1e-5] * 7
        np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_rates_drop_every_eight_epochs():
    (callback,) = training.recipe("googlenet").callbacks("val_accuracy", None, 0)
    rate = callback.schedule
    assert [rate(7), rate(8), rate(16)] == pytest.approx([0.01, 0.0096, 0.009216])


def scores_of(recipe, model, mean, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "image.png")
    (scores,) = imaging.predictions_of_files(recipe, model, mean, [tmp_path / "image.png"])
    return scores


def test_ten_crops_are_read_from_the_rescaled_image(tmp_path):
    """AlexNet's protocol by hand: resize, subtract, cut, average."""
    recipe = small("alexnet", views="paper")
    model = build(recipe)
    mean = np.random.default_rng(0).uniform(100, 150, (72, 72, 3)).astype("float32")
    image = np.random.default_rng(1).integers(0, 256, (72, 72, 3)).astype("uint8")
    expected = AverageOverViews(model, ten_crop, {"size": 64}).predict(
        (image - mean)[None], verbose=0
    )[0]
    scores = scores_of(recipe, model, mean, image, tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("short_side", "scales"), [((36, 44), (36, 40, 44)), ((40,), (32, 40, 72))]
)
def test_vgg_is_read_densely_at_three_scales(short_side, scales, tmp_path):
    recipe = small("vgg11", views="paper", short_side=short_side)
    assert recipe.scales() == scales
    if len(short_side) == 1:
        return
    model, rng = build(recipe), np.random.default_rng(0)
    mean = rng.uniform(100, 150, 3).astype("float32")
    image = rng.integers(0, 256, (36, 50, 3)).astype("uint8")
    net = dense(model, "caffe")
    views = whole_images((image - mean)[None], scales)
    expected = np.mean(
        [
            keras.ops.convert_to_numpy(net(view[0])).reshape(len(view[0]), -1, 2).mean((0, 1))
            for view in views
        ],
        axis=0,
    )
    scores = scores_of(recipe, model, mean, image, tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)


def test_vgg_is_read_by_crops_and_by_both(tmp_path):
    recipe = small("vgg11", views="crops", short_side=(36, 44))
    model, rng = build(recipe), np.random.default_rng(0)
    mean = rng.uniform(100, 150, 3).astype("float32")
    image = rng.integers(0, 256, (36, 50, 3)).astype("uint8")
    views = multi_crop((image - mean)[None], (36, 40, 44), recipe.image_size)
    crops = np.mean([model.predict(np.asarray(view)[0], verbose=0) for view in views], (0, 1))
    np.testing.assert_allclose(scores_of(recipe, model, mean, image, tmp_path), crops, rtol=1e-3)
    of = {"model": model, "mean": mean, "image": image, "tmp_path": tmp_path}
    dense = scores_of(dataclasses.replace(recipe, views="paper"), **of)
    both = scores_of(dataclasses.replace(recipe, views="both"), **of)
    np.testing.assert_allclose(both, (crops + dense) / 2, rtol=1e-3)
    single = dataclasses.replace(recipe, views="scale")
    assert single.scales() == (40,)
    assert "whole image at the scale 40, and" in single.protocol()
    at_three = np.mean(
        [
            scores_of(dataclasses.replace(single, short_side=(side,)), **of)
            for side in recipe.scales()
        ],
        axis=0,
    )
    np.testing.assert_allclose(dense, at_three, rtol=1e-3)


def test_googlenet_is_read_by_144_crops():
    """Of the image less its mean; the network itself is not run."""
    recipe = small("googlenet", views="paper")
    layers = imaging.layers_of(recipe, training=False, mean=np.zeros(3, "float32"))
    image = keras.Input(recipe.input_shape)
    small_net = keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))
    left, reads = recipe.reader(small_net, layers)
    assert left == layers[-1:]
    pixels = np.random.default_rng(0).integers(0, 256, (1, 300, 320, 3)).astype("float32")
    crops = np.asarray(googlenet_crops(pixels, size=72))[0]
    assert crops.shape[0] == 144
    np.testing.assert_allclose(
        reads.predict(pixels, verbose=0)[0], crops.mean((0, 1, 2)), rtol=1e-4
    )


def test_resnet_is_read_by_ten_crops_and_at_several_scales(tmp_path):
    """Both protocols by hand, with a mean that differs from pixel to pixel."""
    recipe = small("resnet18")
    model = build(recipe)
    rng = np.random.default_rng(0)
    for weight in model.weights:  # a fresh network's predictions hardly depend on the image
        if weight.path.endswith("moving_mean"):
            weight.assign(rng.uniform(-1, 1, weight.shape))
    mean = rng.uniform(100, 150, (32, 32, 3)).astype("float32")
    image = rng.integers(0, 256, (36, 50, 3)).astype("uint8")

    crops = np.array(ten_crop(image[None].astype("float32"), 32))[0]
    expected = model.predict(crops - mean, verbose=0).mean(axis=0)
    paper = dataclasses.replace(recipe, views="paper")
    scores = scores_of(paper, model, mean, image, tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)

    any_size = keras.models.clone_model(model, keras.Input((None, None, 3)))
    any_size.set_weights(model.get_weights())
    views = whole_images((image - mean.mean(axis=(0, 1)))[None], (224, 256, 384, 480, 640))
    expected = np.mean(
        [any_size.predict(view[0], verbose=0).mean(axis=0) for view in views], axis=0
    )
    scales = dataclasses.replace(recipe, views="scales")
    scores = scores_of(scales, model, mean, image, tmp_path)
    np.testing.assert_allclose(scores, expected, rtol=1e-3)


def test_googlenets_helpers_train_and_are_dropped(photographs):
    recipe, data = small("googlenet"), datasets.load(str(photographs))
    job = trainer.prepare(recipe, recipe.splits(data), 2, mean=np.zeros(3, "float32"))
    assert set(job.model.output) == set(LOSS_WEIGHTS)
    assert recipe.loss_weights == LOSS_WEIGHTS
    assert job.model.get_compile_config()["loss_weights"] == LOSS_WEIGHTS
    assert job.monitor == "val_predictions_accuracy"
    _, targets = next(iter(job.batches))
    assert set(targets) == set(job.model.output)
    network = trainer.finished(job.model, job)
    assert network.output_shape == (None, 2)
    assert len(network.weights) < len(job.model.weights)
    assert network.name == job.model.name


@pytest.mark.parametrize("synchronized", [False, True])
def test_resnet_normalizes_over_all_replicas_if_asked(synchronized):
    recipe = small("resnet18", synchronized=synchronized)
    data = datasets.wrap(*[(np.zeros((4, 36, 36, 3), "uint8"), np.arange(4) % 2)] * 2)
    job = trainer.prepare(recipe, recipe.splits(data), 2, mean=np.zeros((32, 32, 3), "float32"))
    norms = [e for e in job.model.layers if isinstance(e, keras.layers.BatchNormalization)]
    assert {norm.synchronized for norm in norms} == {synchronized}


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("alexnet", {"views": "all"}, '`views` must be "center" or "paper"'),
        ("alexnet", {"views": "scales"}, '"center" or "paper". Received: views=.scales.'),
        ("vgg11", {"views": "scales"}, '"crops" or "both". Received: views=.scales.'),
        ("googlenet", {"views": "scales"}, '"center" or "paper". Received: views=.scales.'),
        ("resnet18", {"views": "all"}, '`views` must be "center", "paper" or "scales"'),
        ("alexnet", {"mean": "image"}, '`mean` must be "pixel" or "channel"'),
        ("alexnet", {"towers": 3}, "`towers` must be 1 or 2. Received: towers=3"),
        ("vgg11", {"epochs": 0}, "`epochs` must be a whole number, at least 1. Received: epochs=0"),
        (
            "googlenet",
            {"epochs_per_drop": 0},
            "`epochs_per_drop` must be a whole number, at least 1",
        ),
        ("vgg", {"image_size": 300}, r"hold the crop. Received: short_side=\(256, 512\), image"),
        ("resnet", {"short_side": (1, 2, 3)}, "`short_side` must be one side or a range of two"),
        ("alexnet", {"short_side": 223}, "hold the crop. Received: short_side=223, image_size=224"),
    ],
)
def test_recipes_refuse(name, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(training.recipe(name), **changes)


def test_fields_that_a_recipe_does_not_have():
    with pytest.raises(TypeError, match="bias_start"):
        dataclasses.replace(training.recipe("vgg"), bias_start=1.0)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        *[("alexnet", 256), ("vgg", 384), ("googlenet", 256), ("resnet", 256)],
        *[("vit", 256), ("vit_augreg", 256), ("vit_deit", 256)],
    ],
)
def test_the_center_is_that_of_the_words(name, side):
    """Of a photograph of 375x500 that tells where it is: its rows, and its columns, halved."""
    recipe = training.recipe(name)
    size = recipe.image_size
    assert recipe.protocol() == f"the center crop of {size} of the image rescaled to {side}"
    image = np.stack([*np.mgrid[:375, :500] // 2, np.zeros((375, 500))], -1).astype("uint8")
    shape = {"alexnet": (256, 256, 3), "resnet": (224, 224, 3)}.get(name, (3,))
    seen = imaging.preprocess(recipe, np.zeros(shape, "float32"), image[None])[0]
    assert seen.shape == (size, size, 3)
    black, white = (
        imaging.preprocess(recipe, np.zeros(shape, "float32"), np.full((1, 32, 32, 3), v, "uint8"))
        for v in (0, 255)
    )
    black, white = (image.mean((0, 1, 2)) for image in (black, white))  # of each channel
    for axis in (0, 1):  # as many rows as columns, from the middle
        levels = 255 * (seen[..., axis].mean(1 - axis) - black[axis]) / (white - black)[axis]
        assert np.ptp(levels) == pytest.approx((size - 1) * 375 / side / 2, abs=1.5)
        assert levels.mean() == pytest.approx((375, 500)[axis] / 4, abs=1)


def test_how_an_image_is_tested_in_words():
    words = {
        ("alexnet", "center"): "the center crop of 224 of the image rescaled to 256",
        ("alexnet", "paper"): "ten crops of the image rescaled to 256, averaged",
        ("vgg", "center"): "the center crop of 224 of the image rescaled to 384",
        ("vgg", "paper"): "the whole image at the scales 256, 384, 512, and mirrored, averaged",
        ("googlenet", "center"): "the center crop of 224 of the image rescaled to 256",
        ("googlenet", "paper"): "144 crops, averaged",
        ("resnet", "center"): "the center crop of 224 of the image rescaled to 256",
        ("resnet", "paper"): "ten crops of the image rescaled to 256, averaged",
        ("resnet", "scales"): "the whole image at the scales 224, 256, 384, 480, 640, averaged",
    }
    for (name, views), expected in words.items():
        assert dataclasses.replace(training.recipe(name), views=views).protocol() == expected


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet", "resnet50"])
def test_a_mean_that_is_given(name, photographs):
    """No image is read for it."""
    recipe = dataclasses.replace(training.recipe(name), mean="10,20.5,30")
    assert imaging.mean_of(recipe, datasets.load(str(photographs))) == (None, None)
    (layer,) = (each for each in recipe.layers(True) if isinstance(each, SubtractMean))
    grey = np.full((4, 4, 3), 100, "uint8")
    found = keras.ops.convert_to_numpy(layer(grey))
    np.testing.assert_allclose(found[0, 0], [90, 79.5, 70])
    for wrong in ("pixels", "1,2", "1,2,3,4", "1,2,x"):
        with pytest.raises(ValueError, match='"pixel" or "channel", or a number for each channel'):
            dataclasses.replace(recipe, mean=wrong)
