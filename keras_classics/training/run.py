"""A run folder: what was trained, on what, how, and what came of it."""

import contextlib
import dataclasses
import errno
import functools
import importlib
import json
import math
import os
import pathlib
import platform
import random
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
    classification,
    graphs,
    initializers,
    layers,
    losses,
    optimizers,
    preprocessing,
)
from keras_classics.atomic import atomic
from keras_classics.checks import PATH, arguments, optional, refuse_nan
from keras_classics.training import admission, evaluation, files, identity, imaging
from keras_classics.training.engine import Recipe
from keras_classics.training.lock import Lock, refuse_held

# Keras has to know the classes of a saved network.
CLASSES = (activations, classification, initializers, layers, losses, optimizers, preprocessing)

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
        ValueError: If an argument is of another kind, the manifest is damaged, or the class of the
            recipe is not there.

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

    @arguments(folder=PATH, recipe=optional(admission.RECIPE))
    def __init__(self, folder: str | os.PathLike, recipe: Recipe | None = None):
        self.folder = pathlib.Path(folder)
        self.manifest: dict[str, Any] = files.read_manifest(self.folder)
        self.recipe = recipe or _recipe(self.manifest, self.folder)
        self.lock: Lock | None = None  # of a run that is being trained

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder, recipe, data, splits, seed, replicas=1, resume=False):
        """Makes the folder, states in its manifest all that the run is made of, and holds it.

        The folder is this process's own in the context. If nothing comes into it, it is removed
        again, if it was made here.

        Args:
            folder: Path of the folder.
            recipe: The recipe.
            data: The data.
            splits: Its parts, as the recipe gives them.
            seed: The seed.
            replicas: The number of devices that share a step.
            resume: Whether a folder that exists is taken, if it is of the same run.

        Returns:
            The run, and whether it is a new one.

        Raises:
            FileExistsError: If there is anything in the folder, and `resume` is false.
            RuntimeError: If another process holds it.
            ValueError: If it is of another run, or damaged.
        """
        folder = pathlib.Path(folder)
        manifest = {
            "format": files.FORMAT,
            "recipe": {"class": identity.path_of(type(recipe)), **dataclasses.asdict(recipe)},
            "seed": seed,
            "dtype_policy": keras.config.dtype_policy().name,
            "data": identity.of_data(data, splits),
            "replicas": replicas,
            "versions": {
                package: importlib.import_module(package).__version__
                for package in ("keras_classics", "keras", backend.name(), "numpy")
            }
            | {"python": platform.python_version()},
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        }
        stated = json.loads(json.dumps(manifest))  # fails here, if at all, and leaves no folder
        if resume and (folder / files.MANIFEST).is_file():
            run = cls(folder, recipe)
            if run.is_finished:  # nobody writes any more
                run._compare(stated)
                files.tidy(folder)
                yield run, False
                return
        with _held(folder, resume) as lock:
            is_new = not files.others(folder)
            if not (is_new or resume):  # another process has trained here in the meantime
                raise _exists(folder)
            if is_new:
                files.write_manifest(folder, stated)
            run = cls(folder, recipe)
            run.lock = lock
            if not is_new:
                run._compare(stated)
            yield run, is_new

    def _compare(self, manifest):
        """Refuses to go on with another run; of other versions or replicas it warns."""
        for part in ("recipe", "seed", "dtype_policy", "data"):
            if self.manifest[part] != manifest[part]:
                self._refuse(part, manifest[part])
        now = {part: manifest[part] for part in ("versions", "replicas")}
        was = {part: self.manifest.get(part, now[part]) for part in now}
        if was == now or self.is_finished:
            return
        changed = [part for part in now if was[part] != now[part]]
        words = "; ".join(f"{part}: {was[part]}, now {now[part]}" for part in changed)
        warnings.warn(
            f"{self.folder} began with other {' and '.join(changed)} ({words}). The rest of it may "
            "differ a little from an unbroken run.",
            stacklevel=4,
        )
        resumed = self.manifest.setdefault("resumed", [])
        if now not in resumed:
            resumed.append(now)
            files.write_manifest(self.folder, self.manifest)

    def _refuse(self, part, now):
        was, words = self.manifest[part], ""
        if isinstance(now, dict):
            names = [name for name in now | was if now.get(name) != was.get(name)]
            was, now = ({name: d.get(name) for name in names} for d in (was, now))
            if names == ["splits"]:
                words = " The images were changed, or come in another order."
        raise ValueError(
            f"{self.folder} is another run, and cannot be resumed as this one.{words} Its {part}: "
            f"{was}. Received: {now}"
        )

    def has(self, network, writes=True):
        """States the network, or refuses another one than the run's.

        Args:
            network: What `identity.of_network` gives.
            writes: Whether this process writes.
        """
        was = self.manifest.setdefault("network", network)
        if was["sha256"] != network["sha256"]:
            self._refuse("network", network)
        if writes and was is network:
            files.write_manifest(self.folder, self.manifest)

    @contextlib.contextmanager
    def removed_on_error(self):
        """Removes what a run that cannot start has left. Its folder goes with its lock."""
        try:
            yield
        except BaseException:
            files.remove(self.folder, files.OF_A_START)
            raise

    @property
    def is_finished(self) -> bool:
        """Whether the run has been trained and tested."""
        return "errors" in self.manifest

    def rehearse(self, splits):
        """Writes in small, before the training, what is written after it.

        Raises:
            ValueError: If the name of a class is not UTF-8.
            OSError: If a file cannot be written.
        """
        classes = self.manifest["data"]["classes"]
        for name in classes:
            try:
                name.encode()
            except UnicodeEncodeError as error:
                raise ValueError(
                    "The names of classes are written into the run folder, and must be UTF-8: "
                    f"rename the folder of this class. Received: {os.fsencode(name)!r}"
                ) from error
        for part in self._tested(splits):
            path = self.folder / files.confusion(part)
            if not path.exists():
                evaluation.write(path, np.zeros((0, len(classes)), int), classes[:0])
                path.unlink()

    def check_room(self, variables, best):
        """Refuses to train if the disk has no room for the network and its checkpoints.

        Args:
            variables: All variables, also those of the optimizer.
            best: Whether the best network is kept, too.

        Raises:
            OSError: If there is no room.
        """
        size = sum(math.prod(v.shape) * np.dtype(_held_as(v.dtype)).itemsize for v in variables)
        # A file is complete before it takes the place of an older one.
        needed = size * (len(files.CHECKPOINTS) + 1 + 1 + 2 * best)
        paths = [self.folder / name for name in (*files.CHECKPOINTS, *files.NETWORKS)]
        there = sum(path.stat().st_size for path in paths if path.is_file())
        needed = max(size, needed - there)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OSError(
                errno.ENOSPC,
                f"{self.folder} needs {needed / 1e6:,.1f} MB for checkpoints and the network, "
                f"and its disk has {free / 1e6:,.1f} MB free. Make room, or choose a folder on "
                "another disk",
            )

    # The images.

    def look_through(self, data, verbose=False):
        """Finds files that are no images, and the mean of the training images, once for the run.

        A mean that is missing is computed again, and must come out as it was.
        """
        known = "left out" in self.manifest
        if known and ("mean.npy" not in self.digests or (self.folder / "mean.npy").exists()):
            return
        state = random.getstate()  # of Keras's seeds, of which other workers draw none here
        if known:
            data = self.kept(data)
        else:
            data, self.manifest["left out"] = data.survey(verbose=verbose)
        mean, stated = imaging.mean_of(self.recipe, data, verbose)
        random.setstate(state)
        if mean is not None:
            self._keep("mean.npy", lambda file: np.save(file, mean), "mean of the training images")
        if not known:
            if stated:
                self.manifest["mean"] = stated
            files.write_manifest(self.folder, self.manifest)

    def _keep(self, name, write, what):
        """Writes what a run begins with; if that was lost, it must come out as it was."""
        with atomic(self.folder / name) as path:
            with open(path, "wb") as file:
                write(file)
            found = files.digest(path)
            if self.digests.setdefault(name, found) != found:
                raise ValueError(
                    f"The {what} was computed again for {self.folder}, and is not the one that "
                    "the run began with: the images were changed, or the versions are others. "
                    "Begin a new run."
                )

    def begin(self, network, splits, verbose):
        """Finds what weights of the network begin with, once for the run, as the recipe says."""
        if (self.folder / files.START).is_file() and files.START in self.digests:
            return
        state = random.getstate()  # of Keras's seeds, of which other workers draw none here
        found = self.recipe.beginning(network, splits, self.manifest["seed"], verbose)
        random.setstate(state)
        if found is not None:
            values, rows = found
            self._keep(files.START, lambda file: np.savez(file, **values), "start of the network")
            self.manifest["start"] = rows
            files.write_manifest(self.folder, self.manifest)

    def give_start(self, network):
        """Assigns what the weights of the network begin with, if anything was found."""
        self.manifest = files.read_manifest(self.folder)  # which another worker may have written
        if files.START not in self.digests:
            return
        variables = {variable.path: variable for variable in network.weights}
        with np.load(self._whole(files.START)) as values:
            for path, value in values.items():
                variables[path].assign(value)

    def kept(self, data):
        """The data without the files that were left out; others that are damaged are known."""
        self.manifest = files.read_manifest(self.folder)  # which another worker may have written
        kept = data.without(self.manifest.get("left out") or ())
        replaced = self.replaced
        for split in kept.splits:
            if replaced and hasattr(split, "paths"):
                for k in split.positions(replaced):
                    split.damaged[k] = replaced[split.paths[k]]
        return kept

    @property
    def replaced(self) -> dict[str, str]:
        """The files that have been replaced while training, with the reasons."""
        return self.manifest.get("replaced", {}) | files.read_replaced(self.folder)

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of files of the folder, by their names, as the manifest has them."""
        return self.manifest.setdefault("files", {})

    def _whole(self, name):
        """The path of a file of the folder, which is as the run has written it."""
        files.check(self.folder / name, self.digests.get(name), files.REMEDIES.get(name, ""))
        return self.folder / name

    @functools.cached_property
    def mean(self) -> np.ndarray | None:
        """The mean of the training images, or `None`."""
        known = "mean.npy" in self.digests or (self.folder / "mean.npy").is_file()
        return np.load(self._whole("mean.npy")) if known else None

    def preprocess(self, images: np.ndarray) -> np.ndarray:
        """A batch of images of the data, as the network sees them."""
        return imaging.preprocess(self.recipe, self.mean, images)

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """An image file, as the network sees it."""
        return imaging.read(self.recipe, self.mean, path)

    # The result.

    def finish(self, network, splits, seconds, rates):
        """Saves the trained network, and writes its errors into the manifest."""
        self._hold()
        self.model = self.recipe.wrapped(network, self.manifest["data"]["classes"])
        with atomic(self.folder / "model.keras") as path:
            self.model.save(path)
        self.manifest["seconds"] = round(seconds, 1)
        waiting = rates.pop("waiting", None)
        self.manifest["images a second"] = {
            name: rate and round(rate) for name, rate in rates.items()
        }
        if waiting is not None:
            self.manifest["waiting for input"] = round(waiting, 3)
        tested = evaluation.counted(self._predictions(self._tested(splits)))
        self.write_confusions(tested, self.folder)
        for name in ("history.csv", *map(files.confusion, tested)):
            self.digests[name] = files.digest(self.folder / name)
        self._hold()  # a test may take long
        self.manifest["errors"] = {part: errors for part, (errors, _) in tested.items()}
        if replaced := self.replaced:
            self.manifest["replaced"] = dict(sorted(replaced.items()))
        files.write_manifest(self.folder, self.manifest)
        files.tidy(self.folder)

    def _hold(self):
        """Makes sure that no other process has taken the folder."""
        if self.lock is not None:
            self.lock.take()

    @functools.cached_property
    def model(self) -> keras.Model:
        """The trained network; of a fine-tuned one a `Classifier`, which takes photographs."""
        path = self.folder / "model.keras"
        if not path.is_file():
            missing = "it was removed" if self.is_finished else "the run did not finish"
            raise FileNotFoundError(f"{path} does not exist: {missing}.")
        files.check_archive(path)
        with graphs.deep_recursion():
            return keras.saving.load_model(path)

    @property
    def network(self) -> keras.Model:
        """The trained network alone, without the layers that a `Classifier` has before it."""
        return getattr(self.model, "network", self.model)

    @property
    def history(self) -> dict[str, list[float]]:
        """The columns of `history.csv`, a list of numbers each."""
        return files.read_history(self._whole("history.csv"))

    def evaluate(self, data: "Images") -> dict[str, dict[str, Any]]:
        """Counts the errors on each tested part of the data. Nothing is written.

        Args:
            data: The data set of the run, or another of the same classes.

        Returns:
            `{part: {"wrong", "of", "percent"}}`, and with more than five classes
            `{part: {..., "top-5": {"wrong", "of", "percent"}}}`.

        Raises:
            ValueError: If the data are of another kind than the recipe's, or of other classes.
        """
        return {part: errors for part, (errors, _) in self.test(data).items()}

    def test(self, data: "Images") -> dict[str, tuple[dict[str, Any], np.ndarray]]:
        """Tests the network on each tested part of the data. Nothing is written.

        Args:
            data: The data set of the run, or another of the same classes.

        Returns:
            `{part: (errors, confusion)}`: the errors as of `evaluate`, and how often each class
            (row) was taken for each (column), integers `(classes, classes)`.

        Raises:
            ValueError: If the data are of another kind than the recipe's, or of other classes.
        """
        return evaluation.counted(self.predictions(data))

    def predictions(self, data: "Images") -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """The network's scores for each image of each tested part of the data.

        Args:
            data: The data set of the run, or another of the same classes.

        Returns:
            `{part: (scores, labels)}`, arrays `(n, classes)` and `(n,)`. Files that cannot be
            decoded are left out.

        Raises:
            ValueError: If the data are of another kind than the recipe's, or of other classes.
        """
        admission.refuse_data(self.recipe, data, self.manifest["data"]["classes"])
        data, _ = data.survey(parts=("validation", "test"))
        found = self._predictions(self.tested(data))
        if damaged := data.damaged:
            warnings.warn(f"{data.words(damaged)}. They are not counted.", stacklevel=2)
        return found

    def classifier(self) -> classification.Classifier:
        """The trained network as a `Classifier`: of images of any size, and of files.

        It prepares images as `preprocess` does the test images, so that it can be exported, served
        or shown with what it needs. Where a test averages several views, `recipe.protocol()`, it
        reads the central one alone.

        Returns:
            A `Classifier`.

        Raises:
            FileNotFoundError: If the run did not finish.
            ValueError: If the network reads digits on a plane that a `Classifier` does not make,
                or a recipe of one's own prepares images otherwise than its `input_layer`.

        Example:

        ```python
        import dataclasses
        import tempfile

        import numpy as np

        from keras_classics import datasets, training

        images = np.random.default_rng(0).uniform(size=(20, 28, 28, 1))
        split = datasets.Digits(images, [3, 7] * 10, 20)
        data = datasets.Images("noise", datasets.Digits.classes, split, split, held="test")
        recipe = dataclasses.replace(training.recipe("lenet1"), epochs=1, curvature_patterns=5)
        run = training.train(recipe, data, tempfile.mkdtemp(), verbose=0)
        drawing = np.zeros((60, 40), "uint8")
        drawing[10:50, 18:22] = 255
        model = run.classifier()
        print(model.decode_predictions(model.predict(drawing, verbose=0), top=1))
        ```
        """
        if isinstance(self.model, classification.Classifier):
            return self.model
        layer = self.recipe.input_layer(self.preprocess)
        imaging.refuse_another_way(self.recipe, self.mean, layer)
        named = [(name, name) for name in self.manifest["data"]["classes"]]
        return classification.Classifier(self.network, layer, named, name=self.network.name)

    @property
    def validated(self) -> str:
        """The part of the data that was tested after each epoch, as `manifest["errors"]` has it.

        Of a finished run: `"test"`, `"validation"` or `"held out"`.
        """
        return next(part for part in self.manifest["errors"] if part != "train")

    def confusion(self, part: str) -> np.ndarray:
        """How often each class (row) was taken for each (column), as the run ended.

        Args:
            part: A tested part of the data, a key of `manifest["errors"]`.

        Returns:
            Integers `(classes, classes)`.

        Raises:
            ValueError: If the file is damaged.
        """
        return evaluation.read(self._whole(files.confusion(part)))[0]

    def write_confusions(self, tested: dict[str, tuple], folder: str | os.PathLike) -> None:
        """Writes what `test` gives into `confusion-PART.csv`.

        Args:
            tested: What `test` gives.
            folder: A folder, which is made if need be.
        """
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for part, (_, confusion) in tested.items():
            evaluation.write(
                folder / files.confusion(part), confusion, self.manifest["data"]["classes"]
            )

    def tested(self, data: "Images") -> dict[str, Any]:
        """The parts of a data set that the network is tested on: `{part: split}`."""
        return self._tested(self.recipe.splits(data))

    def _tested(self, splits):
        untested = () if self.recipe.tests_training_images else ("train",)
        return {part: split for part, split in splits.items() if part not in untested}

    def _predictions(self, splits):
        return {
            part: imaging.predictions(self.recipe, self.network, self.mean, split)
            for part, split in splits.items()
        }

    def predict(self, *paths: str | os.PathLike) -> Iterator[tuple[str, str, tuple[float, float]]]:
        """Reads image files one by one: `(class, runner-up, their scores)` of each."""
        classes = self.manifest["data"]["classes"]
        found = imaging.predictions_of_files(self.recipe, self.network, self.mean, paths)
        for scores in found:
            refuse_nan(scores[None])
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

    def draw(self, data: "Images") -> list[pathlib.Path]:
        """Writes the pictures of a finished run into `pictures/`, as the command line does.

        They are those of `analysis.draw` that apply to the network, and its confusions.

        Args:
            data: The data set of the run.

        Returns:
            The paths of the files.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        from keras_classics import analysis
        from keras_classics.analysis import page

        folder, parts = self.folder / "pictures", list(self.manifest["errors"])
        pictured = self.pictured(self.kept(data))
        paths = analysis.draw(self.network, self.history, folder, *pictured, held=self.validated)
        title = f"{self.recipe.network}, {parts[-1]}: what is taken for what"
        classes = self.manifest["data"]["classes"]
        figure = analysis.confusions(self.confusion(parts[-1]), classes, title)
        return [*paths, *page.save({"confusions": figure}, folder)]


