"""A run folder: what was trained, on what, how, and what came of it."""

import csv
import dataclasses
import functools
import importlib
import json
import os
import pathlib
import platform

import keras
import numpy as np

from keras_classics.training.recipes import RECIPES


class Run:
    """A folder with `model.keras`, `history.csv`, `manifest.json` and `pictures/`.

    Args:
        folder: Path of a run folder.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        path = self.folder / "manifest.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} is not a run folder: it has no manifest.json. "
                "`keras-classics train` makes run folders."
            )
        self.manifest = json.loads(path.read_text())
        recipe = self.manifest["recipe"]
        self.recipe = type(RECIPES[recipe["network"]])(**recipe)

    @classmethod
    def create(cls, folder, recipe, data, seed):
        """Makes the folder, and states in its manifest all that the run is made of."""
        folder = pathlib.Path(folder)
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:
            raise FileExistsError(
                f"{folder} exists already, and runs are not overwritten: choose another folder."
            ) from error
        manifest = {
            "recipe": dataclasses.asdict(recipe),
            "seed": seed,
            "dtype_policy": keras.config.dtype_policy().name,
            "data": {"name": data.name, **recipe.about(data)},
            "versions": {
                package: importlib.import_module(package).__version__
                for package in ("keras_classics", "keras", keras.backend.backend(), "numpy")
            }
            | {"python": platform.python_version()},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        return cls(folder)

    def finish(self, model, data, seconds):
        """Saves the trained model and writes its errors into the manifest."""
        model.save(self.folder / "model.keras")
        self.model = model
        self.manifest["seconds"] = round(seconds, 1)
        self.manifest["errors"] = self.evaluate(data)
        path = self.folder / "manifest.json"
        path.write_text(json.dumps(self.manifest, indent=2) + "\n")

    @functools.cached_property
    def model(self):
        """The trained network."""
        path = self.folder / "model.keras"
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: the run did not finish.")
        return keras.saving.load_model(path)

    @property
    def history(self):
        """The columns of `history.csv`, a list of numbers each."""
        with open(self.folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        return {name: [float(row[name]) for row in rows] for name in rows[0]}

    def evaluate(self, data):
        """Counts the errors on each part of the data: `{part: {"wrong", "of", "percent"}}`."""
        return self.recipe.evaluate(self.model, data, self.folder)

    def predict(self, *paths):
        """Reads image files one by one: `(class, runner-up, their scores)` of each."""
        for scores in self.recipe.scores(self.model, paths, self.folder):
            classes = self.manifest["data"].get("classes") or range(len(scores))
            first, second = np.argsort(scores)[::-1][:2]
            yield classes[first], classes[second], (float(scores[first]), float(scores[second]))
