"""How Vision Transformers are trained: Dosovitskiy et al., ICLR 2021, and recipes after it.

The release is google-research/vision_transformer. AugReg: Steiner et al., TMLR 2022. DeiT:
Touvron et al., ICML 2021.
"""

import dataclasses
from typing import ClassVar

import numpy as np

import keras_classics as kc
from keras_classics.tables import counted
from keras_classics.training.engine import Recipe, cite, photographs_input

RELEASE, PROGRAM = "the release", "its program"
BIG_VISION = "big_vision's config for ImageNet-1k"
# Mean and deviation of ImageNet's pixels from 0 to 1, by which DeiT's program scales.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BOX, MNIST = 20, 28  # sides of a digit's box and of its image, pixels
OPERATIONS = ("paper", "augreg", "deit")


@dataclasses.dataclass(frozen=True)
class ViTRecipe(Recipe):
    """How ViT is trained on ImageNet (Dosovitskiy et al., 2021, Table 3)."""

    network: str = cite("vit_b16")
    epochs: int = cite(300, "Table 3, ImageNet")
    batch_size: int = cite(4096, "Table 3")
    learning_rate: float = cite(3e-3, "Table 3")
    warmup_steps: int = cite(10_000, "section 4.1")
    schedule: str = cite("cosine", "Table 3")
    optimizer: str = cite("adam", "section 4.1")
    momentum: float = cite(0.9, "section 4.1; of Adam beta_1")
    epsilon: float = cite(1e-8, RELEASE)
    weight_decay: float = cite(0.3, "Table 3; of kernels only, as in the release")
    clip: float = cite(1.0, "Table 3")
    ema: float = cite(0.0, "Table 2: 0.9999 for H/14, fine-tuned")
    dropout: float | None = cite(0.1, "Table 3")
    stochastic_depth: float = cite(0.0)
    representation: bool = cite(True, "section 3.1")
    loss: str = cite("crossentropy", "the paper is silent")
    head_bias: float = cite(0.0, RELEASE)
    positions: str = cite("1d", "section 3.1")
    positions_at: str = cite("stem", "appendix D.4")
    start: str | None = cite(None)
    image_size: int = cite(224, "Table 3")
    channels: int = cite(3)
    crops: str = cite("area", RELEASE)
    smallest_area: float = cite(0.05, RELEASE)
    randaugment: tuple[int, ...] = cite(())
    operations: str = cite("paper")
    erasing: float = cite(0.0)
    mixup: float = cite(0.0)
    cutmix: float = cite(0.0)
    label_smoothing: float = cite(0.0)
    views: str = cite("center", "as usual; whole: the image made square")

    activation: ClassVar[str] = "gelu_tanh"  # of the MLPs
    rule_in_words = "Adam, decoupled weight decay (optimizers.ClippedAdamW), or SGD (ClippedSGD)"
    of_network = (
        *("dropout", "stochastic_depth", "representation", "head_bias"),
        *("positions", "positions_at", "start"),
    )
    choices: ClassVar = {
        "operations": OPERATIONS,
        "optimizer": ("adam", "sgd"),
        "loss": ("crossentropy", "sigmoid"),
        "positions": ("none", "1d", "2d", "relative"),
        "positions_at": ("stem", "every_layer", "shared"),
        "schedule": ("cosine", "linear"),
        "crops": ("area", "shift", "distort"),
        "channels": (1, 3),
        "views": ("center", "whole"),
    }

    def __post_init__(self):
        super().__post_init__()
        if self.loss == "sigmoid" and self.label_smoothing:
            raise ValueError(
                "`label_smoothing` is for the loss crossentropy. Received: "
                f"label_smoothing={self.label_smoothing}, loss={self.loss}"
            )
        if self.start and (self.positions, self.positions_at) != ("1d", "stem"):
            raise ValueError(
                "`positions` and `positions_at` are for a new network: one that begins with "
                f"`start` keeps its own. Received: positions={self.positions}, "
                f"positions_at={self.positions_at}, start={self.start}"
            )

    @property
    def input_shape(self):
        return (self.image_size, self.image_size, self.channels)

    def build(self, *, input_shape, classes):
        """The network, untrained or with the weights of `start`."""
        import keras

        shared = {"dropout": self.dropout, "stochastic_depth": self.stochastic_depth}
        shared |= {"input_shape": input_shape, "classes": classes}
        shared["classifier_activation"] = "sigmoid" if self.loss == "sigmoid" else "softmax"
        vit = kc.applications.vit
        if self.start:
            network = vit.fine_tune(keras.saving.load_model(self.start), **shared)
        else:
            size = self.named().arguments.get("variant", "").rpartition("+")[2].partition("/")[0]
            width = vit.SIZES[size][0] if self.representation and size in vit.SIZES else None
            shared |= {"representation_size": width, "activation": self.activation}
            shared["positions"] = None if self.positions == "none" else self.positions
            shared["positions_at"] = self.positions_at
            network = self.built(**shared)
        if self.head_bias:
            bias = network.get_layer("predictions").bias
            bias.assign(keras.ops.full(bias.shape, self.head_bias))
        return network

    def refusal(self, name, channels, side):
        if channels == self.channels:
            return None
        return (
            f"{name} has images of {counted(channels, 'channel')}: --channels={channels}, or other "
            f"data. Received: channels={self.channels}"
        )

    def splits(self, data):
        """The images; digits as MNIST has them, from 0 to 255."""
        return {
            name: kc.datasets.Arrays(_as_mnist(split.images, split.box), split.labels)
            if hasattr(split, "box")
            else split
            for name, split in super().splits(data).items()
        }

    def read(self, path):
        if self.channels == 3:
            return super().read(path)
        return _as_mnist(kc.preprocessing.read_ink(path)[None, ..., None], None)[0]

    def input_layer(self, preprocess):
        if self.channels == 3:
            whole = self.views == "whole"
            resize = (self.image_size, self.image_size) if whole else self.test_side
            return photographs_input(self, preprocess, resize, antialias=not whole)
        if self.image_size != MNIST:
            raise ValueError(
                f"Digits come to a `Classifier` on a plane of {MNIST} pixels. "
                f"Received: a recipe of image_size={self.image_size}"
            )
        levels = (np.full((1, MNIST, MNIST, 1), level, "uint8") for level in (0, 255))
        paper, ink = (float(preprocess(images).mean()) for images in levels)
        return kc.preprocessing.DigitInput(BOX, MNIST, paper, ink, "mnist", dtype="float32")

    @property
    def test_side(self):
        """As usual on ImageNet, 256 pixels for crops of 224. Small images are whole."""
        return self.image_size * 8 // 7 if self.crops == "area" else self.image_size

    def layers(self, training):
        from keras import layers

        pre, side = kc.preprocessing, self.image_size
        scale = self.scaling()
        rescale = pre.RescaleShortSide(self.test_side)
        cut = layers.CenterCrop(side, side, data_format="channels_last")
        if not training and self.views == "whole":
            # In this order: of integers, what is resized would be rounded on some backends.
            return [scale, layers.Resizing(side, side, data_format="channels_last")]
        if not training:
            return [rescale, cut, scale]
        found = {
            "area": [pre.AreaAspectCrop(side, (self.smallest_area, 1.0))],
            "shift": [rescale, cut, pre.CropAndFlip(side, padding=side // 8)],
            "distort": [rescale, cut, pre.PlanarDistortion(background=0.0)],
        }[self.crops]
        if self.randaugment:
            found.append(pre.RandAugment(*self.randaugment, **self._operations()))
        return [*found, scale, *([pre.RandomErasing(self.erasing)] if self.erasing else [])]

    def scaling(self):
        """The layer from pixels of 0 to 255 to what the network takes: -1 to 1."""
        import keras

        return keras.layers.Rescaling(1 / 127.5, -1)

    def _operations(self):
        """RandAugment's arguments: of the paper's 14 operations, or as in a recipe of ViT."""
        rand_augment = kc.preprocessing.rand_augment
        return {
            "paper": {},
            "augreg": {"operations": rand_augment.AUGREG},
            "deit": {"operations": rand_augment.DEIT, "magnitude_std": 0.5, "increasing": True},
        }[self.operations]

    def mix(self, seed):
        if not (self.mixup or self.cutmix):
            return None
        return kc.training.mixing.mixing(self.mixup, self.cutmix, seed)

    def targets(self, labels, classes):
        import keras

        return keras.ops.one_hot(labels, classes, dtype="float32")

    def loss_function(self):
        import keras

        if self.loss == "sigmoid":
            return kc.losses.SigmoidCrossentropy()
        return keras.losses.CategoricalCrossentropy(label_smoothing=self.label_smoothing)

    def update_rule(self, steps, model):
        """Adam or SGD; biases, positions and norms do not decay."""
        shared = {
            "learning_rate": self.rate(steps),
            "global_clipnorm": self.clip or None,
            "use_ema": self.ema > 0,
            "ema_momentum": self.ema,
        }
        if self.optimizer == "sgd":
            rule = kc.optimizers.ClippedSGD(
                momentum=self.momentum, weight_decay=self.weight_decay or None, **shared
            )
        else:
            rule = kc.optimizers.ClippedAdamW(
                weight_decay=self.weight_decay, beta_1=self.momentum, epsilon=self.epsilon, **shared
            )
        spared = [weight for weight in model.trainable_weights if "kernel" not in weight.name]
        rule.exclude_from_weight_decay(var_list=spared)
        return rule

    def rate(self, steps):
        """The learning rate over a training of `steps` steps."""
        import keras

        rest = steps - self.warmup_steps
        if rest < 1:
            raise ValueError(
                f"`warmup_steps` must be shorter than the training, {steps} steps. "
                f"Received: warmup_steps={self.warmup_steps}"
            )
        schedules = keras.optimizers.schedules
        if self.schedule == "cosine":
            falling = schedules.CosineDecay(self.learning_rate, rest)
        else:
            falling = schedules.PolynomialDecay(self.learning_rate, rest, 0.0)
        return kc.optimizers.WarmUp(falling, self.warmup_steps)

    def protocol(self):
        if self.views == "whole":
            return f"the whole image made {self.image_size}x{self.image_size}"
        return super().protocol()


@dataclasses.dataclass(frozen=True)
class ViTFineTuneRecipe(ViTRecipe):
    """How ViT is fine-tuned on ImageNet (Dosovitskiy et al., 2021, Table 4), from `start`."""

    network: str = cite("vit_b16", "that of `start`")
    epochs: int = cite(8, "Table 4, ImageNet: 20,000 steps")
    batch_size: int = cite(512, "section 4.1")
    learning_rate: float = cite(0.03, "Table 4: the best of 0.003, 0.01, 0.03, 0.06")
    warmup_steps: int = cite(500, RELEASE)
    optimizer: str = cite("sgd", "section 4.1")
    schedule: str = cite("cosine", "appendix B.1.1")
    weight_decay: float = cite(0.0, "Table 4")
    clip: float = cite(1.0, "appendix B.1.1")
    dropout: float | None = cite(None, "the release: 0.1 for L/16, H/14, R50+B/16, else 0")
    representation: bool = cite(False, "section 3.2")
    image_size: int = cite(384, "appendix B.1.1")
    views: str = cite("whole", RELEASE)

    def build(self, **shape):
        if not self.start:
            raise ValueError(
                "Fine-tuning begins with a trained network: --start=runs/.../model.keras"
            )
        return super().build(**shape)


@dataclasses.dataclass(frozen=True)
class AugRegRecipe(ViTRecipe):
    """How AugReg trains ViT (Steiner et al., TMLR 2022): its released S/16 of ImageNet-1k.

    The loss and the head are those of its program, google-research/big_vision, for ImageNet-1k.
    Not as there: MixUp has a draw for each image, and a partner by a random permutation; there
    one draw serves a batch, the larger share is the image's own, and its neighbour is the
    partner. Training crops are drawn and resized as `AreaAspectCrop` says, antialiased. Adam's
    first moment is kept in float32, there in bfloat16. All training images train; there 99 %.
    """

    network: str = cite("vit_s16", "its released S/16")
    epochs: int = cite(300, RELEASE)
    batch_size: int = cite(4096, RELEASE)
    learning_rate: float = cite(1e-3, "its released S/16")
    warmup_steps: int = cite(10_000, RELEASE)
    schedule: str = cite("cosine", RELEASE)
    weight_decay: float = cite(0.1, "its released S/16")
    clip: float = cite(1.0, RELEASE)
    loss: str = cite("sigmoid", BIG_VISION)
    head_bias: float = cite(-6.9, BIG_VISION)
    dropout: float = cite(0.0, "its released S/16")
    stochastic_depth: float = cite(0.0, "its released S/16; 0.1 for B/16")
    momentum: float = cite(0.9, RELEASE)
    epsilon: float = cite(1e-8, RELEASE)
    ema: float = cite(0.0)
    image_size: int = cite(224, RELEASE)
    crops: str = cite("area", RELEASE)
    representation: bool = cite(True, BIG_VISION)
    mixup: float = cite(0.5, "medium2, its released S/16")
    randaugment: tuple[int, ...] = cite((2, 15), "medium2, its released S/16")
    operations: str = cite("augreg", RELEASE)


@dataclasses.dataclass(frozen=True)
class DeiTRecipe(ViTRecipe):
    """How DeiT trains ViT (Touvron et al., ICML 2021, Table 9).

    As in its program: colours less the mean of ImageNet, by their deviation; the exact GELU;
    rectangles of noise after the scaling.

    Not as there: repeated augmentation (three copies of an image in a batch) is left out. Images
    are resampled bilinearly, not by bicubic interpolation, and training crops are drawn as
    `AreaAspectCrop` says. MixUp and CutMix have a draw for each image, there one for a batch. The
    weights start as in ViT's release, there from a truncated normal distribution of deviation
    0.02. The rate changes at each step, from 0 and to 0; there once an epoch, from 1e-6 and to
    1e-5. No average of the weights is kept beside them.
    """

    network: str = cite("vit_s16")
    epochs: int = cite(300, "Table 9")
    batch_size: int = cite(1024, "Table 9")
    learning_rate: float = cite(1e-3, "Table 9: 0.0005 for each 512 images of a batch")
    warmup_steps: int = cite(6255, "Table 9: 5 epochs of ImageNet")
    schedule: str = cite("cosine", "Table 9; its program ends at 1e-5")
    weight_decay: float = cite(0.05, "Table 9")
    clip: float = cite(0.0, "Table 9")
    dropout: float = cite(0.0, "Table 9")
    stochastic_depth: float = cite(0.1, "Table 9")
    momentum: float = cite(0.9, PROGRAM)
    epsilon: float = cite(1e-8, PROGRAM)
    ema: float = cite(0.0)
    image_size: int = cite(224, PROGRAM)
    crops: str = cite("area", PROGRAM)
    representation: bool = cite(False)
    label_smoothing: float = cite(0.1, "Table 9")
    mixup: float = cite(0.8, "Table 9")
    cutmix: float = cite(1.0, "Table 9")
    randaugment: tuple[int, ...] = cite((2, 9), "Table 9")
    operations: str = cite("deit", "its program: a deviation of 0.5, all stronger by magnitude")
    erasing: float = cite(0.25, "Table 9")
    smallest_area: float = cite(0.08, PROGRAM)

    activation = "gelu"

    def scaling(self):
        """Colours less their mean over ImageNet, by their deviation; digits from -1 to 1."""
        import keras

        if self.channels != 3:
            return super().scaling()
        scale = [1 / (255 * deviation) for deviation in DEVIATION]
        offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
        return keras.layers.Rescaling(scale, offset)


@dataclasses.dataclass(frozen=True)
class ViTCIFARRecipe(ViTRecipe):
    """How a small ViT is trained on CIFAR-10: ours, for two processor cores and an hour."""

    network: str = cite("vit_mini4")
    epochs: int = cite(20)
    batch_size: int = cite(64)
    learning_rate: float = cite(1e-3)
    warmup_steps: int = cite(1000)
    schedule: str = cite("cosine")
    weight_decay: float = cite(0.1)
    clip: float = cite(1.0)
    dropout: float = cite(0.0)
    momentum: float = cite(0.9)
    epsilon: float = cite(1e-8)
    ema: float = cite(0.0)
    representation: bool = cite(False)
    image_size: int = cite(32)
    crops: str = cite("shift")

    data_names = "cifar10, tfds:NAME, or a folder with a sub-folder for each class"


@dataclasses.dataclass(frozen=True)
class ViTMNISTRecipe(ViTCIFARRecipe):
    """How a small ViT is trained on MNIST: ours, for two processor cores and a quarter hour."""

    epochs: int = cite(5)
    batch_size: int = cite(128)
    warmup_steps: int = cite(500)
    image_size: int = cite(28)
    channels: int = cite(1)
    crops: str = cite("distort")

    data_names = "mnist, usps or digits"


def _as_mnist(ink, box):
    """Digits of 0 to 1 and of this box as MNIST has them, 0 to 255."""
    placed = kc.preprocessing.place_digits(ink, BOX, MNIST, box, "mnist")
    return (255 * placed).round().astype("uint8")
