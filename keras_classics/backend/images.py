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
    """Whether the values of a tensor are known now; on TensorFlow `False`."""
    if name() == "jax":
        import jax

        return not isinstance(tensor, jax.core.Tracer)
    return name() in ("torch", "numpy")


def has_host(image) -> bool:
    """Whether `on_host` can take an image: not where XLA or JAX compiles."""
    return eager(image) if name() == "jax" else not fuses()


def on_host(function, image, *arrays):
    """Calls a function of NumPy arrays, in `tf.data`, too.

    Args:
        function: Takes the image and the arrays as NumPy's, and returns a float32 array of the
            shape of the image.
        image: An image `(height, width, channels)`.
        *arrays: Other tensors.

    Returns:
        What the function returns, as a tensor.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        result = tf.numpy_function(function, [image, *arrays], tf.float32, stateful=False)
        return tf.ensure_shape(result, image.shape)
    return keras.ops.convert_to_tensor(function(*map(keras.ops.convert_to_numpy, (image, *arrays))))


def resize_one():
    """The backend's own resize of one image of any size, if it is faster than Keras's.

    Returns:
        A function with the arguments of `tf.image.resize`, and its values; or `None`.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        def resize(image, size, interpolation="bilinear", antialias=False):
            if not antialias:
                return tf.image.resize(image, size, interpolation)
            size = size if isinstance(size, (tuple, list)) else tf.unstack(size)
            sides = tf.unstack(tf.shape(image)[:2])
            scale = [
                tf.cast(new, "float32") / tf.cast(old, "float32")
                for new, old in zip(size, sides, strict=True)
            ]
            return place(image, size, scale, (0.0, 0.0), None, interpolation)

        return resize
    return None


def place(image, size, scale, shift, flip=None, interpolation="bilinear"):
    """Scales and shifts one image, antialiased, in TensorFlow.

    Of a pixel at `x`, along an axis, comes one at `scale * x + shift`.

    Args:
        image: An image `(height, width, channels)` of any type.
        size: Height and width of what is seen of it.
        scale, shift: Pairs, for rows and columns.
        flip: Whether the result is mirrored; `None`: never.
        interpolation: `"bilinear"` or `"bicubic"`.

    Returns:
        The pixels, float32.
    """
    import tensorflow as tf

    kernel = {"bilinear": "triangle", "bicubic": "keyscubic"}[interpolation]
    channels = image.shape[-1]

    def rows(image, count, scale, shift):  # (height, width, channels)
        # Rows of pixels are added up three times as fast as single pixels, to the same values.
        height, width = tf.unstack(tf.shape(image)[:2])
        image = tf.raw_ops.ScaleAndTranslate(
            images=tf.reshape(image, (1, height, 1, width * channels)),
            size=(count, 1),
            scale=(scale, 1.0),
            translation=(shift, 0.0),
            kernel_type=kernel,
            antialias=True,
        )
        return tf.reshape(image, (count, width, channels))

    image = rows(image, size[0], scale[0], shift[0])
    image = rows(tf.transpose(image, (1, 0, 2)), size[1], scale[1], shift[1])
    if flip is not None:
        columns = tf.range(size[1])
        image = tf.gather(image, tf.where(flip, size[1] - 1 - columns, columns))
    known = [side if isinstance(side, int) else None for side in size]
    return tf.ensure_shape(tf.transpose(image, (1, 0, 2)), (*known, image.shape[-1]))


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
