"""What layers and activations ask of a backend."""

import functools

import keras

from keras_classics.backend.running import name


def with_gradient(function):
    """Gives a function a formula for its gradient, faster than automatic differentiation.

    Args:
        function: Takes a tensor; returns its value, and a function from the gradient
            with respect to the value to the gradient with respect to the tensor.

    Returns:
        A function from the tensor to the value. PyTorch keeps its automatic differentiation:
        Keras's form would give wrong second derivatives there. NumPy has no gradients.
    """
    if name() in ("torch", "numpy"):
        return lambda tensor: function(tensor)[0]
    return keras.ops.custom_gradient(function)


def in_one_pass(function, x):
    """Has XLA compile a function, where TensorFlow traces a graph for its gradient.

    A chain of elementwise operations then takes one pass over memory, and so does its gradient.
    A graph without a gradient may be exported, and ONNX cannot call what XLA compiles; eagerly,
    each new shape would be compiled.

    Args:
        function: As of `with_gradient`. Its gradient computes the value again.
        x: The tensor that the function will be applied to.

    Returns:
        A function of the same values and gradients.
    """
    if name() != "tensorflow" or fuses() or not _tape_is_open():
        return function
    import tensorflow as tf

    if not tf.is_symbolic_tensor(x):
        return function
    value = tf.function(lambda x: function(x)[0], jit_compile=True, autograph=False)
    gradient = tf.function(lambda x, up: function(x)[1](up), jit_compile=True, autograph=False)
    return lambda x: (value(x), lambda upstream: gradient(x, upstream))


def window_means(maps, window):
    """The mean of each window, of windows that do not overlap.

    On TensorFlow the gradient is written by hand: each window's, repeated over its values, in a
    fifth of the time of TensorFlow's own.

    Args:
        maps: A tensor `(batch, height, width, channels)`.
        window: `(rows, columns)`.

    Returns:
        A tensor `(batch, height // rows, width // columns, channels)`.
    """

    def means(maps):
        return keras.ops.average_pool(
            maps, window, strides=window, padding="valid", data_format="channels_last"
        )

    if name() != "tensorflow":
        return means(maps)
    import tensorflow as tf

    rows, columns = window

    @tf.custom_gradient
    def of_maps(maps):
        def gradient(upstream):
            _, height, width, channels = keras.ops.shape(upstream)
            share = upstream / (rows * columns)
            share = tf.concat([tf.reshape(share, (-1, 1, channels))] * columns, 1)
            share = tf.concat([tf.reshape(share, (-1, 1, width * columns * channels))] * rows, 1)
            share = tf.reshape(share, (-1, height * rows, width * columns, channels))
            sides = keras.ops.shape(maps)[1:3]  # what is left over at the edges is in no window
            left = [[0, 0], [0, sides[0] - height * rows], [0, sides[1] - width * columns], [0, 0]]
            return tf.pad(share, left)

        return means(maps), gradient

    return of_maps(maps)


def fuses() -> bool:
    """Whether XLA compiles the operations that are being traced.

    XLA runs a chain of elementwise operations in one pass over memory. Without it, each
    operation takes a pass of its own.
    """
    if name() != "tensorflow":
        return name() == "jax"
    try:
        from tensorflow import compat
        from tensorflow.python.ops import control_flow_util

        graph = compat.v1.get_default_graph()
        return control_flow_util.GraphOrParentsInXlaContext(graph)
    except (AttributeError, ImportError):  # not a public name: without it we are slower, not wrong
        return False


def convolves_groups() -> bool:
    """Whether the grouped convolution is faster than one convolution for each group."""
    return name() == "torch"


def fused_batch_normalization():
    """Finds the backend's one operation that normalizes by the statistics of a batch.

    XLA's computes the variance as `E[x^2] - E[x]^2`. In float32 it loses all digits at a mean
    far from 0, and is not used.

    Returns:
        `None`, or a function from feature maps `(batch, height, width, channels)`, `gamma`,
        `beta` and `epsilon` to the normalized feature maps, and to the mean and the biased
        variance of each channel.
    """
    if fuses():
        return None
    if name() == "tensorflow":
        import tensorflow as tf

        def normalize(x, gamma, beta, epsilon):
            gamma, beta, no = tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta), tf.zeros([0])
            m = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), "float32")
            x, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=no, variance=no, epsilon=epsilon
            )
            # TensorFlow's is unbiased, and 0 for a single value.
            return x, mean, (m - 1) / m * variance

        return normalize
    if name() == "torch":
        import torch

        def normalize(x, gamma, beta, epsilon):
            gamma, beta = (getattr(weight, "value", weight) for weight in (gamma, beta))
            mean, variance = torch.zeros_like(beta), torch.zeros_like(beta)
            m = x.numel() // len(beta)
            # At a momentum of 1 the moving averages become the batch's own statistics.
            x = torch.batch_norm(
                x.permute(0, 3, 1, 2), gamma, beta, mean, variance, True, 1.0, epsilon, True
            )
            # PyTorch's is unbiased, and not a number for a single value.
            variance = (m - 1) / m * variance if m > 1 else torch.zeros_like(beta)
            return x.permute(0, 2, 3, 1), mean, variance

        return normalize
    return None


