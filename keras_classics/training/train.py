"""Trains a network by its recipe: one straight line from the data to a run folder."""

import contextlib
import shutil
import warnings

import keras

from keras_classics.training import strategies
from keras_classics.training.checkpoint import Checkpoints
from keras_classics.training.progress import Rate, input_rate
from keras_classics.training.run import Run


def train(
    recipe,
    data,
    run_dir,
    seed=0,
    verbose=1,
    *,
    builder=None,
    strategy="auto",
    resume=False,
    callbacks=(),
    best=False,
    early_stopping=None,
):
    """Trains the recipe's network and leaves model, history and manifest in a folder.

    The same seed on the same machine and versions gives the same history, also if the training
    was interrupted, at whatever moment, and resumed.

    Args:
        recipe: A recipe, of `training.RECIPES` or of one's own numbers.
        data: What `datasets.load` or `datasets.wrap` gives for the recipe's kind of images.
        run_dir: Folder to make; of several workers, one on a disk that they share. One that
            exists already is refused, or resumed.
        seed: Seed of the weights, of the order of the images, and of all that is
            drawn while training.
        verbose: Keras's `verbose` of `fit`.
        builder: A function of `input_shape` and `classes` that gives another network, a
            `keras.Model` of the same outputs, to train by the recipe. Default: the recipe's.
        strategy: A name that `training.strategy` takes, or what it gives.
        resume: Whether to go on with the run in `run_dir`, if there is one, from its last
            checkpoint. Recipe, data and seed must be the same.
        callbacks: Further Keras callbacks. Of theirs the numbers are resumed.
        best: Whether to keep the network of the best validation accuracy, in `best.keras`.
        early_stopping: Passes without a better validation accuracy after which the training ends.

    Returns:
        The finished `Run`.

    Raises:
        FileExistsError: If `run_dir` exists, and `resume` is false.
        FloatingPointError: If the loss or a weight is not finite.
        RuntimeError: If another worker is lost, or finds other checkpoints.
        KeyboardInterrupt: If the training was asked to stop, after the step that was running.
    """
    if isinstance(strategy, str):
        strategy = strategies.strategy(strategy)
    place = strategies.replicas(strategy)
    chief = place.worker == 0
    if chief:
        run, is_new = Run.open(run_dir, recipe, data, seed, resume)
    strategies.agree(strategy, 0)  # the others wait for the folder
    if not chief:
        run, is_new = Run(run_dir), False
    if "errors" in run.manifest:
        return run
    keras.utils.set_random_seed(seed)
    try:
        model, fit = recipe.prepare(data, seed, run.folder, strategy, builder)
        strategies.refuse_unsupported(model, strategy)
    except BaseException:
        if is_new:
            shutil.rmtree(run.folder)  # what cannot start leaves no folder
        raise
    batches, monitor = fit["x"], fit.pop("monitor")
    speed = Rate(recipe.batch_size)
    callbacks = [*fit.pop("callbacks"), *callbacks]
    if early_stopping:
        stop = keras.callbacks.EarlyStopping(monitor, patience=early_stopping, mode="max")
        callbacks.append(stop)
    keeper = Checkpoints(
        run.folder,
        batches.position,
        callbacks,
        recipe.passes,
        len(batches),
        writes=chief,
        alone=place.workers == 1,
        best=monitor if best else None,
    )
    keeper.load()
    at = keeper.state["pass"] + keeper.state["done"] / len(batches)
    if not strategies.agree(strategy, at):
        raise RuntimeError(
            "The workers found different checkpoints: the run folder must be on a disk that all "
            f"share. Received: run_dir={run_dir}"
        )
    if keeper.ended:
        keeper.set_model(model)
        keeper.restore()
        model.optimizer.finalize_variable_values(model.trainable_variables)
    else:
        # JAX has to know of its devices throughout, TensorFlow as variables are made.
        is_jax = keras.backend.backend() == "jax"
        with strategy.scope() if is_jax else contextlib.nullcontext():
            _fit(model, fit, recipe.passes, verbose if chief else 0, keeper, speed, place)
    batches.position.number, batches.position.done = recipe.passes, 0
    if chief:
        plain = model if place.count == 1 else _copy(model)
        seconds = keeper.seconds
        tested = recipe.trained(plain, batches)
        rates = {}
        if speed.rate:
            alone = input_rate(batches, min(2.0, 0.05 * seconds))
            rates = {"training": speed.rate, "input": alone and alone * place.workers}
        run.finish(tested, data, seconds, rates)
    strategies.agree(strategy, 0)  # the others wait
    return run


def _fit(model, fit, passes, verbose, keeper, speed, place):
    if keeper.state["done"] and keras.backend.backend() == "tensorflow" and place.count == 1:
        # Keras would make the metrics, which go on as they were, with the first step.
        x, y, *_ = next(iter(fit["x"]))
        answer = model(x)
        model.compute_loss(x, y, answer)
        model.compute_metrics(x, y, answer)
    with keeper.listening(), warnings.catch_warnings():
        # A pass that goes on is shorter than the others.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        try:
            model.fit(
                **fit,
                epochs=passes,
                initial_epoch=keeper.state["pass"],
                verbose=verbose,
                callbacks=[speed, *keeper.others, keeper],
            )
        except Exception as error:
            if place.workers > 1 and type(error).__name__ in ("AbortedError", "UnavailableError"):
                raise RuntimeError(
                    "Another worker was lost. Start the job again, on all workers, with "
                    f"resume=True (--resume). {keeper.standing()}"
                ) from error
            raise


def _copy(model):
    """The model outside of its strategy, whose replicas would all predict the same."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
