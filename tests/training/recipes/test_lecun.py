"""The recipes of the digits: LeCun 1989, LeNet-1 and LeNet-5, and whole runs on a few of them."""

import dataclasses
import json
import re
import weakref

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import backend, datasets, losses, optimizers, training
from keras_classics.training import imaging, trainer
from tests.training.tiny import as_arrays

NAMES = ("lecun1989", "lenet1", "lenet5")
OTHERS = ("lenet4", "mlp", "linear", "pairwise_linear", "mlp_40")  # what these are compared with
SHORT = {"epochs": 2, "curvature_patterns": 20}


def short(name="lenet5", **changes):
    return dataclasses.replace(training.recipe(name), **{**SHORT, **changes})


def test_the_papers_numbers():
    first, second, third = map(training.recipe, NAMES)
    assert (first.epochs, first.image_size, first.box, first.loss) == (23, 16, 16, "mse")
    assert (second.epochs, second.image_size, second.box, second.loss) == (30, 28, 16, "mse")
    for recipe in (first, second):
        assert recipe.learning_rates == (5e-4, 5e-4, 5e-4, 2e-4, 1e-4)
        assert (recipe.batch_size, recipe.paper, recipe.ink) == (1, -1.0, 1.0)
        assert (recipe.mu, recipe.curvature_patterns, recipe.fan_in_exponent) == (0.02, 500, 1.0)
    assert (third.epochs, third.batch_size, third.image_size, third.box) == (20, 16, 32, 20)
    assert (third.paper, third.ink, third.head, third.loss) == (-0.1, 1.175, "rbf", "map")
    assert (third.j, third.mu, third.fan_in_exponent) == (10.0, 0.02, 0.5)
    assert not any(recipe.distortions for recipe in (first, second, third))


def test_schedule_of_the_1998_paper():
    """A quarter of the printed rates, for each digit, whatever the batch."""
    recipe = dataclasses.replace(training.recipe("lenet5"), batch_size=1)
    rates = [4 * recipe.learning_rate(p) for p in range(recipe.epochs)]
    assert rates == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    longer = dataclasses.replace(recipe, epochs=40, batch_size=8)
    assert [longer.learning_rate(p) / 2 for p in range(40)] == [r for r in rates for _ in "ab"]


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_a_run_of_each_recipe(name, digits, tmp_path):
    recipe, data = short(name), digits()
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    history = run.history
    assert history["loss"][1] < history["loss"][0]
    assert history["learning_rate"] == pytest.approx([recipe.learning_rate(p) for p in (0, 1)])

    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    assert list(run.manifest["errors"]) == ["train", "test"]
    accuracy = history[f"val_{recipe.accuracy}"][-1]
    percent = again.manifest["errors"]["test"]["percent"]
    assert percent == pytest.approx(100 * (1 - accuracy), abs=0.01)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["versions"]["keras"] == keras.__version__
    for stated in manifest["data"]["splits"].values():
        assert re.fullmatch("values and labels, sha256 [0-9a-f]{64}", stated)
    assert (manifest["data"]["train"], manifest["data"]["test"]) == (60, 30)
    assert (manifest["data"]["box"], manifest["left out"]) == (20, {})
    images, labels = run.pictured(data)
    np.testing.assert_array_equal(images, recipe.splits(data)["test"].images)
    np.testing.assert_array_equal(labels, data.validation.labels)


@pytest.mark.parametrize("changes", [{"distortions": True}, {"head": "softmax"}])
def test_the_same_seed_gives_the_same_history(changes, digits, tmp_path):
    if "head" in changes:
        changes = {**changes, "loss": "crossentropy"}
    histories = [
        training.train(short(**changes), digits(), tmp_path / str(i), seed, verbose=0).history
        for i, seed in enumerate([3, 3, 4])
    ]
    assert histories[0] == histories[1]
    assert histories[0]["loss"] != histories[2]["loss"]


def test_learns_easy_pictures(digits, tmp_path):
    recipe, data = dataclasses.replace(training.recipe("lenet5"), epochs=15), digits(100)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    assert run.manifest["errors"]["test"]["wrong"] <= 3
    image = (255 - 255 * data.validation.images[:10, ..., 0]).astype("uint8")
    paths = [tmp_path / f"{k}.png" for k in range(10)]
    for path, each in zip(paths, image, strict=True):
        Image.fromarray(each).save(path)
    assert sum(int(first) != k for k, (first, *_) in enumerate(run.predict(*paths))) <= 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "dense"}, '`head` must be "rbf" or "softmax". Received: head=.dense.'),
        ({"head": "softmax"}, "lenet5 with head=softmax trains with the loss crossentropy. "),
        ({"loss": "hinge"}, "loss mle or map or crossentropy. Received: loss=hinge"),
        ({"epochs": 0}, "must be a whole number, at least 1. Received: epochs=0"),
        ({"curvature_patterns": 0}, "at least 1. Received: curvature_patterns=0"),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(training.recipe("lenet5"), **changes)


def test_lenet1_is_trained_by_mse_alone():
    with pytest.raises(ValueError, match='`loss` must be "mse". Received: loss=.map.'):
        dataclasses.replace(training.recipe("lenet1"), loss="map")


def test_another_network_is_refused():
    recipe = dataclasses.replace(training.recipe("lenet5"), network="resnet18")
    message = "LeNet5Recipe sets head, kernel_initializer, which resnet18 does not have"
    with pytest.raises(ValueError, match=message):
        recipe.build(input_shape=recipe.input_shape, classes=10)


