"""Trains a network by its recipe: one straight line from the data to a run folder."""

import time

import keras
import numpy as np

from keras_classics.optimizers import EstimateCurvature, StochasticDiagonalLM
from keras_classics.training.inputs import batches
from keras_classics.training.run import Run


def train(recipe, data, run_dir, seed=0, verbose=1):
    """Trains the recipe's network and leaves model, history and manifest in a folder.

    The same seed on the same machine and versions gives the same history.

    Args:
        recipe: A `Recipe`.
        data: A `datasets.Data`.
        run_dir: Folder to make; one that exists already is refused.
        seed: Seed of the weights, of the order of the patterns (random, and the
            same in every pass, as in the papers), of the patterns for the
            curvatures, and of the distortions.
        verbose: Keras's `verbose` of `fit`.

    Returns:
        The finished `Run`.
    """
    run = Run.create(run_dir, recipe, data, seed)
    keras.utils.set_random_seed(seed)

    order = np.random.default_rng(seed).permutation(len(data.train_images))
    images = recipe.inputs(data.train_images, data.box)[order]
    targets = recipe.targets(data.train_labels)[order]
    test_images = recipe.inputs(data.test_images, data.box)
    test_targets = recipe.targets(data.test_labels)
    steps = -(-len(images) // recipe.batch_size)

    model = recipe.build()
    model.compile(
        optimizer=StochasticDiagonalLM(mu=recipe.mu),
        loss=recipe.criterion(),
        metrics=[recipe.metric()],
        steps_per_execution=min(steps, 200),
        # On a CPU, XLA halves the time of steps of one pattern and slows larger ones down.
        jit_compile=True if recipe.batch_size == 1 else "auto",
    )
    start = time.time()
    model.fit(
        batches(images, targets, recipe.batch_size, recipe.distortion(seed)),
        validation_data=batches(test_images, test_targets, 1000),
        epochs=recipe.passes,
        shuffle=False,
        verbose=verbose,
        callbacks=[
            keras.callbacks.LearningRateScheduler(recipe.learning_rate),
            EstimateCurvature(images, recipe.curvature_patterns, seed),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.CSVLogger(run.folder / "history.csv"),
        ],
    )
    run.finish(model, data, seconds=time.time() - start)
    return run
