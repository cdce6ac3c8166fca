"""The curvatures of `StochasticDiagonalLM` in each epoch (LeCun et al., 1998, appendix C)."""

import keras
import numpy as np

from keras_classics.checks import SEED, Rule, arguments
from keras_classics.optimizers.curvature import diagonal_curvature
from keras_classics.optimizers.stochastic_diagonal_lm import StochasticDiagonalLM

IMAGES = Rule("an array of images", lambda x: len(getattr(x, "shape", ())) > 1 and len(x) > 0)


class EstimateCurvature(keras.callbacks.Callback):
    """A callback that estimates the curvatures of `StochasticDiagonalLM` before each epoch.

    In mixed precision the curvatures are those of the same network in float32.

    Args:
        images: Training images as the network takes them, `(n, height, width, 1)`.
        patterns: Number of images of an estimate; each epoch draws others. Paper: 500.
        seed: Seed of the draws, together with the number of the epoch.

    Raises:
        ValueError: At the first epoch, if the model has another optimizer.

    Example:

    ```python
    import numpy as np
    from keras_classics.applications import LeNet1
    from keras_classics.optimizers import EstimateCurvature, StochasticDiagonalLM

    images, targets = np.zeros((20, 28, 28, 1), "float32"), np.full((20, 10), -1.0)
    model = LeNet1()
    model.compile(StochasticDiagonalLM(), "mse")
    model.fit(images, targets, callbacks=[EstimateCurvature(images, patterns=10)])
    ```

    Reference: LeCun et al., Proc. IEEE 86(11), 1998, appendix C.
    """

    @arguments(images=IMAGES, seed=SEED)
    def __init__(self, images: np.ndarray, patterns: int = 500, seed: int = 0):
        super().__init__()
        self.images = images
        self.patterns = min(patterns, len(images))
        self.seed = seed
        self.twin = None

    def on_epoch_begin(self, epoch, logs=None):
        # With float16 Keras puts a scaling of the loss around the optimizer.
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if not isinstance(optimizer, StochasticDiagonalLM):
            raise ValueError(
                "EstimateCurvature needs the optimizer StochasticDiagonalLM. "
                f"Received: a model compiled with {type(optimizer).__name__}"
            )
        optimizer.build(self.model.trainable_variables)
        random = np.random.default_rng([self.seed, epoch])
        chosen = np.sort(random.choice(len(self.images), self.patterns, replace=False))
        network = self._in_one_precision()
        optimizer.set_curvature(diagonal_curvature(network, self.images[chosen], self.model.loss))

    def _in_one_precision(self):
        if self.model.compute_dtype == self.model.variable_dtype:
            return self.model
        if self.twin is None:
            self.twin = keras.models.clone_model(
                self.model,
                clone_function=lambda layer: layer.from_config(
                    layer.get_config() | {"dtype": layer.variable_dtype}
                ),
            )
            self.twin.dtype_policy = keras.DTypePolicy(self.model.variable_dtype)
        self.twin.set_weights(self.model.get_weights())
        return self.twin
