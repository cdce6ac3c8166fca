"""What all builders do alike, whatever their paper."""

import keras
from keras import layers


def fresh(initializer):
    """An initializer of its own for one weight: one instance draws the same values twice."""
    initializer = keras.initializers.get(initializer)
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def pool(x, pooling):
    """Ends a network without its top: `None`, `"avg"` or `"max"` over the positions."""
    if pooling is None:
        return x
    if pooling == "avg":
        return layers.GlobalAveragePooling2D("channels_last", name="avg_pool")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D("channels_last", name="max_pool")(x)
    raise ValueError(f'`pooling` must be None, "avg" or "max". Received: pooling={pooling!r}')


def finish(model, weights):
    """Loads `weights`, the path of a weights file, into the finished model."""
    if weights is not None:
        model.load_weights(weights)
    return model
