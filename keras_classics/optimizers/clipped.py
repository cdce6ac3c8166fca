"""Gradients that are clipped by the norm of the whole batch's, also on several replicas."""

import keras
from keras import ops

from keras_classics import backend


class _Clipped:
    """An optimizer that clips after the replicas' gradients are summed up.

    With `g` the gradient of the whole batch, all variables together, and `c` of
    `global_clipnorm`,

        g <- g min(1, c / |g|)

    Under `tf.distribute` Keras's optimizers clip the share of each replica instead, and so
    another direction, by another bound. On one device the two are the same.
    """

    def apply(self, grads, trainable_variables=None):
        count, summed = backend.sum_over_replicas(grads)
        if count > 1 and self.global_clipnorm:
            norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(g, "float32"))) for g in summed))
            # Keras sums up once more: of each replica an equal share.
            factor = ops.minimum(1.0, self.global_clipnorm / norm) / count
            grads = [g * ops.cast(factor, g.dtype) for g in summed]
        super().apply(grads, trainable_variables)


@keras.saving.register_keras_serializable(package="keras_classics")
class ClippedAdamW(_Clipped, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, whose `global_clipnorm` is that of the whole batch's gradient.

    Under `tf.distribute` Keras's own clips the share of each replica.
    """


@keras.saving.register_keras_serializable(package="keras_classics")
class ClippedSGD(_Clipped, keras.optimizers.SGD):
    """`keras.optimizers.SGD`, whose `global_clipnorm` is that of the whole batch's gradient.

    Under `tf.distribute` Keras's own clips the share of each replica.
    """
