"""How LeCun et al., "Handwritten Digit Recognition with a Back-Propagation Network", NIPS 2,
1990, trained LeNet-1."""

import dataclasses

from keras_classics.training.engine import cite
from keras_classics.training.recipes.lecun1989 import LeCun1989Recipe


@dataclasses.dataclass(frozen=True)
class LeNet1Recipe(LeCun1989Recipe):
    """How LeNet-1 is trained (LeCun et al., 1990): as the network of 1989."""

    network: str = cite("lenet1")
    epochs: int = cite(30, "section 5")
    image_size: int = cite(28, "section 3, figure 3")

    criterion = "three"  # section 5
