"""How a learning rate falls: Keras callbacks by the epochs, and a schedule by the steps."""

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


def by_steps(rates, ends):
    """The rate of each of several parts of a training, by its steps.

    Args:
        rates: The rates, one more than `ends`.
        ends: Steps after which the next rate comes: with 100, the first rate makes 100 steps.
            Keras's own schedule would make 101, since it counts them from 0.
    """
    return keras.optimizers.schedules.PiecewiseConstantDecay([end - 1 for end in ends], rates)
