"""Which backend runs, and what comes with it."""

import keras


def name() -> str:
    """The backend that runs Keras: `"tensorflow"`, `"jax"`, `"torch"`, `"openvino"`, `"numpy"`."""
    return keras.backend.backend()


def has_tf_data() -> bool:
    """Whether images may be read and changed in `tf.data`: with the TensorFlow backend."""
    return name() == "tensorflow"


def has_xla() -> bool:
    """Whether XLA can compile a training step: with TensorFlow and JAX."""
    return name() in ("tensorflow", "jax")
