"""Initial weights of the classic papers."""

import math
from collections.abc import Callable

import keras
import numpy as np

from keras_classics.checks import POSITIVE, SEED, Rule, arguments, either, is_config, optional

SEEDS = either(
    optional(SEED),
    Rule(
        "a keras.random.SeedGenerator",
        lambda x: isinstance(x, keras.random.SeedGenerator) or is_config(x),
    ),
)
Initializer = str | dict | Callable | None  # what Keras takes for one


@keras.saving.register_keras_serializable(package="keras_classics")
class FanInUniform(keras.initializers.Initializer):
    """A uniform distribution, whose range the fan-in `F_i` of unit `i` sets.

        w ~ U(-scale / F_i ** exponent, +scale / F_i ** exponent)

    `F_i` is the number of weighted inputs of a unit without its bias: the product of
    all axes of the weight's shape but the last. The papers divide by the fan-in
    itself: appendix A of 1998 expects the inputs of a unit to be strongly
    correlated. With an exponent of 1/2, weighted sums of independent inputs keep the
    variance of the inputs, up to a constant.

    Args:
        scale: Numerator of the range. Paper: 2.4.
        exponent: Power of the fan-in. Paper: 1.
        seed: An integer, a `keras.random.SeedGenerator`, or `None`. As with
            Keras's initializers, one instance with an integer seed (or `None`)
            gives the same values at each call.

    Example:

    ```python
    import keras
    from keras_classics.initializers import FanInUniform

    layer = keras.layers.Dense(10, kernel_initializer=FanInUniform(seed=0))
    layer.build((None, 84))  # weights from -2.4 / 84 to 2.4 / 84
    ```

    References: LeCun et al., "Backpropagation Applied to Handwritten Zip Code
    Recognition", Neural Computation 1(4), 1989, section 4; LeCun et al., Proc.
    IEEE 86(11), 1998, appendix A.
    """

    @arguments(scale=POSITIVE, seed=SEEDS)
    def __init__(
        self,
        scale: float = 2.4,
        exponent: float = 1.0,
        seed: int | keras.random.SeedGenerator | None = None,
    ):
        self.scale = scale
        self.exponent = exponent
        self._unit = keras.initializers.RandomUniform(-1.0, 1.0, seed)

    def __call__(self, shape, dtype=None):
        limit = self.scale / math.prod(shape[:-1]) ** self.exponent
        return limit * self._unit(shape, dtype=dtype)

    def get_config(self):
        seed = self._unit.get_config()["seed"]
        return {"scale": self.scale, "exponent": self.exponent, "seed": seed}


@keras.saving.register_keras_serializable(package="keras_classics")
class SinusoidalPositions(keras.initializers.Initializer):
    """The position encoding of the Transformer, for `PositionEmbedding`.

        PE(pos, 2i)     = sin(pos / 10000 ** (2i / D))
        PE(pos, 2i + 1) = cos(pos / 10000 ** (2i / D))

    The wavelengths go from `2 pi` to `10000 * 2 pi` positions. Shape: `(positions, D)`.

    Example:

    ```python
    from keras_classics.initializers import SinusoidalPositions

    encoding = SinusoidalPositions()((50, 64))  # 50 positions, D = 64
    ```

    Reference: Vaswani et al., "Attention Is All You Need", NIPS 2017, section 3.5.
    """

    def __call__(self, shape, dtype=None):
        positions, d = shape
        at = np.arange(positions)[:, None] / 10000 ** (np.arange(d) // 2 * 2 / d)
        values = np.where(np.arange(d) % 2, np.cos(at), np.sin(at))
        return keras.ops.convert_to_tensor(values, dtype or keras.config.floatx())
