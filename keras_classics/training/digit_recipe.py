"""How the papers of the LeNet family train: digits on a plane, and their own update rule."""

import dataclasses
import hashlib

import keras
import numpy as np

from keras_classics import applications, backend, datasets, losses
from keras_classics.initializers import FanInUniform
from keras_classics.optimizers import EstimateCurvature, StochasticDiagonalLM
from keras_classics.preprocessing import PlanarDistortion, place_digits, read_ink
from keras_classics.training.fields import count_errors, field
from keras_classics.training.inputs import batches

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
class DigitRecipe:
    """A training run, but for its data and its seed. Flags override fields by name."""

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

    def build(self):
        """The network, untrained."""
        head = {} if self.head is None else {"head": self.head}
        return NETWORKS[self.network](
            input_shape=(self.plane, self.plane, 1),
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
        return PlanarDistortion(background=self.paper, seed=seed) if self.distortions else None

    def prepare(self, data, seed, folder):
        """The compiled model, and what its `fit` takes; the order is drawn once, and kept."""
        order = np.random.default_rng(seed).permutation(len(data.train_images))
        images = self.inputs(data.train_images, data.box)[order]
        targets = self.targets(data.train_labels)[order]
        test_images = self.inputs(data.test_images, data.box)
        model = self.build()
        model.compile(
            optimizer=StochasticDiagonalLM(mu=self.mu),
            loss=self.criterion(),
            metrics=[self.metric()],
            steps_per_execution=backend.steps_per_execution(
                min(-(-len(images) // self.batch_size), 200)
            ),
            # On a CPU, XLA halves the time of steps of one pattern and slows larger ones down.
            jit_compile=True if self.batch_size == 1 and backend.has_xla() else "auto",
        )
        return model, {
            "x": batches(images, targets, self.batch_size, self.distortion(seed)),
            "validation_data": batches(test_images, self.targets(data.test_labels), 1000),
            "shuffle": False,
            "callbacks": [
                keras.callbacks.LearningRateScheduler(self.learning_rate),
                EstimateCurvature(images, self.curvature_patterns, seed),
            ],
        }

    def trained(self, model, images):
        """The network as it is tested."""
        return model

    def evaluate(self, model, data, folder):
        """Counts the misread digits: `{"test": {"wrong", "of", "percent"}, "train": ...}`."""
        errors = {}
        for split in ("test", "train"):
            images, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
            scores = model.predict(self.inputs(images, data.box), batch_size=500, verbose=0)
            errors[split] = count_errors(scores.argmax(-1) != labels)
        return errors

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
