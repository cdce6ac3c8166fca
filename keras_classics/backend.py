"""The one place that asks which backend runs."""

import functools

import keras


def gradient(function, arrays):
    """Gradients of a scalar function, on whichever backend runs.

    Args:
        function: Takes a list of tensors, returns a scalar tensor.
        arrays: The list of arrays at which to differentiate.

    Returns:
        A list of tensors of the arrays' shapes.
    """
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(tensors)
        return tape.gradient(value, tensors)
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(tensors)
    if keras.backend.backend() == "torch":
        import torch

        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        with torch.enable_grad():
            return list(torch.autograd.grad(function(tensors), tensors))
    raise RuntimeError(
        "Gradients need the TensorFlow, JAX or PyTorch backend. "
        f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
    )


def sum_over_replicas(gradients):
    """Gradients summed up over the replicas of `tf.distribute`, and the number of replicas."""
    if keras.backend.backend() != "tensorflow":
        return 1, gradients
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return 1, gradients
    return context.num_replicas_in_sync, context.all_reduce("sum", list(gradients))


def with_gradient(function):
    """Differentiates by a formula where that is faster than automatic differentiation.

    Args:
        function: Takes a tensor; returns its value, and a function from the gradient
            along the value to the gradient along the tensor.

    Returns:
        A function from the tensor to the value. On PyTorch automatic differentiation
        stays: Keras's form would give wrong second derivatives there.
    """
    if keras.backend.backend() == "torch":
        return lambda tensor: function(tensor)[0]
    return keras.ops.custom_gradient(function)


def fuses():
    """Whether XLA compiles the operations that are being traced.

    It then runs a chain of them in one pass over memory, where each takes its own elsewhere.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend() == "jax"
    try:
        from tensorflow import compat
        from tensorflow.python.ops import control_flow_util

        graph = compat.v1.get_default_graph()
        return control_flow_util.GraphOrParentsInXlaContext(graph)
    except (AttributeError, ImportError):  # not a public name: without it we are slower, not wrong
        return False


def convolves_groups():
    """Whether the backend's grouped convolution is faster than one convolution a group."""
    return keras.backend.backend() == "torch"


def adopt(array):
    """A NumPy array that nobody else keeps, as what `Variable.assign` takes without a copy.

    TensorFlow can share memory that begins at a multiple of 64 bytes, where its kernels expect
    it; they would end the process elsewhere.
    """
    aligned = array.flags.carray and array.ctypes.data % 64 == 0
    if keras.backend.backend() == "tensorflow" and aligned:
        import tensorflow as tf

        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return array


def refuse(tensor, wrong, message, **received):
    """Fails if `wrong`, as soon as its value is known.

    Args:
        tensor: What the check guards.
        wrong: A boolean, or a boolean tensor.
        message: What was expected, and what to do.
        **received: Numbers or tensors for the message.

    Returns:
        `tensor`. In a TensorFlow graph, of `tf.data` above all, the check is part of it and
        fails the run with an `InvalidArgumentError`; elsewhere it is a `ValueError`. What XLA
        or JAX compile goes unchecked.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.is_symbolic_tensor(wrong):
            if fuses():
                return tensor
            values = [part for pair in received.items() for part in pair]
            check = tf.debugging.Assert(~wrong, [f"{message} Received:", *values])
            with tf.control_dependencies([check]):  # first, for its clear words
                return tf.identity(tensor)
    if keras.backend.backend() == "jax":
        import jax

        if isinstance(wrong, jax.core.Tracer):
            return tensor
    if wrong:
        values = ", ".join(f"{name}={float(value):g}" for name, value in received.items())
        raise ValueError(f"{message} Received: {values}")
    return tensor


def as_length(number):
    """A drawn number as the length of an axis: an integer, in a TensorFlow graph a tensor."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.is_symbolic_tensor(number):
            return number
    if keras.backend.backend() == "jax":
        import jax

        if isinstance(number, jax.core.Tracer):
            raise ValueError(
                "JAX compiles for images of fixed size: draw a size outside of the compiled "
                "function, in the input pipeline."
            )
    return int(number)


def eager(tensor):
    """Whether the values of a tensor of JAX or PyTorch are known now."""
    if keras.backend.backend() == "jax":
        import jax

        return not isinstance(tensor, jax.core.Tracer)
    return keras.backend.backend() == "torch"


