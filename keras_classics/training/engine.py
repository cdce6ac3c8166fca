"""What a recipe is: the numbers of a training, each with its source, and a few hooks.

This module needs no Keras: the numbers can be read and printed without it. Hooks import Keras
when they are called.
"""

import dataclasses
import itertools
import os
import textwrap
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from keras_classics import names
from keras_classics.checks import (
    ANYTHING,
    BOOL,
    CENTRE,
    COUNT,
    FROM_0,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    RATE,
    SHARE,
    TEXT,
    Rule,
    number,
    one_of,
    plain,
    rising,
    several,
    span,
    whole,
)
from keras_classics.tables import counted

if TYPE_CHECKING:
    import keras

    from keras_classics.datasets import Images, Split

# One word for one thing in all recipes; the flags of the command line have these texts, too.
WORDS = {
    "network": "name of the network",
    "epochs": "epochs: times that all training images are seen",
    "batch_size": "images a step, of all replicas together",
    "learning_rate": "learning rate; with a warm-up, the highest one",
    "learning_rates": "learning rate of each epoch; stretched over another number of `epochs`",
    "schedule": "how the learning rate falls to 0: cosine or linear",
    "factor": "what the learning rate is multiplied by when it drops",
    "patience": "epochs without a lower validation error, then the learning rate drops",
    "drops": "drops of the learning rate, at most",
    "drops_at": "steps after which the learning rate drops",
    "epochs_per_drop": "epochs from one drop of the learning rate to the next",
    "warmup_steps": "steps in which the learning rate rises linearly from 0",
    "last_epochs": "last epochs at each lower learning rate",
    "bias_rate": "learning rate of the biases, times that of the weights",
    "slow_steps": "first steps, at a tenth of the learning rate; -1: 400 from 110 layers on",
    "optimizer": "update rule: adam or sgd",
    "momentum": "share of the velocity that is kept",
    "epsilon": "what Adam adds to the root of the second moment",
    "weight_decay": "weight decay, times the learning rate",
    "weight_decays": "weight decay of each layer with weights, times the learning rate",
    "no_decay": "names of variables without weight decay",
    "clip": "highest norm of all gradients together; 0: any",
    "ema": "momentum of the moving average of the weights; 0: none",
    "image_size": "side of the network's input, pixels",
    "short_side": "short side of an image before it is cropped, or its range, pixels",
    "channels": "channels of the image: 3, or 1 for digits",
    "crops": "area: any part of the image; shift: by an eighth of its side; both mirrored; "
    "distort: planar distortions, for digits",
    "smallest_area": "least share of the image's area in a training crop",
    "padding": "zeros on each side of a training image before it is cropped, pixels",
    "mean": "what is subtracted: the mean of each pixel or of each channel of the training images; "
    "or three numbers, such as 123.68,116.78,103.94",
    "color": "PCA colour jitter",
    "distortions": "planar distortions of the training images",
    "randaugment": "RandAugment: operations an image, and magnitude; none: off",
    "operations": "the set of operations that RandAugment draws from",
    "erasing": "share of the training images with an erased rectangle",
    "mixup": "alpha of MixUp; 0: off",
    "cutmix": "alpha of CutMix; 0: off",
    "label_smoothing": "share of the target that is spread over all classes",
    "dropout": "share of the units that is dropped",
    "stochastic_depth": "share of the images that skip the last block",
    "representation": "whether the head has a hidden layer, for pre-training",
    "positions": "position embeddings of a new network: none, 1d, 2d or relative",
    "positions_at": "where 1d and 2d are added: stem (to the patches), every_layer or shared",
    "start": "path of a trained model.keras to fine-tune",
    "head": "output layer: rbf or softmax",
    "loss": "loss: mle (eq. 8), map (eq. 9), crossentropy, sigmoid (crossentropy of each class), "
    "or mse (targets +1 and -1)",
    "j": "penalty of the rubbish class, for the loss map",
    "mu": "mu of eq. 21: bounds the step where the error is flat",
    "curvature_patterns": "images for an estimate of the curvatures, before each epoch",
    "fan_in_exponent": "weights start in +-2.4 / F ** exponent",
    "head_bias": "start of the biases of the output",
    "bias_start": "start of the biases of conv2, conv4, conv5 and the dense layers",
    "activation": "activation of the hidden layers",
    "lrn": "whether responses are normalized locally",
    "towers": "towers of the network, 2 or 1",
    "overlapping_pooling": "whether pooling windows overlap",
    "shortcut": "shortcuts where the feature maps change: A, B or C",
    "stride_in": "convolution of a bottleneck that halves the feature maps: 1x1 or 3x3",
    "box": "side of the box that a digit is fitted into, pixels",
    "centre": "what of a digit is in the middle of the plane: its mass (mass; mnist: in the pixel "
    "after the middle), or its box (box)",
    "paper": "input value of the paper",
    "ink": "input value of the ink",
    "synchronized": "batch normalization over the images of all replicas",
    "held_out": "training images held out for validation; 0: the test images serve",
    "views": "how a test image is read: center, or as the source says",
}

