"""How each paper trained its network: every number with its section, or a choice.

LeNet-5: LeCun et al., Proc. IEEE 86(11), 1998 (sections III.B, appendices A and C).
LeNet-1: LeCun et al., NIPS 2, 1990. LeCun 1989: LeCun et al., Neural Computation
1(4), 1989.
"""

import dataclasses

import keras
import numpy as np

from keras_classics import applications, losses
from keras_classics.initializers import FanInUniform
from keras_classics.preprocessing import PlanarDistortion, place_digits

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


def _field(help, **default):
    return dataclasses.field(metadata={"help": help}, **default)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A training run, but for its data and its seed. Flags override fields by name."""

    network: str = _field("name of the network")
    loss: str = _field("mle (eq. 8), map (eq. 9), crossentropy, or mse (targets +1 and -1)")
    passes: int = _field("passes over the training set")
    learning_rates: tuple = _field(
        "eta of a pattern, one for each pass; stretched over other `passes`"
    )
    plane: int = _field("side of the input plane, pixels")
    box: int = _field("side of the box that a digit is fitted into, pixels")
    paper: float = _field("input value of the paper", default=-1.0)
    ink: float = _field("input value of the ink", default=1.0)
    batch_size: int = _field("patterns a step; 1 is the papers' own rule", default=1)
    head: str = _field("LeNet-5's output: rbf or softmax", default=None)
    j: float = _field("penalty of the rubbish class, for map", default=10.0)
    mu: float = _field("mu of eq. 21, bounds the step where the error is flat", default=0.02)
    curvature_patterns: int = _field("patterns for the curvatures, before a pass", default=500)
    fan_in_exponent: float = _field("weights start in +-2.4/F**exponent", default=1.0)
    distortions: bool = _field("distort the training images (section III.B)", default=False)

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


RECIPES = {
    "lecun1989": Recipe(
        network="lecun1989",
        loss="mse",
        passes=23,  # section 5
        learning_rates=(5e-4, 5e-4, 5e-4, 2e-4, 1e-4),  # the paper is silent
        plane=16,  # section 2.2
        box=16,
        paper=-1.0,
        ink=1.0,
    ),
    "lenet1": Recipe(
        network="lenet1",
        loss="mse",
        passes=30,  # section 5
        learning_rates=(5e-4, 5e-4, 5e-4, 2e-4, 1e-4),  # the paper is silent
        plane=28,  # section 3, figure 3
        box=16,
        paper=-1.0,
        ink=1.0,
    ),
    "lenet5": Recipe(
        network="lenet5",
        head="rbf",
        loss="map",  # the paper does not say by which its networks were trained
        passes=20,  # section III.B
        # A quarter of the paper's rates: those diverge here in the second pass.
        learning_rates=tuple(
            eta / 4 for eta in (*[5e-4] * 2, *[2e-4] * 3, *[1e-4] * 3, *[5e-5] * 4, *[1e-5] * 8)
        ),
        batch_size=16,  # the paper: 1
        plane=32,  # section II.B
        box=20,  # section III.A
        paper=-0.1,  # section II.B
        ink=1.175,
        # The paper prints 1, but reports rates of 7e-5 to 0.016 in its first pass: with 1
        # the curvatures vanish and all rates but the last layers' are eta / mu = 0.025.
        fan_in_exponent=0.5,
    ),
}
