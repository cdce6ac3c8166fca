"""What reading weights asks of a backend."""

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
