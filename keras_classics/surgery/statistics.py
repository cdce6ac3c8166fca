"""What to do with batch normalization's statistics after training, and before fine-tuning."""

import math
import operator

import keras
import numpy as np
from keras import ops


def recompute_statistics(model, data, batch_size=None):
    """Replaces the moving averages of batch normalization by averages over the training data.

    With `mu_B` and `var_B` the mean and the (biased) variance of a channel over the `m` values
    that one batch has of it (images times positions),

        E[x] = E_B[mu_B],    Var[x] = E_B[m / (m - 1) * var_B]

    where a batch counts as much as it has values, so that a smaller last one counts less. As in
    training, each batch is normalized by its own statistics, and dropout and random layers
    are active. The momentum, all other weights and the random seeds stay as they are; if the
    data fail, the statistics too.

    - Give the batches their size in training, and shuffle: in data sorted by class, a batch's
      variance misses what the classes differ by.
    - Frozen layers (`trainable=False`), and those that a subclassed model calls with
      `training=False`, use their statistics in training, too, and keep them.
    - A layer that is applied several times gets the average over all its inputs.
    - Under a distribution strategy, call it outside of the strategy's scope, with the batch
      size of one replica.

    Args:
        model: A built `keras.Model`. Its `BatchNormalization` layers are changed in place,
            those of nested models as well.
        data: Whatever `model.predict` takes: an array, or lists or dicts of arrays for
            several inputs; a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of
            batches or of tuples `(x, y)`, of which `x` is used. It must end.
        batch_size: Number of images in a batch of arrays. Keras's default: 32.

    Raises:
        ValueError: if there is no layer to change, if one is not built, or has batch
            renormalization, whose training needs its moving averages, if there are no data, or if
            a batch has one value of a channel, which has no variance.

    References: Ioffe & Szegedy, "Batch Normalization: Accelerating Deep Network Training by
    Reducing Internal Covariate Shift", ICML 2015 (arXiv:1502.03167), algorithm 2. The
    released models of He, Zhang, Ren & Sun, CVPR 2016, have such averages.
    """
    layers = [layer for layer in _batch_normalizations(model) if layer.trainable]
    if not layers:
        raise ValueError(
            "All BatchNormalization layers are frozen and keep their statistics: set "
            f"`trainable` to True first. Received: model={model.name!r}"
        )
    for layer in layers:
        if not layer.built:
            raise ValueError(
                "The model must be built, by its input shape or by a first call. "
                f"Received: layer {layer.name!r} without weights"
            )
        if layer.renorm:
            raise ValueError(
                "Batch renormalization trains by its moving averages, which have to stay. "
                f"Received: layer {layer.name!r} with renorm=True"
            )
    if operator.length_hint(data, 1) == 0:
        raise ValueError("The averages need at least one batch. Received: data of length 0")
    if hasattr(data, "__next__"):  # of a generator, Keras wants tuples
        data = (batch if isinstance(batch, tuple) else (batch,) for batch in data)

    averages = [_Average(layer) for layer in layers]
    # All weights: where the data fail on JAX, Keras would leave the model without any.
    before = [(v, np.array(ops.convert_to_numpy(v))) for v in model.variables]
    momenta = [layer.momentum for layer in layers]
    try:
        for layer, average in zip(layers, averages, strict=True):
            layer.momentum = 0.0  # the moving averages become those of the last batch
            layer.call = average.observe(layer, layer.call)
        _TrainingMode(model, averages).predict(data, batch_size=batch_size, verbose=0)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            vars(layer).pop("call", None)  # the class's again
        for variable, value in before:
            variable.assign(value)

    for layer, average in zip(layers, averages, strict=True):
        if float(average.fewest) < 2:
            raise ValueError(
                "Each batch needs two values of a channel or more, of which to take a variance: "
                "take larger batches, or drop a last one of a single image. Received: a batch "
                f"with {float(average.fewest):g} for layer {layer.name!r}"
            )
    for layer, average in zip(layers, averages, strict=True):
        if float(average.values):  # else it was called with training=False
            layer.moving_mean.assign(average.mean)
            layer.moving_variance.assign(average.variance)


def freeze_statistics(model):
    """Fixes batch normalization for fine-tuning: its statistics, and its gamma and beta.

    Sets `trainable = False` on each `BatchNormalization` layer, those of nested models as
    well. Keras then runs it by its moving averages in training, too, so that the network
    is the same function in training as at inference.

    Keras reads `trainable` when it compiles: `fit` of a model that was compiled would train
    on as before, without a word. So a compiled model has to be compiled again; until then
    `fit` refuses. To change `trainable` of the model, or of one that contains it, changes that
    of all its layers. The order is therefore

        model.trainable = True  # or of some layers
        freeze_statistics(model)
        model.compile(...)
        model.fit(...)

    Args:
        model: A `keras.Model`. Its layers are changed in place.

    Raises:
        ValueError: if the model has no `BatchNormalization` layer.
    """
    for layer in _batch_normalizations(model):
        layer.trainable = False
    model.compiled = False


def _batch_normalizations(model):
    """The layers of this class, at any depth; at least one."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not layers:
        raise ValueError(
            "The model must have a BatchNormalization layer, or be built first if it makes its "
            f"layers then. Received: model={model.name!r}"
        )
    return layers


class _TrainingMode(keras.Model):
    """Runs a model in training mode where Keras would predict: compiled, on any data."""

    def __init__(self, model, averages):
        super().__init__(name="training_mode")
        self.model = model
        self.averages = averages  # so that JAX carries their state
        self.built = True

    def call(self, inputs):
        self.model(inputs, training=True)
        return ops.zeros(1)  # Keras wants an output


class _Average(keras.layers.Layer):
    """The averages of one layer's statistics over the batches that it has seen.

    `values` counts the values of a channel in all of them, `fewest` those in the smallest.
    """

    def __init__(self, layer):
        # The layer's own precision may be half: its weights hold single batches only.
        dtype = keras.backend.result_type(layer.variable_dtype, "float32")
        super().__init__(name="average", dtype=dtype)

        def weight(start):
            return keras.Variable(start, dtype=dtype, trainable=False, autocast=False)

        self.values = weight(0.0)
        self.fewest = weight(math.inf)
        self.mean = weight(np.zeros(layer.moving_mean.shape))
        self.variance = weight(np.zeros(layer.moving_mean.shape))
        self.built = True

    def observe(self, layer, usual):
        """The layer's function `usual`, that tells its statistics in training."""

        def call(inputs, training=None, mask=None):
            if not training:
                return usual(inputs, training=training, mask=mask)
            moving = layer.moving_mean, layer.moving_variance
            for variable in moving:  # which may be NaN, even times a momentum of 0
                variable.assign(ops.zeros_like(variable.value))
            outputs = usual(inputs, training=training, mask=mask)
            if mask is None:
                m = math.prod(ops.shape(inputs)) // layer.moving_mean.shape[0]
            else:
                m = ops.sum(ops.cast(mask, "int32"))
            self.add(m, *moving)
            return outputs

        return call

    def add(self, m, mean, variance):
        m = ops.cast(m, self.dtype)
        self.values.assign_add(m)
        self.fewest.assign(ops.minimum(self.fewest, m))
        share = m / self.values
        unbiased = m / (m - 1) * ops.cast(variance, self.dtype)
        self.mean.assign_add(share * (ops.cast(mean, self.dtype) - self.mean))
        self.variance.assign_add(share * (unbiased - self.variance))