# The values that a field may have, of these words likewise; others have the rule of their type.
RANGES = {
    **dict.fromkeys(("epochs", "batch_size", "patience", "epochs_per_drop"), COUNT),
    **dict.fromkeys(("image_size", "box", "curvature_patterns"), COUNT),
    **dict.fromkeys(("drops", "warmup_steps", "padding", "held_out"), FROM_0),
    "slow_steps": whole(-1),
    "centre": CENTRE,
    **dict.fromkeys(("learning_rate", "weight_decay", "clip", "mixup", "cutmix"), NOT_NEGATIVE),
    **dict.fromkeys(("epsilon", "j", "mu", "bias_rate"), POSITIVE),
    "fan_in_exponent": NOT_NEGATIVE,
    **dict.fromkeys(("momentum", "ema", "dropout", "stochastic_depth", "label_smoothing"), RATE),
    "erasing": SHARE,
    **dict.fromkeys(("factor", "smallest_area"), number(above=0, most=1)),
    "learning_rates": several(NOT_NEGATIVE),
    "last_epochs": several(COUNT, 0),
    "weight_decays": several(NOT_NEGATIVE, 0),
    "drops_at": rising(COUNT),
    "short_side": Rule(
        "one side or a range of two, whole numbers of at least 1",
        lambda x: several(COUNT, 1, 1).holds(x) or span(COUNT).holds(x),
    ),
    "randaugment": Rule(
        "a number of operations and a magnitude, such as 2,15, or nothing",
        lambda x: x == () or (several(FROM_0, 2, 2).holds(x) and x[0] > 0),
    ),
}
MEAN = Rule(
    '"pixel" or "channel", or a number for each channel such as "123.68,116.78,103.94"',
    lambda x: x in ("pixel", "channel") or len(_numbers(x)) == 3,
)
OF_TYPES = {bool: BOOL, int: whole(), float: NUMBER, str: TEXT}


