"""How Krizhevsky, Sutskever & Hinton, NIPS 2012, trained AlexNet: sections 2, 4 and 5."""

import dataclasses
from typing import ClassVar

import keras_classics as kc
from keras_classics.checks import COUNT
from keras_classics.training.engine import MEAN, Recipe, cite, mean_of


@dataclasses.dataclass(frozen=True)
class AlexNetRecipe(Recipe):
    """How AlexNet is trained (Krizhevsky et al., 2012, sections 2, 4 and 5)."""

    network: str = cite("alexnet")
    towers: int = cite(2, "section 3.2")
    lrn: bool = cite(True, "section 3.3")
    overlapping_pooling: bool = cite(True, "section 3.4")
    bias_start: float = cite(1.0, "section 5")
    epochs: int = cite(90, "section 5")
    batch_size: int = cite(128, "section 5")
    learning_rate: float = cite(0.01, "section 5")
    factor: float = cite(0.1, "section 5: by hand, when the validation error stalled")
    patience: int = cite(5, "the paper is silent")
    drops: int = cite(3, "section 5")
    momentum: float = cite(0.9, "section 5")
    weight_decay: float = cite(5e-4, "section 5: inside the velocity")
    no_decay: tuple[str, ...] = cite(
        ("bias",), "section 5 speaks of weights; so does the author's program"
    )
    image_size: int = cite(224, "section 4.1")
    short_side: int = cite(256, "section 2", range=COUNT)
    mean: str = cite("pixel", "section 2", range=MEAN)
    color: bool = cite(True, "section 4.1")
    views: str = cite("center", "footnote 5; paper: ten crops, section 4.1")

    rule_in_words = "momentum SGD, weight decay inside the velocity (optimizers.CoupledSGD)"
    of_network = ("towers", "lrn", "overlapping_pooling", "bias_start")
    choices: ClassVar = {
        "views": ("center", "paper"),
        "towers": (1, 2),
    }

    def __post_init__(self):
        super().__post_init__()
        if self.short_side < self.image_size:
            raise ValueError(
                "`short_side` must hold the crop. Received: "
                f"short_side={self.short_side}, image_size={self.image_size}"
            )

    def build(self, **shape):
        return self.built(
            towers=self.towers,
            lrn=self.lrn,
            overlapping_pooling=self.overlapping_pooling,
            bias_start=self.bias_start,
            **shape,
        )

    @property
    def test_side(self):
        return self.short_side  # as in training

    def layers(self, training):
        import keras

        side, pre = self.test_side, kc.preprocessing
        return [
            pre.RescaleShortSide(side),
            keras.layers.CenterCrop(side, side, data_format="channels_last"),
            *([pre.PCAColorJitter()] if self.color else []),
            mean_of(self.mean),
            pre.CropAndFlip(self.image_size),
        ]

    def metrics(self):
        import keras

        return ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5")]

    def update_rule(self, steps, model):
        return kc.optimizers.CoupledSGD(
            self.learning_rate, self.momentum, self.weight_decay, self.no_decay
        )

    def callbacks(self, monitor, images, seed):
        drop = kc.training.schedules.on_plateau
        return [drop(monitor, self.factor, self.patience, self.drops, self.learning_rate)]

    def reader(self, network, layers):
        if self.views == "center":
            return layers, network
        pre, size = kc.preprocessing, {"size": self.image_size}  # section 4.1
        return layers[:-1], pre.AverageOverViews(network, pre.ten_crop, size)

    def protocol(self):
        if self.views == "center":
            return super().protocol()
        return f"ten crops of the image rescaled to {self.test_side}, averaged"


@dataclasses.dataclass(frozen=True)
class OneGPURecipe(AlexNetRecipe):
    """How the net of one GPU is trained, which AlexNet is compared with: as AlexNet."""

    network: str = cite("alexnet_one_gpu")
    towers: int = cite(1, "section 3.2: on one GPU")

    choices: ClassVar = {**AlexNetRecipe.choices, "towers": (1,)}
