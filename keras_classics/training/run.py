"""A run folder: what was trained, on what, how, and what came of it."""

import collections
import contextlib
import csv
import dataclasses
import functools
import hashlib
import importlib
import json
import math
import os
import pathlib
import platform
import random
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_classics import (
    activations,
    backend,
    graphs,
    initializers,
    layers,
    losses,
    optimizers,
    preprocessing,
)
from keras_classics.atomic import atomic
from keras_classics.training import admission, evaluation, imaging
from keras_classics.training.checkpoint import FILES
from keras_classics.training.engine import Recipe

# Keras has to know the classes of a saved network.
CLASSES = (activations, initializers, layers, losses, optimizers, preprocessing)

if TYPE_CHECKING:
    from keras_classics.datasets import Images


class Run:
    """A folder with `model.keras`, `history.csv`, `manifest.json` and `pictures/`.

    Args:
        folder: Path of a run folder.
        recipe: Its recipe. Default: as the manifest has it. If that is of a class of one's own,
            the module of the class must have been imported.

    Attributes:
        folder: The folder.
        recipe: The recipe.
        manifest: What `manifest.json` has: recipe, network, seed, data, versions, machine, and of
            a finished run seconds and errors.

    Raises:
        FileNotFoundError: If the folder has no manifest.
        ValueError: If the class of the recipe is not there.

    Example:

    ```python
    import dataclasses
    import tempfile

    import numpy as np

    from keras_classics import datasets, training

    split = datasets.Digits(np.random.default_rng(0).uniform(size=(20, 28, 28, 1)), [3, 7] * 10, 20)
    data = datasets.Images("noise", datasets.Digits.classes, split, split, held="test")
    recipe = dataclasses.replace(training.recipe("lenet1"), epochs=1, curvature_patterns=5)
    folder = tempfile.mkdtemp() + "/run"
    training.train(recipe, data, folder, verbose=0)

    run = training.Run(folder)
    print(run.recipe, run.history["loss"], run.evaluate(data)["test"])
    ```
    """

    def __init__(self, folder: str | os.PathLike, recipe: Recipe | None = None):
        self.folder = pathlib.Path(folder)
        path = self.folder / "manifest.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} is not a run folder: it has no manifest.json. "
                "`keras-classics train` makes run folders."
            )
        self.manifest: dict[str, Any] = json.loads(path.read_text())
        self.recipe = recipe or _recipe(self.manifest, self.folder)

    @classmethod
    def open(cls, folder, recipe, data, splits, seed, resume=False):
        """Makes the folder, and states in its manifest all that the run is made of.

        Args:
            folder: Path of the folder.
            recipe: The recipe.
            data: The data.
            splits: Its parts, as the recipe gives them.
            seed: The seed.
            resume: Whether a folder that exists is taken, if it is of the same run.

        Returns:
            The run, and whether it is a new one.
        """
        folder = pathlib.Path(folder)
        manifest = {
            "recipe": {"class": _path(type(recipe)), **dataclasses.asdict(recipe)},
            "seed": seed,
            "dtype_policy": keras.config.dtype_policy().name,
            "data": _statement(data, splits),
            "versions": {
                package: importlib.import_module(package).__version__
                for package in ("keras_classics", "keras", backend.name(), "numpy")
            }
            | {"python": platform.python_version()},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        }
        stated = json.loads(json.dumps(manifest))  # fails here, if at all, and leaves no folder
        if resume and folder.is_dir() and set(os.listdir(folder)) - {"part-manifest.json"}:
            run = cls(folder, recipe)
            run._compare(stated)
            return run, False
        try:
            folder.mkdir(parents=True, exist_ok=resume)
        except FileExistsError as error:
            raise FileExistsError(
                f"{folder} exists already, and runs are not overwritten: choose another folder, "
                "or resume the run that is in it (--resume)."
            ) from error
        _write(folder, stated)
        return cls(folder, recipe), True

    def _compare(self, manifest):
        """Refuses to go on with another run; of other versions it warns."""
        for part in ("recipe", "seed", "dtype_policy", "data"):
            if self.manifest[part] != manifest[part]:
                self._refuse(part, manifest[part])
        if self.manifest["versions"] != manifest["versions"]:
            warnings.warn(
                f"{self.folder} began with other versions, {self.manifest['versions']}; the rest "
                "of it may differ a little from an unbroken run.",
                stacklevel=3,
            )

    def _refuse(self, part, now):
        was = self.manifest[part]
        if isinstance(now, dict):
            names = [name for name in now | was if now.get(name) != was.get(name)]
            was, now = ({name: d.get(name) for name in names} for d in (was, now))
        raise ValueError(
            f"{self.folder} is another run, and cannot be resumed as this one. Its {part}: {was}. "
            f"Received: {now}"
        )

    def has(self, network, writes=True):
        """States the network, as `statement` gives it, or refuses another one than the run's.

        Args:
            network: The statement.
            writes: Whether this process writes.
        """
        was = self.manifest.setdefault("network", network)
        if was["sha256"] != network["sha256"]:
            self._refuse("network", network)
        if writes and was is network:
            _write(self.folder, self.manifest)

    @contextlib.contextmanager
    def removed_on_error(self):
        """Removes the folder of a run that cannot start."""
        try:
            yield
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    @property
    def is_finished(self) -> bool:
        """Whether the run has been trained and tested."""
        return "errors" in self.manifest

    # The images.

    def look_through(self, data):
        """Finds damaged files and the mean of the training images, once for the run."""
        if "left out" in self.manifest:
            return
        state = random.getstate()  # of Keras's seeds, of which other workers draw none here
        _, damaged, mean = imaging.look_through(self.recipe, data)
        random.setstate(state)
        if mean is not None:
            with atomic(self.folder / "mean.npy") as path, open(path, "wb") as file:
                np.save(file, mean)
            self.mean = mean
        self.manifest["left out"] = damaged
        _write(self.folder, self.manifest)

    def kept(self, data):
        """The data without the files that were left out."""
        manifest = json.loads((self.folder / "manifest.json").read_text())
        left = manifest.get("left out")
        return data.without(left) if left else data

    @functools.cached_property
    def mean(self) -> np.ndarray | None:
        """The mean of the training images, or `None`."""
        path = self.folder / "mean.npy"
        return np.load(path) if path.is_file() else None

    def preprocess(self, images: np.ndarray) -> np.ndarray:
        """A batch of images of the data, as the network sees them."""
        return imaging.preprocess(self.recipe, self.mean, images)

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """An image file, as the network sees it."""
        return imaging.read(self.recipe, self.mean, path)

    # The result.

    def finish(self, network, splits, seconds, rates):
        """Saves the trained network, and writes its errors into the manifest."""
        with atomic(self.folder / "model.keras") as path:
            network.save(path)
        self.model = network
        self.manifest["seconds"] = round(seconds, 1)
        self.manifest["images a second"] = {
            name: rate and round(rate) for name, rate in rates.items()
        }
        self.manifest["errors"] = self._errors(splits)
        _write(self.folder, self.manifest)
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)

    @functools.cached_property
    def model(self) -> keras.Model:
        """The trained network."""
        path = self.folder / "model.keras"
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: the run did not finish.")
        with graphs.deep_recursion():
            return keras.saving.load_model(path)

    @property
    def history(self) -> dict[str, list[float]]:
        """The columns of `history.csv`, a list of numbers each."""
        with open(self.folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in rows[0]}

    def evaluate(self, data: "Images") -> dict[str, dict[str, Any]]:
        """Counts the errors on each tested part of the data.

        Which class was taken for which is left in `confusion-PART.csv`.

        Args:
            data: The data set of the run, or another of the same classes.

        Returns:
            `{part: {"wrong", "of", "percent"}}`, and with more than five classes
            `{part: {..., "top-5": {"wrong", "of", "percent"}}}`.

        Raises:
            ValueError: If the data are of another kind than the recipe's, or of other classes.
        """
        admission.refuse_data(self.recipe, data, self.manifest["data"]["classes"])
        return self._errors(self.recipe.splits(data.survey(parts=("validation", "test"))[0]))

    def _errors(self, splits):
        errors = {}
        for part, split in splits.items():
            if part == "train" and not self.recipe.tests_training_images:
                continue
            found, labels = imaging.predictions(self.recipe, self.model, self.mean, split)
            errors[part] = evaluation.count(found, labels)
            with atomic(self.folder / f"confusion-{part.replace(' ', '-')}.csv") as path:
                classes = self.manifest["data"]["classes"]
                evaluation.write(path, evaluation.confusion(found, labels), classes)
        return errors

    def predict(self, *paths: str | os.PathLike) -> Iterator[tuple[str, str, tuple[float, float]]]:
        """Reads image files one by one: `(class, runner-up, their scores)` of each."""
        classes = self.manifest["data"]["classes"]
        found = imaging.predictions_of_files(self.recipe, self.model, self.mean, paths)
        for scores in found:
            first, second = np.argsort(scores)[::-1][:2]
            yield classes[first], classes[second], (float(scores[first]), float(scores[second]))

    def pictured(self, data: "Images") -> tuple[np.ndarray, np.ndarray]:
        """Test images as the network sees them, and their labels, for `analysis.draw`."""
        split: Any = self.recipe.splits(self.kept(data))[data.held]
        if self.recipe.in_memory:
            return self.preprocess(split.images), split.labels
        layers = imaging.layers_of(self.recipe, training=False, mean=self.mean)
        images, labels = next(iter(imaging.image_batches(split, layers, self.recipe.batch_size)))
        return np.asarray(images), np.asarray(labels)


