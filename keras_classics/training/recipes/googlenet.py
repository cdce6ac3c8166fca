"""How Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, trained GoogLeNet: sections 5
to 7."""

import dataclasses
from typing import ClassVar

import keras_classics as kc
from keras_classics.training.engine import MEAN, Recipe, cite, mean_of

SILENT = "the paper is silent"


@dataclasses.dataclass(frozen=True)
class GoogLeNetRecipe(Recipe):
    """How GoogLeNet is trained (Szegedy et al., 2015, section 6), auxiliary classifiers too."""

    network: str = cite("googlenet")
    epochs: int = cite(90, SILENT)
    batch_size: int = cite(32, SILENT)
    learning_rate: float = cite(0.01, SILENT)
    factor: float = cite(0.96, "section 6: lower by 4 % every 8 epochs")
    epochs_per_drop: int = cite(8, "section 6")
    momentum: float = cite(0.9, "section 6")
    weight_decay: float = cite(2e-4, SILENT)
    no_decay: tuple[str, ...] = cite(("bias",), SILENT)
    ema: float = cite(0.9999, "section 6: Polyak averaging; the paper is silent on its length")
    image_size: int = cite(224, "section 5")
    smallest_area: float = cite(0.08, "section 6: 8 % to 100 %, aspect ratio 3/4 to 4/3")
    mean: str = cite("channel", "section 5", range=MEAN)
    views: str = cite("center", "Table 3, 1 crop, here of 256; paper: 144 crops, section 7")

    rule_in_words = (
        "momentum SGD, weight decay inside the velocity (optimizers.CoupledSGD), and the "
        "average of the weights"
    )
    choices: ClassVar = {"views": ("center", "paper")}

    @property
    def loss_weights(self):
        return kc.applications.googlenet.LOSS_WEIGHTS

    def build(self, **shape):
        return self.built(auxiliary=True, **shape)

    @property
    def test_side(self):
        """For crops of 224 the smallest scale of section 7, 256."""
        return self.image_size * 8 // 7

    def layers(self, training):
        pre, side = kc.preprocessing, self.image_size
        if training:
            cut = [pre.AreaAspectCrop(side, (self.smallest_area, 1.0))]
        else:
            cut = [pre.RescaleShortSide(self.test_side), pre.CropAndFlip(side)]
        return [*cut, mean_of(self.mean)]

    def metrics(self):
        import keras

        return ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5")]

    def update_rule(self, steps, model):
        return kc.optimizers.CoupledSGD(
            self.learning_rate,
            self.momentum,
            self.weight_decay,
            self.no_decay,
            use_ema=self.ema > 0,
            ema_momentum=self.ema,
        )

    def callbacks(self, monitor, images, seed):
        drop = kc.training.schedules.by_epochs
        return [drop(self.factor, self.epochs_per_drop, self.learning_rate)]

    def reader(self, network, layers):
        if self.views == "center":
            return layers, network
        pre, size = kc.preprocessing, {"size": self.image_size}  # section 7
        return layers[-1:], pre.AverageOverViews(network, pre.googlenet_crops, size)

    def protocol(self):
        if self.views == "paper":
            return "144 crops, averaged"
        return super().protocol()
