"""Several networks that answer together: their predictions are averaged."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_classics.checks import Rule, arguments, several
from keras_classics.training import admission, evaluation, identity, imaging
from keras_classics.training.run import Run

if TYPE_CHECKING:
    from keras_classics.datasets import Images

RUNS = Rule(
    "one or more runs, `training.Run(folder)` each",
    several(Rule("a run", lambda x: isinstance(x, Run))).holds,
)
Predictions = dict[str, tuple[np.ndarray, np.ndarray]]


@arguments(runs=RUNS)
def ensemble(runs: Sequence[Run], data: "Images") -> Predictions:
    """Averages the predictions of the networks of several runs.

        y = 1 / N * sum_n model_n(x)

    These are the ensembles of AlexNet (section 6: 5 and 7 networks), VGG (section 4.5), GoogLeNet
    (section 7) and ResNet (section 4.1), of soft-max probabilities, and LeNet-4's three, whose
    outputs are added (LeCun et al., 1998, section III.C.6). An image is read once for all
    networks before which it is prepared alike.

    Args:
        runs: Finished runs with the same classes. Each network reads an image as its own recipe
            says.
        data: The data set.

    Returns:
        `{part: (scores, labels)}`, as `Run.predictions` gives them.

    Raises:
        ValueError: If the runs have different classes, or are not tested on the same images, or
            some networks give probabilities and others do not.

    Example:

    ```python
    import dataclasses
    import tempfile

    import numpy as np

    from keras_classics import datasets, training
    from keras_classics.training import evaluation

    split = datasets.Digits(np.random.default_rng(0).uniform(size=(20, 28, 28, 1)), [3, 7] * 10, 20)
    data = datasets.Images("noise", datasets.Digits.classes, split, split, held="test")
    recipe = dataclasses.replace(training.recipe("lenet1"), epochs=1, curvature_patterns=5)
    folder = tempfile.mkdtemp()
    runs = [training.train(recipe, data, f"{folder}/{seed}", seed, verbose=0) for seed in (0, 1)]
    for part, (scores, labels) in training.ensemble(runs, data).items():
        print(part, evaluation.count(scores, labels)["wrong"])
    ```
    """
    return average(members(runs, data))


def average(predictions: Sequence[Predictions]) -> Predictions:
    """The mean of what `members` gives."""
    return {
        part: evaluation.average([each[part] for each in predictions]) for part in predictions[0]
    }


def members(runs: Sequence[Run], data: "Images") -> list[Predictions]:
    """The predictions of each run, each image read once for all that prepare it alike.

    Args:
        runs: As of `ensemble`.
        data: The data set.

    Returns:
        `{part: (scores, labels)}` of each run.
    """
    classes = runs[0].manifest["data"]["classes"]
    for run in runs:
        if run.manifest["data"]["classes"] != classes:
            raise ValueError(
                "Runs that answer together must have the same classes. Received: "
                f"{runs[0].folder} and {run.folder}, of other classes"
            )
        admission.refuse_data(run.recipe, data, classes)
    data, _ = data.survey(parts=("validation", "test"))
    parts = [run.tested(data) for run in runs]
    networks = [run.network for run in runs]
    readers = [
        imaging.reader(run.recipe, network, run.mean)
        for run, network in zip(runs, networks, strict=True)
    ]
    found: list[Predictions] = [{} for _ in runs]
    for part in parts[0]:
        alike: dict[tuple, list[int]] = {}
        for k, run in enumerate(runs):
            if part not in parts[k]:
                raise _other_images(runs[0], run, part)
            layers, reads = readers[k]
            route = (id(parts[k][part]), _route(run, layers), reads is networks[k])
            alike.setdefault(route, []).append(k)
        for (_, _, of_one_size), positions in alike.items():
            first = positions[0]
            read, labels = imaging.read_by(
                runs[first].recipe,
                readers[first][0],
                [readers[k][1] for k in positions],
                of_one_size,
                parts[first][part],
            )
            for k, scores in zip(positions, read, strict=True):
                found[k][part] = scores, np.asarray(labels)
        for k, run in enumerate(runs):
            if not np.array_equal(found[k][part][1], found[0][part][1]):
                raise _other_images(runs[0], run, part)
    if damaged := data.damaged:
        warnings.warn(f"{data.words(damaged)}. They are not counted.", stacklevel=2)
    return found


def _route(run, layers):
    """What prepares an image for the network of a run, in one text."""
    config = identity.renumbered_config(
        [keras.saving.serialize_keras_object(x) for x in layers], {}
    )
    mean = b"" if run.mean is None else np.ascontiguousarray(run.mean).tobytes()
    return json.dumps([config, hashlib.sha256(mean).hexdigest(), run.recipe.in_memory])


def _other_images(first, run, part):
    return ValueError(
        "Runs that answer together must be tested on the same images. Received: "
        f"{first.folder} and {run.folder}, with other images in {part!r}"
    )
