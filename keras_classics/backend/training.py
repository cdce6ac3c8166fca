"""What training asks of a backend."""

import contextlib

import keras

from keras_classics.backend.running import has_xla, name


def gradient(function, arrays, has_aux=False):
    """Computes the gradients of a scalar function.

    Args:
        function: Takes a list of tensors, returns a scalar tensor.
        arrays: The list of arrays at which to differentiate.
        has_aux: Whether the function returns a pair of the scalar and something else.

    Returns:
        A list of tensors of the arrays' shapes; with `has_aux`, a pair of it and the something.

    Raises:
        RuntimeError: If the backend has no gradients.
    """
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    if name() == "tensorflow":
        import tensorflow as tf

        # Variables are not watched: what they alone lead to need not be kept.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            found = function(tensors)
        value, aux = found if has_aux else (found, None)
        gradients = tape.gradient(value, tensors)
    elif name() == "jax":
        import jax

        found = jax.grad(function, has_aux=has_aux)(tensors)
        gradients, aux = found if has_aux else (found, None)
    elif name() == "torch":
        import torch

        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        with torch.enable_grad():
            found = function(tensors)
            value, aux = found if has_aux else (found, None)
            gradients = list(torch.autograd.grad(value, tensors))
    else:
        raise RuntimeError(
            "Gradients need the TensorFlow, JAX or PyTorch backend. "
            f"Received: KERAS_BACKEND={name()}"
        )
    return (gradients, aux) if has_aux else gradients


def sum_over_replicas(gradients):
    """Sums gradients over the replicas of `tf.distribute`.

    Args:
        gradients: The list of a replica's gradients.

    Returns:
        The number of replicas, and the list of sums.
    """
    if name() != "tensorflow":
        return 1, gradients
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return 1, gradients
    return context.num_replicas_in_sync, context.all_reduce("sum", list(gradients))


def steps_per_execution(steps: int) -> int:
    """`compile`'s argument of this name: `steps`, but 1 on PyTorch, where Keras takes no other."""
    return steps if has_xla() else 1


def distribution() -> str | None:
    """The library that trains on several devices.

    Returns:
        `"tf.distribute"`, `"keras.distribution"` (JAX), or `None` where there is none.
    """
    return {"tensorflow": "tf.distribute", "jax": "keras.distribution"}.get(name())


def scope_of_fit(strategy):
    """The context in which `fit` is called.

    Args:
        strategy: An object with `scope()`, under which the model was made.

    Returns:
        On JAX the strategy's scope: Keras asks for the devices throughout. Elsewhere an empty
        one: TensorFlow asks as variables are made.
    """
    return strategy.scope() if name() == "jax" else contextlib.nullcontext()


def lost_worker_errors() -> tuple[type[Exception], ...]:
    """The errors of a training step when another worker is lost; none but on TensorFlow."""
    if name() != "tensorflow":
        return ()
    import tensorflow as tf

    return tf.errors.AbortedError, tf.errors.UnavailableError


def fit_builds_variables() -> bool:
    """Whether `fit` on one device makes variables of optimizer and metrics before its first step.

    On TensorFlow the first step makes them, and is traced twice for it.
    """
    return name() != "tensorflow"


def counts_missing_steps() -> bool:
    """Whether a step that finds no more data counts as one of the optimizer's.

    On TensorFlow the optimizer counts it, and decays the weights, before the end of the data
    is noticed.
    """
    return name() == "tensorflow"


def sync_variables(model) -> None:
    """Writes the state of a running `fit` into the model's variables.

    On JAX `fit` carries the values from step to step outside of the variables. Elsewhere the
    variables hold them.
    """
    if name() == "jax":
        model.jax_state_sync()
