"""What reading weights asks of a backend."""

import concurrent.futures

import keras

from keras_classics.backend.running import name


def adopt(array):
    """Shares an array's memory with the variable that it is assigned to, where that is possible.

    Args:
        array: A NumPy array that nobody else keeps.

    Returns:
        What `Variable.assign` takes. On TensorFlow it is a tensor over the same memory, if that
        begins at a multiple of 64 bytes: TensorFlow's kernels expect it, and end the process
        elsewhere. Otherwise it is `array`, which `assign` copies.
    """
    aligned = array.flags.carray and array.ctypes.data % 64 == 0
    if name() == "tensorflow" and aligned:
        import tensorflow as tf

        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return array


def without_values(build, *args, **kwargs):
    """Builds a model that has shapes, but no values and no memory for them.

    Args:
        build: A function that builds a model.
        *args: Its arguments.
        **kwargs: Its arguments by name.

    Returns:
        What `build` returns. On PyTorch, no other model can be built of it outside of `build`.
    """

    def run():
        with keras.StatelessScope(initialize_variables=False):
            return build(*args, **kwargs)

    # Keras lists variables without values, to give them values when it leaves its next scope: in
    # `fit`, on JAX and PyTorch. The list belongs to the thread, and ends with it.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()
