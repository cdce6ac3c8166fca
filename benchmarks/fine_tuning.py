"""Fine-tuning against training from scratch, on halves of CIFAR-10; and features computed once.

    python benchmarks/fine_tuning.py pretrain --data_dir=~/cifar-10-batches-bin --out=runs/halves
    python benchmarks/fine_tuning.py transfer --data_dir=~/cifar-10-batches-bin --out=runs/halves
    python benchmarks/fine_tuning.py head --data_dir=~/cifar-10-batches-bin --out=runs/halves

`pretrain` trains a ResNet-20 on the five classes of even labels. `transfer` gives it the other
five, of which it has 100 or 500 images of each class, and trains the same network from scratch
beside it. The errors are of the last 5,000 training images of CIFAR-10, those of the five classes,
which no training sees. `head` trains the output layer alone, on features that are computed once and
through the frozen network.
"""

import argparse
import dataclasses
import pathlib
import statistics
import time

import keras
import numpy as np
from rounds import alternate, report

import keras_classics as kc
from keras_classics.tables import markdown
from keras_classics.training import finetuning, imaging, inputs

HELD = 5000  # the last training images are held out
SEEDS = (1, 2, 3)


def half(data_dir, parity, each=None, seed=0, held=True):
    """The classes of even (0) or odd (1) labels; of the training images `each` of a class."""
    data = kc.datasets.load("cifar10", data_dir)
    images, labels = data.train.images, data.train.labels
    train, test = np.split(np.arange(len(labels)), [len(labels) - HELD])
    train, test = (rows[labels[rows] % 2 == parity] for rows in (train, test))
    if each:
        train = np.random.default_rng(seed).permutation(train)
        parts = [train[labels[train] == label] for label in range(parity, 10, 2)]
        train = np.concatenate([part[:each] for part in parts])
        if not held:  # to choose by: other training images
            test = np.concatenate([part[-200:] for part in parts])
    pairs = [(images[rows], labels[rows] // 2) for rows in (train, test)]
    return kc.datasets.wrap(*pairs, classes=data.classes[parity::2], name=f"half {parity}")


def pretrain(options):
    """A ResNet-20 on the even half, by its recipe in 30 epochs."""
    data = half(options.data_dir, 0)
    steps = -(-len(data.train) // 128)
    recipe = kc.training.recipe("resnet20_cifar")
    recipe = dataclasses.replace(recipe, epochs=30, drops_at=(15 * steps, 23 * steps))
    run = kc.training.train(recipe, data, options.out / "even", resume=True, verbose=2)
    print(run.manifest["errors"], run.manifest["seconds"])


@dataclasses.dataclass(frozen=True)
class Scratch(finetuning.FineTuneRecipe):
    """The same network, images and update rule, and no weights to begin with."""

    def build(self, **shape):
        return self.built(**shape)


def recipe(options, cls=finetuning.FineTuneRecipe, **numbers):
    """The recipe of an arm. The network was trained on colours less their mean."""
    mean = np.load(options.out / "even" / "mean.npy").mean(axis=(0, 1))
    return cls(
        network="resnet20_cifar",
        weights=str(options.out / "even" / "model.keras"),
        like="cifar10",
        crops="shift",
        mean=tuple(map(float, mean)),
        deviation=(1.0, 1.0, 1.0),
        **numbers,
    )


RATE = {"learning_rate": 1e-3}  # of both, the best of `choose`
SCRATCH = {"cls": Scratch, "head_epochs": 0, "freeze_statistics": False, **RATE}
ARMS = {
    "output layer alone": {"epochs": 0},
    "output layer, then all": RATE,
    "from scratch, as many epochs": SCRATCH,
    "from scratch, ten times as many": {**SCRATCH, "epochs": 100},
}


def error(options, name, data, seed, **numbers):
    """The error of an arm in percent, and its seconds. A run that is there is taken."""
    start = time.time()
    run = kc.training.train(
        recipe(options, **numbers), data, options.out / name, seed, resume=True, verbose=0
    )
    print(name, run.manifest["errors"]["validation"], f"{time.time() - start:.0f} s", flush=True)
    return run.manifest["errors"]["validation"]["percent"]


def choose(options):
    """The rates, by other training images."""
    data = half(options.data_dir, 1, 100, seed=0, held=False)
    for rate in (1e-4, 3e-4, 1e-3):
        for head in (1e-3, 1e-2):
            numbers = {"learning_rate": rate, "head_learning_rate": head}
            error(options, f"choose-{rate}-{head}", data, 0, **numbers)
    for rate in (1e-3, 3e-3):
        numbers = {**SCRATCH, "learning_rate": rate, "head_learning_rate": rate, "epochs": 100}
        error(options, f"choose-scratch-{rate}", data, 0, **numbers)


def transfer(options):
    """The arms, at two numbers of images."""
    rows = [("images of a class", *ARMS)]
    for each in (100, 500):
        row = [each]
        for arm, numbers in ARMS.items():
            if numbers.get("cls") is Scratch:
                numbers = {**numbers, "head_learning_rate": numbers["learning_rate"]}
            found = []
            for seed in SEEDS:
                data = half(options.data_dir, 1, each, seed)
                name = f"{arm}-{each}-{seed}".replace(" ", "_").replace(",", "")
                found.append(error(options, name, data, seed, **numbers))
            mean, deviation = statistics.mean(found), statistics.stdev(found)
            row.append(f"{mean:.1f} ± {deviation / len(found) ** 0.5:.1f} %")
        rows.append(row)
    print(markdown(rows))


def head(options):
    """An epoch of the output layer: on features, and through the frozen network."""
    data = half(options.data_dir, 1, 500)
    numbers = recipe(options, layers_trained="head", batch_size=32).settled()
    splits = numbers.splits(data)
    network = numbers.build(input_shape=numbers.input_shape, classes=5)
    targets = np.eye(5, dtype="float32")[splits["train"].labels]
    cut, operations = finetuning._split(network)
    body, alone = keras.Model(network.inputs[0], cut), finetuning._copy(cut, operations)
    images = imaging.preprocess(numbers, None, splits["train"].images)
    start = time.time()
    features = body.predict(images, batch_size=32, verbose=0)
    once = time.time() - start
    trained = []
    for model, x in ((alone, features), (network, images)):
        steps = -(-len(x) // 32)
        batches = inputs.array_batches(x, targets, 32, 1)
        model.compile(
            numbers._adamw(model, 30 * steps, 1e-3, {}),
            numbers.loss_function(),
            steps_per_execution=50,
        )
        trained.append(lambda m=model, b=batches: m.fit(b, shuffle=False, verbose=0))
    pairs = alternate(*trained, options.rounds)
    print(f"{len(features):,} images, whose features took {once:.1f} s")
    report("an epoch, through the frozen network / on features", pairs, "at least 5")
    weights = zip(alone.get_weights(), network.get_layer("predictions").get_weights(), strict=True)
    print("largest difference of the weights:", max(np.abs(a - b).max() for a, b in weights))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = {part.__name__: part for part in (pretrain, choose, transfer, head)}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    parts[options.part](options)
