"""How a learning rate falls by the epochs: Keras callbacks, for recipes."""

import keras


def on_plateau(monitor, factor, patience, drops, start):
    """Multiplies the rate by `factor`, after `patience` epochs without a better accuracy.

    Args:
        monitor: Name of the validation accuracy.
        factor: What the rate is multiplied by.
        patience: Epochs.
        drops: Drops, at most.
        start: The rate at the start.
    """
    return keras.callbacks.ReduceLROnPlateau(
        monitor,
        factor,
        patience,
        mode="max",
        min_delta=0,
        min_lr=start * factor**drops,
        verbose=1,
    )


def by_epochs(factor, epochs, start):
    """Multiplies the rate by `factor` each time that so many epochs have passed."""
    return keras.callbacks.LearningRateScheduler(lambda epoch: start * factor ** (epoch // epochs))
