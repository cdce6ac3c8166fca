"""Fine-tunes a pretrained network on one's own images: its output layer first, then all layers."""

import dataclasses
import math
import os
import tempfile
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import keras_classics as kc
from keras_classics import names
from keras_classics.checks import FROM_0, NOT_NEGATIVE, NUMBER, POSITIVE, number, several
from keras_classics.training.engine import Recipe, cite
from keras_classics.weights.card import Card

if TYPE_CHECKING:
    from keras_classics.datasets import Images
    from keras_classics.training.run import Run

ROOM = 2**33  # bytes that the features of all images may take
OURS = "ours: see docs/fine_tuning.md"
OF_WEIGHTS = "as the weights need it"


@dataclasses.dataclass(frozen=True)
class FineTuneRecipe(Recipe):
    """How a pretrained network is fine-tuned.

    The output layer is a new one. At first it is trained alone: the features below it are
    computed once, from the images as they are tested. Then all layers are trained, the output
    layer at a rate of its own, by augmented images. Batch normalization keeps its statistics.

    What the images need, and is not given, becomes what the weights say, by `settled`.

    Reference: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution", ICLR 2022 (first the output layer, then all).

    Example:

    ```python
    from keras_classics import training

    recipe = training.FineTuneRecipe(network="resnet18", epochs=5, image_size=160)
    print(recipe)  # training.train(recipe, data, "runs/mine") downloads the weights
    ```
    """

    network: str = cite("")
    weights: str | None = cite(
        None,
        "the first release",
        "a release, the path of a file, or a run folder; none: the first release",
    )
    like: str | None = cite(
        None, "", "for a file: the release whose preprocessing and arguments it needs"
    )
    layers_trained: str = cite("all", OURS, "layers that are trained: all, or head, the last one")
    head_epochs: int = cite(
        30, OURS, "epochs of the output layer alone, before all layers are trained", FROM_0
    )
    head_learning_rate: float = cite(
        1e-3, OURS, "learning rate of the output layer, alone and with the others", NOT_NEGATIVE
    )
    epochs: int = cite(10, OURS, "epochs of all layers, after those", FROM_0)
    batch_size: int = cite(32, OURS)
    learning_rate: float = cite(
        1e-4, OURS, "learning rate of the other layers, the highest one", POSITIVE
    )
    warmup: float = cite(
        0.1, OURS, "share of the steps in which the rates rise from 0", number(0, below=1)
    )
    weight_decay: float = cite(0.01, OURS, "weight decay, times the learning rate; of kernels")
    clip: float = cite(1.0, OURS)
    freeze_statistics: bool = cite(
        True, "docs/batch_normalization.md", "whether batch normalization stays as it is"
    )
    crops: str = cite(
        "area", OURS, "area: any part of the image; shift: by an eighth of its side; both "
        "mirrored; none: the image as it is tested",
    )  # fmt: skip
    smallest_area: float = cite(0.25, OURS)
    randaugment: tuple[int, ...] = cite((), OURS)
    erasing: float = cite(0.0, OURS)
    mixup: float = cite(0.0, OURS)
    cutmix: float = cite(0.0, OURS)
    label_smoothing: float = cite(0.1, OURS)
    image_size: int | None = cite(  # type: ignore[assignment]
        None, OF_WEIGHTS, "side of the network's input, pixels; none: that of the weights"
    )
    border: float | None = cite(
        None,
        OF_WEIGHTS,
        "short side of a test image before its center is cut out, in image_size",
        number(1),
    )
    squash: bool | None = cite(None, OF_WEIGHTS, "whether test images are made square instead")
    mean: tuple[float, ...] | None = cite(
        None, OF_WEIGHTS, "grey levels that are subtracted, R, G, B", several(NUMBER, 3, 3)
    )
    deviation: tuple[float, ...] | None = cite(
        None, OF_WEIGHTS, "grey levels that they are divided by", several(POSITIVE, 3, 3)
    )
    interpolation: str | None = cite(None, OF_WEIGHTS, "how test images are resized")
    rounding: str | None = cite(
        None, OF_WEIGHTS, "what is rounded in it: see preprocessing.ClassifierInput"
    )

    rule_in_words = "AdamW, the output layer at a rate of its own (optimizers.LayerwiseAdamW)"
    of_network = ("weights", "like")
    choices: ClassVar = {
        "layers_trained": ("all", "head"),
        "crops": ("area", "shift", "none"),
        "interpolation": ("bilinear", "bicubic"),
        "rounding": ("exact", "torchvision"),
    }
    data_names = "a folder with a sub-folder for each class, tfds:NAME, cifar10, mnist, usps"

    def __post_init__(self):
        super().__post_init__()
        if not (self.epochs or self.head_epochs):
            raise ValueError("There must be an epoch. Received: epochs=0, head_epochs=0")

    # The network.

    def settled(self):
        of_weights = (
            f.name for f in dataclasses.fields(self) if f.metadata["source"] == OF_WEIGHTS
        )
        missing = [name for name in of_weights if getattr(self, name) is None]
        if not missing:
            return self
        from keras_classics import classification

        if run := self._run():
            prepared = _prepared(run, self.image_size)
        else:
            card = classification.release(self.network, self.weights, self.like)
            if card.channels != 3:
                raise ValueError(
                    f"Fine-tuning takes colour images, and {card.name} reads digits. Take another "
                    f"network, or keras-classics train {self.network}. "
                    f"Received: network={self.network}"
                )
            prepared = card.prepared(self.image_size)
        need = kc.preprocessing.ClassifierInput(**prepared)
        squash = not isinstance(need.resize, int)
        found = {
            "image_size": need.crop,
            "border": (need.resize[0] if squash else need.resize) / need.crop,
            "squash": squash,
            "mean": _three(need.mean),
            "deviation": _three(need.std),
            "interpolation": need.interpolation,
            "rounding": need.convention,
        }
        return dataclasses.replace(self, **{name: found[name] for name in missing})

    def build(self, *, input_shape, classes):
        """The pretrained network, with a new output layer."""
        from keras_classics import classification

        if run := self._run():
            network = run.recipe.build(input_shape=input_shape, classes=classes)
            with tempfile.NamedTemporaryFile(suffix=".weights.h5") as file:
                run.network.save_weights(file.name)
                kc.weights.loading.load_file(network, file.name, kc.weights.loading.ALL)
        else:
            source = self.weights or classification.release(self.network).name
            size = input_shape[0]
            network = kc.classifier(self.network, source, classes, size, like=self.like).network
        _, head = _split(network)
        for operation in head:
            if operation.weights:
                new = type(operation).from_config(operation.get_config())
                new.build(operation.input.shape)
                operation.set_weights(new.get_weights())
        if self.layers_trained == "head":
            for layer in network.layers:
                layer.trainable = layer in head
        elif self.freeze_statistics and _normalizes(network):
            kc.freeze_statistics(network)
        return network

    def _run(self):
        """The run whose folder `weights` is, or `None`."""
        from keras_classics.training import files
        from keras_classics.training.run import Run

        if not self.weights or not os.path.isfile(os.path.join(self.weights, files.MANIFEST)):
            return None
        run = Run(self.weights)
        if names.reduced(run.recipe.network) != names.reduced(self.network):
            raise ValueError(
                f"{self.weights} is a run of {run.recipe.network}, and not of {self.network}."
            )
        if self.like is not None:
            raise ValueError(
                "`like` is for a file, and a run folder says its preprocessing. Received: "
                f"like={self.like!r}, weights={self.weights!r}"
            )
        return run

    def wrapped(self, network, classes):
        """A `Classifier`, which takes photographs."""
        named = [(name, name) for name in classes]
        (layer,) = kc.training.imaging.layers_of(self, training=False)
        return kc.Classifier(network, layer, named, name=network.name)

    # The data.

    def refusal(self, name, channels, side):
        return None  # grey images become RGB

    def splits(self, data):
        return {name: _in_color(split) for name, split in super().splits(data).items()}

    def layers(self, training):
        from keras import layers

        pre, side = kc.preprocessing, self.image_size
        resized = round(side * self.border)
        tested = pre.ClassifierInput(
            (resized, resized) if self.squash else resized,
            side,
            self.mean,
            self.deviation,
            self.interpolation,
            convention=self.rounding,
            name="preprocessing",
        )
        if not training:
            return [tested]
        augment = [pre.RandAugment(*self.randaugment)] if self.randaugment else []
        last = [pre.RandomErasing(self.erasing)] if self.erasing else []
        whole = pre.ClassifierInput(
            tested.resize, side, 0.0, 1.0, self.interpolation, convention=self.rounding
        )
        found = {
            "area": [pre.AreaAspectCrop(side, (self.smallest_area, 1.0))],
            "shift": [whole, pre.CropAndFlip(side, padding=side // 8)],
            "none": [whole],
        }[self.crops]
        scale = [1 / each for each in self.deviation]
        offset = [-m / d for m, d in zip(self.mean, self.deviation, strict=True)]
        return [*found, *augment, layers.Rescaling(scale, offset), *last]

    def targets(self, labels, classes):
        import keras

        return keras.ops.one_hot(labels, classes, dtype="float32")

    def mix(self, seed):
        if not (self.mixup or self.cutmix):
            return None
        return kc.training.mixing.mixing(self.mixup, self.cutmix, seed)

    # The training.

    def loss_function(self):
        import keras

        return keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)

    def update_rule(self, steps, model):
        _, head = _split(model)
        last = [operation.name for operation in head if operation.weights]
        if self.layers_trained == "head":
            return self._adamw(model, steps, self.head_learning_rate, {})
        factor = self.head_learning_rate / self.learning_rate
        return self._adamw(model, steps, self.learning_rate, dict.fromkeys(last, factor))

    def _adamw(self, model, steps, rate, multipliers):
        import keras

        rising = min(round(self.warmup * steps), steps - 1) if steps else 0
        falling = keras.optimizers.schedules.CosineDecay(rate, max(steps - rising, 1))
        rule = kc.optimizers.LayerwiseAdamW(
            kc.optimizers.WarmUp(falling, rising) if rising > 0 else falling,
            multipliers,
            weight_decay=self.weight_decay,
            global_clipnorm=self.clip or None,
        )
        spared = [weight for weight in model.trainable_weights if "kernel" not in weight.name]
        rule.exclude_from_weight_decay(var_list=spared)
        return rule

    def beginning(self, network, splits, seed, verbose):
        """The output layer, trained on features that are computed once."""
        if not self.head_epochs:
            return None
        import keras

        from keras_classics import backend
        from keras_classics.training import imaging, inputs

        cut, operations = _split(network)
        body, head = keras.Model(network.inputs[0], cut), _copy(cut, operations)
        train, held = list(splits.values())[:2]
        size = math.prod(cut.shape[1:]) * 4 * (len(train) + len(held))
        if size > ROOM:
            raise ValueError(
                f"The features of all images must fit into {ROOM / 1e9:.1f} GB, to train the "
                "output layer alone: take fewer images, or head_epochs=0. Received: features of "
                f"{size / 1e9:.1f} GB"
            )
        if verbose:
            print(f"The output layer alone, on the features of {len(train):,} images")
        pairs = [imaging.predictions(self, body, None, split) for split in (train, held)]
        (x, y), tested = [
            (features, keras.ops.convert_to_numpy(self.targets(labels, network.output_shape[-1])))
            for features, labels in pairs
        ]
        position = inputs.Position()
        batches = inputs.array_batches(x, y, self.batch_size, seed, position=position)
        steps = -(-len(x) // self.batch_size)
        head.compile(
            self._adamw(head, steps * self.head_epochs, self.head_learning_rate, {}),
            self.loss_function(),
            metrics=self.metrics(),
            steps_per_execution=backend.steps_per_execution(min(steps, 50)),
        )
        follow = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(position, "epoch", epoch)
        )
        history = head.fit(
            batches,
            epochs=self.head_epochs,
            validation_data=inputs.array_batches(*tested, imaging.BATCH_SIZE),
            callbacks=[follow],
            shuffle=False,
            verbose=2 if verbose else 0,
        ).history
        weights = [weight for operation in operations for weight in operation.weights]
        values = zip(weights, head.get_weights(), strict=True)
        rows = [
            {"epoch": epoch, **dict(zip(history, row, strict=True))}
            for epoch, row in enumerate(zip(*history.values(), strict=True))
        ]
        return {weight.path: value for weight, value in values}, rows

    # The test.

    @property
    def test_side(self):
        return None if self.squash else round(self.image_size * self.border)

    def protocol(self):
        if self.squash:
            return f"the whole image made {self.image_size}x{self.image_size}"
        return super().protocol()


def finetune(
    network: str,
    data: "Images[Any]",
    run_dir: str | os.PathLike,
    weights: str | os.PathLike | Card | None = None,
    **options: Any,
) -> "Run":
    """Fine-tunes a pretrained network on images of one's own, into a run folder.

    Args:
        network: Name of the network, such as `"resnet50"`.
        data: What `datasets.load` or `datasets.wrap` gives.
        run_dir: Folder to make, as of `train`.
        weights: Name or card of a release; path of a file, or of a run folder of this network.
            Default: the first release of the network.
        **options: Fields of `FineTuneRecipe`, such as `epochs=5`, and arguments of `train`, such
            as `seed=1`, `resume=True` or `early_stopping=3`.

    Returns:
        The finished `Run`. Its `model` is a `Classifier`.

    Raises:
        TypeError: If there is no option of a name.
        ValueError: As of `train` and of `classifier`.

    Example:

    ```python
    import tempfile

    import numpy as np

    import keras_classics as kc

    pretrained = kc.build("resnet20_cifar")  # stands for a trained network
    kc.weights.save(pretrained, "pretrained.npz", convention="akamaster")
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), "uint8")
    labels = np.arange(40) % 2
    data = kc.datasets.wrap((images[:32], labels[:32]), (images[32:], labels[32:]))
    run = kc.training.finetune(
        "resnet20_cifar",
        data,
        tempfile.mkdtemp() + "/run",
        weights="pretrained.npz",
        epochs=1,
        head_epochs=2,
        verbose=0,
    )
    print(run.manifest["errors"], run.model.decode_predictions(run.model.predict(images[:1])))
    ```
    """
    from keras_classics.training.trainer import train

    fields = {each.name for each in dataclasses.fields(FineTuneRecipe)}
    numbers = {name: value for name, value in options.items() if name in fields}
    rest = {name: value for name, value in options.items() if name not in fields}
    if weights is not None:
        numbers["weights"] = weights.name if isinstance(weights, Card) else os.fspath(weights)
    recipe = FineTuneRecipe(network=network, **numbers)
    return train(recipe, data, run_dir, **rest)


def _prepared(run, image_size):
    """The arguments of `ClassifierInput` that come nearest to how a run prepares its test images.

    The mean of each pixel becomes that of its channel.
    """
    recipe = run.recipe
    if recipe.input_shape[-1] != 3:
        raise ValueError(
            f"{run.folder} must be a run on images of 3 channels. Received: one of "
            f"{recipe.input_shape[-1]}"
        )
    layer = recipe.input_layer(run.preprocess)
    side = image_size or layer.crop
    shorter = layer.resize if isinstance(layer.resize, int) else min(layer.resize)
    return {
        "resize": round(shorter * side / layer.crop),
        "crop": side,
        "mean": _three(layer.mean),
        "std": layer.std,
    }


def _three(value):
    """A number for each channel; of a mean of each pixel, that over the pixels."""
    value = np.mean(value, axis=(0, 1)) if np.ndim(value) == 3 else value
    return tuple(map(float, np.broadcast_to(value, 3)))


def _in_color(split):
    """A split of grey images in memory as one of RGB; digits as MNIST has them, from 0 to 255."""
    images = getattr(split, "images", None)
    if images is None or images.shape[-1] == 3:
        return split
    if hasattr(split, "box"):
        images = kc.preprocessing.place_digits(images, 20, 28, split.box, "mnist")
        images = (255 * images).round().astype("uint8")
    return kc.datasets.Arrays(np.repeat(images, 3, axis=-1), split.labels)


def _normalizes(network):
    import keras

    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)


def _split(network):
    """Where the output layer begins.

    Returns:
        The features that it takes, or a dropout before it; and the layers from there to the
        output.
    """
    import keras

    from keras_classics import graphs

    nodes = list(graphs.nodes(network.outputs))
    last = max(k for k, node in enumerate(nodes) if getattr(node.operation, "weights", ()))
    operations = [node.operation for node in nodes[last:]]
    before = graphs.node_of(nodes[last].input_tensors[0])
    while isinstance(before.operation, keras.layers.Dropout):
        operations.insert(0, before.operation)
        before = graphs.node_of(before.input_tensors[0])
    return before.outputs[0], operations


def _copy(cut, operations):
    """A model of its own of the layers from a tensor to the output, which follow each other."""
    import keras

    x = features = keras.Input(cut.shape[1:])
    for operation in operations:
        x = type(operation).from_config(operation.get_config())(x)
    model = keras.Model(features, x)
    weights = [weight for operation in operations for weight in operation.weights]
    model.set_weights([keras.ops.convert_to_numpy(weight) for weight in weights])
    return model
