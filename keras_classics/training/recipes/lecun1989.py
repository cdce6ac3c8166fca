"""How LeCun et al., Neural Computation 1(4), 1989, trained, and what the LeNets share with it."""

import dataclasses
import weakref
from typing import Any, ClassVar

import numpy as np

import keras_classics as kc
from keras_classics.tables import counted
from keras_classics.training.engine import Recipe, cite

SILENT = "the paper is silent"
PLACED: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()  # digits, by their split


@dataclasses.dataclass(frozen=True)
class LeCun1989Recipe(Recipe):
    """How the network of LeCun et al., 1989, is trained: a digit at a time."""

    network: str = cite("lecun1989")
    loss: str = cite("mse", "section 5")
    epochs: int = cite(23, "section 5")
    learning_rates: tuple[float, ...] = cite((5e-4, 5e-4, 5e-4, 2e-4, 1e-4), SILENT)
    image_size: int = cite(16, "section 2.2")
    box: int = cite(16, "section 2.2")
    centre: str = cite("box", "of USPS, whose digits lie so")
    paper: float = cite(-1.0, "section 3.3: the background")
    ink: float = cite(1.0, SILENT)
    batch_size: int = cite(1, "the paper: a digit at a time")
    mu: float = cite(0.02, "LeCun et al., 1998, appendix C")
    curvature_patterns: int = cite(500, "LeCun et al., 1998, appendix C")
    fan_in_exponent: float = cite(1.0, "section 4")
    distortions: bool = cite(False, "LeCun et al., 1998, section III.B")

    rule_in_words = "stochastic diagonal Levenberg-Marquardt (optimizers.StochasticDiagonalLM)"
    of_network: ClassVar[tuple[str, ...]] = ("fan_in_exponent",)
    choices: ClassVar = {"loss": ("mse",)}
    in_memory = True
    tests_training_images = True
    shuffles = False  # the order is drawn once, and kept
    steps_per_execution = 200
    data_names = "digits, mnist or usps"

    def __post_init__(self):
        super().__post_init__()
        if self.box > self.image_size:
            raise ValueError(
                "`box` must fit into the image, `image_size`. "
                f"Received: box={self.box}, image_size={self.image_size}"
            )
        if self.paper == self.ink:
            raise ValueError(
                "`paper` and `ink` must differ, so that a digit can be seen. "
                f"Received: paper={self.paper}, ink={self.ink}"
            )

    @property
    def input_shape(self):
        return (self.image_size, self.image_size, 1)

    def build(self, **shape):
        start = kc.initializers.FanInUniform(exponent=self.fan_in_exponent)
        return self.built(kernel_initializer=start, **shape)

    def refusal(self, name, channels, side):
        if channels == 1:
            return None
        return (
            f"{self.network} trains on digits: --data={self.data_names}. Received: {name}, of "
            f"{counted(channels, 'channel')}"
        )

    def splits(self, data):
        """The digits in their boxes on the network's plane, `paper` to `ink`, float32."""
        parts = super().splits(data)
        if not all(hasattr(split, "box") for split in parts.values()):
            raise ValueError(
                f"{self.network} trains on digits, `datasets.Digits`: --data={self.data_names}. "
                f"Received: {data.name}"
            )
        return {name: self._placed(split) for name, split in parts.items()}

    def _placed(self, split):
        """Once for all recipes that place digits alike, as long as one of them keeps them."""
        key = (self.box, self.image_size, self.paper, self.ink, self.centre)
        kept = PLACED.setdefault(split, weakref.WeakValueDictionary())
        placed = kept.get(key)
        if placed is None:
            placed = self._scaled(split.images, split.box)
            kept[key] = placed = kc.datasets.InMemory(placed, split.labels)
        return placed

    def _scaled(self, ink, box):
        placed = kc.preprocessing.place_digits(ink, self.box, self.image_size, box, self.centre)
        return self.paper + (self.ink - self.paper) * placed

    def read(self, path):
        return self._scaled(kc.preprocessing.read_ink(path)[None, ..., None], None)[0]

    def input_layer(self, preprocess):
        return kc.preprocessing.DigitInput(
            self.box, self.image_size, self.paper, self.ink, self.centre, dtype="float32"
        )

    def layers(self, training):
        if not (training and self.distortions):
            return []
        return [kc.preprocessing.PlanarDistortion(background=self.paper)]

    def targets(self, labels, classes):
        """For mse +1 for the class and -1 for the others (LeCun et al., 1990, section 3)."""
        return 2 * np.eye(10, dtype="float32")[labels] - 1 if self.loss == "mse" else labels

    def loss_function(self):
        import keras

        if self.loss == "mse":
            return keras.losses.MeanSquaredError()
        if self.loss == "mle":
            return kc.losses.MaximumLikelihood()
        if self.loss == "map":
            return kc.losses.MaximumAPosteriori(self.j)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=self.head == "rbf")

    @property
    def accuracy(self):
        return "categorical_accuracy" if self.loss == "mse" else "sparse_categorical_accuracy"

    def update_rule(self, steps, model):
        import keras

        rule = kc.optimizers.StochasticDiagonalLM(mu=self.mu)
        if model.dtype_policy.name == "mixed_float16":
            # Penalties are in the hundreds, and would overflow at Keras's 2**15.
            return keras.optimizers.LossScaleOptimizer(rule, initial_scale=2.0**6)
        return rule

    def compiles(self):
        """On a CPU, XLA halves the time of steps of one digit, and slows larger ones down."""
        return self.batch_size == 1

    def learning_rate(self, epoch):
        """`eta` in an epoch, counted from 0: of a digit, times the digits of a step.

        The gradient is a batch's mean; so a step is the sum of its digits' own steps.
        """
        rates = self.learning_rates
        return self.batch_size * rates[epoch * len(rates) // self.epochs]

    def callbacks(self, monitor, images, seed):
        import keras

        return [
            keras.callbacks.LearningRateScheduler(self.learning_rate),
            kc.optimizers.EstimateCurvature(images, self.curvature_patterns, seed),
        ]

    def protocol(self):
        return f"a digit in its box of {self.box}x{self.box} on the plane of {self.image_size}"
