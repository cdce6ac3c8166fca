"""How the papers of the LeNet family train: digits on a plane, and their own update rule."""

import dataclasses
import hashlib

import keras
import numpy as np

from keras_classics import applications, backend, datasets, losses
from keras_classics.initializers import FanInUniform
from keras_classics.optimizers import EstimateCurvature, StochasticDiagonalLM
from keras_classics.preprocessing import PlanarDistortion, place_digits, read_ink
from keras_classics.training.inputs import batches
from keras_classics.training.recipe import Recipe, exact, field
from keras_classics.training.strategies import ONE, replicas

NETWORKS = {
    "lecun1989": applications.LeCun1989,
    "lenet1": applications.LeNet1,
    "lenet5": applications.LeNet5,
}
HEADS = ("rbf", "softmax")
LOSSES = {  # of each head
    "rbf": ("mle", "map", "crossentropy"),
    "softmax": ("crossentropy",),
    None: ("mse",),
}


@dataclasses.dataclass(frozen=True)
class DigitRecipe(Recipe):
    """How the LeNet family is trained; see `Recipe`."""

    data_kind, data_names = datasets.Data, "digits, mnist or usps"

    network: str = field("name of the network")
    loss: str = field("mle (eq. 8), map (eq. 9), crossentropy, or mse (targets +1 and -1)")
    passes: int = field("passes over the training set")
    learning_rates: tuple = field(
        "eta of a pattern, one for each pass; stretched over other `passes`"
    )
    plane: int = field("side of the input plane, pixels")
    box: int = field("side of the box that a digit is fitted into, pixels")
    paper: float = field("input value of the paper", default=-1.0)
    ink: float = field("input value of the ink", default=1.0)
    batch_size: int = field("patterns a step; 1 is the papers' own rule", default=1)
    head: str = field("LeNet-5's output: rbf or softmax", default=None)
    j: float = field("penalty of the rubbish class, for map", default=10.0)
    mu: float = field("mu of eq. 21, bounds the step where the error is flat", default=0.02)
    curvature_patterns: int = field("patterns for the curvatures, before a pass", default=500)
    fan_in_exponent: float = field("weights start in +-2.4/F**exponent", default=1.0)
    distortions: bool = field("distort the training images (section III.B)", default=False)

    def __post_init__(self):
        known = {"network": NETWORKS, "head": HEADS if self.network == "lenet5" else (None,)}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(map(str, values))} for {self.network}. "
                    f"Received: {name}={getattr(self, name)}"
                )
        if self.loss not in LOSSES[self.head]:
            raise ValueError(
                f"{self.network} with head={self.head} trains with the loss "
                f"{' or '.join(LOSSES[self.head])}. Received: loss={self.loss}"
            )
        if min(self.passes, self.batch_size, self.curvature_patterns) < 1:
            raise ValueError(
                "`passes`, `batch_size` and `curvature_patterns` must be at least 1. Received: "
                f"{self.passes}, {self.batch_size}, {self.curvature_patterns}"
            )

    def learning_rate(self, pass_number):
        """`eta` in a pass, counted from 0: of a pattern, times the patterns in a step.

        The gradient is a batch's mean; so a step is the sum of its patterns' own steps.
        """
        return (
            self.batch_size
            * self.learning_rates[pass_number * len(self.learning_rates) // self.passes]
        )

    def build(self, builder=None):
        """The network, untrained, or another by its `builder`."""
        shape = (self.plane, self.plane, 1)
        if builder:
            return builder(input_shape=shape, classes=10)
        head = {} if self.head is None else {"head": self.head}
        return NETWORKS[self.network](
            input_shape=shape,
            kernel_initializer=FanInUniform(exponent=self.fan_in_exponent),
            **head,
        )

    def criterion(self):
        """The loss function."""
        if self.loss == "mle":
            return losses.MaximumLikelihood()
        if self.loss == "map":
            return losses.MaximumAPosteriori(self.j)
        if self.loss == "crossentropy":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=self.head == "rbf")
        return keras.losses.MeanSquaredError()

    def inputs(self, images, box):
        """What the network sees: digits of 0 to 1 and of this box, on its plane."""
        placed = place_digits(images, self.box, self.plane, box)
        return self.paper + (self.ink - self.paper) * placed

    def targets(self, labels):
        """What the loss compares with: for mse, +1 for the class and -1 for the others."""
        return 2 * np.eye(10, dtype="float32")[labels] - 1 if self.loss == "mse" else labels

    def metric(self):
        """Name of Keras's accuracy for these targets."""
        return "categorical_accuracy" if self.loss == "mse" else "sparse_categorical_accuracy"

    def distortion(self, seed):
        """The layer that distorts training images, or `None`."""
        if not self.distortions:
            return None
        return exact(PlanarDistortion(background=self.paper, seed=seed))[0]

    def prepare(self, data, seed, folder, strategy=ONE, builder=None):
        """The compiled model, and what its `fit` takes; the order is drawn once, and kept."""
        order = np.random.default_rng(seed).permutation(len(data.train_images))
        images = self.inputs(data.train_images, data.box)[order]
        targets = self.targets(data.train_labels)[order]
        test_images = self.inputs(data.test_images, data.box)
        place = replicas(strategy)
        steps = min(-(-len(images) // self.batch_size), 200) if place.count == 1 else 1
        # On a CPU, XLA halves the time of steps of one pattern and slows larger ones down.
        compiles = self.batch_size == 1 and backend.has_xla() and place.count == 1
        with strategy.scope():
            model = self.build(builder)
            rule = StochasticDiagonalLM(mu=self.mu)
            if model.dtype_policy.name == "mixed_float16":
                # Penalties are in the hundreds, and would overflow at Keras's 2**15.
                rule = keras.optimizers.LossScaleOptimizer(rule, initial_scale=2.0**6)
            model.compile(
                optimizer=rule,
                auto_scale_loss=False,
                loss=self.criterion(),
                metrics=[self.metric()],
                steps_per_execution=backend.steps_per_execution(steps),
                jit_compile=True if compiles else "auto",
            )
        distort = self.distortion(seed)
        test = (test_images, self.targets(data.test_labels))
        return model, {
            "x": batches(images, targets, self.batch_size, seed, False, distort, place),
            "validation_data": batches(*test, 1000, place=place),
            "shuffle": False,
            "monitor": f"val_{self.metric()}",
            "callbacks": [
                keras.callbacks.LearningRateScheduler(self.learning_rate),
                EstimateCurvature(images, self.curvature_patterns, seed),
            ],
        }

    def trained(self, model, images):
        """The network as it is tested."""
        return model

    @property
    def protocol(self):
        """How an image is tested."""
        return f"a digit in its box of {self.box}x{self.box} on the plane of {self.plane}"

    def answers(self, model, data, folder):
        """Part, scores and labels of the training and the test set."""
        for part in ("train", "test"):
            images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
            inputs = self.inputs(images, data.box)
            yield part, model.predict(inputs, batch_size=500, verbose=0), labels

    def classes(self, data):
        """Names of the classes."""
        return [str(digit) for digit in range(10)]

    def scores(self, model, paths, folder):
        """The scores of the classes for the digit in each image file."""
        for path in paths:
            image = self.inputs(read_ink(path)[None, ..., None], None)
            yield model.predict(image, verbose=0)[0]

    def pictured(self, data, folder):
        """What pictures of the trained network show: test images as it sees them, and labels."""
        return self.inputs(data.test_images, data.box), data.test_labels

    def about(self, data):
        """What a run states of its data."""
        digest = hashlib.sha256()
        for value in (data.train_images, data.train_labels, data.test_images, data.test_labels):
            digest.update(np.ascontiguousarray(value))
        return {"box": data.box, "sha256": digest.hexdigest()}
