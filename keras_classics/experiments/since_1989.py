"""The network of 1989 with what was found since: one change upon the other, on USPS.

The first arm is LeCun et al., Neural Computation 1(4), 1989, as the paper trains it. The second has
the same network with softmax outputs, cross-entropy and AdamW (Loshchilov & Hutter, 2019) in steps
of 32 digits, a rate that falls as a cosine, and 80 epochs. The third distorts its digits, too
(LeCun et al., 1998, section III.B). The fourth has ReLU, too, weights that start as by He et al.
(2015), and dropout of a quarter behind H3. All numbers were fixed before the first training; the
last epoch counts.
"""

import dataclasses
import itertools
import os
import pathlib
from typing import ClassVar

import keras

from keras_classics import datasets, names, tables, training
from keras_classics.experiments.arms import Arms, errors, finish, panels, percent, spread
from keras_classics.training.recipes import lecun1989

SILENT = "no paper: fixed beforehand"
SEEDS, EPOCHS = 3, 80


@dataclasses.dataclass(frozen=True)
class Since1989Recipe(lecun1989.LeCun1989Recipe):
    """The network of 1989 with cross-entropy and AdamW."""

    loss: str = training.cite("crossentropy", SILENT)
    epochs: int = training.cite(EPOCHS, SILENT)
    batch_size: int = training.cite(32, SILENT)
    rate: float = training.cite(1e-3, SILENT, help="learning rate of the first step")
    weight_decay: float = training.cite(0.01, "Loshchilov & Hutter, 2019")
    relu: bool = training.cite(False, SILENT, help="whether ReLU replaces the scaled tanh")
    dropout: float = training.cite(0.0, SILENT, help="share of H3 that is dropped")

    choices: ClassVar = {"loss": ("crossentropy",)}
    rule_in_words = "AdamW, with a rate that falls as a cosine"
    of_network = ("fan_in_exponent", "relu", "dropout")
    shuffles = True

    def build(self, **shape):
        network = super().build(**shape)

        def changed(layer):
            config = layer.get_config()
            if layer.name == "output":
                config["activation"] = "softmax"
            elif self.relu and layer.name in ("H1", "H2", "H3"):
                config["activation"] = "relu"
            if self.relu and "kernel_initializer" in config and layer.name != "output":
                config["kernel_initializer"] = "he_normal"
            return type(layer).from_config(config)

        def called(layer, *args, **kwargs):
            found = layer(*args, **kwargs)
            dropped = self.dropout and layer.name == "H3"
            return keras.layers.Dropout(self.dropout, name="dropout")(found) if dropped else found

        return keras.models.clone_model(network, clone_function=changed, call_function=called)

    def loss_function(self):
        return keras.losses.SparseCategoricalCrossentropy()

    def update_rule(self, steps, model):
        rate = keras.optimizers.schedules.CosineDecay(self.rate, float(steps))
        return keras.optimizers.AdamW(rate, weight_decay=self.weight_decay)

    def callbacks(self, monitor, images, seed):
        return []


def arms(epochs: int = EPOCHS) -> dict[str, training.Recipe]:
    """The recipes, each with all that the one before it has.

    Args:
        epochs: Epochs of all but the first, which has those of 1989.
    """
    modern = Since1989Recipe(epochs=epochs)
    distorted = dataclasses.replace(modern, distortions=True)
    return {
        "1989": lecun1989.LeCun1989Recipe(),
        "cross-entropy, AdamW": modern,
        "distorted digits": distorted,
        "ReLU, dropout": dataclasses.replace(distorted, relu=True, dropout=0.25),
    }


def run(
    data_dir: str | os.PathLike | None,
    folder: str | os.PathLike,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
) -> str:
    """Trains the network of 1989 as then, and with each of the changes; draws `figure.png`.

    Args:
        data_dir: Folder of the files of USPS; `None` for Keras's cache.
        folder: A folder for the runs, made if need be. An experiment that is in it goes on.
        seeds: Number of seeds.
        epochs: Epochs of all but the first arm, which has those of 1989.

    Returns:
        The table, in Markdown.
    """
    data, recipes = datasets.load("usps", data_dir), arms(epochs)
    trained = Arms("since_1989", folder, data, seeds * len(recipes))
    runs: dict[str, list[training.Run]] = {name: [] for name in recipes}
    for seed, (name, recipe) in itertools.product(range(seeds), recipes.items()):
        runs[name].append(trained.train(names.reduced(name), recipe, seed))
    draw(runs, trained.folder / "figure.png")
    return table(runs)


def table(runs: dict[str, list[training.Run]]) -> str:
    """The errors of training and test, and the seconds.

    Args:
        runs: The runs of each arm, by seeds.
    """
    rows: list[tuple] = [("upon the line above", "epochs", "training, %", "test, %", "seconds")]
    for name, mine in runs.items():
        found = (spread(percent(run, part) for run in mine) for part in ("train", "test"))
        seconds = spread(run.manifest["seconds"] for run in mine)
        rows.append((name, mine[0].recipe.epochs, *found, seconds))
    rows.append(("the paper", 23, "0.14", "5.0", "3 days on a SUN-4/260"))
    return tables.markdown(rows)


def draw(runs: dict[str, list[training.Run]], path: pathlib.Path) -> None:
    """Draws the test errors over the epochs, of the first seed.

    Args:
        runs: The runs of each arm, by seeds.
        path: Path of the picture.
    """
    (axes,) = row = panels(["the network of 1989, and what was found since"], 7.0)
    for name, (first, *_) in runs.items():
        accuracy = next(
            key for key in first.history if key.startswith("val_") and "accuracy" in key
        )
        curve = errors(first, accuracy)
        axes.plot(range(1, len(curve) + 1), curve, linewidth=1.6, label=name)
    axes.set_xlim(1, None)
    axes.set_ylim(2, 12)  # of the first epochs nothing would be seen
    finish(row, path, "epochs", "error of the 2,007 test digits, %")
