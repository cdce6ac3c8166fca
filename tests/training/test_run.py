"""Run folders: what they state, how they are opened again, and what cannot start."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_classics import datasets, preprocessing, training
from tests.training import tiny


@dataclasses.dataclass(frozen=True)
class Mine(tiny.Tiny):
    """A recipe of this module."""

    learning_rate: float = training.cite(0.2)


def begin(folder, recipe, data, **arguments):
    with training.Run.open(folder, recipe, data, recipe.splits(data), 3, **arguments) as (run, _):
        return run


def test_the_precision_belongs_to_the_run(photographs, tmp_path):
    recipe, data = Mine(), datasets.load(str(photographs))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with training.Run.open(tmp_path / "run", recipe, data, recipe.splits(data), 3) as (run, _):
            assert run.manifest["dtype_policy"] == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
    with pytest.raises(ValueError, match="another run.*Its dtype_policy: mixed_bfloat16. Received"):
        begin(tmp_path / "run", recipe, data, resume=True)


def test_a_manifest(digits, colours, photographs, tmp_path):
    recipe = dataclasses.replace(training.recipe("vgg11"), image_size=32, short_side=(36, 44))
    begin(tmp_path / "run", recipe, datasets.load(str(photographs)))
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["recipe"]["class"] == "keras_classics.training.recipes.vgg:VGGRecipe"
    assert manifest["recipe"]["network"] == "vgg11"
    assert manifest["recipe"]["short_side"] == [36, 44]
    digests = manifest["data"].pop("splits")
    assert manifest["data"] == {
        "name": str(photographs),
        "classes": ["green", "red"],
        "train": 22,
        "validation": 2,
    }
    assert set(digests) == {"train", "validation"}
    assert all(each.startswith("names, sizes and labels of files, ") for each in digests.values())
    assert (manifest["seed"], manifest["dtype_policy"]) == (3, "float32")
    versions = {"keras_classics", "keras", keras.backend.backend(), "numpy", "python"}
    assert set(manifest["versions"]) == versions
    assert manifest["versions"]["keras"] == keras.__version__

    data = digits()
    one = begin(tmp_path / "one", training.recipe("lenet1"), data).manifest["data"]
    boxes = [datasets.Digits(split.images, split.labels, box=16) for split in data.splits]
    other = datasets.Images("easy", data.classes, *boxes, held="test")
    two = begin(tmp_path / "two", training.recipe("lenet1"), other).manifest["data"]
    assert one != two  # it is another data set
    assert (one["box"], two["box"]) == (20, 16)
    images = data.train.images * 0.5
    half = datasets.Digits(images, data.train.labels, box=20)
    other = datasets.Images("easy", data.classes, half, data.validation, held="test")
    three = begin(tmp_path / "three", training.recipe("lenet1"), other).manifest["data"]
    assert one["splits"]["train"] != three["splits"]["train"]
    assert one["splits"]["test"] == three["splits"]["test"]


@pytest.mark.parametrize("name", training.RECIPES)
def test_the_recipe_of_a_folder(name, tmp_path):
    recipe = training.recipe(name)
    data = datasets.wrap(*[(np.zeros((4, 8, 8, 3), "uint8"), np.arange(4) % 2)] * 2)
    with training.Run.open(tmp_path / "run", recipe, data, {}, 0):
        pass
    again = training.Run(tmp_path / "run")
    assert type(again.recipe) is type(recipe)
    assert again.recipe == recipe
    changed = dataclasses.replace(recipe, epochs=1)
    assert training.Run(tmp_path / "run", changed).recipe is changed


def test_a_recipe_of_ones_own(colours, tmp_path):
    """Its run is trained, interrupted, resumed, and opened again."""
    data, shared = colours(), {"builder": tiny.network, "verbose": 0}
    recipe = Mine(batch_size=8)
    unbroken = training.train(recipe, data, tmp_path / "unbroken", **shared)
    with pytest.raises(tiny.Break):
        training.train(recipe, data, tmp_path / "run", callbacks=[tiny.BreakAt(1)], **shared)
    run = training.train(recipe, data, tmp_path / "run", resume=True, **shared)
    assert run.history == unbroken.history
    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe
    assert again.recipe.sides == (8, 8)
    assert again.evaluate(data) == run.manifest["errors"] == unbroken.manifest["errors"]
    assert (tmp_path / "run" / "confusion-test.csv").is_file()
    other = tiny.Tiny(batch_size=8, learning_rate=0.2)
    with pytest.raises(ValueError, match=r"Its recipe: \{'class': .*:Mine'.*Received: .*:Tiny'"):
        training.train(other, data, tmp_path / "run", resume=True, **shared)


def test_a_network_of_ones_own_by_a_papers_recipe(colours, tmp_path):
    data, recipe = colours(), training.recipe("resnet_cifar")
    recipe = dataclasses.replace(recipe, network="mine", epochs=2, batch_size=8)
    shared = {"builder": tiny.network, "verbose": 0}
    with pytest.raises(tiny.Break):
        training.train(recipe, data, tmp_path / "run", callbacks=[tiny.BreakAt(1)], **shared)
    run = training.train(recipe, data, tmp_path / "run", resume=True, **shared)
    assert len(run.history["loss"]) == 2
    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe
    assert again.model.name == "tiny"
    assert again.evaluate(data) == run.manifest["errors"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "mine"}, "There is no network 'mine'.*give the function that builds it: buil"),
        ({"network": "resnet19"}, "There is no network 'resnet19'. Did you mean resnet18"),
        ({"network": "resnet9_cifar"}, "depth must be 6n . 2"),
        ({"network": "resnet8_cifar", "batch_size": 45}, "full batch. Received: 44 images"),
    ],
)
def test_a_run_that_cannot_start_leaves_no_folder(changes, message, colours, tmp_path):
    with pytest.raises(ValueError, match=message):
        training.train(tiny.Tiny(**changes), colours(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_network_is_refused_before_the_folder_is_made(resume, colours, tmp_path, monkeypatch):
    def make(*args, **more):
        raise AssertionError("The folder is made first.")

    def without_input(input_shape, classes):
        return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes)])

    monkeypatch.setattr(training.Run, "open", make)
    for builder, message in [
        (lambda **shape: None, "`builder` must return a keras.Model"),
        (lambda **shape: tiny.network((9, 9, 3), 2), r"one image of the shape \(8, 8, 3\)"),
        (lambda **shape: tiny.network((8, 8, 3), 3), r"one output of the shape \(None, 2\)"),
        (lambda **shape: tiny.network((8, 8, 3), 2, "relu"), "with the activation relu"),
        (without_input, "with the activation linear"),
    ]:
        with pytest.raises(ValueError, match=message):
            training.train(
                tiny.Tiny(), colours(8), tmp_path / "run", builder=builder, resume=resume
            )
    assert not (tmp_path / "run").exists()


def test_a_taken_folder_is_refused_before_a_network_is_built(colours, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="runs are not overwritten"):
        training.train(tiny.Tiny(), colours(8), tmp_path / "run", builder=lambda **shape: 1 / 0)


@pytest.mark.parametrize("folder", [None, 3, [], b"run"])
def test_a_folder_is_a_path(folder):
    with pytest.raises(ValueError, match=r"`folder` must be a path. Received: folder="):
        training.Run(folder)


def test_the_recipe_is_one(tmp_path):
    with pytest.raises(ValueError, match=r"`recipe` must be None or a recipe.*Received: recipe='"):
        training.Run(tmp_path, "lenet5")


def test_a_folder_that_exists_is_not_removed(colours, tmp_path):
    """Also if its run cannot go on."""
    recipe, data = tiny.Tiny(batch_size=45), colours()
    begin(tmp_path / "run", recipe, data)
    with pytest.raises(ValueError, match="full batch"):
        training.train(recipe, data, tmp_path / "run", 3, resume=True, builder=tiny.network)
    assert (tmp_path / "run" / "manifest.json").is_file()


@pytest.mark.parametrize("name", ["my_module:Mine", "tests.training.test_run:gone", "json:loads"])
def test_a_class_that_is_not_there(name, colours, tmp_path):
    begin(tmp_path / "run", Mine(), colours())
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["recipe"]["class"] = name
    path.write_text(json.dumps(manifest))
    module, _, cls = name.partition(":")
    message = f"of the class {cls} of {module}, which is not imported: import it first, or give"
    with pytest.raises(ValueError, match=message):
        training.Run(tmp_path / "run")
    assert training.Run(tmp_path / "run", recipe=Mine()).recipe == Mine()


def test_not_a_run_folder(colours, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not a run folder: it has no manifest\.json"):
        training.Run(tmp_path)
    run = begin(tmp_path / "run", tiny.Tiny(), colours())
    assert not run.is_finished
    with pytest.raises(FileNotFoundError, match="the run did not finish"):
        training.Run(tmp_path / "run").model  # noqa: B018


def test_a_run_folder_is_not_overwritten(colours, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="exists already, and runs are not overwritten"):
        training.train(tiny.Tiny(), colours(), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


class Cut(tiny.Tiny):
    """A recipe that says how a classifier prepares its images."""

    def input_layer(self, preprocess):
        mean = -preprocess(np.zeros((1, 8, 8, 3), "uint8")).mean((0, 1, 2))
        return preprocessing.ClassifierInput((8, 8), 8, mean.tolist(), antialias=False)


def test_a_classifier_of_a_run(colours, green_and_red, tmp_path):
    arguments = {"builder": tiny.network, "verbose": 0}
    recipe = Cut(epochs=8, batch_size=8, learning_rate=1.0)
    run = training.train(recipe, colours(), tmp_path / "run", **arguments)
    model = run.classifier()
    assert model.classes == [("red", "red"), ("green", "green")]
    read = run.predict(*green_and_red)
    for path, (first, _, (score, _)) in zip(green_and_red, read, strict=True):
        ((found, _, same),) = model.decode_predictions(model.predict(path, verbose=0), 1)[0]
        assert found == first
        assert same == pytest.approx(score, abs=1e-3)
        np.testing.assert_allclose(model.prepare(path)[0], run.read(path), atol=0.1)
    run = training.train(tiny.Tiny(epochs=1), colours(), tmp_path / "other", **arguments)
    with pytest.raises(ValueError, match="Tiny must prepare.*Override `test_side`.*`input_layer`"):
        run.classifier()


def test_what_a_run_reads(colours, green_and_red, tmp_path):
    data = colours()
    recipe = tiny.Tiny(epochs=8, batch_size=8, learning_rate=1.0)
    run = training.train(recipe, data, tmp_path / "run", builder=tiny.network, verbose=0)
    assert run.is_finished
    assert run.manifest["errors"] == {"test": {"wrong": 0, "of": 10, "percent": 0.0}}
    np.testing.assert_allclose(run.mean, data.train.images.mean((0, 1, 2)), rtol=0.01)
    found = list(run.predict(*green_and_red))
    assert [(first, second) for first, second, _ in found] == [("green", "red"), ("red", "green")]
    assert all(a + b == pytest.approx(1) and a > b for _, _, (a, b) in found)
    images, labels = run.pictured(data)
    expected = run.preprocess(data.validation.images[:8])
    np.testing.assert_allclose(images, expected, atol=1e-3)
    np.testing.assert_array_equal(labels, data.validation.labels[:8])
    seen = run.read(green_and_red[0])
    np.testing.assert_allclose(seen.mean((0, 1)), np.array((60, 180, 60)) - run.mean, atol=8)
    assert set(run.manifest["images a second"]) == {"training", "input"}
    assert run.manifest["seconds"] > 0
    kernel = run.network.weights[0]
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(ValueError, match="nan for 1 of 1 images"):
        list(run.predict(*green_and_red))
    with pytest.raises(ValueError, match="nan for 10 of 10 images"):
        run.evaluate(data)
