"""Trains the networks whose weights are part of the package, and packs them with their cards.

    python tools/train_weights.py --data_dir=DIR [NAME ...]

DIR has the folders mnist, usps and cifar10 with the files of these data sets. Each network is
trained by its recipe, with seed 0 and to the last epoch: nothing is chosen by what comes out. The
run folders are kept in --runs, and an interrupted training goes on. Without names, all are made.

The weights are written as `keras_classics/weights/trained/NAME.safetensors`, those of larger
networks in float16, and tested as they are written. The card beside them, `NAME.json`, says how
they came about. Weights that are there are replaced with --replace only: the errors of both are
printed.
"""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import keras
import numpy as np
from absl import app, flags
from safetensors.numpy import save_file

from keras_classics import backend, datasets, models, names, training, weights
from keras_classics.training.engine import in_words
from keras_classics.weights.card import MEAN, TRAINED
from keras_classics.weights.conventions import groups

SEED = 0
SMALL = 100_000  # parameters, below which weights are kept in float32
HALF = "mixed_bfloat16"
WHOLE = {"resize": 32, "crop": 32}


@dataclasses.dataclass(frozen=True)
class Release:
    """What is trained: a recipe by its network's name or its own, changed, on data."""

    recipe: str
    data: str
    aliases: tuple[str, ...]
    # Of the card; of digits, what the recipe says.
    prepare: dict[str, Any] = dataclasses.field(default_factory=dict)
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    # Of the builder, that are not its defaults.
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    precision: str = "float32"


SOFTMAX = {"head": "softmax"}
RELEASES = {
    "lecun1989-usps": Release("lecun1989", "usps", ("usps",)),
    "lenet1-usps": Release("lenet1", "usps", ("usps",)),
    "lenet1-mnist": Release("lenet1", "mnist", ("mnist",), changes={"centre": "mnist"}),
    "lenet5-mnist": Release("lenet5", "mnist", ("mnist",)),
    "lenet5-mnist-distortions": Release(
        "lenet5", "mnist", ("mnist-distortions",), changes={"distortions": True}
    ),
    "lenet5-mnist-softmax": Release(
        "lenet5", "mnist", ("mnist",), {}, {**SOFTMAX, "loss": "crossentropy"}, SOFTMAX
    ),
    "vit_mini4-mnist": Release(
        "vit_mnist",
        "mnist",
        ("mnist",),
        {"box": 20, "plane": 28, "paper": -1.0, "ink": 1.0, "centre": "mnist"},
        arguments={"input_shape": (28, 28, 1)},
    ),
    "vit_mini4-cifar10": Release(
        "vit_cifar",
        "cifar10",
        ("cifar10",),
        {**WHOLE, "mean": 127.5, "std": 127.5},
        arguments={"input_shape": (32, 32, 3)},
    ),
    "cuda_convnet_80sec-cifar10": Release(
        "cuda_convnet", "cifar10", ("cifar10",), {**WHOLE, "mean": "pixel"}
    ),
    # The paper's 164 epochs: with bfloat16 on two cores, one of 20 layers takes 50 s and one of 56
    # layers 146 s.
    **{
        f"{network}-cifar10": Release(
            network, "cifar10", ("cifar10",), {**WHOLE, "mean": "pixel"}, precision=HALF
        )
        for network in (
            *(f"resnet{depth}_cifar" for depth in (20, 32, 44, 56)),
            *(f"plain{depth}_cifar" for depth in (20, 56)),
        )
    },
}

flags.DEFINE_string("data_dir", None, "folder with the folders mnist, usps and cifar10")
flags.DEFINE_string("runs", "runs/weights", "folder of the run folders")
flags.DEFINE_bool("replace", False, "whether weights that are there are replaced")
FLAGS = flags.FLAGS


def make(name, data_dir, folder, replace=False):
    """Trains a network, or goes on with its training, and packs it.

    Args:
        name: Of `RELEASES`.
        data_dir: Folder of the files of its data.
        folder: The run folder.
        replace: Whether weights that are there are replaced.
    """
    release = RELEASES[name]
    recipe = dataclasses.replace(training.recipe(release.recipe), **release.changes)
    keras.config.set_dtype_policy(release.precision)
    data = datasets.load(release.data, data_dir)
    run = training.train(recipe, data, folder, SEED, verbose=2, resume=True)
    keras.config.set_dtype_policy("float32")
    pack(name, run, data, replace)