def fixed_batch_normalization():
    """Finds the backend's one operation that normalizes by statistics that are given.

    TensorFlow makes one operation of it and the convolution before it, where no gradient is asked
    for.

    Returns:
        `None`, or a function from feature maps `(batch, height, width, channels)`, `gamma`, `beta`,
        means, variances and `epsilon` to the normalized feature maps.
    """
    if name() != "tensorflow" or fuses():
        return None
    import tensorflow as tf

    def normalize(x, gamma, beta, mean, variance, epsilon):
        return tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(gamma),
            offset=tf.convert_to_tensor(beta),
            mean=tf.convert_to_tensor(mean),
            variance=tf.convert_to_tensor(variance),
            epsilon=epsilon,
            is_training=False,
        ).y

    return normalize


def flash_attention():
    """Finds the backend's attention that need not hold the whole matrix of scores.

    PyTorch never holds it. JAX does not where cuDNN has the operation: on a GPU, in 16 bits.

    Returns:
        `None` on TensorFlow; elsewhere a function from queries, keys and values
        `(batch, tokens, heads, width)` and a boolean mask `(batch, heads, tokens, tokens)` or
        `None` to the outputs of the heads.
    """
    if name() == "tensorflow":
        return None
    return lambda q, k, v, mask: keras.ops.dot_product_attention(q, k, v, mask=mask)


def once_more(tensor, after):
    """Keeps TensorFlow from reusing an earlier result.

    A backward pass may compute something from `tensor` again, to save memory. TensorFlow's
    common-subexpression elimination would find that the forward pass has computed the same,
    and would keep that result in memory until the backward pass.

    Args:
        tensor: A tensor of the forward pass.
        after: A tensor of the backward pass.

    Returns:
        The same values as `tensor`. On TensorFlow they count as another tensor, which exists
        only when `after` is known.
    """
    if name() != "tensorflow":
        return tensor
    import tensorflow as tf

    with tf.control_dependencies([after]):
        return tf.identity(tensor)


def fused_gelu(x):
    """Finds a GELU, in its tanh form, that takes one pass over memory, and so does its gradient.

    Only TensorFlow needs it: it takes a pass for each of some ten operations. PyTorch and XLA
    fuse them by themselves.

    Args:
        x: The tensor that GELU will be applied to.

    Returns:
        A function from a tensor to a tensor, or `None` where Keras's own is as fast.
    """
    if name() == "tensorflow" and not fuses():
        import tensorflow as tf

        if isinstance(x, tf.Tensor) and x.dtype in (tf.float32, tf.bfloat16):
            # A graph without a gradient may be exported, and ONNX cannot call what XLA compiles.
            # There TensorFlow itself fuses these operations, in this order, with the matrix
            # product before them.
            plain = tf.is_symbolic_tensor(x) and not _tape_is_open()
            return _gelu_formula if plain else _compiled_gelu()
    return None


def _tape_is_open() -> bool:
    """Whether a `tf.GradientTape` may record what is computed or traced."""
    try:
        from tensorflow.python.eager import record

        return record.could_possibly_record()
    except (AttributeError, ImportError):  # not a public name: without it we are slower, not wrong
        return False


_SLOPE, _CUBIC = (2 / 3.141592653589793) ** 0.5, 0.044715


def _gelu_formula(x):
    return 0.5 * x * (1 + keras.ops.tanh(_SLOPE * (x + _CUBIC * x * x * x)))


@functools.cache
def _compiled_gelu():
    import tensorflow as tf

    # In 16 bits, too, it computes in float32, and rounds once.
    @tf.function(jit_compile=True, autograph=False)
    def value(x):
        return tf.cast(_gelu_formula(tf.cast(x, "float32")), x.dtype)

    @tf.function(jit_compile=True, autograph=False)
    def gradient(x, upstream):
        dtype, x, upstream = x.dtype, tf.cast(x, "float32"), tf.cast(upstream, "float32")
        t = tf.tanh(_SLOPE * (x + _CUBIC * x * x * x))
        slope = 0.5 * (1 + t + x * (1 - t * t) * _SLOPE * (1 + 3 * _CUBIC * x * x))
        return tf.cast(upstream * slope, dtype)

    @tf.custom_gradient
    def gelu(x):
        return value(x), lambda upstream: gradient(x, upstream)

    return gelu


def averages_inside() -> bool:
    """Whether Keras's average pooling takes only values of the map, also over its edges.

    On PyTorch it repeats those at the edge, if windows hang over two opposite edges by different
    widths.
    """
    return name() != "torch"
