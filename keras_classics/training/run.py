"""A run folder: what was trained, on what, how, and what came of it."""

import csv
import dataclasses
import functools
import importlib
import json
import os
import pathlib
import platform
import warnings

import keras
import numpy as np

from keras_classics.training.checkpoint import FILES, whole
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
    def open(cls, folder, recipe, data, seed, resume=False):
        """Makes the folder, and states in its manifest all that the run is made of.

        Args:
            folder: Path of the folder.
            recipe: The recipe.
            data: The data.
            seed: The seed.
            resume: Whether a folder that exists is taken, if it is of the same run.

        Returns:
            The run, and whether it is a new one.
        """
        folder = pathlib.Path(folder)
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
        if resume and folder.is_dir() and set(os.listdir(folder)) - {"part-manifest.json"}:
            run = cls(folder)
            run._compare(json.loads(json.dumps(manifest)))
            return run, False
        try:
            folder.mkdir(parents=True, exist_ok=resume)
        except FileExistsError as error:
            raise FileExistsError(
                f"{folder} exists already, and runs are not overwritten: choose another folder, "
                "or resume the run that is in it (--resume)."
            ) from error
        cls._write(folder, manifest)
        return cls(folder), True

    def _compare(self, manifest):
        """Refuses to go on with another run; of other versions it warns."""
        for part in ("recipe", "seed", "dtype_policy", "data"):
            was, now = self.manifest[part], manifest[part]
            if isinstance(now, dict):
                names = [name for name in now | was if now.get(name) != was.get(name)]
                was, now = ({name: d.get(name) for name in names} for d in (was, now))
            if was != now:
                raise ValueError(
                    f"{self.folder} is another run, and cannot be resumed as this one. Its "
                    f"{part}: {was}. Received: {now}"
                )
        if self.manifest["versions"] != manifest["versions"]:
            warnings.warn(
                f"{self.folder} began with other versions, {self.manifest['versions']}; the rest "
                "of it may differ a little from an unbroken run.",
                stacklevel=3,
            )

    @staticmethod
    def _write(folder, manifest):
        with whole(folder / "manifest.json") as path:
            path.write_text(json.dumps(manifest, indent=2) + "\n")

    def finish(self, model, data, seconds, rates):
        """Saves the trained model and writes its errors into the manifest."""
        with whole(self.folder / "model.keras") as path:
            model.save(path)
        self.model = model
        self.manifest["seconds"] = round(seconds, 1)
        self.manifest["images a second"] = {
            name: rate and round(rate) for name, rate in rates.items()
        }
        self.manifest["errors"] = self.evaluate(data)
        self._write(self.folder, self.manifest)
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)

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
