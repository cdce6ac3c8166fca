"""The one place that asks which backend runs."""

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
