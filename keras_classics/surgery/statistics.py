"""The statistics of batch normalization, after training and before fine-tuning."""

import math
import operator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_classics.checks import arguments


@arguments()
def recompute_statistics(model: keras.Model, data: Any, batch_size: int | None = None) -> None:
    """Replaces the moving averages of batch normalization by averages over the training data.

    With `mu_B` and `var_B` the mean and the (biased) variance of a channel over its `m` values
    (images times positions) in a batch,

        E[x] = E_B[mu_B],    Var[x] = E_B[m / (m - 1) * var_B]

    The weight of a batch is its number of values, so that a smaller last one counts less. As in
    training, each batch is normalized by its own statistics, and dropout and random layers
    are active. The momentum, all other weights and the random seeds stay as they are. If the
    data raise an error, the statistics stay, too.

    - Take the batch size of the training, and shuffle: if the data are sorted by class, the
      variance of a batch misses the differences between the classes.
    - Frozen layers (`trainable=False`) use their statistics in training, too, and keep them. So
      do layers that a subclassed model calls with `training=False`.
    - A layer that is applied several times gets the average over all its inputs.
    - If the model was made under a distribution strategy, call this outside of the strategy's
      scope, with the batch size of one replica.

    Args:
        model: A built `keras.Model`. Its `BatchNormalization` layers are changed in place,
            those of nested models as well.
        data: Whatever `model.predict` takes: an array, or lists or dicts of arrays for
            several inputs; a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of
            batches or of tuples `(x, y)`, of which `x` is used. It must end.
        batch_size: Number of images in a batch of arrays. Keras's default: 32.

    Raises:
        ValueError: If there is no layer to change; if one is not built, or has batch
            renormalization, whose training needs its moving averages; if there are no data; or
            if a batch has one value of a channel, which has no variance.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    network = kc.build("resnet8_cifar")
    images = np.random.normal(size=(64, 32, 32, 3))
    kc.recompute_statistics(network, images, batch_size=32)
    ```

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
    if hasattr(data, "__next__"):  # Keras expects tuples from a generator
        data = (batch if isinstance(batch, tuple) else (batch,) for batch in data)

    averages = [_Average(layer) for layer in layers]
    # All weights: if the data raise an error on JAX, Keras leaves the model without any.
    before = [(v, np.array(ops.convert_to_numpy(v))) for v in model.variables]
    momenta = [layer.momentum for layer in layers]
    try:
        for layer, average in zip(layers, averages, strict=True):
            layer.momentum = 0.0  # the moving averages become those of the last batch
            # Keras has no hook between a layer's input and its output, and `model` has to stay
            # as it is. So the instance has a `call` of its own for the time of one `predict`.
            layer.call = average.observe(layer, layer.call)
        _TrainingMode(model, averages).predict(data, batch_size=batch_size, verbose=0)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            vars(layer).pop("call", None)  # from here on that of the class
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
        if float(average.values):  # else the layer was called with training=False
            layer.moving_mean.assign(average.mean)
            layer.moving_variance.assign(average.variance)


@arguments()
def freeze_statistics(model: keras.Model) -> None:
    """Fixes batch normalization for fine-tuning: its statistics, and its gamma and beta.

    Sets `trainable = False` on each `BatchNormalization` layer, also on those of nested models.
    In training, Keras then normalizes by the moving averages, too: the network is the same
    function in training as at inference.

    Keras reads `trainable` when it compiles. A model that was compiled before would train on as
    if nothing had changed. Therefore `fit` raises an error until the model is compiled again. A
    change of `trainable` of the model, or of one that contains it, changes all its layers. The
    order is therefore: set `trainable` of the model or of layers, call this, compile, fit.

    Args:
        model: A `keras.Model`. Its layers are changed in place.

    Raises:
        ValueError: If the model has no `BatchNormalization` layer.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    network = kc.build("resnet8_cifar", classes=2)
    kc.freeze_statistics(network)
    network.compile("sgd", "sparse_categorical_crossentropy")
    network.fit(np.zeros((4, 32, 32, 3)), np.array([0, 1, 0, 1]), verbose=0)
    ```
    """
    for layer in _batch_normalizations(model):
        layer.trainable = False
    model.compiled = False


def _batch_normalizations(model):
    """Finds the layers of this class, at any depth; there must be one."""
    # Keras has no public way to the layers inside of a layer.
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
    """A model whose `predict` runs another one in training mode: compiled, on any data."""

    def __init__(self, model, averages):
        super().__init__(name="training_mode")
        self.model = model
        self.averages = averages  # on JAX Keras carries the state of a model's layers
        self.built = True

    def call(self, inputs):
        self.model(inputs, training=True)
        return ops.zeros(1)  # Keras expects an output


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
        """Wraps a layer's `call`, to add its statistics in training."""

        def call(inputs, training=None, mask=None):
            if not training:
                return usual(inputs, training=training, mask=mask)
            moving = layer.moving_mean, layer.moving_variance
            for variable in moving:  # NaN would stay, even times a momentum of 0
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
