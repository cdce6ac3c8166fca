"""Stochastic diagonal Levenberg-Marquardt (LeCun et al., 1998, appendix C)."""

from collections.abc import Sequence

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class StochasticDiagonalLM(keras.optimizers.Optimizer):
    """Gradient descent with its own step size for each weight.

    With `h_kk` the curvature of the error along weight `w_k`,

        w_k <- w_k - eps_k dE/dw_k,    eps_k = eta / (mu + h_kk)

    The callback `EstimateCurvature` sets `h_kk` before each epoch; without it the first
    step raises an error. The paper takes one pattern a step. `dE/dw_k` is the gradient of
    Keras's loss, a mean over the batch: multiply `eta` by the batch size, so that a step
    is the sum of the paper's single steps.

    Args:
        learning_rate: `eta`. Paper: 0.0005 for two epochs, 0.0002 for three,
            0.0001 for three, 0.00005 for four, then 0.00001.
        mu: Keeps the step bounded where the error is flat. Paper: 0.02.
        name: Name of the optimizer.
        **kwargs: Further arguments of `keras.optimizers.Optimizer`.

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

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, eq. 18 to 21.
    """

    @arguments()
    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.0005,
        mu: float = 0.02,
        name: str = "stochastic_diagonal_lm",
        **kwargs,
    ):
        rate = learning_rate if callable(learning_rate) else float(learning_rate)
        super().__init__(learning_rate=rate, name=name, **kwargs)
        self.mu = mu
        self.estimated = False

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._curvatures = self.add_optimizer_variables(variables, "curvature")

    def set_curvature(self, curvatures: Sequence) -> None:
        """Sets `h_kk`.

        Args:
            curvatures: One array for each of the model's trainable variables.
        """
        for variable, curvature in zip(self._curvatures, curvatures, strict=True):
            variable.assign(curvature)
        self.estimated = True

    def update_step(self, gradient, variable, learning_rate):
        if not self.estimated:
            raise RuntimeError(
                "StochasticDiagonalLM has no curvatures to divide by. Pass the callback "
                "EstimateCurvature(images) to `fit`."
            )
        eta = ops.cast(learning_rate, variable.dtype)
        # Not a public method, but that by which Keras's own optimizers find a variable's state.
        curvature = self._curvatures[self._get_variable_index(variable)]
        step = eta / (self.mu + ops.convert_to_tensor(curvature))
        self.assign_sub(variable, step * ops.cast(gradient, variable.dtype))

    def get_config(self):
        return {**super().get_config(), "mu": self.mu}
