"""How He, Zhang, Ren & Sun, CVPR 2016, trained ResNet and its plain twins: sections 3.4 and 4.2."""

import dataclasses
from typing import ClassVar

import keras_classics as kc
from keras_classics.training.engine import MEAN, Recipe, cite, mean_of
from keras_classics.training.recipes.cuda_convnet import CIFARRecipe

SILENT = "the paper is silent"
SCALES = (224, 256, 384, 480, 640)  # section 3.4


@dataclasses.dataclass(frozen=True)
class ResNetRecipe(Recipe):
    """How ResNet and its plain twins are trained on ImageNet (He et al., 2016, section 3.4)."""

    network: str = cite("resnet50")
    shortcut: str = cite("B", "section 4.1; A in Table 2, C in Table 3")
    stride_in: str = cite("1x1", "the paper is silent; so in the authors' networks")
    epochs: int = cite(120, "section 3.4: up to 600,000 steps")
    batch_size: int = cite(256, "section 3.4")
    learning_rate: float = cite(0.1, "section 3.4")
    factor: float = cite(0.1, "section 3.4: divided by 10 when the error plateaus")
    patience: int = cite(5, SILENT)
    drops: int = cite(3, SILENT)
    momentum: float = cite(0.9, "section 3.4")
    weight_decay: float = cite(1e-4, "section 3.4")
    no_decay: tuple[str, ...] = cite((), SILENT)
    image_size: int = cite(224, "section 3.4")
    short_side: tuple[int, ...] = cite((256, 480), "section 3.4")
    mean: str = cite("pixel", "section 3.4", range=MEAN)
    color: bool = cite(True, "section 3.4")
    synchronized: bool = cite(False, SILENT)
    views: str = cite("center", "the authors' page, of 256; paper: ten crops; scales: several")

    rule_in_words = "momentum SGD, weight decay inside the velocity (optimizers.CoupledSGD)"
    of_network = ("shortcut", "stride_in")
    choices: ClassVar = {
        "shortcut": ("A", "B", "C"),
        "stride_in": ("1x1", "3x3"),
        "views": ("center", "paper", "scales"),
    }

    def __post_init__(self):
        super().__post_init__()
        if min(self.short_side) < self.image_size:
            raise ValueError(
                "`short_side` must hold the crop. Received: "
                f"short_side={self.short_side}, image_size={self.image_size}"
            )
        if self.network.startswith("plain") and (self.shortcut, self.stride_in) != ("B", "1x1"):
            raise ValueError(
                f"{self.network} has no shortcuts and no bottlenecks. Received: "
                f"shortcut={self.shortcut}, stride_in={self.stride_in}"
            )

    def build(self, **shape):
        if self.network.startswith("plain"):
            return self.built(**shape)
        return self.built(shortcut=self.shortcut, stride_in=self.stride_in, **shape)

    @property
    def test_side(self):
        return min(self.short_side)  # 256, as on the authors' page

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
        """Ten crops; or, at several scales, the whole image less the mean of its channels."""
        import keras

        pre, mean = kc.preprocessing, layers[-1]
        if self.views == "center":
            return layers, network
        if self.views == "paper":
            crops = keras.Sequential([keras.Input(network.input_shape[1:]), mean, network])
            size = {"size": self.image_size}
            rescale = pre.RescaleShortSide(self.test_side, dtype="float32")
            return [rescale], pre.AverageOverViews(crops, pre.ten_crop, size)
        average = keras.ops.convert_to_numpy(mean.average)
        channels = [float(x) for x in average.reshape(-1, average.shape[-1]).mean(axis=0)]
        whole = keras.models.clone_model(network, keras.Input((None, None, 3)))
        whole.set_weights(network.get_weights())
        subtract = pre.SubtractMean("channel", mean=channels, dtype="float32")
        return [subtract], pre.AverageOverViews(whole, pre.whole_images, {"short_sides": SCALES})

    def protocol(self):
        if self.views == "scales":
            return f"the whole image at the scales {', '.join(map(str, SCALES))}, averaged"
        if self.views == "paper":
            return f"ten crops of the image rescaled to {self.test_side}, averaged"
        return super().protocol()


@dataclasses.dataclass(frozen=True)
class ResNetCIFARRecipe(CIFARRecipe):
    """How ResNet and its plain twins are trained on CIFAR-10 (He et al., 2016, section 4.2)."""

    network: str = cite("resnet20_cifar")
    epochs: int = cite(164, "section 4.2: 64,000 steps, 391 an epoch of 50,000 images")
    batch_size: int = cite(128, "section 4.2")
    learning_rate: float = cite(0.1, "section 4.2")
    drops_at: tuple[int, ...] = cite((32_000, 48_000), "section 4.2")
    factor: float = cite(0.1, "section 4.2")
    slow_steps: int = cite(-1, "section 4.2: about 400 for 110 layers")
    momentum: float = cite(0.9, "section 4.2")
    weight_decay: float = cite(1e-4, "section 4.2")
    padding: int = cite(4, "section 4.2")
    synchronized: bool = cite(False, SILENT)
    held_out: int = cite(0, "section 4.2: 5,000, to choose the schedule")

    rule_in_words = "momentum SGD, weight decay inside the velocity (optimizers.CoupledSGD)"
    image_size = 32

    def __post_init__(self):
        super().__post_init__()
        if self.drops_at and self._slow() >= self.drops_at[0]:
            raise ValueError(
                "`slow_steps` must end before the learning rate drops. Received: slow_steps="
                f"{self.slow_steps} ({self._slow()} steps), drops_at={self.drops_at}"
            )

    def device_layers(self, seed):
        """The mean of each pixel is subtracted before zeros are put around the image."""
        return [
            kc.preprocessing.SubtractMean("pixel"),
            kc.preprocessing.CropAndFlip(self.image_size, seed, self.padding),
        ]

    def update_rule(self, steps, model):
        return kc.optimizers.CoupledSGD(self.rate(), self.momentum, self.weight_decay)

    @property
    def depth(self):
        """Layers with weights; 0 for a network of another kind, or of one's own."""
        try:
            return self.named().arguments.get("depth", 0)
        except ValueError:
            return 0

    def _slow(self):
        return (400 if self.depth >= 110 else 0) if self.slow_steps < 0 else self.slow_steps

    def rate(self):
        """The learning rate by steps: the first one makes exactly `drops_at[0]` of them."""
        slow = self._slow()
        rates = [self.learning_rate * self.factor**n for n in range(len(self.drops_at) + 1)]
        steps = list(self.drops_at)
        if slow:
            rates, steps = [0.1 * self.learning_rate, *rates], [slow, *steps]
        if not steps:
            return self.learning_rate
        return kc.training.schedules.by_steps(rates, steps)

    def protocol(self):
        return f"the whole image of {self.image_size}x{self.image_size}"
