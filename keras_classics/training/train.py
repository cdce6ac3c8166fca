"""Trains a network by its recipe: one straight line from the data to a run folder."""

import shutil
import time

import keras

from keras_classics.training.run import Run


def train(recipe, data, run_dir, seed=0, verbose=1):
    """Trains the recipe's network and leaves model, history and manifest in a folder.

    The same seed on the same machine and versions gives the same history.

    Args:
        recipe: A recipe, of `training.RECIPES` or of one's own numbers.
        data: What `datasets.load` gives for the recipe's kind of images.
        run_dir: Folder to make; one that exists already is refused.
        seed: Seed of the weights, of the order of the images, and of all that is
            drawn while training.
        verbose: Keras's `verbose` of `fit`.

    Returns:
        The finished `Run`.
    """
    run = Run.create(run_dir, recipe, data, seed)
    keras.utils.set_random_seed(seed)
    try:
        model, fit = recipe.prepare(data, seed, run.folder)
    except BaseException:
        shutil.rmtree(run.folder)  # what cannot start leaves no folder
        raise
    callbacks = [
        *fit.pop("callbacks"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(run.folder / "history.csv"),
    ]
    start = time.time()
    model.fit(**fit, epochs=recipe.passes, verbose=verbose, callbacks=callbacks)
    run.finish(recipe.trained(model, fit["x"]), data, seconds=time.time() - start)
    return run
