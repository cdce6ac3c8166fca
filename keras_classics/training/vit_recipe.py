"""How the Vision Transformer is trained: Adam with decoupled decay, or SGD to fine-tune."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_classics import applications, datasets, preprocessing
from keras_classics.applications import vit
from keras_classics.optimizers import ClippedAdamW, ClippedSGD, WarmUp
from keras_classics.preprocessing import rand_augment
from keras_classics.training.inputs import image_batches
from keras_classics.training.mixing import mixing
from keras_classics.training.recipe import Recipe, exact, field
from keras_classics.training.strategies import ONE, replicas

# Whose RandAugment: of the paper's 14 operations, or as in a recipe of ViT.
OPERATIONS = {
    "paper": {},
    "augreg": {"operations": rand_augment.AUGREG},
    "deit": {"operations": rand_augment.DEIT, "magnitude_std": 0.5, "increasing": True},
}
CHOICES = {
    "operations": tuple(OPERATIONS),
    "optimizer": ("adam", "sgd"),
    "schedule": ("cosine", "linear"),
    "crops": ("area", "shift", "distort"),
    "channels": (1, 3),
    "views": ("center", "whole"),
}


@dataclasses.dataclass(frozen=True)
class ViTRecipe(Recipe):
    """How Vision Transformers are trained; see `Recipe`."""

    data_kind = (datasets.Images, datasets.Data)
    data_names = "cifar10, mnist, tfds:NAME, or a folder with a sub-folder for each class"

    network: str = field("name of the recipe")
    variant: str = field("size and patch, such as B/16")
    passes: int = field("passes over the training set")
    batch_size: int = field("images a step")
    learning_rate: float = field("highest learning rate")
    warm_up: int = field("steps until the learning rate is highest")
    optimizer: str = field("adam, with decoupled decay; or sgd", default="adam")
    schedule: str = field("the learning rate falls to 0: cosine, or linear", default="cosine")
    decay: float = field("weight decay of kernels, times the learning rate", default=0.0)
    clip: float = field("highest norm of all gradients together; 0: any", default=1.0)
    polyak: float = field("momentum of the average of the weights; 0: none", default=0.0)
    dropout: float = field("share that is dropped", default=0.0)
    stochastic_depth: float = field("share of images that skip the last block", default=0.0)
    representation: bool = field("a hidden layer in the head, for pre-training", default=False)
    start: str = field("a trained model.keras to fine-tune, whatever the variant", default=None)
    image_size: int = field("side of the network's input, pixels", default=224)
    channels: int = field("3, or 1 for digits", default=3)
    crops: str = field(
        "area: any part of the image; shift: by an eighth of its side; both mirrored; "
        "distort: planar distortions, for digits",
        default="area",
    )
    views: str = field("test by the center, or by the whole image made square", default="center")
    smallest_area: float = field("least share of the image in a crop", default=0.05)
    label_smoothing: float = field("share of the target spread over all classes", default=0.0)
    mixup: float = field("alpha of MixUp; 0: none", default=0.0)
    cutmix: float = field("alpha of CutMix; 0: none", default=0.0)
    randaugment: tuple = field("RandAugment's operations an image, and magnitude", default=())
    operations: str = field("RandAugment's: paper, augreg or deit", default="paper")
    erasing: float = field("share of images with an erased rectangle", default=0.0)

    def __post_init__(self):
        for name, values in CHOICES.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(map(str, values))}. "
                    f"Received: {name}={getattr(self, name)}"
                )
        if min(self.passes, self.batch_size) < 1 or self.warm_up < 0:
            raise ValueError(
                "`passes` and `batch_size` must be at least 1, `warm_up` at least 0. Received: "
                f"{self.passes}, {self.batch_size}, {self.warm_up}"
            )
        if len(self.randaugment) not in (0, 2):
            raise ValueError(
                "`randaugment` must be a number of operations and a magnitude, such as 2,15. "
                f"Received: randaugment={self.randaugment}"
            )

    def rate(self, steps):
        """The learning rate over a training of `steps` steps."""
        rest = steps - self.warm_up
        if rest < 1:
            raise ValueError(
                f"`warm_up` must be shorter than the training, {steps} steps. "
                f"Received: warm_up={self.warm_up}"
            )
        schedules = keras.optimizers.schedules
        if self.schedule == "cosine":
            falling = schedules.CosineDecay(self.learning_rate, rest)
        else:
            falling = schedules.PolynomialDecay(self.learning_rate, rest, 0.0)
        return WarmUp(falling, self.warm_up)

    def update_rule(self, steps, model):
        """Adam or SGD; the decay spares biases, positions and norms."""
        shared = {
            "learning_rate": self.rate(steps),
            "global_clipnorm": self.clip or None,
            "use_ema": self.polyak > 0,
            "ema_momentum": self.polyak,
        }
        if self.optimizer == "sgd":
            rule = ClippedSGD(momentum=0.9, weight_decay=self.decay or None, **shared)
        else:
            rule = ClippedAdamW(weight_decay=self.decay, epsilon=1e-8, **shared)
        spared = [weight for weight in model.trainable_weights if "kernel" not in weight.name]
        rule.exclude_from_weight_decay(var_list=spared)
        return rule

    def build(self, classes, builder=None):
        """The network, untrained or with the weights of `start`, or another by its `builder`."""
        shape = (self.image_size, self.image_size, self.channels)
        if builder:
            return builder(input_shape=shape, classes=classes)
        if self.network == "vit-finetune" and not self.start:
            raise ValueError(
                "Fine-tuning begins with a trained network: --start=runs/.../model.keras"
            )
        if self.start:
            trained = keras.saving.load_model(self.start)
            return vit.fine_tune(
                trained,
                classes=classes,
                dropout=self.dropout,
                stochastic_depth=self.stochastic_depth,
                input_shape=shape,
            )
        size = self.variant.rpartition("+")[2].partition("/")[0]
        width = vit.SIZES[size][0] if self.representation and size in vit.SIZES else None
        return applications.ViT(
            self.variant,
            dropout=self.dropout,
            stochastic_depth=self.stochastic_depth,
            representation_size=width,
            input_shape=shape,
            classes=classes,
        )

    def splits(self, data):
        """The training and the test images, and the names of the classes."""
        if isinstance(data, datasets.Data):  # ink from 0 to 1
            train, test = (
                datasets.Arrays(_placed(images, data.box), labels)
                for images, labels in (
                    (data.train_images, data.train_labels),
                    (data.test_images, data.test_labels),
                )
            )
            parts = (train, test, [str(digit) for digit in range(10)])
        else:
            parts = (data.train, data.validation, list(data.classes))
        train = parts[0]
        channels = train.images.shape[-1] if isinstance(train, datasets.Arrays) else 3
        if channels != self.channels:
            raise ValueError(
                f"{data.name} has images of {channels} channels: --channels={channels}, or other "
                f"data. Received: channels={self.channels}"
            )
        return parts

    def layers(self, seed=None):
        """What is between an image of 0 to 255 and the network; with a seed, to train."""
        side = self.image_size
        scale = keras.layers.Rescaling(1 / 127.5, -1)
        # As usual on ImageNet, the middle 224 of 256 pixels. Small images are whole.
        rescale = preprocessing.RescaleShortSide(side * 8 // 7 if self.crops == "area" else side)
        cut = keras.layers.CenterCrop(side, side, data_format="channels_last")
        if seed is None and self.views == "whole":
            return exact(keras.layers.Resizing(side, side, data_format="channels_last"), scale)
        if seed is None:
            return exact(rescale, cut, scale)
        if self.crops == "area":
            layers = [preprocessing.AreaAspectCrop(side, (self.smallest_area, 1.0))]
        elif self.crops == "shift":
            layers = [rescale, cut, preprocessing.CropAndFlip(side, padding=side // 8)]
        else:
            layers = [rescale, cut, preprocessing.PlanarDistortion(background=0.0)]
        if self.randaugment:
            others = OPERATIONS[self.operations]
            layers.append(preprocessing.RandAugment(*self.randaugment, **others))
        if self.erasing:
            # Keras draws the share itself, from a range.
            share = (self.erasing, self.erasing)
            layers.append(keras.layers.RandomErasing(share, data_format="channels_last"))
        return exact(*layers, scale)

    def prepare(self, data, seed, folder, strategy=ONE, builder=None):
        """The compiled model, and what its `fit` takes."""
        train, test, classes = self.splits(data)
        place = replicas(strategy)

        def targets(labels):
            return ops.one_hot(labels, len(classes), dtype="float32")

        mix = None
        if self.mixup or self.cutmix:
            mix = mixing(self.mixup, self.cutmix, (seed, place.worker))
        shared = {"targets": targets, "place": place}
        batches = image_batches(train, self.layers(seed), self.batch_size, seed, mix=mix, **shared)
        steps = self.passes * (len(train) // self.batch_size)
        with strategy.scope():
            model = self.build(len(classes), builder)
            model.compile(
                optimizer=self.update_rule(steps, model),
                loss=keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing),
                metrics=["accuracy"],
            )
        return model, {
            "x": batches,
            "validation_data": image_batches(test, self.layers(), self.batch_size, **shared),
            "shuffle": False,  # the batches come shuffled
            "monitor": "val_accuracy",
            "callbacks": [],
        }

    def trained(self, model, images):
        """The network as it is tested."""
        return model

    @property
    def protocol(self):
        """How an image is tested."""
        if self.views == "whole":
            return f"the whole image made {self.image_size}x{self.image_size}"
        return f"the center of {self.image_size}x{self.image_size} of the rescaled image"

    def answers(self, model, data, folder):
        """Part, scores and labels of the test set."""
        _, test, _ = self.splits(data)
        pairs = [
            (model.predict_on_batch(images), np.asarray(labels))
            for images, labels in image_batches(test, self.layers(), self.batch_size)
        ]
        yield "test", *map(np.concatenate, zip(*pairs, strict=True))

    def classes(self, data):
        """Names of the classes."""
        return self.splits(data)[2]

    def read(self, path):
        """The image of a file as the network sees it, `(height, width, channels)`, -1 to 1."""
        if self.channels == 1:
            image = _placed(preprocessing.read_ink(path)[None, ..., None], None)[0]
        else:
            image = datasets.read_image(path)
        for layer in self.layers():
            image = layer(image)
        return ops.convert_to_numpy(image)

    def scores(self, model, paths, folder):
        """The scores of the classes for each image file."""
        for path in paths:
            yield model.predict_on_batch(self.read(path)[None])[0]

    def pictured(self, data, folder):
        """What pictures of the trained network show: test images as it sees them, and labels."""
        _, test, _ = self.splits(data)
        return next(iter(image_batches(test, self.layers(), 8)))

    def about(self, data):
        """What a run states of its data."""
        train, test, classes = self.splits(data)
        return {"classes": classes, "train": len(train), "test": len(test)}


def _placed(images, box):
    """Digits of 0 to 1 and of this box as MNIST has them, 0 to 255."""
    placed = preprocessing.place_digits(images, 20, 28, box)
    return (255 * placed).round().astype("uint8")
