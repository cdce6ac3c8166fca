"""Gradients clipped by the norm of the gradient of the whole batch, also on several replicas."""

import keras
from keras import ops

from keras_classics import backend


class _Clipped:
    """An optimizer that clips the sum of the gradients of all replicas.

    With `g` the gradient of the whole batch along all variables, and `c` the
    `global_clipnorm`,

        g <- g min(1, c / |g|)

    Under `tf.distribute`, Keras's optimizers clip the gradient of each replica instead: another
    direction, by another bound. On one device both rules are the same.
    """

    def apply(self, grads, trainable_variables=None):
        count, summed = backend.sum_over_replicas(grads)
        if count > 1 and self.global_clipnorm:
            norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(g, "float32"))) for g in summed))
            # Keras sums over the replicas again: so each gives an equal share.
            factor = ops.minimum(1.0, self.global_clipnorm / norm) / count
            grads = [g * ops.cast(factor, g.dtype) for g in summed]
        super().apply(grads, trainable_variables)


@keras.saving.register_keras_serializable(package="keras_classics")
class ClippedAdamW(_Clipped, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, with a `global_clipnorm` for the gradient of the whole batch.

    With `g` the gradient of the whole batch along all variables, and `c` the
    `global_clipnorm`,

        g <- g min(1, c / |g|)

    Under `tf.distribute`, Keras's own optimizer clips the gradient of each replica. The
    arguments are those of `keras.optimizers.AdamW`.

    Example:

    ```python
    import keras
    from keras_classics.optimizers import ClippedAdamW

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(ClippedAdamW(1e-3, weight_decay=0.3, global_clipnorm=1.0), "mse")
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 4.1:
    clipping at global norm 1.
    """


@keras.saving.register_keras_serializable(package="keras_classics")
class ClippedSGD(_Clipped, keras.optimizers.SGD):
    """`keras.optimizers.SGD`, with a `global_clipnorm` for the gradient of the whole batch.

    With `g` the gradient of the whole batch along all variables, and `c` the
    `global_clipnorm`,

        g <- g min(1, c / |g|)

    Under `tf.distribute`, Keras's own optimizer clips the gradient of each replica. The
    arguments are those of `keras.optimizers.SGD`.

    Example:

    ```python
    import keras
    from keras_classics.optimizers import ClippedSGD

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(ClippedSGD(0.01, momentum=0.9, global_clipnorm=1.0), "mse")
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 4.1:
    clipping at global norm 1.
    """
