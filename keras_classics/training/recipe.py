"""What the kinds of recipes share."""

import dataclasses
import itertools
import typing

import keras
import numpy as np

from keras_classics.training import evaluation
from keras_classics.training.checkpoint import whole

ORIGINALS = {}  # the recipes by their networks, and where their numbers come from


class Cited(typing.NamedTuple):
    """A value of a recipe, and where it comes from."""

    value: object
    source: str


def cite(value, source):
    """A value of a recipe, and the section of the paper that has it, or another source."""
    return Cited(value, source)


def recipe(kind, **fields):
    """A recipe of a kind, of values that `cite` their sources, or do not."""
    sources = {name: v.source for name, v in fields.items() if isinstance(v, Cited)}
    values = {name: v.value if isinstance(v, Cited) else v for name, v in fields.items()}
    made = kind(**values)
    ORIGINALS[made.network] = (made, sources)
    return made


def field(help, **default):
    """A field of a recipe; `help` is also that of the flag of its name."""
    return dataclasses.field(metadata={"help": help}, **default)


def exact(*layers):
    """Layers that compute in float32, whatever the precision of the network: images have 256
    levels, of which bfloat16 keeps few once they are shifted or scaled."""
    for layer in layers:
        layer.dtype_policy = keras.DTypePolicy("float32")
    return list(layers)


class Recipe:
    """How a network is trained, but for its data and its seed. `print` shows it as a table.

    `dataclasses.replace(recipe, passes=3)` is the same recipe with another number. There are
    four kinds, after what they train on and how: `DigitRecipe`, `CIFARRecipe`, `ImageRecipe` and
    `ViTRecipe`. What `train` asks of a recipe:

    - `data_kind`, `data_names`: class of its data, and their names for a message;
    - `prepare(data, seed, folder, strategy, builder)`: the compiled model, and a dictionary of
      what its `fit` takes, with `monitor`, the name of the validation accuracy;
    - `trained(model, batches)`: the network as it is tested;
    - `answers(model, data, folder)`: for each part of the data its name, the scores
      `(n, classes)` and the labels;
    - `protocol`: in words, how an image is tested;
    - `scores(model, paths, folder)`: the scores for image files;
    - `pictured(data, folder)`: what pictures of the trained network show;
    - `classes(data)` and `about(data)`: names of the classes, and what a run states of its data.
    """

    def evaluate(self, model, data, folder):
        """Counts the errors on each part of the data, and leaves the confusions in the folder.

        Returns:
            `{part: {"wrong", "of", "percent"}}`, and with more than five classes
            `{part: {..., "top-5": {"wrong", "of", "percent"}}}`. Which class was taken for which
            is in `confusion-PART.csv`.
        """
        errors, classes = {}, self.classes(data)
        for part, scores, labels in self.answers(model, data, folder):
            errors[part] = evaluation.count(scores, labels)
            with whole(folder / f"confusion-{part.replace(' ', '-')}.csv") as path:
                evaluation.write(path, evaluation.confusion(scores, labels), classes)
        return errors

    def __str__(self):
        original, sources = ORIGINALS.get(self.network, (self, {}))
        rows = [("", "", "source", "")]
        for each in dataclasses.fields(self):
            value, printed = getattr(self, each.name), getattr(original, each.name)
            same = np.array_equal(value, printed)
            source = sources.get(each.name, "")
            if not same:
                source = f"changed from {_words(printed) or 'none'}"
            rows.append((each.name, _words(value), source, each.metadata["help"]))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join(f"{cell:{w}}" for cell, w in zip(r, [*widths, 0], strict=True)) for r in rows
        ]
        return "\n".join(line.rstrip() for line in lines)


def _words(value):
    if isinstance(value, (tuple, list)):
        runs = [(each, len(list(same))) for each, same in itertools.groupby(value)]
        return ", ".join(_words(each) + (f" x{n}" if n > 1 else "") for each, n in runs)
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
