"""What changing images asks of a backend."""

import keras

from keras_classics.backend.layers import fuses
from keras_classics.backend.running import name


def refuse(tensor, wrong, message, **received):
    """Raises an error if a condition holds, as soon as its value is known.

    Args:
        tensor: What the check guards.
        wrong: A boolean, or a boolean tensor.
        message: What was expected, and what to do.
        **received: Numbers or tensors for the message.

    Returns:
        `tensor`. In a TensorFlow graph, such as that of `tf.data`, the check is part of the
        graph and raises `tf.errors.InvalidArgumentError`. What XLA or JAX compiles goes
        unchecked.

    Raises:
        ValueError: If `wrong` is true, outside of a graph.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        if tf.is_symbolic_tensor(wrong):
            if fuses():
                return tensor
            values = [part for pair in received.items() for part in pair]
            check = tf.debugging.Assert(~wrong, [f"{message} Received:", *values])
            with tf.control_dependencies([check]):  # first, for its clear words
                return tf.identity(tensor)
    if name() == "jax" and not eager(wrong):
        return tensor
    if wrong:
        values = ", ".join(f"{key}={float(value):g}" for key, value in received.items())
        raise ValueError(f"{message} Received: {values}")
    return tensor


def as_length(number):
    """A number that was drawn, as the length of an axis.

    Returns:
        An integer; in a TensorFlow graph a tensor.

    Raises:
        ValueError: In what JAX compiles: its lengths are fixed.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        if tf.is_symbolic_tensor(number):
            return number
    if name() == "jax" and not eager(number):
        raise ValueError(
            "JAX compiles for images of fixed size: draw a size outside of the compiled "
            "function, in the input pipeline."
        )
    return int(number)


def eager(tensor) -> bool:
    """Whether the values of a tensor of JAX or PyTorch are known now; on TensorFlow `False`."""
    if name() == "jax":
        import jax

        return not isinstance(tensor, jax.core.Tracer)
    return name() == "torch"


def resize_one():
    """The backend's own resize of one image of any size, if it is faster than Keras's.

    Returns:
        `tf.image.resize`, or `None`.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        return tf.image.resize
    return None


def either(condition, first, second):
    """Computes one of two functions without arguments.

    Where the condition's value is not known yet, TensorFlow's graph has both functions and
    computes one; JAX computes both, since it would compile a new `cond` at each call.
    """
    if eager(condition):
        return first() if condition else second()
    if name() == "tensorflow":
        return keras.ops.cond(condition, first, second)
    return keras.ops.where(condition, first(), second())


def on_any_image(function):
    """Makes a function of one image fast for images of many sizes.

    Args:
        function: A function of a uint8 image `(height, width, 3)`.

    Returns:
        The same function, which takes and returns arrays, on the processor; for threads, too.
        TensorFlow traces it once for all sizes.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        function = tf.function(function, [tf.TensorSpec((None, None, 3), "uint8")])

    def call(image):
        with keras.device("cpu"):
            return keras.ops.convert_to_numpy(function(image))

    return call