def _statement(data, splits):
    """What a run states of its data."""
    counts = {name: len(split) for name, split in splits.items()}
    stated = {"name": data.name, "classes": list(data.classes), **counts}
    if hasattr(data.train, "box"):
        stated["box"] = data.train.box
    if getattr(data.train, "upright", False):
        stated["upright"] = True
    if all(hasattr(split, "images") for split in data.splits):
        digest = hashlib.sha256()
        for split in data.splits:
            digest.update(np.ascontiguousarray(split.images))
            digest.update(np.ascontiguousarray(split.labels))
        stated["sha256"] = digest.hexdigest()
    return stated


def statement(network, builder=None):
    """What a run states of its network.

    Args:
        network: The network, as it was built.
        builder: The function that built it, if it is not the recipe's.

    Returns:
        Its name, the number of its parameters, how many layers of each class it has, and a hash
        of all their settings, how they are connected, and the shapes of the weights; of a
        `builder`, its name. The hash does not depend on the numbers by which Keras tells names
        apart.
    """
    try:
        config = keras.saving.serialize_keras_object(network)
    except NotImplementedError:  # of a class without a config
        config = type(network).__qualname__
    shapes = [tuple(map(int, variable.shape)) for variable in network.variables]
    stated = {"config": _renumbered(config, {}), "shapes": shapes}
    text = json.dumps(stated, default=lambda value: type(value).__name__)
    return {
        **({"builder": _path(builder)} if builder else {}),
        "name": network.name,
        "parameters": sum(map(math.prod, shapes)),
        "layers": dict(collections.Counter(type(layer).__name__ for layer in network.layers)),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _renumbered(value, names):
    """A config with the names of its layers numbered in the order in which they come."""

    def renumbered(name):
        return names.setdefault(name, f"{re.sub('_[0-9]+$', '', name)} {len(names)}")

    if isinstance(value, dict):
        return {
            key: renumbered(part)
            if key == "name" and isinstance(part, str)
            else _renumbered(part, names)
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
            return [renumbered(value[0]), *value[1:]]  # the layer of a tensor
        return [_renumbered(part, names) for part in value]
    return value


def _path(cls):
    named = cls if hasattr(cls, "__qualname__") else type(cls)
    return f"{named.__module__}:{named.__qualname__}"


def _recipe(manifest, folder):
    """The recipe of a manifest. Only modules of this library are imported for it."""
    fields = dict(manifest["recipe"])
    module, _, name = fields.pop("class").partition(":")
    if module.startswith("keras_classics.training.recipes."):
        importlib.import_module(module)
    cls = getattr(sys.modules.get(module), name, None)
    if not (isinstance(cls, type) and issubclass(cls, Recipe)):
        raise ValueError(
            f"The recipe of {folder} is of the class {name} of {module}, which is not imported: "
            "import it first, or give the recipe, Run(folder, recipe=...)."
        )
    return cls(**fields)


def _write(folder, manifest):
    with atomic(folder / "manifest.json") as path:
        path.write_text(json.dumps(manifest, indent=2) + "\n")