def resize_one():
    """The fast resize of one image of any size, or `None` where the backend has none."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.image.resize
    return None


def either(condition, first, second):
    """The value of one of two functions; only TensorFlow leaves the other one out."""
    if keras.backend.backend() == "tensorflow":
        return keras.ops.cond(condition, first, second)
    return keras.ops.where(condition, first(), second())  # JAX would compile a new `cond` each time


def has_xla():
    """Whether XLA can compile a training step: not with PyTorch."""
    return keras.backend.backend() != "torch"


def steps_per_execution(steps):
    """`compile`'s argument of this name: `steps`, but 1 on PyTorch, where Keras takes no other."""
    return steps if has_xla() else 1


def fused_batch_normalization():
    """Normalization by a batch's own statistics as one operation, or `None` without one.

    XLA has one, but takes `E[x^2] - E[x]^2` for the variance: at a mean far from 0 it loses
    all digits in float32.

    Returns:
        A function from maps `(batch, height, width, channels)`, `gamma`, `beta` and `epsilon`
        to the normalized maps, their mean and their biased variance, for each channel.
    """
    if fuses():
        return None
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def normalize(x, gamma, beta, epsilon):
            gamma, beta, no = tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta), tf.zeros([0])
            m = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), "float32")
            x, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=no, variance=no, epsilon=epsilon
            )
            return x, mean, (m - 1) / m * variance  # it is unbiased, and 0 for a single value

        return normalize
    if keras.backend.backend() == "torch":
        import torch

        def normalize(x, gamma, beta, epsilon):
            gamma, beta = (getattr(weight, "value", weight) for weight in (gamma, beta))
            mean, variance = torch.zeros_like(beta), torch.zeros_like(beta)  # moved all the way
            m = x.numel() // len(beta)
            x = torch.batch_norm(
                x.permute(0, 3, 1, 2), gamma, beta, mean, variance, True, 1.0, epsilon, True
            )
            # It is unbiased, and not a number for a single value.
            variance = (m - 1) / m * variance if m > 1 else torch.zeros_like(beta)
            return x.permute(0, 2, 3, 1), mean, variance

        return normalize
    return None


def flash_attention():
    """Attention as one operation, or `None` on TensorFlow.

    It never holds the whole matrix of scores on PyTorch, and on JAX where cuDNN has it: on
    a GPU, in 16 bits.

    Returns:
        A function from queries, keys and values `(batch, tokens, heads, width)` and a boolean
        mask `(batch, heads, tokens, tokens)`, or `None`, to the heads' outputs.
    """
    if keras.backend.backend() == "tensorflow":
        return None
    return lambda q, k, v, mask: keras.ops.dot_product_attention(q, k, v, mask=mask)


def once_more(tensor, after):
    """The tensor, so that TensorFlow computes from it anew and not before `after` is known.

    It would find the same result of an earlier computation, and keep it until then.
    """
    if keras.backend.backend() != "tensorflow":
        return tensor
    import tensorflow as tf

    with tf.control_dependencies([after]):
        return tf.identity(tensor)


def fused_gelu(x):
    """GELU's tanh form and its gradient in one pass over memory each, or `None`.

    TensorFlow takes one pass for each of some ten operations; PyTorch and XLA fuse them.
    """
    if keras.backend.backend() == "tensorflow" and not fuses():
        import tensorflow as tf

        if isinstance(x, tf.Tensor) and x.dtype == "float32":
            # A graph without a gradient may be one to export, and ONNX has no call of what XLA
            # compiles. TensorFlow itself fuses these operations, in this order, with the matrix
            # product before them.
            plain = tf.is_symbolic_tensor(x) and not _tape_is_open()
            return _gelu_formula if plain else _compiled_gelu()
    return None


def _tape_is_open():
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

    value = tf.function(_gelu_formula, jit_compile=True, autograph=False)

    @tf.function(jit_compile=True, autograph=False)
    def gradient(x, upstream):
        t = tf.tanh(_SLOPE * (x + _CUBIC * x * x * x))
        return upstream * 0.5 * (1 + t + x * (1 - t * t) * _SLOPE * (1 + 3 * _CUBIC * x * x))

    @tf.custom_gradient
    def gelu(x):
        return value(x), lambda upstream: gradient(x, upstream)

    return gelu


def averages_inside():
    """Whether Keras's average pooling takes only values of the map, also over its edges.

    On PyTorch it repeats those at the edge, if windows hang over two opposite edges by different
    widths.
    """
    return keras.backend.backend() != "torch"
