"""The recipes of the digits, and whole runs on a few of them."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_classics import datasets, training
from keras_classics.training.inputs import batches


def digits_like(n=60, test=30):
    """A data set of ten easy pictures with noise."""
    rng = np.random.default_rng(0)
    pictures = np.kron(rng.uniform(0, 1, (10, 5, 5)) > 0.5, np.ones((4, 4)))
    pictures = np.pad(pictures, ((0, 0), (4, 4), (4, 4)))[..., None]

    def draw(count):
        labels = np.arange(count, dtype="int32") % 10
        noise = rng.uniform(0, 0.2, (count, 28, 28, 1))
        return (0.8 * pictures[labels] + noise).astype("float32"), labels

    return datasets.Data("easy", 20, *draw(n), *draw(test))


SHORT = {"passes": 2, "curvature_patterns": 20}
DIGITS = [n for n, r in training.RECIPES.items() if isinstance(r, training.DigitRecipe)]


@pytest.mark.parametrize("name", DIGITS)
def test_a_run_of_each_recipe(name, tmp_path):
    recipe = dataclasses.replace(training.RECIPES[name], **SHORT)
    data = digits_like()
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    history = run.history
    assert history["loss"][1] < history["loss"][0]
    assert history["learning_rate"] == pytest.approx([recipe.learning_rate(p) for p in (0, 1)])

    again = training.Run(tmp_path / "run")
    assert again.recipe == dataclasses.replace(recipe, learning_rates=again.recipe.learning_rates)
    assert tuple(again.recipe.learning_rates) == tuple(recipe.learning_rates)
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    metric = history[f"val_{recipe.metric()}"][-1]
    assert again.manifest["errors"]["test"]["percent"] == pytest.approx(
        100 * (1 - metric), abs=0.01
    )
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["versions"]["keras"] == keras.__version__
    assert len(manifest["data"]["sha256"]) == 64


@pytest.mark.parametrize("changes", [{}, {"distortions": True}, {"head": "softmax"}])
def test_the_same_seed_gives_the_same_history(changes, tmp_path):
    if "head" in changes:
        changes = {**changes, "loss": "crossentropy"}
    recipe = dataclasses.replace(training.RECIPES["lenet5"], **SHORT, **changes)
    data = digits_like()
    histories = [
        training.train(recipe, data, tmp_path / str(i), seed, verbose=0).history
        for i, seed in enumerate([3, 3, 4])
    ]
    assert histories[0] == histories[1]
    assert histories[0]["loss"] != histories[2]["loss"]


def test_learns_easy_pictures(tmp_path):
    recipe = dataclasses.replace(training.RECIPES["lenet5"], passes=15)
    run = training.train(recipe, digits_like(100), tmp_path / "run", verbose=0)
    assert run.manifest["errors"]["test"]["wrong"] <= 3


def test_a_run_folder_is_not_overwritten(tmp_path):
    recipe = training.RECIPES["lenet5"]
    (tmp_path / "run").mkdir()
    with pytest.raises(FileExistsError, match="exists already, and runs are not overwritten"):
        training.train(recipe, digits_like(), tmp_path / "run")


def test_not_a_run_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not a run folder: it has no manifest\.json"):
        training.Run(tmp_path)
    training.Run.open(tmp_path / "run", training.RECIPES["lenet5"], digits_like(), 0)
    with pytest.raises(FileNotFoundError, match="the run did not finish"):
        training.Run(tmp_path / "run").model  # noqa: B018


def test_schedule_of_the_1998_paper():
    """A quarter of the printed rates, for each pattern, whatever the batch."""
    recipe = dataclasses.replace(training.RECIPES["lenet5"], batch_size=1)
    rates = [4 * recipe.learning_rate(p) for p in range(recipe.passes)]
    assert rates == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    longer = dataclasses.replace(recipe, passes=40, batch_size=8)
    assert [longer.learning_rate(p) / 2 for p in range(40)] == [r for r in rates for _ in "ab"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "resnet"}, "`network` must be one of lecun1989, lenet1, lenet5"),
        ({"head": "dense"}, "`head` must be one of rbf, softmax for lenet5"),
        ({"head": "softmax"}, "trains with the loss crossentropy. Received: loss=map"),
        ({"loss": "hinge"}, "loss mle or map or crossentropy. Received: loss=hinge"),
        ({"passes": 0}, "must be at least 1. Received: 0, 16"),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(training.RECIPES["lenet5"], **changes)


def test_inputs_and_targets():
    recipe = training.RECIPES["lenet5"]
    data = digits_like()
    inputs = recipe.inputs(data.train_images, 20)
    assert inputs.shape == (60, 32, 32, 1)
    np.testing.assert_allclose(inputs[:, 0], -0.1, rtol=1e-6)
    np.testing.assert_allclose(inputs[:, 2:-2, 2:-2], 1.275 * data.train_images - 0.1, atol=1e-6)
    assert recipe.targets(data.train_labels) is data.train_labels

    recipe = training.RECIPES["lecun1989"]
    assert recipe.inputs(data.train_images, 20).shape == (60, 16, 16, 1)
    targets = recipe.targets(np.array([0, 9]))
    np.testing.assert_array_equal(targets[1], [-1] * 9 + [1])


@pytest.mark.parametrize(("size", "sizes"), [(4, [4, 4, 3]), (11, [11]), (50, [11])])
def test_batches_keep_the_order_and_the_rest(size, sizes):
    images = np.arange(11, dtype="float32").reshape(11, 1, 1, 1)
    labels = np.arange(11)
    for _ in range(2):
        given = list(batches(images, labels, size))
        assert [len(y) for _, y in given] == sizes
        np.testing.assert_array_equal(np.concatenate([np.asarray(y) for _, y in given]), labels)
        x = np.concatenate([np.asarray(x) for x, _ in given])
        np.testing.assert_array_equal(x, images)


def test_distorted_batches_change_from_pass_to_pass():
    data = digits_like(1100)
    recipe = dataclasses.replace(training.RECIPES["lenet5"], distortions=True)
    distort = recipe.distortion(seed=0)
    given = batches(data.train_images, data.train_labels, 64, 0, shuffle=False, distort=distort)
    passes = []
    for given.position.number in range(2):
        if hasattr(given, "on_epoch_begin"):
            given.on_epoch_begin()
        pairs = [(np.asarray(x), np.asarray(y)) for x, y in given]
        np.testing.assert_array_equal(np.concatenate([y for _, y in pairs]), data.train_labels)
        passes.append(np.concatenate([x for x, _ in pairs]))
    same = [np.allclose(x, y) for x, y in zip(passes[0], passes[1], strict=True)]
    assert np.mean(same) < 0.1
    kept = [np.allclose(x, y) for x, y in zip(passes[0], data.train_images, strict=True)]
    assert 0.05 < np.mean(kept) < 0.15  # a tenth of the images stays as it is
