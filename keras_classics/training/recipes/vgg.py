"""How Simonyan & Zisserman, ICLR 2015, trained VGG: section 3."""

import dataclasses
from typing import ClassVar

import keras_classics as kc
from keras_classics.training.engine import MEAN, Recipe, cite, mean_of


@dataclasses.dataclass(frozen=True)
class VGGRecipe(Recipe):
    """How VGG is trained (Simonyan & Zisserman, 2015, section 3.1)."""

    network: str = cite("vgg16")
    epochs: int = cite(74, "section 3.1")
    batch_size: int = cite(256, "section 3.1")
    learning_rate: float = cite(0.01, "section 3.1")
    factor: float = cite(0.1, "section 3.1: when the validation accuracy stopped improving")
    patience: int = cite(5, "the paper is silent")
    drops: int = cite(3, "section 3.1")
    momentum: float = cite(0.9, "section 3.1")
    weight_decay: float = cite(5e-4, "section 3.1")
    no_decay: tuple[str, ...] = cite(
        ("bias",), "the paper is silent; Caffe's layers, from which it comes"
    )
    image_size: int = cite(224, "section 2.1")
    short_side: tuple[int, ...] = cite((256, 512), "section 3.1, scale jittering")
    mean: str = cite("channel", "section 2.1", range=MEAN)
    color: bool = cite(True, "section 3.1")
    views: str = cite(
        "center",
        "ours, at the paper's Q; paper: densely, section 3.2; scale: at one Q, Table 3; crops: "
        "50 a scale, Table 5; both: crops and paper, Table 5",
    )

    rule_in_words = "momentum SGD, weight decay inside the velocity (optimizers.CoupledSGD)"
    choices: ClassVar = {"views": ("center", "paper", "scale", "crops", "both")}

    def __post_init__(self):
        super().__post_init__()
        if min(self.short_side) < self.image_size:
            raise ValueError(
                "`short_side` must hold the crop. Received: "
                f"short_side={self.short_side}, image_size={self.image_size}"
            )

    @property
    def test_side(self):
        """`Q` of a single scale, the middle of the range of `S` (sections 3.2 and 4.1)."""
        return (self.short_side[0] + self.short_side[-1]) // 2

    def layers(self, training):
        pre = kc.preprocessing
        sides = self.short_side if training else (self.test_side,)
        return [
            pre.RescaleShortSide(sides[0] if len(sides) == 1 else sides),
            pre.CropAndFlip(self.image_size),
            *([pre.PCAColorJitter()] if self.color else []),
            mean_of(self.mean),
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
        import keras

        pre, of_scales = kc.preprocessing, {"short_sides": self.scales()}
        crops = pre.AverageOverViews(
            network, pre.multi_crop, {**of_scales, "size": self.image_size}
        )
        if self.views == "crops":
            return layers[-1:], crops
        # Section 3.2; with Caffe's pools, as the paper's numbers.
        dense = kc.applications.vgg.dense(network, "caffe")
        dense = pre.AverageOverViews(dense, pre.whole_images, of_scales)
        if self.views == "both":  # section 4.4: their soft-max outputs are averaged
            image = keras.Input((None, None, network.input_shape[-1]))
            dense = keras.Model(image, keras.layers.average([dense(image), crops(image)]))
        return layers[-1:], dense

    def scales(self):
        """`Q`, the short sides of a test image (sections 4.1 and 4.2)."""
        if self.views == "scale":
            return (self.test_side,)
        low, high = self.short_side[0], self.short_side[-1]
        if low == high:
            low, high = max(self.image_size, low - 32), high + 32
        return (low, self.test_side, high)

    def protocol(self):
        if self.views == "center":
            return super().protocol()
        what = {
            "crops": f"50 crops of {self.image_size}",
            "both": f"50 crops of {self.image_size} and the whole image",
        }.get(self.views, "the whole image")
        scales = ", ".join(map(str, self.scales()))
        several = "scales" if len(self.scales()) > 1 else "scale"
        return f"{what} at the {several} {scales}, and mirrored, averaged"