def test_inputs_and_targets(digits):
    recipe, data = training.recipe("lenet5"), digits()
    inputs = recipe.splits(data)["train"].images
    assert inputs.shape == (60, 32, 32, 1)
    np.testing.assert_allclose(inputs[:, 0], -0.1, rtol=1e-6)
    np.testing.assert_allclose(inputs[:, 2:-2, 2:-2], 1.275 * data.train.images - 0.1, atol=1e-6)
    assert recipe.targets(data.train.labels, 10) is data.train.labels

    recipe = training.recipe("lecun1989")
    assert recipe.splits(data)["train"].images.shape == (60, 16, 16, 1)
    targets = recipe.targets(np.array([0, 9]), 10)
    np.testing.assert_array_equal(targets[1], [-1] * 9 + [1])


def test_digits_are_placed_once_for_all_that_place_them_alike(digits):
    data = digits()
    first, other = (short(name).splits(data)["test"] for name in ("lenet5", "lenet1"))
    softmax = short(head="softmax", loss="crossentropy").splits(data)["test"]
    assert softmax is first
    assert first.images.shape[1:3] == (32, 32)
    assert other.images.shape[1:3] == (28, 28)
    darker = short(ink=2.0).splits(data)["test"]
    np.testing.assert_allclose((darker.images + 0.1) / 2.1, (first.images + 0.1) / 1.275, atol=1e-6)
    gone = weakref.ref(first)
    del first, softmax
    assert gone() is None


def test_digits_of_files_are_those_of_the_test(tmp_path):
    ink = np.zeros((1, 28, 28, 1), "float32")
    ink[0, 4:24, 6:22] = 1
    split = datasets.Digits(ink, [1], box=None)
    data = datasets.Images("one", datasets.Digits.classes, split, split, held="test")
    Image.fromarray((255 - 255 * ink[0, ..., 0]).astype("uint8")).save(tmp_path / "one.png")
    for name in NAMES:
        recipe = training.recipe(name)
        found = imaging.read(recipe, None, tmp_path / "one.png")
        np.testing.assert_allclose(found, recipe.splits(data)["test"].images[0], atol=0.02)


def test_other_images_are_refused(colours, digits, tmp_path):
    recipe = short()
    with pytest.raises(ValueError, match="lenet5 trains on digits.*Received: colours"):
        training.train(recipe, colours(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert recipe.refusal("mnist", 1, 28) is None
    message = "lenet5 trains on digits: --data=digits, mnist or usps. Received: cifar10, of 3 chan"
    assert recipe.refusal("cifar10", 3, 32).startswith(message)


def test_the_order_is_drawn_once_and_kept(digits):
    recipe = short("lenet5", batch_size=8)
    splits = recipe.splits(digits())
    job = trainer.prepare(recipe, splits, 10, seed=5)
    order = np.random.default_rng(5).permutation(60)
    for job.position.epoch in range(2):
        images, labels = as_arrays(job.batches)
        np.testing.assert_array_equal(labels, splits["train"].labels[order])
        np.testing.assert_array_equal(images, splits["train"].images[order])
    assert job.steps == 8
    images, labels = as_arrays(job.validation)
    np.testing.assert_array_equal(images, splits["test"].images)


def test_distortions_change_from_epoch_to_epoch(digits):
    recipe = short(distortions=True, batch_size=64)
    splits = recipe.splits(digits(1100, 10))
    job = trainer.prepare(recipe, splits, 10, seed=0)
    order = np.random.default_rng(0).permutation(1100)
    seen = []
    for job.position.epoch in range(2):
        images, labels = as_arrays(job.batches)
        np.testing.assert_array_equal(labels, splits["train"].labels[order])
        seen.append(images)
    same = [np.allclose(x, y) for x, y in zip(*seen, strict=True)]
    assert np.mean(same) < 0.1
    given = splits["train"].images[order]
    kept = [np.allclose(x, y, atol=1e-5) for x, y in zip(seen[0], given, strict=True)]
    assert 0.05 < np.mean(kept) < 0.15  # a tenth of the images stays as it is
    np.testing.assert_array_equal(as_arrays(job.validation)[0], splits["test"].images)


def test_losses_and_update_rules():
    recipe = training.recipe("lenet5")
    assert isinstance(recipe.loss_function(), losses.MaximumAPosteriori)
    mle = dataclasses.replace(recipe, loss="mle")
    assert isinstance(mle.loss_function(), losses.MaximumLikelihood)
    for head in ("rbf", "softmax"):
        other = dataclasses.replace(recipe, loss="crossentropy", head=head).loss_function()
        assert other.get_config()["from_logits"] is (head == "rbf")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    rule = recipe.update_rule(10, model)
    assert isinstance(rule, optimizers.StochasticDiagonalLM)
    half = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    half.dtype_policy = keras.DTypePolicy("mixed_float16")
    rule = recipe.update_rule(10, half)
    assert isinstance(rule, keras.optimizers.LossScaleOptimizer)
    assert rule.initial_scale == 2.0**6


def test_steps_of_one_digit_are_compiled(digits):
    splits = short().splits(digits())
    job = trainer.prepare(short(batch_size=1), splits, 10)
    assert (job.model.jit_compile is True) is backend.has_xla()
    assert job.model.steps_per_execution == backend.steps_per_execution(60)
    assert not short(batch_size=2).compiles()