def refuse_taken(folder: str | os.PathLike, resume: bool) -> None:
    """Refuses a run folder that has anything in it, unless it is resumed.

    Args:
        folder: Path of the folder.
        resume: Whether its run is resumed.

    Raises:
        FileExistsError: If there is anything in it, or it is no folder.
        RuntimeError: If another process holds it.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            raise _exists(folder)
    elif files.others(folder) and not resume:
        refuse_held(folder)
        raise _exists(folder)


@contextlib.contextmanager
def _held(folder, resume):
    """A folder for this process alone. One that is made here, and stays empty, is removed."""
    while True:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
            made = True
        except FileExistsError:
            refuse_taken(folder, resume)
            made = False
        try:
            with contextlib.ExitStack() as stack:
                try:
                    lock = stack.enter_context(Lock(folder).held())
                except FileNotFoundError:  # another process has just removed the folder
                    continue
                yield lock
                return
        finally:
            if made:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # which spares a folder that has anything in it


def _exists(folder):
    return FileExistsError(
        f"{folder} exists already, and runs are not overwritten: choose another folder, or resume "
        "the run that is in it (--resume)."
    )


def _held_as(dtype):
    """The type of numbers in a file. NumPy's files do not know bfloat16, which float32 holds."""
    return "float32" if dtype == "bfloat16" else dtype


def _recipe(manifest, folder):
    """The recipe of a manifest. Only modules of this library are imported for it."""
    fields = dict(manifest["recipe"])
    module, _, name = fields.pop("class").partition(":")
    if module.startswith("keras_classics."):
        importlib.import_module(module)
    cls = getattr(sys.modules.get(module), name, None)
    if not (isinstance(cls, type) and issubclass(cls, Recipe)):
        raise ValueError(
            f"The recipe of {folder} is of the class {name} of {module}, which is not imported: "
            "import it first, or give the recipe, Run(folder, recipe=...)."
        )
    try:
        return cls(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The recipe in {folder / files.MANIFEST} is not one of {name}: {error}. Another "
            "version has written it, or it was changed by hand. Run(folder, recipe=...) takes "
            "another recipe."
        ) from error