def cite(value: Any, source: str = "", help: str | None = None, range: Rule | None = None) -> Any:
    """A field of a recipe: its value, where that comes from, what it means and what it may be.

    Args:
        value: The value, which cannot be changed in place: a number, a string or a tuple.
        source: Section of the paper, or another source; or why it is a choice.
        help: What the field means. Default: the text of this library for a field of that name.
        range: The values that it may have, a rule of `keras_classics.checks`. Default: those of
            this library for a field of that name, or all of the field's type.

    Returns:
        A `dataclasses.field`.

    Example:

    ```python
    import dataclasses

    from keras_classics import checks, training

    words, positive = "deviation of the noise", checks.number(above=0)


    @dataclasses.dataclass(frozen=True)
    class Mine(training.Recipe):
        epochs: int = training.cite(10, "enough for a lecture")
        noise: float = training.cite(0.1, "tried 0.05 to 0.2", words, positive)


    print(Mine(network="mine"))
    ```
    """
    metadata = {"source": source, "help": help, "range": range}
    return dataclasses.field(default=value, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained, but for its data and its seed.

    A recipe of a paper is a subclass: fields of numbers, and hooks. `print` shows it as a table;
    `dataclasses.replace(recipe, epochs=3)` is the same recipe with another number.

    The hooks are methods that a subclass may override:

    - `build(input_shape=, classes=)`: the network, untrained.
    - `splits(data)`: the parts of the data, as the network is trained and tested on them.
    - `layers(training)`, `device_layers(seed)`: what an image meets before the network.
    - `update_rule`, `loss_function`, `metrics`, `targets`, `callbacks`, `mix`: how it is trained.
    - `settled`, `beginning`: what is found before the first epoch.
    - `reader`, `test_side`, `protocol`, `read`, `input_layer`: how an image is tested.
    - `wrapped`: what is kept of the network.

    Attributes of the class, such as `in_memory`, say what all its recipes have in common.

    Args:
        network: Name of the network, see `keras_classics.names`; or any name, for a network
            that `train` gets as a function, `builder=`.
        epochs: Times that all training images are seen.
        batch_size: Images a step, of all replicas together.

    Raises:
        ValueError: If a field has a value that it cannot have. Numbers become what the type of
            their field says: 1 is 1.0 where a float stands, and NumPy's numbers are Python's.

    Example: a recipe of one's own.

    ```python
    import dataclasses

    from keras_classics import training


    @dataclasses.dataclass(frozen=True)
    class Mine(training.recipes.resnet.ResNetCIFARRecipe):
        epochs: int = training.cite(10, "enough for a lecture")

        def loss_function(self):
            import keras

            return keras.losses.SparseCategoricalCrossentropy()


    print(Mine(network="resnet8_cifar"))
    ```
    """

    network: str = cite("")
    epochs: int = cite(1)
    batch_size: int = cite(32)

    rule_in_words: ClassVar[str] = ""  # of the update rule
    choices: ClassVar[dict[str, tuple]] = {}  # the values that a field may have
    of_network: ClassVar[tuple[str, ...]] = ()  # the fields that only `build` reads
    # Whether the images are gathered from memory, a batch at once, and a last batch that is not
    # full counts, too; the layers then take batches. Otherwise each image has a way of its own.
    in_memory: ClassVar[bool] = False
    shuffles: ClassVar[bool] = True  # whether each epoch has an order of its own
    steps_per_execution: ClassVar[int] = 1  # at most, on one device
    criterion: ClassVar[str] = "margin"  # by which `evaluate` rejects images: analysis.rejection
    tests_training_images: ClassVar[bool] = False  # at the end, beside the others
    data_names: ClassVar[str] = "cifar10, tfds:NAME, or a folder with a sub-folder for each class"

    def __post_init__(self) -> None:
        try:
            kinds = typing.get_type_hints(type(self))
        except NameError:  # of names that only a type checker knows
            kinds = {}
        for each in dataclasses.fields(self):
            name, kind = each.name, kinds.get(each.name)
            value = _brought(getattr(self, name), kind)
            object.__setattr__(self, name, value)
            if value is not None or type(None) not in typing.get_args(kind):
                self._rule(each, kind).check(name, value)

    def _rule(self, field, kind):
        """What a field may be: one of its choices, or what its word, or else its type, says."""
        if field.name in self.choices:
            return one_of(*self.choices[field.name])
        return field.metadata.get("range") or RANGES.get(field.name) or _rule_of(kind)

    def settled(self) -> "Recipe":
        """The recipe with the numbers that it has of a file of weights. A run states these."""
        return self

    def usual(self, field: dataclasses.Field) -> Any:
        """The value of a field that was not changed: its default, or what `settled` makes of it."""
        return field.default

    # The network.

    @property
    def image_size(self) -> int:
        """Side of the network's input, pixels. A recipe has it as a field, or of its class."""
        raise NotImplementedError

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of an image as the network takes it."""
        return (self.image_size, self.image_size, 3)

    def build(self, **shape: Any) -> "keras.Model":
        """The network, untrained.

        Args:
            **shape: `input_shape` and `classes`.
        """
        return self.built(**shape)

    def build_by(self, builder: Callable | None, **shape: Any) -> "keras.Model":
        """The network, or the one of a function that takes the place of `build`.

        Args:
            builder: A function of `input_shape` and `classes`, or `None`.
            **shape: `input_shape` and `classes`.

        Raises:
            ValueError: If a field was changed that only `build` reads.
        """
        if builder is None:
            return self.build(**shape)
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if each.name in self.of_network and value != each.default:
                raise ValueError(
                    f"`{each.name}` is of the recipe's own network, and another one is built: set "
                    "it in the function that builds that, builder=, and leave it here. "
                    f"Received: {each.name}={value}"
                )
        return builder(**shape)

    def built(self, **arguments: Any) -> "keras.Model":
        """The network of the name `network`, with further arguments of its builder.

        Raises:
            ValueError: If there is no network of this name, or it takes other arguments.
        """
        import inspect

        from keras_classics import applications

        network = self.named()
        builder = getattr(applications, network.builder)
        foreign = sorted(set(arguments) - set(inspect.signature(builder).parameters))
        if foreign:
            raise ValueError(
                f"{type(self).__name__} sets {', '.join(foreign)}, which {network.name} does not "
                "have. Take the recipe of that network, or give the function that builds it: "
                f"builder=. Received: network={self.network}"
            )
        return builder(**(network.arguments | arguments))

    def named(self) -> names.Network:
        """What `keras_classics.names` has of the name `network`.

        Raises:
            ValueError: If it has nothing.
        """
        try:
            return names.find(self.network)
        except ValueError as error:
            raise ValueError(
                f"{error} To train a network of your own, give the function that builds it: "
                "builder=, an argument of `train`."
            ) from error

    # The data.

    def splits(self, data: "Images") -> "dict[str, Split]":
        """The parts of a data set: `{"train": split, "validation": split, "test": split}`.

        The first one beside `train` is for validation while training; all but `train` are tested
        at the end. Where a data set has two, the second has the name that it gives, `data.held`.
        """
        return data.parts

    def refusal(self, name: str, channels: int, side: int | None) -> str | None:
        """Why the recipe cannot train on a data set, or `None` if it can.

        Args:
            name: Name of the data set.
            channels: Channels of its images; digits have one.
            side: Side of its images in pixels; `None` if they have several.
        """
        expected = self.input_shape[-1]
        if channels == expected:
            return None
        return (
            f"{self.network} trains on images of {counted(expected, 'channel')}: "
            f"--data={self.data_names}. Received: {name}, of {counted(channels, 'channel')}"
        )

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """An image file, as an image of a split. A photograph is upright, as EXIF says."""
        from keras_classics import datasets

        return datasets.read_image(path, upright=True)

    def layers(self, training: bool) -> "list[keras.layers.Layer]":
        """The layers between an image of a split and the network, on the processor.

        A `SubtractMean` without a mean gets that of the training images, as they come to it.
        """
        return []

    def device_layers(self, seed: int) -> "list[keras.layers.Layer]":
        """The layers after those, in front of the network, where it runs; on batches."""
        return []

    def targets(self, labels: Any, classes: int) -> Any:
        """What the loss compares with, of a batch of labels."""
        return labels

    def mix(self, seed: tuple[int, int]) -> Callable | None:
        """A function that mixes the images of a batch, and their targets; or `None`.

        Args:
            seed: Seed of the training, and number of the worker.
        """
        return None

    # The training.

    def update_rule(self, steps: int, model: "keras.Model") -> "keras.optimizers.Optimizer":
        """The update rule.

        Args:
            steps: Steps of the whole training.
            model: The network.
        """
        raise NotImplementedError

    def loss_function(self) -> "str | keras.losses.Loss":
        """The loss."""
        return "sparse_categorical_crossentropy"

    @property
    def loss_weights(self) -> dict[str, float] | None:
        """The weight of the loss of each output, of a network with several."""
        return None

    def metrics(self) -> "list[str | keras.metrics.Metric]":
        """What is measured while training, the accuracy first."""
        return [self.accuracy]

    @property
    def accuracy(self) -> str:
        """Name of the accuracy in the history."""
        return "accuracy"

    def compiles(self) -> bool:
        """Whether XLA is to compile the step on one device; else Keras decides."""
        return False

    def beginning(
        self, network: "keras.Model", splits: "dict[str, Split]", seed: int, verbose: int
    ) -> "tuple[dict[str, np.ndarray], list[dict[str, float]]] | None":
        """What weights of the network begin with, that is found before its first epoch.

        Args:
            network: The network, outside of any strategy.
            splits: The parts of the data, as `splits` gives them.
            seed: Seed of the training.
            verbose: Keras's `verbose` of `fit`.

        Returns:
            The values by the paths of the weights, and rows of how they were found, such as
            `{"epoch": 0, "loss": 2.3}`; or `None`.
        """
        return None

    def callbacks(
        self, monitor: str, images: np.ndarray | None, seed: int
    ) -> "list[keras.callbacks.Callback]":
        """Keras callbacks of the training.

        Args:
            monitor: Name of the validation accuracy.
            images: The training split's images, of one that is in memory; else `None`.
            seed: Seed of what they draw.
        """
        return []

    # The test.

    def reader(
        self, network: "keras.Model", layers: "list[keras.layers.Layer]"
    ) -> "tuple[list[keras.layers.Layer], keras.Model]":
        """What reads an image at test time.

        Args:
            network: The trained network.
            layers: `layers(training=False)`, with the mean.

        Returns:
            The layers for an image, and a model for their result.
        """
        return layers, network

    def wrapped(self, network: "keras.Model", classes: Sequence[str]) -> "keras.Model":
        """What the run keeps of the trained network: that, or a model with that as `network`.

        Args:
            network: The trained network.
            classes: Names of the classes.
        """
        return network

    @property
    def test_side(self) -> int | None:
        """Short side of a test image before its center is cut out; `None`: it stays as it is.

        `layers(training=False)` rescales to it, and `protocol` prints it.
        """
        return None

    def input_layer(self, preprocess: Callable[[np.ndarray], np.ndarray]) -> "keras.layers.Layer":
        """The layer of a `Classifier`: from an image of any size to the network's input, as tested.

        Args:
            preprocess: A function from images of the data to the network's input, as of a `Run`.
        """
        return photographs_input(self, preprocess, self.test_side or self.image_size)

    def protocol(self) -> str:
        """How an image is tested, in words."""
        if self.test_side is None:
            return f"the image of {self.image_size}x{self.image_size}"
        return f"the center crop of {self.image_size} of the image rescaled to {self.test_side}"

    def __str__(self) -> str:
        """The recipe as a table of at most 100 columns."""
        rows = [("field", "value", "source", "meaning")]
        for each in dataclasses.fields(self):
            value, source = in_words(getattr(self, each.name)), each.metadata.get("source", "")
            usual = self.usual(each)
            if getattr(self, each.name) not in (each.default, usual) and each.name != "network":
                source = f"changed from {in_words(usual) or 'none'}"
            rows.append((each.name, value, source, help_of(each)))
        limits = (20, 22, 28, 24)
        widths = [min(limit, max(len(row[i]) for row in rows)) for i, limit in enumerate(limits)]
        widths[3] = 100 - sum(widths[:3]) - 6
        title = (type(self).__doc__ or type(self).__name__).strip().splitlines()[0]
        lines = [
            *textwrap.wrap(f"{self.network}: {title}", 100),
            *textwrap.wrap(f"Update rule: {self.rule_in_words}", 100),
            "",
        ]
        for row in rows:
            cells = [textwrap.wrap(cell, w) or [""] for cell, w in zip(row, widths, strict=True)]
            for parts in itertools.zip_longest(*cells, fillvalue=""):
                padded = (part.ljust(w) for part, w in zip(parts, widths, strict=True))
                lines.append("  ".join(padded).rstrip())
        return "\n".join(lines)


def mean_of(words: str) -> "keras.layers.Layer":
    """The layer that subtracts a mean.

    Args:
        words: `"pixel"` or `"channel"`, of the training images; or a number for each channel.
    """
    from keras_classics import preprocessing

    given = _numbers(words)
    return (
        preprocessing.SubtractMean("channel", given) if given else preprocessing.SubtractMean(words)
    )


def _numbers(words):
    """The numbers of a text with commas between them; none if it has anything else."""
    try:
        return [float(part) for part in words.split(",")]
    except (AttributeError, ValueError):
        return []


def _brought(value, kind):
    """The value of a field as its type has it, as far as it can be brought to that.

    There are no numbers of NumPy, and floats where floats stand: Keras's schedules compute in the
    type of their first argument, and JSON knows no number of NumPy, and no tuple.
    """
    value = value.tolist() if isinstance(value, np.ndarray) else plain(value)
    if isinstance(value, (list, tuple)):
        inner, *rest = typing.get_args(kind) or (None,)
        return tuple(_brought(each, inner if rest == [...] else None) for each in value)
    kind = _only(kind)
    if kind in (bool, int, float) and NUMBER.holds(value) and kind(value) == value:
        return kind(value)
    return value


def _only(kind):
    """The type of `X | None` without the `None`, and of `X` itself; of `X | Y` all of it."""
    kinds = [each for each in typing.get_args(kind) if each is not type(None)]
    return kinds[0] if len(kinds) == 1 else kind


def _rule_of(kind):
    """What a field of a type may be."""
    if typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (...,):
        return several(_rule_of(typing.get_args(kind)[0]), 0)
    return OF_TYPES.get(_only(kind), ANYTHING)


def photographs_input(
    recipe: Recipe,
    preprocess: Callable[[np.ndarray], np.ndarray],
    resize: int | tuple[int, int],
    antialias: bool = True,
) -> "keras.layers.Layer":
    """The layer of a `Classifier` of photographs, `Recipe.input_layer`.

    Preprocessing is linear, `(x - mean) / std`: an image of black and one of white tell both.

    Args:
        recipe: The recipe.
        preprocess: A function from images of the data to the network's input.
        resize: As of `preprocessing.ClassifierInput`.
        antialias: Likewise.
    """
    from keras_classics.preprocessing import ClassifierInput

    sides = (resize, resize) if isinstance(resize, int) else resize
    shape = (1, *sides, recipe.input_shape[-1])
    images = (np.full(shape, level, "uint8") for level in (0, 255))
    black, white = (preprocess(image)[0].astype("float64") for image in images)
    std = (255 / (white - black)).mean(axis=(0, 1)).round(4)
    mean = (-black * std).astype("float32")
    if np.ptp(mean, axis=(0, 1)).max() < 1e-3:  # the same for all pixels
        mean = mean.mean(axis=(0, 1)).tolist()
    return ClassifierInput(
        resize, recipe.image_size, mean, std.tolist(), antialias=antialias, dtype="float32"
    )


def help_of(field: dataclasses.Field) -> str:
    """What a field of a recipe means."""
    return field.metadata.get("help") or WORDS.get(field.name, "")


def element_type(annotation: Any) -> Any:
    """The type of a field's value, or of the elements of a tuple; of `str | None` it is `str`."""
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0]
    return next(iter(typing.get_args(annotation)), annotation)


def in_words(value: Any) -> str:
    """A value as the table of a recipe shows it."""
    if isinstance(value, (tuple, list)):
        runs = [(each, len(list(same))) for each, same in itertools.groupby(value)]
        return ", ".join(in_words(each) + (f" x{n}" if n > 1 else "") for each, n in runs)
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def recipe(name: str) -> Recipe:
    """The recipe of a name, or of the network of a name.

    Args:
        name: Such as `"resnet50"`, `"vgg16"`, `"vit_cifar"`; see `keras_classics.names`. Case,
            spaces and signs do not matter.

    Returns:
        A `Recipe`. Of a network's name, its field `network` is that network.

    Raises:
        ValueError: If there is none; the message names similar ones.

    Example:

    ```python
    from keras_classics import training

    print(training.recipe("resnet20_cifar"))
    ```
    """
    import importlib

    found, network = names.find_recipe(name)
    paper, cls = names.RECIPES[found]
    made = getattr(importlib.import_module(f"keras_classics.training.recipes.{paper}"), cls)()
    return dataclasses.replace(made, network=network) if network else made