def pack(name, run, data, replace=False):
    """Writes the weights of a run and their card.

    Args:
        name: Of `RELEASES`.
        run: The run.
        data: Its data.
        replace: Whether weights that are there are replaced.
    """
    release = RELEASES[name]
    arrays = {
        f"{group.name}/{weight}": np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        for group in groups(run.network).values()
        for weight, variable in group.variables.items()
    }
    half = run.network.count_params() >= SMALL
    if half:
        arrays = {key: a.astype("float16") if a.ndim > 1 else a for key, a in arrays.items()}
    if release.prepare.get("mean") == "pixel":
        arrays[MEAN] = run.mean
    target, card = TRAINED / f"{name}.safetensors", TRAINED / f"{name}.json"
    TRAINED.mkdir(exist_ok=True)
    temporary = target.with_suffix(".part")
    save_file(arrays, temporary, {"format": "keras_classics"})
    network = models.build(run.recipe.network, classes=len(data.classes), **release.arguments)
    weights.load(network, temporary, convention="keras_classics")
    run.model = network
    errors = run.evaluate(data)
    said = ", ".join(f"{part} {e['percent']:.2f} % of {e['of']:,}" for part, e in errors.items())
    print(f"{name}: {temporary.stat().st_size / 1e6:.2f} MB; errors: {said}")
    if target.exists() and target.read_bytes() != temporary.read_bytes() and not replace:
        there = json.loads(card.read_text("utf-8"))["training"]["errors"]
        said = ", ".join(f"{part} {e['percent']:.2f} %" for part, e in there.items())
        temporary.unlink()
        raise FileExistsError(
            f"{target} is there, with errors of {said}. --replace takes its place."
        )
    temporary.chmod(0o644)
    temporary.replace(target)
    stated = of_card(release, run, data, errors, hashlib.sha256(target.read_bytes()).hexdigest())
    stated["training"]["command"] = f"python tools/train_weights.py --data_dir=DIR {name}"
    card.write_text(json.dumps(stated, indent=1, ensure_ascii=False) + "\n", "utf-8")


def of_card(release, run, data, errors, digest):
    """What the card says, as JSON has it."""
    manifest, recipe = run.manifest, run.recipe
    tested = errors[data.held]
    prepare = release.prepare or {
        "box": recipe.box, "plane": recipe.image_size, "paper": recipe.paper, "ink": recipe.ink,
        "centre": recipe.centre,
    }  # fmt: skip
    changed = (
        f"{field.name}={in_words(getattr(recipe, field.name))}"
        for field in dataclasses.fields(recipe)
        if getattr(recipe, field.name) != recipe.usual(field) and field.name != "network"
    )
    return {
        "network": names.find(recipe.network).name,
        "arguments": release.arguments,
        "checksum": f"sha256:{digest}",
        "licence": "MIT",
        "top1": tested["percent"],
        "top5": tested.get("top-5", {}).get("percent"),
        "protocol": f"{recipe.protocol()}, {tested['of']:,} test images of {data.name}",
        "source": "; ".join([type(recipe).__doc__.splitlines()[0].rstrip("."), *changed]),
        "prepare": prepare,
        "aliases": list(release.aliases),
        "classes": len(data.classes),
        "labels": list(data.classes),
        "training": {
            "recipe": manifest["recipe"],
            "seed": manifest["seed"],
            "dtype_policy": manifest["dtype_policy"],
            "data": manifest["data"],
            "versions": {**manifest["versions"], "backend": backend.name()},
            "machine": manifest["machine"],
            "seconds": manifest["seconds"],
            "errors": errors,
        },
    }


def main(argv):
    chosen = argv[1:] or list(RELEASES)
    unknown = set(chosen) - set(RELEASES)
    if unknown:
        raise app.UsageError(f"There are {', '.join(RELEASES)}. Received: {', '.join(unknown)}")
    for name in chosen:
        data_dir = FLAGS.data_dir and pathlib.Path(FLAGS.data_dir, RELEASES[name].data)
        make(name, data_dir, pathlib.Path(FLAGS.runs, name), FLAGS.replace)


if __name__ == "__main__":
    app.run(main)
